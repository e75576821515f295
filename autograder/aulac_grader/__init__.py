"""The instructor's side: author notebooks, verify them, grade, run competitions."""
