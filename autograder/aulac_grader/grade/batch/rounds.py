"""Round after round, until every submission has an answer or has failed too often.

What is asked of the crew is a `Job`'s affair: marking a class (`batch`), or marking
again to compare (`audit`), anything else with a task of its own. A failure of ours is tried again, later and later.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from aulac_grader.grade.batch.crew import Crew, Reply
from aulac_grader.grade.batch.registry import unpack_answer
from aulac_grader.grade.batch.stopping import Interrupt, Stopped
from aulac_grader.grade.verdict.verdict import VerdictProblem

ATTEMPTS = 4
BACKOFF = (
    0.5  # seconds before the second attempt, doubled for each further one
)


class Unfit(ValueError):  # noqa: N818  a reason, told like other failures
    """An answer came back that cannot be what was asked for."""


class Job(Protocol):
    """What is done for each student; called in the thread that runs the rounds."""

    @property
    def task(self) -> str:
        """The registered name of what a worker does."""

    def prepare(self, student: str) -> bytes | None:
        """The payload, made when it is sent; None to leave the student out."""

    def accept(self, student: str, answer: dict[str, Any]) -> None:
        """Take what the task gave, when it is ok. May raise Unfit."""

    def retried(self, student: str, reason: str, counts: bool) -> None:
        """It failed for a reason of ours and waits for its next attempt."""

    def failed(self, student: str, reason: str) -> None:
        """It failed too often."""


@dataclass
class Attempt:
    """A submission that waits."""

    student: str
    failures: int = 0
    ready_at: float = 0.0  # time.monotonic()


@dataclass
class Rounds:
    """Work for a crew."""

    job: Job
    crew: Crew
    interrupt: Interrupt

    def run(self, students: Iterable[str]) -> None:
        """Work through the students, in their order but for retries.

        When interrupted, answers that have come in are still accepted; what is
        under way is dropped.

        Raises:
            Stopped: a worker has no sandbox.
            ClusterError: the scheduler is gone for good.
        """
        self._waiting = deque(Attempt(student) for student in students)
        self._running: dict[str, Attempt] = {}
        while self._waiting or self.crew.busy:
            self._send()
            replies = self.crew.next()
            self._send()  # so that nobody idles while answers are written
            for reply in replies:
                if reply.answer is not None or not self.interrupt.asked:
                    self._take(reply)
            if self.interrupt.asked:
                return
            self.crew.hire(len(self._waiting))

    def _send(self) -> None:
        """Send work while somebody is free; only what is sent is in memory."""
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            if self.interrupt.asked or not self.crew.free:
                return
            attempt = self._waiting.popleft()
            if attempt.ready_at > now:
                self._waiting.append(attempt)
                continue
            payload = self.job.prepare(attempt.student)
            if payload is not None:
                key = f"{attempt.student}:{uuid.uuid4().hex}"
                self._running[key] = attempt
                self.crew.submit(key, self.job.task, payload)

    def _take(self, reply: Reply) -> None:
        attempt = self._running.pop(reply.key)
        if reply.answer is None:
            self._again(attempt, reply.reason, reply.counts)
            return
        answer = unpack_answer(reply.answer)
        if answer["ok"]:
            try:
                self.job.accept(attempt.student, answer)
            except (Unfit, VerdictProblem) as error:
                self._again(attempt, str(error))
        elif answer["final"]:
            raise Stopped(answer["reason"])
        else:
            self._again(attempt, answer["reason"])

    def _again(
        self, attempt: Attempt, reason: str, counts: bool = True
    ) -> None:
        attempt.failures += counts
        if attempt.failures >= ATTEMPTS:
            self.job.failed(attempt.student, reason)
            return
        self.job.retried(attempt.student, reason, counts)
        if counts:
            pause = BACKOFF * 2 ** (attempt.failures - 1)
            attempt.ready_at = time.monotonic() + pause
        self._waiting.append(attempt)
