"""Collect what the results page needs from a course's grading folder.

Nothing here trusts a file: a verdict that does not fit its schema is listed as
damaged, a submission that cannot be read has no answers to compare.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aulac_grader.grade import events, store
from aulac_grader.grade import verdict as verdicts

from .marked import Entry, Marked
from .numbers import Question

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aulac_grader.grade.course import Course
    from aulac_grader.grade.intake import Submission
    from aulac_grader.judge.paper import Paper, PaperCell

_HEADING = re.compile(r"^#{2,3} +(.+?) *#*$", re.MULTILINE)
_TITLE = re.compile(r"^# +(.+?) *#*$", re.MULTILINE)


def gather(course: Course, assignment: str) -> Marked:
    """Everything known about `assignment`, students in the order of their names.

    Raises:
        CourseError: there is no such assignment.
    """
    from aulac_grader.grade.intake import load

    folder = course.folder(assignment)
    paper = course.paper(assignment)
    collected = load(course, assignment)
    submissions = {s.receipt.student: s for s in collected.submissions()}
    entries, damaged = [], []
    for student in sorted(_students(folder)):
        try:
            found = verdicts.read(folder, student)
        except verdicts.VerdictProblem as error:
            damaged.append((student, str(error)))
            continue
        assert found is not None
        submission = submissions.get(student)
        entries.append(
            Entry(
                student=student,
                verdict=found,
                measures=store.read_measures(folder, student),
                answers=_answers(paper, submission),
                notes=_notes(submission),
                feedback=_feedback(folder, student),
            )
        )
    seen = {e.student for e in entries} | {name for name, _ in damaged}
    return Marked(
        assignment=assignment,
        title=_title(paper, assignment),
        questions=tuple(questions(paper)),
        given=tuple(
            cell.visible for cell in paper.cells if cell.cell_type == "code"
        ),
        entries=tuple(entries),
        waiting=tuple(sorted(set(submissions) - seen)),
        damaged=tuple(damaged),
        retries=tuple(_retries(folder)),
    )


def _students(folder: Path) -> list[str]:
    return [
        path.stem
        for path in (folder / store.VERDICTS).glob("*.json")
        if not path.name.startswith(".")
    ]


def _answers(paper: Paper, submission: Submission | None) -> dict[str, str]:
    """The code in the answer cells, as it was marked."""
    from aulac_grader.grade.rebuild import rebuild

    if submission is None:
        return {}
    sheet = rebuild(paper, submission).sheet
    return {c.id: c.source for c in sheet.cells if c.kind == "answer"}


def _notes(submission: Submission | None) -> tuple[Mapping[str, object], ...]:
    if submission is None:
        return ()
    return tuple(note.to_dict() for note in submission.receipt.notes)


def _feedback(folder: Path, student: str) -> dict[str, str]:
    """Addresses of the student's feedback, seen from the results folder."""
    found = {}
    for lang in ("vi", "en"):
        path = folder / "feedback" / f"{student}.{lang}.html"
        if path.is_file():
            found[lang] = f"../feedback/{path.name}"
    return found


def _retries(folder: Path) -> list[tuple[str, str]]:
    found = []
    for _, event in events.read(folder):
        if event and event["event"] in ("retried", "failed_infrastructure"):
            who = str(event.get("student", ""))
            found.append((who, str(event.get("reason", ""))))
    return sorted(found)


def _title(paper: Paper, assignment: str) -> str:
    for cell in paper.cells:
        if cell.cell_type == "markdown" and (
            found := _TITLE.search(cell.visible)
        ):
            return found[1]
    return assignment


def questions(paper: Paper) -> list[Question]:
    """Tests grouped by the heading they stand under.

    Where an assignment has no headings, a question is an answer cell with the tests
    that follow it.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    headed = any(_heading(cell) for cell in paper.cells)
    name = title = ""
    for cell in paper.cells:
        heading = _heading(cell)
        if heading and headed:
            name, title = cell.id, heading
        elif cell.kind == "answer" and not headed:
            name = title = cell.id
        if cell.kind == "test":
            groups.setdefault(name, (title or cell.id, []))[1].append(cell.id)
    return [
        Question(name or tests[0], title, tuple(tests))
        for name, (title, tests) in groups.items()
    ]


def _heading(cell: PaperCell) -> str:
    """The last heading of a prose cell; a test belongs to the nearest one above."""
    if cell.cell_type != "markdown":
        return ""
    found = _HEADING.findall(cell.visible)
    return found[-1] if found else ""
