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

from .paper import Paper
from .protocol import Channel, Ended
from .sheet import InfrastructureError
from .wire import Refused
from .zygote import Child, Zygote

ROOM_SECONDS = 120.0  # for what takes a millisecond on an idle machine

NextQuestion = Callable[[], socket.socket | None]


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
        next_question: NextQuestion,
        *,
        seed: int,
        seconds: float,
        wall_seconds: float,
        files: list[list[Any]],
    ) -> dict[str, Any] | None:
        """Judge one test; a plain `Outcome`, None where the judge left none.

        `next_question` is asked for another line to the student's process, and may
        say None.

        Raises:
            TimeoutError: there was no outcome long after `wall_seconds`.
        """
        ours, theirs = socket.socketpair()
        line = Channel(ours, arrays=False)
        try:
            with theirs, question:
                self._ask(
                    ["test", test_id, seed, seconds, wall_seconds, files],
                    "judging",
                    [question.fileno(), theirs.fileno()],
                )
            outcome = _outcome(line, next_question, 3 * wall_seconds)
        finally:
            line.close()
            if self.alive:
                self._ask(["over"], "over")
        if not self.alive:
            raise InfrastructureError("The judge's room died over a test.")
        return outcome

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
    line: Channel, next_question: NextQuestion, seconds: float
) -> dict[str, Any] | None:
    """What the judge says at last, with another question where it asks for one."""
    deadline = time.monotonic() + seconds
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            word, *rest = line.receive(left)
            if word == "outcome":
                return rest[0]
            question = next_question()
            if question is None:
                line.send(["none"])
                continue
            with question:
                line.send(["question"], [question.fileno()])
        except (Ended, Refused):
            return None
