"""The judge's side as the controller sees it: a room, and one case for each test.

The room holds the paper over many submissions. It is ours, so a room that is gone is a
failure of ours; a *judge* in it reads what students send, so one that is gone without a
word was most likely brought down by them.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from aulac_grader.judge.paper import Paper
from aulac_grader.judge.sheet import InfrastructureError
from aulac_grader.judge.wire.protocol import Channel, Ended
from aulac_grader.judge.wire.wire import Refused

from .zygote import Child, Zygote

ROOM_SECONDS = 120.0  # for what takes a millisecond on an idle machine


class Room:
    """A walled child of the judge zygote that has read a paper.

    Raises:
        InfrastructureError: from every method.
    """

    def __init__(
        self, zygote: Zygote, child: Child, channel: Channel, paper: Paper
    ) -> None:
        self.zygote, self.child, self.channel = zygote, child, channel
        self.sha256 = paper.sha256
        self._ask(["paper", paper.to_bytes()], "read")

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
            raise InfrastructureError("The judge's room died over a test.")
        return None

    def _ask(
        self, message: Any, wanted: str, fds: list[int] | None = None
    ) -> None:
        try:
            self.channel.send(message, fds or [], ROOM_SECONDS)
            answer = self.channel.receive(ROOM_SECONDS)
        except (Ended, Refused, TimeoutError) as error:
            self.close()
            raise InfrastructureError(
                f"The judge's room is gone: {error}."
            ) from error
        if answer[0] != wanted:
            self.close()
            raise InfrastructureError(
                f"The judge's room does not take the paper: {answer[1:]}"
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
