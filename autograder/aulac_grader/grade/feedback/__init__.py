"""Feedback: one page a student and assignment, in both languages, that needs nothing.

`write` puts it where `nbgrader release_feedback` finds it and under grading/.
"""

from __future__ import annotations

from .write import write, write_all

__all__ = ["write", "write_all"]
