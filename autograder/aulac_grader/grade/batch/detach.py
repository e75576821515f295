"""What a local Dask worker does first: step out of the terminal's reach.

Ctrl-C goes to every process of the terminal's foreground group. The command alone is
to see it: it lets the workers go when it has written what came. Until this runs, the
signal is blocked (a mask outlives exec, signal(7)); afterwards signals are as they are
in any program, so that students' code finds the same everywhere.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """What this thread starts in the block, processes and threads, sees no Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def dask_setup(_worker: Any) -> None:
    """Called by Dask in the worker's main thread (`distributed.worker.preload`)."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # forgets one that waits
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
