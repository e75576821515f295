"""What cannot be measured, said in a sentence in both languages."""

from __future__ import annotations


class EvaluationError(ValueError):
    """Something a user can put right: what was wrong, where, and what to do.

    `str(error)` is English; `error.vi` says the same in Vietnamese, for the command
    line and the lessons.
    """

    def __init__(self, message: str, vi: str) -> None:
        super().__init__(message)
        self.vi = vi
