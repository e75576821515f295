"""Teaching a base model to behave: instruction tuning."""
