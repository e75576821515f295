"""The one writer of nbgrader's gradebook.

- A student's marks are one transaction: all of them are written, or none.
- Recording is idempotent; of several submissions of a student the last one received
  stands, in whatever order they are recorded.
- What a person entered in formgrader (scores, extra credit, comments) is never
  changed. If the answer it was given for changes, the cell is marked as in need of
  grading again; if the old answer comes back, that mark goes away.
- The time of submission is our receipt's, never the one in `timestamp.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.course.course import Course

from .aulac_record import RecordRow, recall, remember
from .database import (
    BUSY_SECONDS,
    GradebookBusy,
    GradebookError,
    open_engine,
    transaction,
)
from .graded_cells import GradedCell, is_blank, look_at
from .marks import StudentMarks, read_marks, seconds_late
from .nbgrader_folders import autograded, checked_name
from .structure import Structure, enter, nbgrader_config, read_structure

if TYPE_CHECKING:
    from nbgrader.api import Gradebook as NbGraderBook
    from nbgrader.api import SubmittedAssignment, SubmittedNotebook
    from sqlalchemy import Engine

    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment

__all__ = ["Gradebook", "GradebookBusy", "GradebookError", "Recorded"]

NO_RESPONSE = "No response."  # nbgrader's own words for an untouched answer


@dataclass(frozen=True)
class Recorded:
    """What `record` did.

    Attributes:
        student: whose marks.
        stands: False: a submission received later stands already.
        waits: graded cells that a person has to grade or to look at again.
        points: all points, a person's included, less the late penalty.
    """

    student: str
    stands: bool
    waits: tuple[str, ...] = ()
    points: float = 0.0


class Gradebook:
    """nbgrader's gradebook of a course; use it in a `with` block.

    Not for several threads at once; several processes wait for each other.

    Args:
        course: whose `db_url` it opens; the database is made if there is none.
        busy_seconds: how long to wait while another program holds the lock.
    """

    def __init__(
        self, course: Course, *, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self.course = course
        self.busy_seconds = busy_seconds
        self._assignments: dict[str, tuple[TrustedAssignment, Structure]] = {}

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; the next call opens it again."""
        if "_engine" in self.__dict__:
            self._engine.dispose()
            del self.__dict__["_engine"]

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self.course.db_url, self.busy_seconds)

    def _transaction(self) -> AbstractContextManager[NbGraderBook]:
        return transaction(self._engine, self.course.id or "default_course")

    @cached_property
    def late_policy(self) -> Any:
        """nbgrader's plugin for late work, as the course configured it."""
        from nbgrader.preprocessors import AssignLatePenalties

        step = AssignLatePenalties(config=nbgrader_config(self.course))
        step.init_plugin()
        return step.plugin_inst

    def _assignment(
        self, assignment: str
    ) -> tuple[TrustedAssignment, Structure]:
        """The assignment and its cells, read again when the source has changed."""
        trusted = self.course.assignment(assignment)
        known = self._assignments.get(assignment)
        if known is None or known[0].sha256 != trusted.sha256:
            known = (trusted, read_structure(self.course, trusted))
            self._assignments[assignment] = known
        return known

    # -- writing ---------------------------------------------------------------

    def record(
        self,
        assignment: str,
        verdict: Mapping[str, Any],
        rebuilt: Rebuilt,
    ) -> Recorded:
        """Enter a verdict, and write what formgrader shows of the submission.

        The student, the assignment and its cells are made where the gradebook does
        not know them yet.

        Raises:
            GradebookBusy: locked by another program for `busy_seconds`.
            GradebookError: nothing was written; the message says what to do.
            CourseError: no such assignment.
        """
        student = checked_name(verdict["student"])
        trusted, structure = self._assignment(assignment)
        work = look_at(trusted, structure, rebuilt, verdict)
        with self._transaction() as book:
            enter(book, structure)
            submission, notebook = _submission(book, structure, student)
            memory = recall(book.db.connection(), notebook.id)
            receipt = verdict["receipt"]
            age = (receipt["received_at"], verdict["submission_sha256"])
            if age < memory.age:
                return Recorded(student, stands=False)
            submission.timestamp = _moment(submission, receipt, memory, age)
            waits = _grade(book, notebook, work, memory)
            _comment(book, notebook, structure, rebuilt)
            memory.received_at, memory.submission = age
            memory.late_seconds = receipt.get("late_seconds")
            remember(book.db.connection(), notebook.id, memory)
            points = self._penalise(book, submission, notebook, memory)
            autograded(self.course, trusted, structure, verdict, rebuilt)
        return Recorded(student, True, waits, points)

    def settle(self, assignment: str) -> int:
        """Work out late penalties again, after manual grading or a new deadline.

        Returns how many submissions there are.
        """
        from nbgrader.api import MissingEntry

        with self._transaction() as book:
            try:
                found = book.find_assignment(assignment)
            except MissingEntry:
                return 0
            for submission in found.submissions:
                for notebook in submission.notebooks:
                    memory = recall(book.db.connection(), notebook.id)
                    self._penalise(book, submission, notebook, memory)
            return len(found.submissions)

    def _penalise(
        self,
        book: NbGraderBook,
        submission: SubmittedAssignment,
        notebook: SubmittedNotebook,
        memory: RecordRow,
    ) -> float:
        """Set the late penalty; returns what is left of the points."""
        late = seconds_late(submission, memory.late_seconds)
        book.db.flush()
        book.db.refresh(notebook, ["score"])
        score, penalty = float(notebook.score), None
        if late > 0:
            penalty = self.late_policy.late_submission_penalty(
                submission.student_id, score, late
            )
        if penalty is not None:
            penalty = min(max(0.0, float(penalty)), score)
        if notebook.late_submission_penalty != penalty:
            notebook.late_submission_penalty = penalty
        return score - (penalty or 0.0)

    def enrol(self, student: str, **details: str) -> None:
        """Add a student, and fill in details that the gradebook does not have.

        Args:
            details: first_name, last_name, email, lms_user_id. What the instructor
                entered stays.
        """
        with self._transaction() as book:
            row = book.update_or_create_student(checked_name(student))
            for name in ("first_name", "last_name", "email", "lms_user_id"):
                if details.get(name) and not getattr(row, name):
                    setattr(row, name, details[name])

    # -- reading ---------------------------------------------------------------

    def marks(
        self, assignment: str, student: str | None = None
    ) -> dict[str, StudentMarks]:
        """Student → marks of everyone in the gradebook (or of one), by student.

        Raises:
            GradebookBusy, GradebookError: as `record`.
        """
        from sqlalchemy import inspect

        reading = transaction(
            self._engine, self.course.id or "default_course", write=False
        )
        with reading as book:
            if not inspect(book.db.connection()).has_table("assignment"):
                return {}
            return read_marks(book, assignment, student)


