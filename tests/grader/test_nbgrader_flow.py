"""ps01 all the way through nbgrader as released, for a class of three."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

NAME = "ps01_text_and_tokenizers"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after every step of `nbgrader_class.py`."""
    folder = tmp_path_factory.mktemp("class")
    bin_folder = Path(sys.executable).parent  # nbgrader calls alembic by name
    home = {"JUPYTER_DATA_DIR": str(folder / "jupyter"), "HOME": str(folder)}
    environment = os.environ | home
    environment["PATH"] = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    script = Path(__file__).with_name("nbgrader_class.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def marks(folder: Path) -> dict[str, dict[str, tuple[float, float | None]]]:
    """By student and graded cell: automatic score, and whether a person must look."""
    from nbgrader.api import Gradebook

    found: dict[str, dict[str, tuple[float, float | None]]] = {}
    with Gradebook(f"sqlite:///{folder / 'course' / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(NAME):
            grades = submission.notebooks[0].grades
            found[submission.student.id] = {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for grade in grades
            }
    return found


def test_a_full_answer_earns_every_automatic_point(folder: Path) -> None:
    an = marks(folder)["an"]
    assert sum(score or 0 for score, _ in an.values()) == 26
    assert an["p6-essay"] == (None, True), "an essay waits for a person"


def test_mistakes_cost_exactly_the_cells_that_test_them(folder: Path) -> None:
    grades = marks(folder)
    lost = {n for n, s in grades["binh"].items() if s[0] != grades["an"][n][0]}
    assert lost == {"p1-tones", "p4-kth", "p5-money"}
    assert grades["binh"]["p1-tones"][0] == 0
    assert 0 < grades["binh"]["p4-kth"][0] < 3, "partial credit"
    assert grades["binh"]["p5-money"][0] == 1.5, "partial credit"


def test_an_empty_submission_with_a_syntax_error_earns_nothing(
    folder: Path,
) -> None:
    chi = marks(folder)["chi"]
    assert all(score == 0 for score, _ in chi.values())
    assert chi["p6-essay"] == (0, False), "an untouched essay needs no reading"


def test_the_exported_table_has_a_row_for_each_student(folder: Path) -> None:
    with (folder / "course" / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["an", "binh", "chi"]
    assert {row["max_score"] for row in rows.values()} == {"30.0"}
    assert [float(rows[s]["score"]) for s in ("an", "chi")] == [26, 0]


def test_what_students_fetch_holds_no_secret(folder: Path) -> None:
    text = (
        folder / "course" / "exchange" / "course" / "outbound" / NAME
    ).rglob("*.ipynb")
    for path in text:
        shown = path.read_text(encoding="utf-8")
        assert "HIDDEN" not in shown
        assert "Lạng Sơn" not in shown, "a place name of the hidden tests"
        assert "Thang điểm" not in shown, "the mark scheme"
        assert "Viết mã của bạn ở đây" in shown


def test_the_grader_of_essays_sees_the_mark_scheme(folder: Path) -> None:
    path = folder / "course" / "autograded" / "an" / NAME / f"{NAME}.ipynb"
    book = nbformat.read(path, 4)
    scheme = [c for c in book.cells if "BEGIN MARK SCHEME" in c.source]
    assert len(scheme) == 1
    assert "mỗi mục 1 điểm" in scheme[0].source


@pytest.mark.parametrize("student", ["an", "binh", "chi"])
def test_feedback_comes_back_without_hidden_tests(
    folder: Path, student: str
) -> None:
    path = folder / "course" / "feedback" / student / NAME / f"{NAME}.html"
    page = path.read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", page)
    assert "p4-kth" in page
    for secret in (
        "HIDDEN TESTS",
        "Lạng Sơn",
        "suyển",
        "MARK SCHEME",
        "mỗi mục",
    ):
        assert secret not in plain
    released = folder / "course" / "exchange" / "course" / "feedback"
    assert len(list(released.glob("*.html"))) == 3


def test_feedback_names_the_failed_assertion(folder: Path) -> None:
    path = folder / "course" / "feedback" / "chi" / NAME / f"{NAME}.html"
    page = path.read_text(encoding="utf-8")
    assert "NotImplementedError" in page
    assert "SyntaxError" in page
