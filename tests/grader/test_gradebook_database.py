"""The gradebook on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.grader.databases import new_database, postgres
from tests.grader.graded_work import (
    ADD,
    ESSAY,
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook import nbgrader_folders
from aulac_grader.grade.gradebook.gradebook import (
    Gradebook,
    GradebookBusy,
    GradebookError,
)

BACKENDS = ("sqlite", "postgresql")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="module", params=BACKENDS)
def course(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Course]:
    """A course in each kind of database."""
    folder = tmp_path_factory.mktemp(request.param)
    made = make_course(folder)
    if request.param == "postgresql":
        address = new_database(
            request.getfixturevalue("server"), f"course{next(_numbers)}"
        )
        config = made.root / "nbgrader_config.py"
        with config.open("a") as file:
            file.write(f"\nc.CourseDirectory.db_url = {address!r}\n")
    yield Course.open(made.root)
    gradebook.cache_clear()


@pytest.fixture
def empty(course: Course) -> Course:
    clear(course)
    return course


def clear(course: Course) -> None:
    """Leave no row and no returned notebook."""
    import shutil

    from nbgrader.api import Base
    from sqlalchemy import create_engine, inspect

    shutil.rmtree(course.root / "autograded", ignore_errors=True)
    engine = create_engine(course.db_url)
    with engine.begin() as connection:
        if inspect(connection).has_table("aulac_record"):
            connection.exec_driver_sql("DELETE FROM aulac_record")
        if inspect(connection).has_table("grade"):
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
    engine.dispose()


@contextmanager
def nbgrader_book(course: Course) -> Iterator[Any]:
    """The gradebook as nbgrader itself opens it."""
    from nbgrader.api import Gradebook as NbGraderBook

    with NbGraderBook(course.db_url, course.id) as book:
        yield book


def contents(course: Course) -> dict[str, Any]:
    """All that nbgrader knows, by names, and what formgrader shows."""
    found: dict[str, Any] = {}
    with nbgrader_book(course) as book:
        for submission in book.assignment_submissions(NAME):
            notebook = submission.notebooks[0]
            found[submission.student.id] = (
                submission.timestamp,
                notebook.late_submission_penalty,
                sorted(
                    (
                        g.name,
                        g.auto_score,
                        g.manual_score,
                        g.extra_credit,
                        g.needs_manual_grade,
                    )
                    for g in notebook.grades
                ),
                sorted(
                    (c.name, c.auto_comment, c.manual_comment)
                    for c in notebook.comments
                ),
            )
    for path in sorted(course.root.glob("autograded/*/*/*.ipynb")):
        found[str(path.relative_to(course.root))] = path.read_bytes()
    return found


@cache
def gradebook(course: Course) -> Gradebook:
    """One that stays open, as in a batch."""
    return Gradebook(course)


def record(course: Course, *works: Handed) -> list[Any]:
    assignment = course.assignment(NAME)
    return [
        gradebook(course).record(
            NAME, verdict(assignment, work), rebuilt(assignment, work)
        )
        for work in works
    ]


def person(
    course: Course, cell: str, student: str = "an", **values: Any
) -> None:
    """What formgrader's `PUT /api/grade` and `/api/comment` do."""
    with nbgrader_book(course) as book:
        where = (cell, NAME, NAME, student)
        if "comment" in values:
            book.find_comment(*where).manual_comment = values.pop("comment")
        if values:
            grade = book.find_grade(*where)
            grade.manual_score = values.get("score")
            grade.extra_credit = values.get("extra")
            grade.needs_manual_grade = (
                grade.manual_score is None and grade.auto_score is None
            )
        book.db.commit()


def grade(course: Course, cell: str, student: str = "an") -> Any:
    marks = gradebook(course).marks(NAME, student)[student]
    return next(c for c in marks.cells if c.name == cell)


# -- recording -------------------------------------------------------------------------

LATER = "2026-11-23T09:00:00+00:00"
WORKS = [
    Handed("an"),
    Handed("an", received_at=LATER, points={"p1-small": 0, "p1-large": 1}),
    Handed("an", {"p1-add": ADD}, received_at=LATER),
    Handed("binh", {"p2-why": "Vì thế."}, {"p1-small": 0, "p1-large": 0}),
    Handed("binh", received_at=LATER, extra=("print('thử')",)),
    Handed("chi", {}, {"p1-small": 0, "p1-large": 0}),
]


_wanted: dict[str, dict[str, Any]] = {}  # by database


@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.permutations(WORKS), st.lists(st.sampled_from(WORKS), max_size=4))
def test_any_order_and_repetition_gives_the_same_gradebook(
    course: Course, order: list[Handed], again: list[Handed]
) -> None:
    wanted = _wanted.get(course.db_url)
    if wanted is None:
        clear(course)
        record(course, *WORKS)
        wanted = _wanted[course.db_url] = contents(course)
        assert len(wanted) == 6, "three students, three notebooks"
    clear(course)
    record(course, *order, *again)
    assert contents(course) == wanted


