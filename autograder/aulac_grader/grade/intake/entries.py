"""A thing found in a folder or a zip, before anybody has vetted it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


class RefusedError(Exception):
    """This one file is not taken; `code` and `params` make the student's note."""

    def __init__(self, code: str, **params: str | int):
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass
class Entry(ABC):
    """One file-like thing, and where it lay.

    Attributes:
        parts: its path inside the source, one name for each folder.
        size: bytes, as its container claims.
        time: when it was last changed, as claimed: ISO 8601, "" where unsaid.
        trouble: the code of the note with which it is refused, "" for none.
    """

    parts: tuple[str, ...]
    size: int = 0
    time: str = ""
    trouble: str = ""

    @abstractmethod
    def read(self, limit: int) -> bytes:
        """Its bytes.

        Raises:
            RefusedError: more than `limit` of them, or not what the container claims.
        """

    def linked_outside(self, own: dict[tuple[int, int], int]) -> bool:
        """Whether it has names beyond those counted in `own` by (device, inode)."""
        return False

    @property
    def inode(self) -> tuple[int, int] | None:
        return None
