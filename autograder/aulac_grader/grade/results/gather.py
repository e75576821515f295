"""Collect what the results page needs from a course's grading folder.

Nothing here trusts a file: a verdict that does not fit its schema is listed as
damaged, a submission that cannot be read has no answers to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aulac_grader.grade.verdict import events, grading_folder
from aulac_grader.grade.verdict import verdict as verdicts
from aulac_grader.grade.verdict.keys import existing_key
from aulac_grader.grade.verdict.problems import assignment_title, problems

from .marked import Entry, Marked
from .numbers import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.intake import Submission
    from aulac_grader.grade.rebuild.kept import Kept
    from aulac_grader.judge.assignment import TrustedAssignment


def unsaid(_sentence: str) -> None:
    """For whoever does not listen."""


def gather(
    course: Course, assignment: str, say: Callable[[str], None] = unsaid
) -> Marked:
    """Everything known about `assignment`, students in the order of their names.

    Args:
        say: takes a sentence for the instructor.

    Raises:
        CourseError: there is no such assignment.
    """
    from aulac_grader.grade.intake.collect import load

    folder = course.folder(assignment)
    trusted = course.assignment(assignment)
    policy = events.replay(folder).options.get("policy", "latest")
    counting = {
        student: receipt.sha256
        for student, receipt in load(course, assignment, policy).items()
    }
    rebuilt = _kept(course, trusted, say)
    entries, damaged = [], []
    for student in sorted(_students(folder)):
        try:
            found = verdicts.read(folder, student)
        except verdicts.VerdictProblem as error:
            damaged.append((student, str(error)))
            continue
        assert found is not None
        entries.append(
            Entry(
                student=student,
                verdict=found,
                measures=grading_folder.read_measures(folder, student),
                answers=_answers(rebuilt, found),
                feedback=_feedback(folder, student),
            )
        )
    done = {e.student: e.verdict["submission_sha256"] for e in entries}
    return Marked(
        assignment=assignment,
        titles=assignment_title(trusted),
        questions=tuple(questions(trusted)),
        given=tuple(
            cell.visible for cell in trusted.cells if cell.cell_type == "code"
        ),
        entries=tuple(entries),
        waiting=tuple(
            sorted(s for s in counting if done.get(s) != counting[s])
        ),
        damaged=tuple(damaged),
        retries=_retries(folder),
    )


def _students(folder: Path) -> list[str]:
    return [
        path.stem
        for path in (folder / grading_folder.VERDICTS).glob("*.json")
        if not path.name.startswith(".")
    ]


def _kept(
    course: Course, assignment: TrustedAssignment, say: Callable[[str], None]
) -> Kept:
    """What was rebuilt; a course whose key is gone has its submissions at least."""
    from aulac_grader.grade.course.course import CourseError
    from aulac_grader.grade.intake.collect import history, submission
    from aulac_grader.grade.rebuild.kept import Kept

    received = {
        (r.student, r.sha256): r for r in history(course, assignment.name)
    }

    def load(student: str, sha256: str) -> Submission:
        if (student, sha256) not in received:
            raise CourseError(f"There is no receipt for {sha256[:12]}.")
        return submission(course, received[student, sha256])

    key = existing_key(course.grading)
    return Kept(course.folder(assignment.name), assignment, key, load, say)


def _answers(kept: Kept, found: Mapping[str, Any]) -> dict[str, str]:
    """The code in the answer cells, as it was marked; empty where it is gone."""
    from aulac_grader.grade.course.course import CourseError

    try:
        rebuilt = kept.of(found)
    except CourseError:
        return {}
    return {c.id: c.source for c in rebuilt.cells if c.kind == "answer"}


def _feedback(folder: Path, student: str) -> str:
    """The address of the student's feedback, seen from the results folder."""
    name = f"{student}.html"
    return (
        f"../feedback/{name}" if (folder / "feedback" / name).exists() else ""
    )


def _retries(folder: Path) -> dict[str, tuple[str, ...]]:
    """Why marking failed for a reason of ours, and whom it met."""
    found: dict[str, set[str]] = {}
    for _, event in events.read(folder):
        if event and event["event"] in ("retried", "failed_infrastructure"):
            reason = str(event.get("reason", ""))
            found.setdefault(reason, set()).add(str(event.get("student", "")))
    return {reason: tuple(sorted(found[reason])) for reason in sorted(found)}


def questions(assignment: TrustedAssignment) -> list[Question]:
    """The problems of the assignment that a machine marks, numbered, with their tests."""
    found = []
    for problem in problems(assignment):
        tests = tuple(c.id for c in problem.graded if c.kind == "test")
        if tests:
            vi, en = problem.titles
            number = problem.number
            titles = (f"{number}. {vi}", f"{number}. {en}")
            found.append(Question(problem.id, titles, tests))
    return found
