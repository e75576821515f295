"""The tables: plain, for Canvas, for Moodle."""

from __future__ import annotations

from collections.abc import Sequence

from aulac_grader.grade.gradebook.marks import StudentMarks

from .sheet import Sheet, Value, people, points, rounded

Rows = list[list[Value]]


def plain(sheets: Sequence[Sheet], by_problem: bool = True) -> Rows:
    """A row for each student and assignment.

    Columns by problem only for a single assignment: others have other problems.
    """
    columns = sheets[0].columns if by_problem and len(sheets) == 1 else ()
    head: list[Value] = [
        "assignment",
        "student_id",
        "last_name",
        "first_name",
        "email",
        "submitted_at_utc",
        "late_seconds",
        "earned",
        "late_penalty",
        "points",
        "max_points",
        "waits_for_grading",
    ]
    head += [f"{c.id} {c.title} ({rounded(c.points)})" for c in columns]
    rows = [head]
    for one in sheets:
        for student, marks in sorted(one.marks.items()):
            came = marks.submitted_at
            rows.append(
                [
                    one.assignment,
                    student,
                    marks.last_name,
                    marks.first_name,
                    marks.email,
                    came.isoformat(" ", "seconds") if came else None,
                    int(marks.late_seconds) if came else None,
                    rounded(marks.earned) if came else None,
                    rounded(marks.penalty) if came else None,
                    points(marks),
                    rounded(one.max_points),
                    ("yes" if marks.waits else "no") if came else None,
                    *[c.of(marks) for c in columns],
                ]
            )
    return rows


def _headed(
    sheets: Sequence[Sheet], by_problem: bool
) -> list[tuple[str, float]]:
    """Titles and points of the columns that hold marks."""
    found: list[tuple[str, float]] = []
    for one in sheets:
        found.append((one.title, one.max_points))
        if by_problem:
            found += [
                (f"{one.title} – {c.id} {c.title}", c.points)
                for c in one.columns
            ]
    return found


def _marks(
    sheets: Sequence[Sheet], student: str, by_problem: bool
) -> list[Value]:
    found: list[Value] = []
    for one in sheets:
        marks = one.marks.get(student)
        found.append(points(marks))
        if by_problem:
            found += [c.of(marks) for c in one.columns]
    return found


def canvas(sheets: Sequence[Sheet], by_problem: bool = False) -> Rows:
    """Canvas's gradebook, as its own import reads it.

    The first columns are those that Canvas matches students by (Canvas documentation,
    "How do I import grades in the Gradebook?"): `SIS Login ID` is our student id, `ID`
    is nbgrader's `lms_user_id`. A column with a title that Canvas does not know makes a
    new assignment there; its second row says how many points it is worth. Empty means
    no change.
    """
    head: list[Value] = ["Student", "ID", "SIS Login ID", "Section"]
    most: list[Value] = ["    Points Possible", None, None, None]
    for title, worth in _headed(sheets, by_problem):
        head.append(title)
        most.append(rounded(worth))
    rows = [head, most]
    for student, marks in people(sheets).items():
        rows.append(
            [
                _surname_first(marks),
                marks.lms_id,
                student,
                "",
                *_marks(sheets, student, by_problem),
            ]
        )
    return rows


def moodle(sheets: Sequence[Sheet], by_problem: bool = False) -> Rows:
    """A table for Moodle's *Grades → Import → CSV file*, matched by username."""
    head: list[Value] = [
        "Username",
        "First name",
        "Last name",
        "Email address",
        *[title for title, _ in _headed(sheets, by_problem)],
    ]
    rows = [head]
    for student, marks in people(sheets).items():
        rows.append(
            [
                student,
                marks.first_name,
                marks.last_name,
                marks.email,
                *_marks(sheets, student, by_problem),
            ]
        )
    return rows


def _surname_first(marks: StudentMarks) -> str:
    """As Canvas lists people: surname, comma, the rest."""
    names = [n for n in (marks.last_name, marks.first_name) if n]
    return ", ".join(names) or marks.student
