"""Errors that a user can put right, said in English and in Vietnamese."""

from __future__ import annotations


class BilingualError(Exception):
    """What was wrong, where, and what to do.

    `str(error)` is English, `error.vi` the same in Vietnamese. A traceback shows the
    Vietnamese below the English, in a terminal and in a notebook (PEP 678).
    """

    def __init__(self, message: str, vi: str = "") -> None:
        super().__init__(message)
        self.vi = vi
        if vi:
            self.add_note(f"Lỗi: {vi}")


class InputError(BilingualError, ValueError):
    """A value that makes no sense, or things that do not belong together."""
