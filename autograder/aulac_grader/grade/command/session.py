"""An assignment opened for grading by one command: what is there, what is to be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aulac_grader.grade.batch.batch import (
    Batch,
    Options,
    Reporter,
    Tally,
    log_marked,
)
from aulac_grader.grade.batch.stopping import Interrupt, disk_trouble_stops
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.recorder import PATIENCE, Recorder
from aulac_grader.grade.intake.collect import (
    Policy,
    history,
    load,
    submission,
)
from aulac_grader.grade.rebuild.kept import Kept
from aulac_grader.grade.verdict import verdict
from aulac_grader.grade.verdict.events import EventLog
from aulac_grader.grade.verdict.keys import CourseKey, course_key

if TYPE_CHECKING:
    from aulac_grader.grade.intake import Receipt, Submission
    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment


@dataclass
class Session:
    """The one writer of an assignment's verdicts, with everything it reads.

    receipts: each student's that counts.
    verdicts: each student's, as far as it is whole and signed by this course.
    """

    course: Course
    assignment: TrustedAssignment
    key: CourseKey
    log: EventLog
    reporter: Reporter
    receipts: dict[str, Receipt] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    interrupt: Interrupt = field(default_factory=Interrupt)

    @property
    def name(self) -> str:
        return self.assignment.name

    @property
    def folder(self) -> Path:
        return self.log.folder

    # -- what is there ---------------------------------------------------------

    def look(self, policy: str = "latest") -> None:
        """Read receipts and verdicts, and put right what a crash left behind.

        policy: which of a student's submissions counts (`intake.collect.load`).
        """
        self.receipts = load(self.course, self.name, cast(Policy, policy))
        state = self.log.state.students
        fresh: list[Any] = [
            ("collected", student, {"submission": receipt.sha256})
            for student, receipt in self.receipts.items()
            if student not in state
            or state[student].submission != receipt.sha256
        ]
        if fresh:
            self.log.extend(fresh)
        self.verdicts = {}
        for student in self.receipts:
            try:
                found = verdict.read(self.folder, student, self.key.public)
            except verdict.VerdictProblem as problem:
                self.reporter.say(str(problem))
                continue
            if found is not None:
                self._adopt(student, found)

    def _adopt(self, student: str, found: dict[str, Any]) -> None:
        """Take a verdict into account, also one that was written and not logged."""
        self.verdicts[student] = found
        known = self.log.state.students[student]
        current = _is_about(found, self.receipts[student])
        if current and known.verdict != verdict.digest(found):
            log_marked(self.log, found, known.verdict)

    def receipt(self, student: str, sha256: str = "") -> Receipt:
        """Of a student's submission that counts, or of the one with this sha256."""
        receipt = self.receipts[student]
        if sha256 and receipt.sha256 != sha256:
            receipt = next(
                earlier
                for earlier in history(self.course, self.name, student)
                if earlier.sha256 == sha256
            )
        return receipt

    def load(self, student: str, sha256: str = "") -> Submission:
        """A student's submission that counts, or the one with this sha256.

        Raises:
            CourseError: its bytes are gone, or not what was received.
        """
        return submission(self.course, self.receipt(student, sha256))

    def rebuilt(self, found: Mapping[str, Any]) -> Rebuilt:
        """What was rebuilt for a verdict: see `Kept.of`."""
        say = self.reporter.say
        kept = Kept(self.folder, self.assignment, self.key, self.load, say)
        return kept.of(found)

    # -- what is to be done ----------------------------------------------------

    def unmarked(self) -> list[str]:
        """Students whose submission that counts has no verdict."""
        return [
            student
            for student, receipt in sorted(self.receipts.items())
            if student not in self.verdicts
            or not _is_about(self.verdicts[student], receipt)
        ]

    def outdated(self, environment: str) -> list[str]:
        """Students whose verdict comes from another source or environment.

        environment: the digest of the one that would mark now; "" to look at the
            source alone.
        """
        found = []
        for student, known in sorted(self.verdicts.items()):
            other = known["environment"]["digest"] != environment
            if known["source_sha256"] != self.assignment.sha256 or (
                environment and other
            ):
                found.append(student)
        return found

    def unrecorded(self) -> list[str]:
        """Students whose verdict the gradebook does not have."""
        state = self.log.state.students
        return [
            student
            for student, found in sorted(self.verdicts.items())
            if state[student].recorded != verdict.digest(found)
        ]

    # -- doing it --------------------------------------------------------------

    def mark(
        self,
        students: Iterable[str],
        options: Options,
        patience: float = PATIENCE,
    ) -> Tally:
        """Mark these students' newest submissions and record what is not recorded.

        Raises:
            Stopped, ClusterError: see `Batch.run`; what was written stands.
        """
        with (
            disk_trouble_stops(self.folder),
            self.interrupt.caught(),
            Recorder(
                self.course,
                self.assignment,
                self.log,
                rebuilt=self.rebuilt,
                receipt=self.receipt,
                say=self.reporter.say,
                interrupt=self.interrupt,
                patience=patience,
            ) as record,
        ):
            self.log.append("run", options=asdict(options))
            todo = list(students)
            late = [s for s in self.unrecorded() if s not in set(todo)]

            def take(found: Mapping[str, Any]) -> None:
                self.verdicts[found["student"]] = dict(found)
                record(found)

            batch = Batch(
                self.assignment,
                self.key,
                self.log,
                options,
                load=self.load,
                record=take,
                reporter=self.reporter,
                interrupt=self.interrupt,
            )
            tally = batch.run(todo)
            for student in late:
                if not self.interrupt.asked:
                    record(self.verdicts[student])
            record.finish()
            asked = self.interrupt.asked
            self.log.append("stopped" if asked else "finished")
        return tally


def _is_about(found: Mapping[str, Any], receipt: Receipt) -> bool:
    """Was exactly this handing-in marked? The same bytes may come in twice."""
    return (found["submission_sha256"], found["receipt"]["received_at"]) == (
        receipt.sha256,
        receipt.received_at,
    )


@contextmanager
def opened(
    course: Course, assignment: str, reporter: Reporter
) -> Iterator[Session]:
    """The assignment, opened for writing.

    Raises:
        CourseError: no such assignment, or one that cannot be marked with.
        KeyProblem: the course's key cannot be used.
        Busy: another command is grading it.
    """
    trusted = course.assignment(assignment)
    key = course_key(course.grading)
    folder = course.folder(assignment)
    with disk_trouble_stops(folder), EventLog(folder) as log:
        yield Session(course, trusted, key, log, reporter)
