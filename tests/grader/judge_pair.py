"""Two processes for tests of the judge: the student's, and the one that tests run in.

Run as a program this is the student's warm parent: it imports torch and then forks a
stem for each descriptor it is sent. It has no walls; what stands here is not for marks.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.judge.judging import Outcome, judge_test
from aulac_grader.judge.wire.protocol import Channel

# -- assignments ----------------------------------------------------------------------------


def cell(
    kind: str,
    cell_id: str,
    source: str,
    points: float = 1.0,
    **aulac: Any,
) -> dict[str, Any]:
    """A notebook's cell with nbgrader's metadata for a `kind` of cell."""
    grading = {
        "schema_version": 3,
        "grade_id": cell_id,
        "grade": kind in ("test", "manual"),
        "solution": kind in ("answer", "manual"),
        "locked": kind in ("given", "test", "readonly"),
        "task": kind == "task",
    }
    if kind in ("test", "manual", "task"):
        grading["points"] = points
    metadata = (
        {"nbgrader": grading} if kind not in ("prose", "scratch") else {}
    )
    if aulac:
        metadata["aulac"] = aulac
    markdown = kind in ("prose", "readonly", "task")
    made = {
        "cell_type": "markdown" if markdown else "code",
        "id": cell_id,
        "metadata": metadata,
        "source": source.splitlines(keepends=True),
    }
    return (
        made if markdown else made | {"outputs": [], "execution_count": None}
    )


def notebook_of(*cells: dict[str, Any]) -> bytes:
    book = {
        "cells": list(cells),
        "metadata": {"aulac": {"assignment": "ps99_sample", "lang": "vi"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book).encode()


def paper_of(*cells: dict[str, Any]) -> TrustedAssignment:
    return TrustedAssignment.from_notebook(notebook_of(*cells), "ps99_sample")


# -- processes -------------------------------------------------------------------------


@dataclass
class Stem:
    """One submission's process, seen from the controller."""

    channel: Channel
    pid: int
    waiting: float = 60.0

    def run(self, cell_id: str, source: str, **limits: Any) -> dict[str, Any]:
        self.channel.send(["run", cell_id, source, limits])
        word, ran, report = self.channel.receive(self.waiting)
        assert (word, ran) == ("ran", cell_id)
        return report

    def question(self) -> Channel:
        """A channel to a new question; one before it is ended first."""
        self.stop()
        ours, theirs = Channel.pair()
        with theirs:
            self.channel.send(["question", "test"], [theirs.sock.fileno()])
        assert self.channel.receive(self.waiting) == ["asked", "test"]
        return ours

    def stop(self) -> str:
        self.channel.send(["stop"])
        word, how = self.channel.receive(self.waiting)
        assert word == "stopped"
        return how


class Pair:
    """The student's warm parent."""

    def __init__(self, preload: str = "torch") -> None:
        ours, theirs = Channel.pair()
        self.folder = tempfile.TemporaryDirectory(prefix="aulac-pair-")
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "MPLBACKEND": "agg",
            "HOME": self.folder.name,
        }
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.sock.fileno()), preload],
            pass_fds=[theirs.sock.fileno()],
            env=environment,
            cwd=self.folder.name,
        )
        theirs.close()
        self.channel = ours
        assert ours.receive(120) == "ready"

    @contextlib.contextmanager
    def stem(self) -> Iterator[Stem]:
        ours, theirs = Channel.pair()
        with theirs:
            self.channel.send("fork", [theirs.sock.fileno()])
        stem = Stem(ours, self.channel.receive(60))
        try:
            yield stem
        finally:
            ours.close()

    def judge(
        self,
        assignment: TrustedAssignment,
        answers: dict[str, str],
        test_id: str,
        *,
        seconds: float = 10.0,
        seed: int = 1,
        folder: Path | None = None,
    ) -> Outcome:
        """Run the submitted code up to the test in a new stem, then judge that test."""
        with self.stem() as stem:
            for part in assignment.before(test_id):
                if part.kind in ("given", "answer", "scratch"):
                    stem.run(part.id, answers.get(part.id, part.source))
            how: Any = {"seed": seed, "folder": folder, "seconds": seconds}
            with stem.question() as channel:
                full = judge_test(assignment, test_id, channel, **how)
            if full.points == assignment.by_id[test_id].points:
                return full
            with stem.question() as channel:
                seen = judge_test(
                    assignment, test_id, channel, visible_only=True, **how
                )
            return replace(full, visible_failed=seen.visible_failed)

    def close(self) -> None:
        self.channel.close()
        self.process.wait(30)
        self.folder.cleanup()


def main(fd: int, preload: str) -> None:
    import importlib
    import signal

    from aulac_grader.judge.student.serve import serve

    importlib.import_module(preload)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for stems
    channel = Channel(socket.socket(fileno=fd), take_fds=True)
    channel.send("ready")
    while True:
        try:
            channel.receive()
        except Exception:
            return
        fd = channel.take_fd()
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channel.close()
            try:
                serve(Channel.from_fd(fd))
            finally:
                os._exit(0)
        os.close(fd)
        channel.send(child)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
