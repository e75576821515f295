"""Marking a class: submissions out to whoever marks, verdicts in through one writer.

For each answer that comes back, in this order: what the cells printed, the verdict
(whole or not at all), what was rebuilt, the event `marked`, the gradebook, the event
`recorded`. Nothing is rebuilt here: the worker has done it. Killed
between any two of them, the next run goes on from the log: a verdict that is there is
not made again, a verdict that the gradebook lacks is recorded. A failure of ours is
tried again and never becomes points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aulac_grader.grade.batch.crew import Crew
from aulac_grader.grade.batch.grade_task import NAME, pack_payload
from aulac_grader.grade.batch.rounds import Rounds, Unfit
from aulac_grader.grade.batch.stopping import Interrupt
from aulac_grader.grade.rebuild import NotRebuilt, Rebuilt, kept
from aulac_grader.grade.verdict import grading_folder, verdict
from aulac_grader.judge.submitted import Marks

if TYPE_CHECKING:
    from aulac_grader.grade.intake import Receipt, Submission
    from aulac_grader.grade.verdict.events import EventLog
    from aulac_grader.grade.verdict.keys import CourseKey
    from aulac_grader.judge.assignment import TrustedAssignment


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
    policy: which of a student's submissions counts.
    """

    workers: int = 1
    scheduler: str = ""
    sandboxed: bool = True
    limits: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "latest"

    def all_limits(self) -> dict[str, Any]:
        """Every limit with its value, as it stands in verdicts.

        Raises:
            TypeError: there is no such limit.
            ValueError: a limit that is not above 0.
        """
        from aulac_grader.sandbox.limits import Limits

        return asdict(Limits(**self.limits))


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
        load: a student's submission that counts.
        record: puts a verdict into the gradebook; called by the one writer, in the
            thread that runs the batch.
        interrupt: set by Ctrl-C; what came in by then is still written.
    """

    def __init__(
        self,
        assignment: TrustedAssignment,
        key: CourseKey,
        log: EventLog,
        options: Options,
        *,
        load: Callable[[str], Submission],
        record: Callable[[Mapping[str, Any]], None],
        reporter: Reporter,
        interrupt: Interrupt,
    ):
        self.assignment, self.key, self.log, self.options = (
            assignment,
            key,
            log,
            options,
        )
        self.tally = Tally()
        self._load, self._record = load, record
        self._reporter, self._interrupt = reporter, interrupt
        self._assignment_bytes = assignment.to_bytes()
        self._tests = [test.id for test in assignment.tests]
        self._limits = options.all_limits()
        self._receipts: dict[str, Receipt] = {}

    def run(self, students: Iterable[str]) -> Tally:
        """Mark these students' submissions.

        Raises:
            Stopped: the gradebook stays locked, or there is no sandbox.
            OSError: the disk is full.
            ClusterError: the scheduler is not there, or gone for good.
        """
        todo = list(students)
        if not todo:
            return self.tally
        options, say = self.options, self._reporter.say
        with Crew(options.workers, options.scheduler, say) as crew:
            grading_folder.keep_source(
                self.log.folder, self.assignment.sha256, self._assignment_bytes
            )
            self.log.extend(("queued", student, {}) for student in todo)
            Rounds(self, crew, self._interrupt).run(todo)
        return self.tally

    # -- a job for the rounds --------------------------------------------------

    @property
    def task(self) -> str:
        return NAME

    def prepare(self, student: str) -> bytes:
        """Everything that marking needs, and nothing of the key."""
        submission = self._load(student)
        self._receipts[student] = submission.receipt
        self.log.append("started", student)
        return pack_payload(
            assignment=self._assignment_bytes,
            submission=submission.to_bytes(),
            seeds=self._seeds(submission.receipt),
            limits=self._limits,
            sandboxed=self.options.sandboxed,
        )

    def _seeds(self, receipt: Receipt) -> dict[str, int]:
        return self.key.seeds(
            self.assignment.name, receipt.student, receipt.sha256, self._tests
        )

    def accept(self, student: str, answer: dict[str, Any]) -> None:
        """Write the verdict, then tell the log, the screen and the gradebook."""
        marks = Marks.from_plain(answer["marks"])
        if [test.id for test in marks.tests] != self._tests:
            raise Unfit("the marks do not fit the assignment")
        self._check_rebuilt(answer)
        found = self._verdict(self._receipts.pop(student), marks, answer)
        folder = self.log.folder
        before = self.log.state.students[student].verdict
        grading_folder.write_outputs(folder, student, marks.cells)
        grading_folder.write_measures(folder, student, marks.measures)
        verdict.write(folder, found)
        # After the verdict: what a crash leaves undone here can be rebuilt.
        kept.write(folder, found, answer["rebuilt"], self.key)
        log_marked(self.log, found, before)
        self.tally.marked.append(student)
        name = found["environment"]["digest"]
        seen = self.tally.environments
        seen[name] = seen.get(name, 0) + 1
        self._reporter.marked(found)
        self._record(found)

    def _check_rebuilt(self, answer: Mapping[str, Any]) -> None:
        try:
            rebuilt = Rebuilt.from_bytes(self.assignment, answer["rebuilt"])
        except NotRebuilt as problem:
            raise Unfit(str(problem)) from problem
        if rebuilt.sha256 != answer["rebuilt_sha256"]:
            raise Unfit("what was rebuilt is not what was marked")

    def _verdict(
        self, receipt: Receipt, marks: Marks, answer: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = verdict.verdict(
            assignment=self.assignment.name,
            lang=self.assignment.lang,
            student=receipt.student,
            receipt={
                "received_at": receipt.received_at,
                "sha256": receipt.sha256,
                "late_seconds": receipt.late_seconds,
            },
            environment=answer["environment"],
            source_sha256=self.assignment.sha256,
            submission_sha256=receipt.sha256,
            rebuilt_sha256=answer["rebuilt_sha256"],
            seeds=self._seeds(receipt),
            limits=self._limits,
            sandboxed=self.options.sandboxed,
            repairs=answer["repairs"],
            marks=marks,
        )
        return verdict.sign(found, self.key)

    def retried(self, student: str, reason: str, counts: bool) -> None:
        self.log.append("retried", student, reason=reason, counts=counts)
        self.tally.retries += 1
        self._reporter.retried(student, reason)

    def failed(self, student: str, reason: str) -> None:
        self.log.append("failed_infrastructure", student, reason=reason)
        self.tally.failed[student] = reason
        self._reporter.failed(student, reason)


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