def naive_utc(moment: str) -> datetime:
    """An ISO 8601 time as nbgrader's database keeps it: UTC without a zone."""
    found = datetime.fromisoformat(moment)
    return (
        found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    )


def _moment(
    submission: SubmittedAssignment,
    receipt: Mapping[str, Any],
    memory: RecordRow,
    age: tuple[str, str],
) -> datetime:
    """When the work counts as handed in, for nbgrader to compare with the deadline.

    What was received after the deadline may have been handed in before: somebody
    collects the work of a platform a day later. So the receipt's lateness decides, as
    far as there is one, and the time of receipt only where there is no deadline. A
    moment that was late is kept: a deadline that is moved afterwards then counts.
    """
    received = naive_utc(receipt["received_at"])
    due, late = submission.assignment.duedate, receipt.get("late_seconds")
    if due is None:
        return received
    if not late:
        return min(received, due)
    known = submission.timestamp
    if known and (memory.age, memory.late_seconds) == (age, late):
        return known
    return due + timedelta(seconds=late)


def _submission(
    book: NbGraderBook, structure: Structure, student: str
) -> tuple[SubmittedAssignment, SubmittedNotebook]:
    """The student's rows for the assignment, made where there are none."""
    from nbgrader.api import MissingEntry

    name = structure.assignment
    book.update_or_create_student(student)
    try:
        submission = book.find_submission(name, student)
    except MissingEntry:
        # It builds rows that point at each other before it adds them.
        with book.db.no_autoflush:
            submission = book.add_submission(name, student)
    book.db.flush()
    notebook = book.find_submission_notebook(structure.notebook, name, student)
    return submission, notebook


def _grade(
    book: NbGraderBook,
    notebook: SubmittedNotebook,
    work: Mapping[str, GradedCell],
    memory: RecordRow,
) -> tuple[str, ...]:
    """Enter automatic scores; returns the cells that wait for a person."""
    from nbgrader.api import Grade

    commented = {
        comment.name for comment in notebook.comments if comment.manual_comment
    }
    # Locked until we are done, so that a score entered in formgrader meanwhile
    # waits instead of being judged by half.
    grades = (
        book.db.query(Grade)
        .filter(Grade.notebook_id == notebook.id)
        .with_for_update(of=Grade)
        .all()
    )
    waits = []
    for grade in grades:
        done = work.get(grade.name)
        if done is None:
            continue
        touched = (
            grade.manual_score is not None
            or bool(grade.extra_credit)
            or not commented.isdisjoint(done.answers)
        )
        grade.auto_score = done.auto
        grade.needs_manual_grade = _must_wait(grade, done, touched, memory)
        memory.now[grade.name] = done.answer
        if grade.needs_manual_grade:
            waits.append(grade.name)
    return tuple(sorted(waits))


def _must_wait(
    grade: Any, done: GradedCell, touched: bool, memory: RecordRow
) -> bool:
    """Whether a person has to grade a cell, or to look at it again.

    A person's word holds for the answer it was given for: the one that stood in the
    gradebook when the cell last did not wait. Compared with that one, and not with
    the answer before, so that the order of recordings does not matter.
    """
    nobody = done.auto is None and grade.manual_score is None
    if not touched:
        memory.graded.pop(grade.name, None)
        return nobody
    before = memory.now.get(grade.name)
    if before is not None and not grade.needs_manual_grade:
        memory.graded[grade.name] = before
    return nobody or memory.graded.get(grade.name) != done.answer


def _comment(
    book: NbGraderBook,
    notebook: SubmittedNotebook,
    structure: Structure,
    rebuilt: Rebuilt,
) -> None:
    """nbgrader's own remark on answers that were left as they came."""
    from .graded_cells import answer_sources

    sources = answer_sources(rebuilt)
    tasks = structure.cells["task"]
    for comment in notebook.comments:
        name = comment.name
        blank = is_blank(sources.get(name, ""), structure.stub(name))
        comment.auto_comment = (
            NO_RESPONSE if blank and name not in tasks else None
        )
