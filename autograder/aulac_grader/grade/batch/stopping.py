"""Ending early, so that nothing is lost and a sentence says how to go on."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(RuntimeError):  # noqa: N818  a sentence for the instructor
    """The batch ended early; everything written so far stands."""


class Interrupt:
    """Set by Ctrl-C and by a polite request to end; looked at between two steps.

    A second Ctrl-C raises KeyboardInterrupt, as if nobody had caught the first.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals while the block runs."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread alone
            return
        before = {
            number: signal.signal(number, self._ask) for number in _SIGNALS
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, _number: int, _frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def disk_trouble_stops(folder: Path) -> Iterator[None]:
    """A disk that takes no more bytes ends the batch with a sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in _FULL:
            raise Stopped(
                f"The disk that holds {folder} is full. Every verdict written so "
                f"far stands. Make room, then run: aulac grade resume {folder.name}"
            ) from error
        raise Stopped(
            f"{where} cannot be used ({error.strerror or error}). Every verdict "
            "written so far stands. Check its rights and its disk, then run: "
            f"aulac grade resume {folder.name}"
        ) from error
