"""The receipts of an assignment and the bytes they are for, kept for good.

    grading/NAME/receipts.jsonl        one receipt a line, only ever added to
    grading/NAME/collections.jsonl     when somebody collected, and from where
    grading/NAME/submissions/ab/cdef…  each file's bytes, under their own sha256

A receipt is written after its bytes are on the disk. A line that a crash cut short is
dropped by the next writer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .notes import Note
from .submission import Receipt, Submission


class LedgerError(ValueError):
    """The record of what was received cannot be read."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest(
    files: Iterable[tuple[str, int, str]], notes: Iterable[Note], notebook: str
) -> str:
    """The sha256 that names a submission: of its files, and of what was refused."""
    told = [note.to_dict() for note in notes if "file" in note.params]
    text = json.dumps(
        [sorted(files), notebook, told], ensure_ascii=False, sort_keys=True
    )
    return digest(text.encode("utf-8", "backslashreplace"))


class Ledger:
    """Reads and adds to one assignment's receipts, in its folder `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.receipts_path = folder / "receipts.jsonl"
        self.collections_path = folder / "collections.jsonl"
        self.grading_folder = folder / "submissions"
        self._new: set[Path] = set()  # folders with entries not yet synced

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time adds receipts."""
        fd = os.open(
            self.folder / "receipts.lock", os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    # -- reading ---------------------------------------------------------------

    def receipts(self) -> list[Receipt]:
        """All receipts, oldest first.

        Raises:
            LedgerError: a line is damaged.
        """
        return [Receipt.from_dict(x) for x in _lines(self.receipts_path)]

    def collections(self) -> list[Mapping[str, Any]]:
        """When and from where was collected, oldest first."""
        return _lines(self.collections_path)

    def submission(self, receipt: Receipt) -> Submission:
        """The bytes that `receipt` is for.

        Raises:
            LedgerError: they are gone or not those that were received.
        """
        bodies = {
            name: self._bytes(name, sha, receipt)
            for name, _, sha in receipt.files
        }
        notebook = bodies.pop(receipt.notebook, None)
        return Submission(receipt, notebook, tuple(sorted(bodies.items())))

    def _bytes(self, name: str, sha: str, receipt: Receipt) -> bytes:
        path = self._path(sha)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LedgerError(
                f"{path} ({name!r} of {receipt.student}) cannot be read "
                f"({error.strerror}): restore it, or collect again."
            ) from error
        if digest(data) != sha:
            raise LedgerError(
                f"{path} ({name!r} of {receipt.student}) is not what was received: "
                "its sha256 differs. Restore it, or delete it and collect again."
            )
        return data

    def _path(self, sha: str) -> Path:
        return self.grading_folder / sha[:2] / sha[2:]

    # -- adding ----------------------------------------------------------------

    def keep(self, bodies: Iterable[bytes]) -> None:
        """Write the bytes that a coming receipt is for."""
        for body in bodies:
            self._keep(body)

    def add(self, receipts: Sequence[Receipt]) -> None:
        """Write receipts; they and all that was kept are on the disk on return."""
        for folder in sorted(self._new):
            _sync_folder(folder)
        self._new.clear()
        self._append(self.receipts_path, [r.to_dict() for r in receipts])

    def collected(self, record: Mapping[str, Any]) -> None:
        """Write down that a collection was made."""
        self._append(self.collections_path, [record])

    def _keep(self, data: bytes) -> None:
        path = self._path(digest(data))
        if path.is_file() and path.read_bytes() == data:
            return
        self.grading_folder.mkdir(mode=0o700, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o400)
        part.replace(path)
        self._new |= {path.parent, path.parent.parent}

    def _append(
        self, path: Path, records: Sequence[Mapping[str, Any]]
    ) -> None:
        text = "".join(
            json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"
            for record in records
        )
        lines = text.encode("utf-8", "backslashreplace")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "r+b") as file:
            file.truncate(_whole(file))
            file.seek(0, os.SEEK_END)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)


def _whole(file: Any) -> int:
    """The length of `file` up to its last line end: what a crash cut short goes."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _lines(path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise LedgerError(
                f"{path}, line {number} is damaged ({error}): restore the file from "
                "a copy; what it lists lies in submissions/ beside it."
            ) from error
    return found
