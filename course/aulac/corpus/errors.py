"""What can go wrong with a corpus, said in a sentence in both languages."""

from __future__ import annotations

import warnings
from collections.abc import Callable

Notice = Callable[[str], None]


class CorpusError(Exception):
    """Something a user can put right: what was wrong, where, and what to do.

    `str(error)` is English; `error.vi` says the same in Vietnamese for the command
    line and the lessons.
    """

    def __init__(self, message: str, vi: str = "") -> None:
        super().__init__(message)
        self.vi = vi


class SourceError(CorpusError):
    """A source cannot be read: unknown name, missing file, unreachable hub, …"""


class CorpusWarning(UserWarning):
    """Reading goes on, but something was cut, skipped or guessed."""


def warn(message: str) -> None:
    """The default notice: a Python warning that `warnings` can filter or record."""
    warnings.warn(message, CorpusWarning, stacklevel=3)
