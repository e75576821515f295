"""`aulac grade …`: verbs, their steps, and what they show."""
