"""What can go wrong with a corpus, said in a sentence in both languages."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from aulac.errors import BilingualError

Notice = Callable[[str], None]


class CorpusError(BilingualError):
    """A corpus cannot be read, built or written."""


class SourceError(CorpusError):
    """A source cannot be read: unknown name, missing file, unreachable hub, …"""


class CorpusWarning(UserWarning):
    """Reading goes on, but something was cut, skipped or guessed."""


def warn(message: str) -> None:
    """The default notice: a Python warning that `warnings` can filter or record."""
    warnings.warn(message, CorpusWarning, stacklevel=3)
