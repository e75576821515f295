"""A course with the sample assignment, and students' work in it, marked by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from tests.grader.assignment_sample import SOURCE, write_sample

from aulac_grader.author.assignment import parse
from aulac_grader.author.assignment.build import build
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import Receipt, Submission
from aulac_grader.grade.rebuild import Rebuilt, rebuild
from aulac_grader.judge.assignment import TrustedAssignment

NAME = "ps99_sample"
ADD = "def add(a: list[int], b: int) -> int:\n    return sum(a) + b\n"
ESSAY = "Vì **phép cộng** không đổi khi đổi chỗ."


def make_course(
    folder: Path, lang: str = "vi", source: str = SOURCE
) -> Course:
    """A course directory under `folder` with the sample assignment in it."""
    place = write_sample(folder / "repository", source)
    build([parse(place)], lang, folder / "course")
    return Course.open(folder / "course")


@dataclass(frozen=True)
class Handed:
    """What one student handed in and what it earned.

    Attributes:
        answers: cell → source; cells that are not named stay as they came.
        points: test → points; (points, status, message, visible_failed) where the
            words matter.
        extra: sources of code cells that the student added at the end.
    """

    student: str = "an"
    answers: Mapping[str, str] = field(
        default_factory=lambda: {"p1-add": ADD, "p2-why": ESSAY}
    )
    points: Mapping[str, Any] = field(
        default_factory=lambda: {"p1-small": 1, "p1-large": 2}
    )
    received_at: str = "2026-11-23T08:00:00+00:00"
    extra: tuple[str, ...] = ()
    cells: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    late_seconds: int | None = None
    repairs: tuple[dict[str, Any], ...] = ()


def notebook(assignment: TrustedAssignment, work: Handed) -> bytes:
    """The release version with the student's answers in it."""
    book = nbformat.reads(assignment.notebook.decode(), 4)
    for cell, own in zip(book.cells, assignment.cells, strict=True):
        cell.source = work.answers.get(own.id, own.visible)
    for number, source in enumerate(work.extra):
        cell = nbformat.v4.new_code_cell(source, id=f"extra-{number}")
        book.cells.append(cell)
    return nbformat.writes(book).encode()


def rebuilt(assignment: TrustedAssignment, work: Handed) -> Rebuilt:
    data = notebook(assignment, work)
    receipt = Receipt(
        work.student,
        assignment.name,
        work.received_at,
        hashlib.sha256(data).hexdigest(),
    )
    return rebuild(assignment, Submission(receipt, data))


def verdict(assignment: TrustedAssignment, work: Handed) -> dict[str, Any]:
    """As `grade.verdict` makes it, without a signature."""
    made = rebuilt(assignment, work)
    tests = [_test(cell, work.points[cell.id]) for cell in assignment.tests]
    digest = hashlib.sha256(notebook(assignment, work)).hexdigest()
    return {
        "assignment": assignment.name,
        "lang": assignment.lang,
        "student": work.student,
        "receipt": {
            "received_at": work.received_at,
            "sha256": digest,
            "late_seconds": work.late_seconds,
        },
        "source_sha256": assignment.sha256,
        "submission_sha256": digest,
        "rebuilt_sha256": made.sha256,
        "sandboxed": True,
        "repairs": list(work.repairs),
        "cells": [
            {
                "id": cell.id,
                "kind": cell.kind,
                "status": work.cells.get(cell.id, ("ok", ""))[0],
                "error": work.cells.get(cell.id, ("ok", ""))[1],
            }
            for cell in made.code.cells
        ],
        "tests": tests,
        "points": sum(test["points"] for test in tests),
        "max_points": sum(test["max_points"] for test in tests),
    }


def _test(cell: Any, given: Any) -> dict[str, Any]:
    if not isinstance(given, tuple):
        full = given >= cell.points
        status = "pass" if full else "partial" if given else "fail"
        given = (given, status, "", False)
    points, status, message, visible = given
    return {
        "id": cell.id,
        "points": points,
        "max_points": cell.points,
        "status": status,
        "message": message,
        "visible_failed": visible,
    }
