"""Files of a grading folder, written whole or not at all.

    COURSE/grading/ASSIGNMENT/verdicts/STUDENT.json   signed, the same bytes anywhere
    COURSE/grading/ASSIGNMENT/outputs/STUDENT.mp      what cells printed and drew
    COURSE/grading/ASSIGNMENT/measures/STUDENT.json   seconds and megabytes, this time
    COURSE/grading/ASSIGNMENT/sources/SHA256          assignments that were marked with

What a cell printed may hold the time of day or a progress bar, so it stands beside the
verdict and not in it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aulac_grader.judge.submitted import CellResult

VERDICTS = "verdicts"
OUTPUTS = "outputs"
MEASURES = "measures"
SOURCES = "sources"


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step that survives a power cut.

    Raises OSError (a full disk: ENOSPC), and then leaves what stood there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """A name beside `path` that no other process or thread writes to."""
    who = f"{os.getpid()}-{threading.get_ident()}"
    return path.with_name(f".{path.name}.{who}.part")


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` durable (fsync(2): the file's own is not enough)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verdict_path(folder: Path, student: str) -> Path:
    """Where the verdict on `student` lies in an assignment's grading folder."""
    return folder / VERDICTS / f"{student}.json"


def marked_students(folder: Path) -> list[str]:
    """Those with a verdict, whole or damaged, in the order of their ids."""
    return sorted(
        path.stem
        for path in (folder / VERDICTS).glob("*.json")
        if not path.name.startswith(".")
    )


def write_outputs(
    folder: Path, student: str, cells: Iterable[CellResult]
) -> None:
    """Keep what the student's cells printed and drew, for feedback."""
    import msgpack

    kept = {
        cell.id: {"printed": cell.printed, "pictures": list(cell.pictures)}
        for cell in cells
        if cell.printed or cell.pictures
    }
    data = msgpack.packb(kept, unicode_errors="surrogatepass")
    write_whole(folder / OUTPUTS / f"{student}.mp", data)


def read_outputs(folder: Path, student: str) -> dict[str, dict[str, Any]]:
    """Cell id → {"printed": str, "pictures": [PNG bytes]}; empty if none was kept.

    The student's own words: capped, but to be escaped by whoever shows them.
    """
    import msgpack

    path = folder / OUTPUTS / f"{student}.mp"
    if not path.is_file():
        return {}
    return msgpack.unpackb(
        path.read_bytes(), unicode_errors="surrogatepass", raw=False
    )


def write_measures(
    folder: Path, student: str, measures: Mapping[str, Any]
) -> None:
    """Keep what marking took, this time on this machine."""
    text = json.dumps(dict(measures), sort_keys=True) + "\n"
    write_whole(folder / MEASURES / f"{student}.json", text.encode())


def read_measures(folder: Path, student: str) -> dict[str, Any]:
    """Seconds, megabytes, boxes of the last marking; empty if there was none."""
    path = folder / MEASURES / f"{student}.json"
    return json.loads(path.read_bytes()) if path.is_file() else {}


def keep_source(folder: Path, sha256: str, assignment: bytes) -> None:
    """Keep the assignment that is marked with, so that an audit can use it later.

    assignment: from `TrustedAssignment.to_bytes`.
    """
    path = folder / SOURCES / sha256
    if not path.is_file():
        write_whole(path, assignment)


def read_source(folder: Path, sha256: str) -> bytes | None:
    """What `keep_source` kept, None where it is gone or was changed."""
    from aulac_grader.judge.assignment import (
        NotAnAssignment,
        TrustedAssignment,
    )

    try:
        data = (folder / SOURCES / sha256).read_bytes()
        return (
            data
            if TrustedAssignment.from_bytes(data).sha256 == sha256
            else None
        )
    except (OSError, NotAnAssignment):
        return None
