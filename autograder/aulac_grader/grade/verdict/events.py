"""What happened to an assignment, line by line: the log a stopped batch resumes from.

    COURSE/grading/ASSIGNMENT/events.jsonl

One JSON object a line, appended and flushed to the disk before anything is done that
relies on it. One command writes at a time (flock(2) on `.lock`; the system frees it
with the process, also after kill -9). A last line torn by a crash was never relied on:
it is cut off when the log is next opened for writing, and skipped when it is read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from aulac_grader.grade.verdict.grading_folder import sync_folder

LOG = "events.jsonl"
LOCK = ".lock"

Name = Literal[
    "run",  # a command began: its options
    "collected",  # a submission came in: submission_sha256
    "queued",  # it is to be marked in this run
    "started",  # it went to a worker
    "retried",  # marking failed for a reason of ours: attempt, reason
    "failed_infrastructure",  # it failed too often: no mark
    "marked",  # its verdict is on the disk: verdict, points
    "recorded",  # the gradebook has it: verdict
    "regraded",  # an earlier verdict was replaced: before, after
    "exported",
    "stopped",  # the command ended early: reason
    "finished",
]

# What an event makes of a student's stage; other events leave it alone.
_STAGES = {
    "collected": "collected",
    "queued": "queued",
    "started": "started",
    "retried": "queued",
    "failed_infrastructure": "infrastructure",
    "marked": "marked",
    "recorded": "recorded",
}


class Busy(RuntimeError):  # noqa: N818  a sentence for the instructor
    """Another command is writing this assignment's log."""


@dataclass
class Student:
    """Where one student's submission stands."""

    student: str
    submission: str = ""
    """SHA-256 of the submission that the stage is about."""
    stage: str = ""
    """"", collected, queued, started, infrastructure, marked or recorded."""
    verdict: str = ""
    """SHA-256 of the newest verdict's canonical bytes."""
    recorded: str = ""
    """SHA-256 of the verdict that the gradebook has."""
    points: float | None = None
    reason: str = ""
    """Why marking failed, at the stage `infrastructure`."""
    marked: int = 0
    """How often it was marked, counting only verdicts that were written."""


@dataclass
class State:
    """What the log says, read from its first line to its last."""

    students: dict[str, Student] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    """Of the newest run."""
    events: int = 0
    damaged: list[int] = field(default_factory=list)
    """Numbers of lines that are no events; the torn last line is not counted."""
    ended: str = ""
    """How the newest run ended: finished, stopped, or "" (running or killed)."""

    def apply(self, event: dict[str, Any]) -> None:
        """Take one event into account."""
        self.events += 1
        name = event["event"]
        if name == "run":
            self.options = dict(event.get("options") or {})
            self.ended = ""
        elif name in ("finished", "stopped"):
            self.ended = name
        student = event.get("student")
        if not isinstance(student, str):
            return
        known = self.students.setdefault(student, Student(student))
        known.stage = _STAGES.get(name, known.stage)
        known.submission = event.get("submission", known.submission)
        if name == "failed_infrastructure":
            known.reason = event.get("reason", "")
        elif name == "marked":
            known.verdict, known.points = event["verdict"], event["points"]
            known.reason = ""
            known.marked += 1
        elif name == "recorded":
            known.recorded = event["verdict"]


def read(folder: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """(line number, event) of the log in `folder`; None for a damaged line.

    A last line without its end is skipped. Needs no lock.
    """
    try:
        file = (folder / LOG).open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            yield number, _event(line)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and isinstance(event.get("event"), str)
    return event if whole else None


def replay(folder: Path) -> State:
    """The state that the log in `folder` leads to; an empty one where there is none."""
    state = State()
    for number, event in read(folder):
        try:
            if event is None:
                raise ValueError
            state.apply(event)
        except (KeyError, TypeError, ValueError):
            state.damaged.append(number)
    return state


def held(folder: Path) -> bool:
    """Is a command writing this assignment's log now?"""
    try:
        lock = (folder / LOCK).open("rb")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


class EventLog:
    """The one writer of an assignment's log. A context manager.

    `state` is kept up to date with every event.

    Raises:
        Busy: on entering, when another command holds the log.
        OSError: on appending, when the disk is full; the log is as it was before.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.state = State()
        self._lock: IO[str] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> EventLog:
        self.folder.mkdir(parents=True, exist_ok=True)
        # "a+": whoever comes second must not empty the line the first one wrote.
        self._lock = (self.folder / LOCK).open("a+")
        try:
            self._hold()
            self._open()
        except BaseException:
            self._close()
            raise
        self.state = replay(self.folder)
        return self

    def _hold(self) -> None:
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read().strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            raise Busy(
                f"Another command{who} is grading {self.folder.name} in this "
                "course: let it end, or stop it with Ctrl-C; `aulac grade status "
                f"{self.folder.name}` shows how far it is."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _open(self) -> None:
        path = self.folder / LOG
        new = not path.exists()
        self._file = path.open("r+b" if not new else "x+b", buffering=0)
        end = _end_of_last_line(self._file)
        if end < self._file.seek(0, os.SEEK_END):
            self._file.truncate(end)
        self._file.seek(end)
        if new:
            sync_folder(self.folder)

    def append(
        self, event: Name, student: str | None = None, **facts: Any
    ) -> None:
        """Write one event and wait until it is on the disk."""
        self.extend([(event, student, facts)])

    def extend(
        self, events: Iterable[tuple[Name, str | None, dict[str, Any]]]
    ) -> None:
        """Write several events with one flush: all of them or none."""
        assert self._file is not None, "the log is not open"
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entries = []
        for event, student, facts in events:
            about = {} if student is None else {"student": student}
            entries.append({"event": event, "at": at, **about, **facts})
        lines = [
            json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries
        ]
        start = self._file.tell()
        try:
            _write_all(self._file, "".join(lines).encode("utf-8"))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)  # works on a full disk too
            self._file.seek(start)
            raise
        for entry in entries:
            self.state.apply(entry)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.close()
        self._file = self._lock = None


def _write_all(file: IO[bytes], data: bytes) -> None:
    """write(2) may take a part, and then say ENOSPC for the rest."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _end_of_last_line(file: IO[bytes]) -> int:
    """The offset after the last newline; 0 if there is none."""
    block = 4096
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - block)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
