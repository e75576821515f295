"""The judge process as the controller sees it.

It holds the assignment over many submissions. It is ours, so when it is gone that is a
failure of ours; a *judge*, its fork for one test, reads what students send, so one that
is gone without a word was most likely brought down by them.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.submitted import InfrastructureError
from aulac_grader.judge.wire.protocol import Channel, Ended
from aulac_grader.judge.wire.wire import Refused

from .zygote import Child, Zygote

ANSWER_SECONDS = 120.0  # for what takes a millisecond on an idle machine


class JudgeProcess:
    """A walled child of the judge zygote that has read an assignment.

    Raises:
        InfrastructureError: from every method.
    """

    def __init__(
        self,
        zygote: Zygote,
        child: Child,
        channel: Channel,
        assignment: TrustedAssignment,
    ) -> None:
        self.zygote, self.child, self.channel = zygote, child, channel
        self.sha256 = assignment.sha256
        self._ask(["paper", assignment.to_bytes()], "read")

    @property
    def alive(self) -> bool:
        return not self.child.ended

    def judge(
        self,
        test_id: str,
        question: socket.socket,
        *,
        spent: Callable[[], float],
        visible_only: bool,
        seed: int,
        seconds: float,
        wall_seconds: float,
        files: list[list[Any]],
    ) -> dict[str, Any] | None:
        """Judge one test over the line `question`, which is closed then.

        `spent` tells the CPU time of the student's side, by our own clock.

        Returns:
            A plain `Outcome`, None where the judge left none.

        Raises:
            TimeoutError: there was no outcome long after `wall_seconds`.
        """
        ours, theirs = socket.socketpair()
        how = [visible_only, seed, seconds, wall_seconds, files]
        with Channel(ours, arrays=False) as line:
            try:
                with theirs, question:
                    self._ask(
                        ["test", test_id, *how],
                        "judging",
                        [question.fileno(), theirs.fileno()],
                    )
                with contextlib.suppress(Ended, Refused):
                    return _outcome(line, spent, 2 * wall_seconds)
            finally:
                if self.alive:
                    self._ask(["over"], "over")
        if not self.alive:
            raise InfrastructureError("The judge process died over a test.")
        return None

    def _ask(
        self, message: Any, wanted: str, fds: list[int] | None = None
    ) -> None:
        try:
            self.channel.send(message, fds or [], ANSWER_SECONDS)
            answer = self.channel.receive(ANSWER_SECONDS)
        except (Ended, Refused, TimeoutError) as error:
            self.close()
            raise InfrastructureError(
                f"The judge process is gone: {error}."
            ) from error
        if answer[0] != wanted:
            self.close()
            raise InfrastructureError(
                f"The judge process does not take the assignment: {answer[1:]}"
            )

    def close(self) -> None:
        self.channel.close()
        with contextlib.suppress(OSError):
            self.child.close()


def _outcome(
    line: Channel, spent: Callable[[], float], seconds: float
) -> dict[str, Any]:
    """What the judge says at last; until then it may ask for the time."""
    deadline = time.monotonic() + seconds
    while True:
        word, *rest = line.receive(max(0.0, deadline - time.monotonic()))
        if word == "outcome":
            return rest[0]
        line.send(["spent", spent()])
