"""The instructor's side of things: an nbgrader course directory and its settings."""