def test_a_class_is_recorded_as_it_was_marked(empty: Course) -> None:
    told = record(empty, WORKS[0], *WORKS[3:])
    assert [t.stands for t in told] == [True] * 4
    marks = gradebook(empty).marks(NAME)
    points = {student: found.points for student, found in marks.items()}
    assert points == {"an": 3, "binh": 3, "chi": 0}
    assert marks["binh"].submitted_at.isoformat() == "2026-11-23T09:00:00"
    assert grade(empty, "p2-why", "binh").waits
    assert not grade(empty, "p2-why", "chi").waits, "nothing to read"


def test_a_submission_received_earlier_does_not_replace_a_later_one(
    empty: Course,
) -> None:
    later = Handed(received_at=LATER, points={"p1-small": 0, "p1-large": 0})
    record(empty, later)
    before = contents(empty)
    (told,) = record(empty, Handed())
    assert not told.stands
    assert contents(empty) == before


# -- what a person entered -------------------------------------------------------------


def test_a_persons_marks_stay_and_a_changed_answer_is_graded_again(
    empty: Course,
) -> None:
    record(empty, Handed())
    person(empty, "p2-why", score=1.5, extra=0.5, comment="Khá <b>tốt</b>")
    record(empty, Handed(points={"p1-small": 0, "p1-large": 1}))
    essay = grade(empty, "p2-why")
    assert (essay.manual, essay.extra, essay.waits) == (1.5, 0.5, False)

    changed = Handed(
        answers={"p1-add": ADD, "p2-why": "Khác hẳn."}, received_at=LATER
    )
    (told,) = record(empty, changed)
    assert told.waits == ("p2-why",)
    essay = grade(empty, "p2-why")
    assert (essay.manual, essay.extra, essay.waits) == (1.5, 0.5, True)
    record(empty, changed)
    assert grade(empty, "p2-why").waits, "until a person has looked"
    person(empty, "p2-why", score=2)
    record(empty, changed)
    assert not grade(empty, "p2-why").waits
    comments = gradebook(empty).marks(NAME)["an"].comments
    assert comments == (("p2-why", "Khá <b>tốt</b>"),)


STEPS = st.one_of(
    st.tuples(st.just("record"), st.sampled_from(["A.", "B.", "C."])),
    st.tuples(st.just("grade"), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("clear"), st.none()),
)


@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEPS, max_size=8))
def test_a_cell_waits_until_a_person_graded_the_answer_that_stands(
    course: Course, steps: list[tuple[str, Any]]
) -> None:
    """Against a model that knows nothing of flags: the last answer graded."""
    clear(course)
    moments = (f"2026-11-23T{hour:02d}:00:00+00:00" for hour in range(10, 24))
    stands, score, graded = "", None, ""
    for step, value in [("record", "A."), *steps]:
        if step == "record":
            stands = value
            answers = {"p1-add": ADD, "p2-why": value}
            work = Handed(answers=answers, received_at=next(moments))
            record(course, work, work)
        elif step == "grade":
            score, graded = value, stands
            person(course, "p2-why", score=score)
        else:
            score = None
            person(course, "p2-why", score=None)
        essay = grade(course, "p2-why")
        assert essay.manual == score
        assert essay.waits == (score is None or graded != stands)


def test_the_answer_that_was_graded_coming_back_needs_no_second_look(
    empty: Course,
) -> None:
    record(empty, Handed())
    person(empty, "p2-why", score=2)
    other = {"p1-add": ADD, "p2-why": "Khác hẳn."}
    record(empty, Handed(answers=other, received_at=LATER))
    assert grade(empty, "p2-why").waits
    record(empty, Handed(received_at="2026-11-23T10:00:00+00:00"))
    assert not grade(empty, "p2-why").waits


def test_line_ends_spaces_and_nfd_are_not_another_answer(
    empty: Course,
) -> None:
    import unicodedata

    record(empty, Handed())
    person(empty, "p2-why", score=2)
    same = unicodedata.normalize("NFD", ESSAY) + "  \r\n"
    answers = {"p1-add": ADD, "p2-why": same}
    record(empty, Handed(answers=answers, received_at=LATER))
    assert not grade(empty, "p2-why").waits


def test_an_overridden_test_is_looked_at_again_when_the_code_changes(
    empty: Course,
) -> None:
    points = {"p1-small": 0, "p1-large": 0}
    record(empty, Handed(points=points))
    person(empty, "p1-small", score=1)
    record(empty, Handed(points=points))
    assert not grade(empty, "p1-small").waits
    code = {"p1-add": ADD.replace("sum(a)", "0"), "p2-why": ESSAY}
    record(empty, Handed(answers=code, points=points, received_at=LATER))
    found = grade(empty, "p1-small")
    assert (found.manual, found.auto, found.waits) == (1, 0, True)
    assert not grade(empty, "p1-large").waits, "nobody touched that one"


