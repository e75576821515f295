"""The judge process: it holds one assignment and forks a judge for each test.

It stands behind the same walls as a student process, for it reads what those send, and
pictures that they made. It keeps the assignment over many submissions; each test is
judged by a fork, so that nothing of one submission is left for the next.

    the controller sends                        the judge process answers
    nothing                                     ["ready"], or ["refused", why]
    ["paper", bytes]                            ["read"], or ["refused", why]
    ["test", test id, visible part only?,       ["judging"]
        seed, CPU seconds, seconds on the
        clock, files], with two descriptors:
        to the question, and to the
        controller, for this test
    ["over"]                                    ["over"], when the judge has gone

Over the second descriptor a judge asks ["spent"] for the CPU time of the question,
measured from outside, which ["spent", seconds] answers, and at last sends ["outcome", …].
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import traceback
from pathlib import Path
from typing import Any

from aulac_grader.judge.assignment import NotAnAssignment, TrustedAssignment
from aulac_grader.judge.warm import CHANNEL, place, wall_in
from aulac_grader.judge.wire.protocol import Channel, Ended

from .judging import judge_test


def main(limits: dict[str, Any], slot: int, folder: str | None) -> None:
    """The entry point; returns when the controller has gone."""
    channel = Channel.from_fd(CHANNEL, take_fds=True)
    if not wall_in(channel, limits, slot, folder):
        return
    try:
        assignment = TrustedAssignment.from_bytes(channel.receive()[1])
    except NotAnAssignment as error:
        channel.send(["refused", str(error)])
        return
    channel.send(["read"])
    judge = None
    while True:
        try:
            word, *rest = channel.receive()
        except Ended:
            return
        if word == "test":
            judge = TestFork(assignment, channel, *rest)
            channel.send(["judging"])
        elif judge is not None:
            judge.end()
            channel.send(["over"])


class TestFork:
    """The fork that judges one test, and the folder in which it does so."""

    def __init__(
        self,
        assignment: TrustedAssignment,
        channel: Channel,
        test_id: str,
        visible_only: bool,
        seed: int,
        seconds: float,
        wall_seconds: float,
        files: list[list[Any]],
    ) -> None:
        self.folder = Path(tempfile.mkdtemp())
        question, report = channel.take_fd(), channel.take_fd()
        self.pid = os.fork()
        if self.pid:
            os.close(question)
            os.close(report)
            return
        try:
            channel.close()
            os.chdir(self.folder)
            place(files)
            controller = Channel.from_fd(report)
            outcome = judge_test(
                assignment,
                test_id,
                Channel.from_fd(question),
                seed=seed,
                folder=self.folder,
                seconds=seconds,
                wall_seconds=wall_seconds,
                visible_only=visible_only,
                spent=lambda: _spent(controller),
            )
            controller.send(["outcome", outcome.to_plain()])
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def end(self) -> None:
        """End it, if it lives, and take its folder away."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder, ignore_errors=True)


def _spent(controller: Channel) -> float:
    controller.send(["spent"])
    return float(controller.receive()[1])
