"""The results page of a course: gathered from receipts, verdicts and feedback."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from aulac_grader.author.assignment import parse
from aulac_grader.author.assignment.build import build as build_course
from aulac_grader.grade import results
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import collect
from aulac_grader.grade.results.gather import gather, questions
from aulac_grader.grade.verdict import grading_folder, verdict
from aulac_grader.grade.verdict.events import EventLog
from aulac_grader.grade.verdict.keys import course_key
from aulac_grader.judge.submitted import Marks, TestResult

_spec = importlib.util.spec_from_file_location(
    "assignment_sample", Path(__file__).with_name("assignment_sample.py")
)
assert _spec and _spec.loader
sample = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sample)
NAME = "ps99_sample"
DUE = datetime(2026, 9, 1, tzinfo=UTC)
LONG = "def add(a, b):\n" + "".join(
    f"    x{n} = [b * {n}, {n} ** {n + 1}]\n" for n in range(30)
)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    assignment = parse(sample.write_sample(tmp_path / "repository"))
    root = tmp_path / "course"
    build_course([assignment], "vi", root)
    return Course.open(root)


def hand_in(
    course: Course, answers: dict[str, str], now: datetime = DUE
) -> dict:
    """Students' answers to p1-add, collected; their receipts."""
    source = nbformat.read(course.notebook(NAME), 4)
    folder = course.root.parent / "handed-in"
    for student, answer in answers.items():
        made = nbformat.from_dict(json.loads(nbformat.writes(source)))
        next(c for c in made.cells if c.id == "p1-add").source = answer
        place = folder / student
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, place / f"{NAME}.ipynb")
    return dict(collect(course, NAME, folder, due=DUE, now=now).receipts)


def mark(course: Course, receipt, small: float, status: str = "pass") -> None:
    """A signed verdict, as the batch writes it, without marking anything."""
    tests = (
        TestResult("p1-small", small, 1.0, "pass" if small else "fail"),
        TestResult("p1-large", 1.0, 2.0, status),
    )
    found = verdict.verdict(
        assignment=NAME,
        lang="vi",
        student=receipt.student,
        receipt={
            "received_at": receipt.received_at,
            "sha256": receipt.sha256,
            "late_seconds": receipt.late_seconds,
        },
        environment={"digest": "a" * 64},
        source_sha256="b" * 64,
        submission_sha256=receipt.sha256,
        rebuilt_sha256="c" * 64,
        seeds={"p1-small": 1, "p1-large": 2},
        limits={},
        sandboxed=True,
        repairs=[],
        marks=Marks(tests, ()),
    )
    folder = course.folder(NAME)
    verdict.write(folder, verdict.sign(found, course_key(course.grading)))
    grading_folder.write_measures(folder, receipt.student, {"seconds": 1.5})


def test_pages_of_a_course(course: Course) -> None:
    receipts = hand_in(course, {"an": LONG, "binh": LONG, "chi": "pass"})
    mark(course, receipts["an"], 1.0)
    mark(course, receipts["binh"], 0.0, "partial")
    feedback = course.folder(NAME) / "feedback" / "an.html"
    feedback.parent.mkdir()
    feedback.write_text("<p>")
    with EventLog(course.folder(NAME)) as log:
        log.append("retried", "an", reason="the worker was lost")
    found = gather(course, NAME)
    assert found.titles == ("Bài mẫu", "A sample")
    assert [q.titles[1] for q in found.questions] == ["1. Add"]
    assert [e.student for e in found.entries] == ["an", "binh"]
    assert found.entries[0].answers["p1-add"].strip() == LONG.strip()
    assert found.waiting == ("chi",)
    assert found.retries == {"the worker was lost": ("an",)}
    paths = results.build(course, NAME)
    assert set(paths) == {"vi", "en"}
    vi = paths["vi"].read_text(encoding="utf-8")
    assert paths["vi"].parent == course.folder(NAME) / "results"
    assert "Bài mẫu" in vi and "1. Cộng" in vi
    assert 'href="../feedback/an.html"' in vi
    assert "100\u00a0% / 100\u00a0%" in vi, "the two equal answers are a pair"


def test_a_newer_submission_waits_for_its_mark(course: Course) -> None:
    receipts = hand_in(course, {"an": LONG, "binh": LONG})
    for receipt in receipts.values():
        mark(course, receipt, 1.0)
    hand_in(course, {"an": "def add(a, b):\n    return sum(a) + b"})
    found = gather(course, NAME)
    assert found.waiting == ("an",)
    assert found.entries[0].answers["p1-add"].strip() == LONG.strip(), (
        "the answers shown are those that were marked"
    )


def test_one_damaged_verdict_does_not_hide_the_others(course: Course) -> None:
    receipts = hand_in(course, {"an": LONG, "binh": LONG})
    for receipt in receipts.values():
        mark(course, receipt, 1.0)
    grading_folder.verdict_path(course.folder(NAME), "an").write_text("{")
    found = gather(course, NAME)
    assert [e.student for e in found.entries] == ["binh"]
    assert found.damaged[0][0] == "an"
    assert "an" in results.build(course, NAME)["en"].read_text()


def test_lost_bytes_of_a_submission_cost_only_the_comparison(
    course: Course,
) -> None:
    receipts = hand_in(course, {"an": LONG})
    mark(course, receipts["an"], 1.0)
    for path in (course.folder(NAME) / "submissions").rglob("*"):
        if path.is_file():
            path.unlink()
    (entry,) = gather(course, NAME).entries
    assert dict(entry.answers) == {} and entry.verdict["points"] == 2


def test_questions_without_headings_and_metadata(course: Course) -> None:
    path = course.notebook(NAME)
    made = nbformat.read(path, 4)
    made.metadata.pop("aulac")
    made.cells = [c for c in made.cells if c.cell_type == "code"]
    nbformat.write(made, path)
    (question,) = questions(course.assignment(NAME))
    assert question.tests == ("p1-small", "p1-large")
