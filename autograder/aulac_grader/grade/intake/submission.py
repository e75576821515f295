"""What was handed in, and the receipt for it: plain data that can cross to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .notes import Note

FORMAT = 1


@dataclass(frozen=True)
class Receipt:
    """That something was received, when by our clock, and exactly which bytes.

    Attributes:
        received_at: UTC, ISO 8601, by this machine's clock.
        sha256: of the manifest of `files` and of what was refused, so it changes
            exactly when something that was handed in does.
        files: (name, bytes, sha256) of every file kept, by name.
        notebook: the name, among `files`, of the one that is marked; "" for none.
        late_seconds: after the deadline; 0 in time, None where there is no deadline.
        origin: where it came from as that place tells it: layout, name, number, ….
        claimed_at: the time that the source claims (a student's timestamp.txt, a
            zip's entry); it decides nothing unless the instructor said so.
    """

    student: str
    assignment: str
    received_at: str
    sha256: str
    files: tuple[tuple[str, int, str], ...] = ()
    notes: tuple[Note, ...] = ()
    late_seconds: int | None = None
    notebook: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    claimed_at: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, a line of `receipts.jsonl`."""
        return {
            "student": self.student,
            "assignment": self.assignment,
            "received_at": self.received_at,
            "sha256": self.sha256,
            "files": [list(item) for item in self.files],
            "notes": [note.to_dict() for note in self.notes],
            "late_seconds": self.late_seconds,
            "notebook": self.notebook,
            "origin": dict(self.origin),
            "claimed_at": self.claimed_at,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Receipt:
        return cls(
            student=data["student"],
            assignment=data["assignment"],
            received_at=data["received_at"],
            sha256=data["sha256"],
            files=tuple((n, size, sha) for n, size, sha in data["files"]),
            notes=tuple(Note.from_dict(note) for note in data["notes"]),
            late_seconds=data["late_seconds"],
            notebook=data["notebook"],
            origin=dict(data["origin"]),
            claimed_at=data["claimed_at"],
        )


@dataclass(frozen=True)
class Submission:
    """A receipt with the bytes it is for; `files` are all but the notebook."""

    receipt: Receipt
    notebook: bytes | None = None
    files: tuple[tuple[str, bytes], ...] = ()

    def to_bytes(self) -> bytes:
        """msgpack, so that a worker needs no shared disk and nothing is unpickled."""
        import msgpack

        return msgpack.packb(
            {
                "format": FORMAT,
                "receipt": self.receipt.to_dict(),
                "notebook": self.notebook,
                "files": [list(item) for item in self.files],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Submission:
        """The inverse of `to_bytes`.

        Raises:
            ValueError: not written by this version of `to_bytes`.
        """
        import msgpack

        try:
            found = msgpack.unpackb(data)
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']!r}")
            return cls(
                Receipt.from_dict(found["receipt"]),
                found["notebook"],
                tuple((name, body) for name, body in found["files"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a submission of format {FORMAT} ({error}): collect it again "
                "with this version of the course."
            ) from error
