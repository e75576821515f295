"""Marking a class: submissions out to whoever marks, verdicts in through one writer.

For each answer that comes back, in this order: what the cells printed, the verdict
(whole or not at all), the event `marked`, the gradebook, the event `recorded`. Killed
between any two of them, the next run goes on from the log: a verdict that is there is
not made again, a verdict that the gradebook lacks is recorded. A failure of ours is
tried again and never becomes points.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aulac_grader.grade import store, verdict
from aulac_grader.grade.crew import Crew, Reply
from aulac_grader.grade.stopping import Interrupt, Stopped, disk_trouble_stops
from aulac_grader.grade.task import pack_payload, unpack_answer
from aulac_grader.judge.sheet import Marks

if TYPE_CHECKING:
    from aulac_grader.grade.events import EventLog
    from aulac_grader.grade.intake import Receipt, Submission
    from aulac_grader.grade.keys import CourseKey
    from aulac_grader.judge.paper import Paper

ATTEMPTS = 4
BACKOFF = (
    0.5  # seconds before the second attempt, doubled for each further one
)


class Reporter(Protocol):
    """Whoever shows how far the batch is."""

    def say(self, sentence: str) -> None:
        """Something the instructor should know now."""

    def marked(self, found: Mapping[str, Any]) -> None:
        """A verdict was written."""

    def retried(self, student: str, reason: str) -> None:
        """Marking failed for a reason of ours and is tried again."""

    def failed(self, student: str, reason: str) -> None:
        """It failed too often: no mark."""


@dataclass(frozen=True)
class Options:
    """How to mark; kept in the log, so that `resume` does the same.

    limits: what differs from the sandbox's own limits.
    """

    workers: int = 1
    scheduler: str = ""
    sandboxed: bool = True
    limits: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "workers": self.workers,
            "scheduler": self.scheduler,
            "sandboxed": self.sandboxed,
            "limits": dict(self.limits),
        }

    def all_limits(self) -> dict[str, Any]:
        """Every limit with its value, as it stands in verdicts.

        Raises:
            TypeError: there is no such limit.
        """
        from aulac_grader.sandbox.limits import Limits

        return asdict(Limits(**self.limits))


@dataclass
class Attempt:
    """A submission that waits to be marked."""

    student: str
    failures: int = 0
    ready_at: float = 0.0  # time.monotonic()
    receipt: Receipt | None = None


@dataclass
class Tally:
    """What came of a batch."""

    marked: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Student → why no mark could be made, for a reason of ours."""
    retries: int = 0
    environments: dict[str, int] = field(default_factory=dict)
    """Environment digest → verdicts of this batch."""


