"""What was found of a submission: its form, signature, place on disk and log."""
