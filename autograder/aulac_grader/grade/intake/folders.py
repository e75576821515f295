"""A folder tree read without following anything out of it.

Each step opens one name below an open folder with O_NOFOLLOW (openat(2)), and what was
opened is compared with what was listed, so that neither a link nor a swap between
listing and reading leads elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .caps import Caps
from .entries import Entry, RefusedError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class FolderEntry(Entry):
    """A name in the tree below `root`; `seen` is its lstat(2) when listed."""

    root: Path = Path()
    seen: os.stat_result | None = None

    @property
    def inode(self) -> tuple[int, int] | None:
        return (self.seen.st_dev, self.seen.st_ino) if self.seen else None

    def linked_outside(self, own: dict[tuple[int, int], int]) -> bool:
        return bool(
            self.seen
            and self.seen.st_nlink > 1
            and self.seen.st_nlink != own.get(self.inode or (0, 0), 0)
        )

    def read(self, limit: int) -> bytes:
        if self.seen is None or not stat.S_ISREG(self.seen.st_mode):
            raise RefusedError("not_a_file")
        if self.size > limit:
            raise RefusedError("too_large", limit=limit)
        try:
            with _opened(self.root, self.parts) as fd:
                now = os.fstat(fd)
                same = (now.st_dev, now.st_ino) == self.inode
                if not same or not stat.S_ISREG(now.st_mode):
                    raise RefusedError("changed")
                return _read(fd, limit)
        except OSError:
            raise RefusedError("changed") from None


def _read(fd: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    left = limit + 1
    while left:
        piece = os.read(fd, min(left, 1 << 20))
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        left -= len(piece)
    raise RefusedError("too_large", limit=limit)


@contextmanager
def _opened(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the file at `parts`, no step of the way a link."""
    held = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in parts[:-1]:
            held.append(os.open(name, _FOLDER, dir_fd=held[-1]))
        held.append(os.open(parts[-1], _FILE, dir_fd=held[-1]))
        yield held[-1]
    finally:
        for fd in reversed(held):
            os.close(fd)


def walk(root: Path, caps: Caps, below: str = "") -> list[FolderEntry]:
    """Everything under `root` that is not a folder, sorted by path.

    A student's folder is one at the first level (the second, where the first is a
    single folder); each is walked with a budget of its own (`caps.seen`), so a folder
    with a million files costs its owner the rest and nobody else anything.

    Args:
        below: of each first-level folder, only what is under this name.

    Raises:
        OSError: `root` itself cannot be read.
    """
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found: list[FolderEntry] = []
        names = _names(top)
        lone = len(names) == 1
        for name in names:
            if not lone or not _is_folder(top, name):
                found += _Walk(root, caps, below).from_(top, (name,))
                continue
            inner = os.open(name, _FOLDER, dir_fd=top)
            try:
                for second in _names(inner):
                    found += _Walk(root, caps, below).from_(
                        inner, (name, second)
                    )
            finally:
                os.close(inner)
        return found
    finally:
        os.close(top)


def _names(fd: int) -> list[str]:
    return sorted(os.listdir(fd))


def _is_folder(fd: int, name: str) -> bool:
    return stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode)


class _Walk:
    """One budgeted walk."""

    def __init__(self, root: Path, caps: Caps, below: str):
        self.root, self.caps, self.below = root, caps, below
        self.left = caps.seen

    def from_(self, fd: int, parts: tuple[str, ...]) -> list[FolderEntry]:
        """The entries at and under `parts`, whose last name lies in folder `fd`."""
        if self.left <= 0:
            return []
        self.left -= 1
        if self.left == 0:
            return [self._entry(parts, None, "too_many")]
        try:
            seen = os.lstat(parts[-1], dir_fd=fd)
        except OSError:
            return [self._entry(parts, None, "changed")]
        if not stat.S_ISDIR(seen.st_mode):
            return [self._entry(parts, seen, _trouble(seen))]
        if len(parts) > self.caps.depth + 3:
            return [self._entry(parts, None, "too_deep")]
        return self._inside(fd, parts)

    def _inside(self, fd: int, parts: tuple[str, ...]) -> list[FolderEntry]:
        try:
            inner = os.open(parts[-1], _FOLDER, dir_fd=fd)
        except OSError:
            return [self._entry(parts, None, "unreadable")]
        try:
            names = self._some(inner)
            if not names and len(parts) <= 2:
                return [self._entry(parts, None, "empty")]
            if self.below and len(parts) == 1:
                names = [name for name in names if name == self.below]
            return [
                entry
                for name in names
                for entry in self.from_(inner, (*parts, name))
            ]
        finally:
            os.close(inner)

    def _some(self, fd: int) -> list[str]:
        """Names in the folder `fd`, notebooks first; not many beyond the budget."""
        names = []
        with os.scandir(fd) as listing:
            for item in listing:
                names.append(item.name)
                if len(names) > 4 * self.caps.seen:
                    break
        return sorted(names, key=lambda n: (".ipynb" not in n.lower(), n))

    def _entry(
        self, parts: tuple[str, ...], seen: os.stat_result | None, trouble: str
    ) -> FolderEntry:
        when = (
            datetime.fromtimestamp(seen.st_mtime, UTC).isoformat(
                timespec="seconds"
            )
            if seen
            else ""
        )
        size = seen.st_size if seen else 0
        return FolderEntry(parts, size, when, trouble, self.root, seen)


def _trouble(seen: os.stat_result) -> str:
    """The note's code for a thing that is no regular file."""
    if stat.S_ISREG(seen.st_mode):
        return ""
    return "link" if stat.S_ISLNK(seen.st_mode) else "not_a_file"
