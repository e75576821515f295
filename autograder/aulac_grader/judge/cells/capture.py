"""What a cell prints, whoever prints it, up to a cap.

Python's streams and the descriptors 1 and 2 lead to one piece of memory of fixed size
(memfd_create(2), sealed): a flood costs neither memory nor a reader, and what a C
library or a child process writes is there too, in its place.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import tempfile
from typing import Any

CAP = 256 << 10


class Capture:
    """Collects what is printed inside the `with` block; `text` holds it afterwards."""

    def __init__(self, cap: int = CAP) -> None:
        self.cap = cap
        self.text = ""
        self.over = False

    def __enter__(self) -> Capture:
        self._flush()
        self._memory = _fixed(self.cap)
        self._streams = sys.stdout, sys.stderr
        self._saved = [(fd, _copy(fd)) for fd in (1, 2)]
        for fd in (1, 2):
            os.dup2(self._memory, fd)
        self._raw = _Capped(self._memory, self.cap)
        sys.stdout, sys.stderr = (_text_stream(self._raw) for _ in "oe")
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        sys.stdout, sys.stderr = self._streams
        for fd, saved in self._saved:
            if saved is not None:
                with contextlib.suppress(OSError):
                    os.dup2(saved, fd)
                    os.close(saved)
        with contextlib.suppress(OSError):
            self.text = self._read()
        with contextlib.suppress(OSError):
            os.close(self._memory)

    def _read(self) -> str:
        size = os.lseek(self._memory, 0, os.SEEK_CUR)
        self.over = self._raw.over or size >= self.cap
        data = os.pread(self._memory, min(size, self.cap), 0)
        return settled(data.decode("utf-8", "replace"))

    @staticmethod
    def _flush() -> None:
        for stream in (sys.stdout, sys.stderr):
            # A cell may have put anything in their place.
            with contextlib.suppress(Exception):
                stream.flush()


class _Capped(io.RawIOBase):
    """Writes to the descriptor until the cap, and then lets the rest fall."""

    def __init__(self, fd: int, cap: int) -> None:
        self.fd, self.cap, self.over = fd, cap, False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any, /) -> int:
        room = max(0, self.cap - os.lseek(self.fd, 0, os.SEEK_CUR))
        view = memoryview(data).cast("B")
        if len(view) > room:
            self.over = True
        if room:
            os.write(self.fd, view[:room])
        return len(view)


def _text_stream(raw: io.RawIOBase) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def _copy(fd: int) -> int | None:
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        return None


def _fixed(size: int) -> int:
    """A descriptor of a file in memory that cannot grow over `size` bytes."""
    try:
        fd = os.memfd_create("printed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
        return fd
    except (AttributeError, OSError):  # not Linux: an ordinary file will do
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


def settled(text: str) -> str:
    """`text` as a terminal would leave it: a progress bar shows its last state."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(
        next((part for part in reversed(line.split("\r")) if part), "")
        for line in lines
    )
