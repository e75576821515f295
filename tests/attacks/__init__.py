"""Submissions that attack the grader, and honest ones that are only clumsy."""