class Batch:
    """Marks submissions of one assignment and writes their verdicts.

    Args:
        log: open for writing.
        load: a student's newest submission.
        record: puts a verdict into the gradebook; called by the one writer, in the
            thread that runs the batch.
        interrupt: set by Ctrl-C; what came in by then is still written.
    """

    def __init__(
        self,
        paper: Paper,
        key: CourseKey,
        log: EventLog,
        options: Options,
        *,
        load: Callable[[str], Submission],
        record: Callable[[Mapping[str, Any]], None],
        reporter: Reporter,
        interrupt: Interrupt,
    ):
        self.paper, self.key, self.log, self.options = paper, key, log, options
        self.tally = Tally()
        self._load, self._record = load, record
        self._reporter, self._interrupt = reporter, interrupt
        self._paper_bytes = paper.to_bytes()
        self._tests = [test.id for test in paper.tests]
        self._limits = options.all_limits()
        self._waiting: deque[Attempt] = deque()
        self._running: dict[str, Attempt] = {}

    def run(self, students: Iterable[str]) -> Tally:
        """Mark these students' submissions.

        Raises:
            Stopped: the disk is full, the gradebook stays locked, there is no sandbox.
            ClusterError: the scheduler is not there, or gone for good.
        """
        self._waiting = deque(Attempt(student) for student in students)
        if not self._waiting:
            return self.tally
        options = self.options
        with (
            disk_trouble_stops(self.log.folder),
            Crew(
                options.workers, options.scheduler, self._reporter.say
            ) as crew,
        ):
            self.log.extend(("queued", a.student, {}) for a in self._waiting)
            while self._waiting or crew.busy:
                self._fill(crew)
                for reply in crew.next():
                    if reply.answer is not None or not self._interrupt.asked:
                        self._take(reply)
                if self._interrupt.asked:
                    break
                crew.hire(len(self._waiting))
        return self.tally

    # -- out -------------------------------------------------------------------

    def _fill(self, crew: Crew) -> None:
        """Send work while somebody is free; only what is sent is in memory."""
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            if self._interrupt.asked or not crew.free:
                return
            attempt = self._waiting.popleft()
            if attempt.ready_at > now:
                self._waiting.append(attempt)
                continue
            student, submission = attempt.student, self._load(attempt.student)
            attempt.receipt = submission.receipt
            payload = pack_payload(
                paper=self._paper_bytes,
                submission=submission.to_bytes(),
                seeds=self._seeds(student, submission.receipt.sha256),
                limits=self._limits,
                sandboxed=self.options.sandboxed,
            )
            key = f"{student}:{uuid.uuid4().hex}"
            self.log.append("started", student)
            self._running[key] = attempt
            crew.submit(key, payload)

    def _seeds(self, student: str, submission: str) -> dict[str, int]:
        return self.key.seeds(
            self.paper.name, student, submission, self._tests
        )

    # -- in --------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        attempt = self._running.pop(reply.key)
        if reply.answer is None:
            self._again(attempt, reply.reason, reply.counts)
            return
        answer = unpack_answer(reply.answer)
        if not answer["ok"]:
            if answer["final"]:
                raise Stopped(answer["reason"])
            self._again(attempt, answer["reason"], True)
            return
        marks = Marks.from_plain(answer["marks"])
        if [test.id for test in marks.tests] != self._tests:
            self._again(attempt, "the marks do not fit the assignment", True)
            return
        self._write(attempt, marks, answer)

    def _again(self, attempt: Attempt, reason: str, counts: bool) -> None:
        """Marking failed for a reason of ours: once more, or no mark at all."""
        attempt.failures += counts
        student = attempt.student
        if attempt.failures >= ATTEMPTS:
            self.log.append("failed_infrastructure", student, reason=reason)
            self.tally.failed[student] = reason
            self._reporter.failed(student, reason)
            return
        self.log.append("retried", student, reason=reason, counts=counts)
        self.tally.retries += 1
        self._reporter.retried(student, reason)
        if counts:
            pause = BACKOFF * 2 ** (attempt.failures - 1)
            attempt.ready_at = time.monotonic() + pause
        self._waiting.append(attempt)

    def _write(
        self, attempt: Attempt, marks: Marks, answer: Mapping[str, Any]
    ) -> None:
        student, folder = attempt.student, self.log.folder
        found = self._verdict(attempt, marks, answer)
        before = self.log.state.students[student].verdict
        store.write_outputs(folder, student, marks.cells)
        store.write_measures(folder, student, marks.measures)
        verdict.write(folder, found)
        log_marked(self.log, found, before)
        self.tally.marked.append(student)
        name = found["environment"]["digest"]
        seen = self.tally.environments
        seen[name] = seen.get(name, 0) + 1
        self._reporter.marked(found)
        self._record(found)

    def _verdict(
        self, attempt: Attempt, marks: Marks, answer: Mapping[str, Any]
    ) -> dict[str, Any]:
        receipt = attempt.receipt
        assert receipt is not None
        found = verdict.verdict(
            assignment=self.paper.name,
            lang=self.paper.lang,
            student=attempt.student,
            receipt={
                "received_at": receipt.received_at,
                "sha256": receipt.sha256,
                "late_seconds": receipt.late_seconds,
            },
            environment=answer["environment"],
            source_sha256=self.paper.sha256,
            submission_sha256=receipt.sha256,
            rebuilt_sha256=answer["rebuilt_sha256"],
            seeds=self._seeds(attempt.student, receipt.sha256),
            limits=self._limits,
            sandboxed=self.options.sandboxed,
            repairs=answer["repairs"],
            marks=marks,
        )
        return verdict.sign(found, self.key)


def log_marked(
    log: EventLog, found: Mapping[str, Any], before: str = ""
) -> None:
    """Note in the log that this verdict is on the disk.

    before: the digest of the verdict that it replaces.
    """
    after = verdict.digest(found)
    facts = {
        "verdict": after,
        "points": found["points"],
        "submission": found["submission_sha256"],
    }
    events: list[Any] = [("marked", found["student"], facts)]
    if before and before != after:
        change = {"before": before, "after": after}
        events.append(("regraded", found["student"], change))
    log.extend(events)
