"""The one room that writes nbgrader's database."""
