"""Marks for Canvas, Moodle, spreadsheets and Gradescope's form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.grader.graded_work import (
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)
from tests.grader.test_gradebook_database import person

from aulac_grader.grade.course.course import Course, CourseError
from aulac_grader.grade.export import ExportError, export
from aulac_grader.grade.export.sheet import FORMULA, neutral, table
from aulac_grader.grade.gradebook.gradebook import Gradebook

HIDDEN = "AssertionError: 70001"
WORKS = [
    Handed("an"),
    Handed(
        "binh",
        points={
            "p1-small": (0, "fail", HIDDEN, False),
            "p1-large": (0.5, "partial", "một nửa", True),
        },
    ),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Two have handed in, one has not; one has a name made for a spreadsheet."""
    made = make_course(tmp_path_factory.mktemp("export"))
    assignment = made.assignment(NAME)
    with Gradebook(made) as book:
        book.enrol(
            "an",
            last_name="Nguyễn Thị",
            first_name="Ánh",
            email="an@example.edu.vn",
            lms_user_id="771",
        )
        book.enrol("chi", last_name='=HYPERLINK("http://x","y")')
        for work in WORKS:
            book.record(
                NAME, verdict(assignment, work), rebuilt(assignment, work)
            )
    person(made, "p2-why", score=1.5)
    return made


def rows(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "Excel reads UTF-8 by this mark"
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def dicts(path: Path) -> list[dict[str, str]]:
    head, *body = rows(path)
    return [dict(zip(head, row, strict=True)) for row in body]


def test_the_plain_table_has_a_column_for_each_problem(
    course: Course,
) -> None:
    made = export(course, NAME)
    (path,) = made.paths
    an, binh, chi = dicts(path)
    assert (an["student_id"], an["last_name"]) == ("an", "Nguyễn Thị")
    assert (an["points"], an["max_points"]) == ("4.5", "5")
    assert (an["p1 Cộng (3)"], an["p2 Nghĩ (2)"]) == ("3", "1.5")
    assert an["submitted_at_utc"] == "2026-11-23 08:00:00"
    assert (binh["points"], binh["waits_for_grading"]) == ("0.5", "yes")
    assert binh["p2 Nghĩ (2)"] == "", "not graded is not nothing"
    assert (chi["points"], chi["p1 Cộng (3)"]) == ("", "")
    assert chi["last_name"] == '\'=HYPERLINK("http://x","y")'
    assert (made.students, made.waiting) == (2, ("binh",))


def test_canvas_gets_its_columns_and_a_row_of_possible_points(
    course: Course, tmp_path: Path
) -> None:
    path = tmp_path / "c.csv"
    export(course, NAME, "canvas", path)
    head, possible, an, binh, chi = rows(path)
    assert head == ["Student", "ID", "SIS Login ID", "Section", "Bài mẫu"]
    assert possible == ["    Points Possible", "", "", "", "5"]
    assert an == ["Nguyễn Thị, Ánh", "771", "an", "", "4.5"]
    assert binh == ["binh", "", "binh", "", "0.5"]
    assert chi[-1] == "", "nothing handed in: Canvas keeps what it has"


def test_moodle_matches_by_username_and_can_have_problems(
    course: Course, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    export(course, NAME, "moodle", path, by_problem=True)
    an = dicts(path)[0]
    assert an == {
        "Username": "an",
        "First name": "Ánh",
        "Last name": "Nguyễn Thị",
        "Email address": "an@example.edu.vn",
        "Bài mẫu": "4.5",
        "Bài mẫu – p1 Cộng": "3",
        "Bài mẫu – p2 Nghĩ": "1.5",
    }


def test_results_json_has_gradescopes_fields_and_no_hidden_words(
    course: Course, tmp_path: Path
) -> None:
    assignment = course.assignment(NAME)
    verdicts = {work.student: verdict(assignment, work) for work in WORKS}
    made = export(course, NAME, "gradescope", tmp_path, verdicts=verdicts)
    assert [p.parent.name for p in made.paths] == ["an", "binh"]
    text = made.paths[1].read_text(encoding="utf-8")
    assert "70001" not in text
    found: dict[str, Any] = json.loads(text)
    assert (found["score"], found["max_score"]) == (0.5, 5)
    assert found["tests"][1] == {
        "name": "Cộng: p1-large",
        "number": "1.2",
        "score": 0.5,
        "max_score": 2,
        "status": "failed",
        "output": "Đạt một phần\nmột nửa",
        "output_format": "text",
        "visibility": "visible",
    }
    assert sum(test["score"] for test in found["tests"]) == found["score"]
    assert "status" not in found["tests"][2], "waits for a person"
    assert "phép thử ẩn chưa đạt" in found["tests"][0]["output"]


@given(st.text())
def test_no_cell_is_a_formula_and_every_text_can_be_read_back(
    text: str,
) -> None:
    safe = neutral(text)
    assert not safe.lstrip(" \u00a0").startswith(FORMULA)
    assert safe in (text, "'" + text)
    data = table([["a", text], [1, None]]).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(data, newline="")))
    assert read[0][0] == "a"
    assert read[1] == ["1", ""]
    whole = text.encode("utf-8", "replace").decode()
    assert read[0][1] == neutral(text).encode("utf-8", "replace").decode()
    assert read[0][1].endswith(whole)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_what_spreadsheets_take_for_formulas_is_text(start: str) -> None:
    assert neutral(start) == "'" + start
    assert neutral(" " + start).startswith("'")
    assert neutral("1=1") == "1=1"


def test_mistakes_are_told_in_a_sentence(
    course: Course, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="no format of export: take one of"):
        export(course, NAME, "pdf")
    with pytest.raises(CourseError, match="There are: ps99_sample"):
        export(course, "ps00_none")
    with pytest.raises(ExportError, match="cannot be written"):
        (tmp_path / "file").write_text("")
        export(course, NAME, "csv", tmp_path / "file" / "x.csv")
    fresh = make_course(tmp_path)
    with pytest.raises(ExportError, match="aulac grade run"):
        export(fresh, NAME)