def test_a_comment_on_code_that_changed_is_looked_at_again(
    empty: Course,
) -> None:
    record(empty, Handed())
    person(empty, "p1-add", comment="Gọn.")
    record(empty, Handed())
    assert not grade(empty, "p1-small").waits
    code = {"p1-add": ADD + "\n# khác", "p2-why": ESSAY}
    record(empty, Handed(answers=code, received_at=LATER))
    assert grade(empty, "p1-small").waits
    assert gradebook(empty).marks(NAME)["an"].comments == (("p1-add", "Gọn."),)


def test_marks_given_before_our_first_record_are_looked_at_again(
    empty: Course,
) -> None:
    record(empty, Handed())
    person(empty, "p2-why", score=2)
    from sqlalchemy import create_engine

    engine = create_engine(empty.db_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM aulac_record")
    engine.dispose()
    record(empty, Handed())
    found = grade(empty, "p2-why")
    assert (found.manual, found.waits) == (2, True)


# -- others at the same database -------------------------------------------------------


@contextmanager
def locked(course: Course) -> Iterator[None]:
    """Another program writes to the gradebook and does not come to an end."""
    if course.db_url.startswith("sqlite"):
        other = sqlite3.connect(course.root / "gradebook.db")
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    from sqlalchemy import create_engine

    engine = create_engine(course.db_url)
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("LOCK TABLE grade")
        yield
    engine.dispose()


def test_a_locked_gradebook_is_said_to_be_busy_and_nothing_is_half_written(
    empty: Course,
) -> None:
    record(empty, Handed())
    before = contents(empty)
    assignment = empty.assignment(NAME)
    work = Handed(received_at=LATER, points={"p1-small": 0, "p1-large": 0})
    entry = verdict(assignment, work), rebuilt(assignment, work)
    busy = pytest.raises(GradebookBusy, match="another program")
    with locked(empty), Gradebook(empty, busy_seconds=0.2) as book, busy:
        book.record(NAME, *entry)
    assert contents(empty) == before
    record(empty, work)
    assert grade(empty, "p1-large").auto == 0


def test_a_full_disk_leaves_the_gradebook_as_it_was(
    empty: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(empty, Handed())
    before = contents(empty)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(nbgrader_folders, "write_whole", full)
        with pytest.raises(GradebookError, match="No space left"):
            record(empty, Handed("moi"), Handed(received_at=LATER))
    assert contents(empty) == before


def test_killed_in_the_middle_of_a_student_nothing_of_it_stays(
    empty: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(empty, Handed())
    before = contents(empty)
    later = Handed(received_at=LATER, points={"p1-small": 0, "p1-large": 0})
    assignment = empty.assignment(NAME)
    entry = verdict(assignment, later), rebuilt(assignment, later)
    child = os.fork()
    if child == 0:  # rows are written, the transaction is not at its end
        monkeypatch.setattr(
            nbgrader_folders, "write_whole", lambda *_: os.kill(os.getpid(), 9)
        )
        try:
            Gradebook(empty).record(NAME, *entry)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
    assert contents(empty) == before
    record(empty, later)
    assert grade(empty, "p1-large").auto == 0


def test_a_gradebook_that_is_no_database_is_named(tmp_path: Path) -> None:
    made = make_course(tmp_path)
    (made.root / "gradebook.db").write_bytes(b"not a database" * 100)
    with pytest.raises(GradebookError, match=r"gradebook\.db"):
        record(made, Handed())


def test_a_password_is_not_printed(tmp_path: Path) -> None:
    made = make_course(tmp_path)
    with (made.root / "nbgrader_config.py").open("a") as file:
        address = "postgresql+psycopg://u:geheim@127.0.0.1:1/none"
        file.write(f"\nc.CourseDirectory.db_url = {address!r}\n")
    with pytest.raises(GradebookError) as caught:
        record(Course.open(made.root), Handed())
    assert "127.0.0.1" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "x\0y", "x" * 300])
def test_a_students_id_cannot_lead_elsewhere(empty: Course, name: str) -> None:
    with pytest.raises(GradebookError, match="student's id"):
        record(empty, Handed(name))


def test_names_are_filled_in_and_never_replaced(empty: Course) -> None:
    with Gradebook(empty) as book:
        book.enrol("an", last_name="Nguyễn Thị", first_name="An")
        book.enrol("an", last_name="Khác", email="an@example.edu.vn")
        row = book.marks(NAME)
        assert row == {}, "no such assignment yet"
    record(empty, Handed())
    marks = gradebook(empty).marks(NAME)["an"]
    assert (marks.name, marks.email) == ("Nguyễn Thị An", "an@example.edu.vn")


def test_two_writers_take_turns(empty: Course) -> None:
    import threading

    assignment = empty.assignment(NAME)
    works = [replace(Handed(), student=f"s{n}") for n in range(8)]
    record(empty, Handed())
    errors: list[BaseException] = []

    def write(part: list[Handed]) -> None:
        try:
            with Gradebook(empty) as book:
                for work in part:
                    book.record(
                        NAME,
                        verdict(assignment, work),
                        rebuilt(assignment, work),
                    )
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=write, args=(works[n::2],)) for n in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(gradebook(empty).marks(NAME)) == 9
