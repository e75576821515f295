"""A small assignment with every kind of cell, and a student's finished notebook."""

from __future__ import annotations

import copy
import json
from typing import Any

from aulac_grader.grade.intake import Note, Receipt, Submission
from aulac_grader.grade.rebuild import Rebuilt, rebuild
from aulac_grader.judge.assignment import TrustedAssignment

NAME = "ps98_cells"

SORT = (
    "def upper(words: list[str]) -> list[str]:\n"
    '    """Viết hoa. Capitals."""\n'
    "    ### BEGIN SOLUTION\n"
    "    return [word.upper() for word in words]\n"
    "    ### END SOLUTION"
)
PAIR = (
    "def ways(text: str) -> int:\n"
    '    """Đếm. Count."""\n'
    "    ### BEGIN SOLUTION\n"
    "    return 2 ** max(0, len(text) - 1)\n"
    "    ### END SOLUTION\n"
    "\n\n"
    "def first(text: str) -> str:\n"
    '    """Chữ đầu. The first letter."""\n'
    "    ### BEGIN SOLUTION\n"
    "    return text[:1]\n"
    "    ### END SOLUTION"
)
TEST_UPPER = (
    'assert upper(["đa"]) == ["ĐA"], "chữ hoa / capitals"\n'
    "### BEGIN HIDDEN TESTS\n"
    'assert upper(["bí mật"]) == ["BÍ MẬT"]\n'
    "### END HIDDEN TESTS"
)
TEST_WAYS = (
    'assert ways("abc") == 4, "ba chữ / three letters"\n'
    "### BEGIN HIDDEN TESTS\n"
    'assert ways("") == 1\n'
    "### END HIDDEN TESTS"
)
TEST_FIRST = 'assert first("ăn") == "ă", "chữ đầu / the first letter"'

# What a student writes instead of each answer.
ANSWERS = {
    "p1-upper": (
        "def upper(words: list[str]) -> list[str]:\n"
        "    result = []\n"
        "    for word in words:\n"
        "        result.append(word.upper())\n"
        "    return result"
    ),
    "p2-pair": (
        "def ways(text: str) -> int:\n"
        "    return 1 if not text else 2 ** (len(text) - 1)\n"
        "\n\n"
        "def first(text: str) -> str:\n"
        "    return text[0] if text else ''"
    ),
    "p3-why": "Vì tiếng Việt có dấu, và dấu nào cũng đáng giữ.",
    "p4-plot": "heights = [1, 2, 3]\nprint(heights)",
}


def _cell(kind: str, cell_id: str, source: str, **metadata: Any) -> dict:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": cell_id,
        "metadata": metadata,
        "source": source,
    }
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _graded(
    kind: str,
    grade_id: str,
    source: str,
    provides: tuple[str, ...] = (),
    **flags: Any,
) -> dict:
    mark = {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": kind,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
    } | flags
    metadata: dict[str, Any] = {"nbgrader": mark}
    if provides:
        metadata["aulac"] = {"provides": list(provides)}
    return _cell(kind, grade_id, source, **metadata)


def source_book() -> dict[str, Any]:
    """The instructor's notebook, as JSON data."""
    test = {"grade": True, "locked": True}
    by_hand = {"grade": True, "solution": True, "points": 2}
    cells = [
        _cell("markdown", "ps98-title", "# Bài mẫu\n\nMột bài để thử."),
        _graded("code", "given", "import math\n\nZERO = 0", locked=True),
        _cell("markdown", "ps98-p1", "## Bài 1. Viết hàm `upper`."),
        _graded("code", "p1-upper", SORT, ("upper",), solution=True),
        _graded("code", "p1-small", TEST_UPPER, points=2, **test),
        _cell("code", "ps98-try", "upper(['thử xem'])"),
        _cell("markdown", "ps98-p2", "## Bài 2. Viết `ways` và `first`."),
        _graded("code", "p2-pair", PAIR, ("ways", "first"), solution=True),
        _graded("code", "p2-ways", TEST_WAYS, points=2, **test),
        _graded("code", "p2-first", TEST_FIRST, points=1, **test),
        _cell("markdown", "ps98-p3", "## Bài 3. Vì sao phải giữ dấu?"),
        _graded("markdown", "p3-why", "Mẫu.", **by_hand),
        _graded("code", "p4-plot", "print('mẫu')", **by_hand),
        _graded("markdown", "p5-task", "Vẽ.", task=True, points=3),
        _graded("markdown", "end", "Hết bài.", locked=True),
    ]
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "aulac": {"assignment": NAME, "lang": "vi"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def source_bytes() -> bytes:
    return json.dumps(source_book(), ensure_ascii=False).encode()


ASSIGNMENT = TrustedAssignment.from_notebook(source_bytes(), NAME)


def released() -> dict[str, Any]:
    """What a student fetches: stubs, no hidden tests."""
    book = source_book()
    for cell, assignment in zip(book["cells"], ASSIGNMENT.cells, strict=True):
        cell["source"] = assignment.visible
    return book


def answered(answers: dict[str, str] | None = None) -> dict[str, Any]:
    """The released notebook with `answers` (`ANSWERS`) written into it."""
    book = released()
    for cell in book["cells"]:
        written = ANSWERS if answers is None else answers
        cell["source"] = written.get(cell["id"], cell["source"])
    return book


def find(book: dict[str, Any], cell_id: str) -> dict[str, Any]:
    return next(c for c in book["cells"] if c["id"] == cell_id)


def place(book: dict[str, Any], cell_id: str) -> int:
    return book["cells"].index(find(book, cell_id))


def copied(cell: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy as JupyterLab makes it: the metadata comes along, the id does not."""
    return copy.deepcopy(cell) | {"id": "copy"} | changes


def code(source: str) -> dict[str, Any]:
    return _cell("code", "new", source)


def text(source: str) -> dict[str, Any]:
    return _cell("markdown", "new", source)


def handed_in(
    book: Any,
    files: tuple[tuple[str, bytes], ...] = (),
    notes: tuple[Note, ...] = (),
) -> Submission:
    """A submission of a notebook: bytes as they are, anything else as JSON."""
    if not isinstance(book, bytes):
        book = json.dumps(book, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
    when = "2026-11-23T08:00:00+00:00"
    receipt = Receipt("an", NAME, when, "0" * 64, notes=notes)
    return Submission(receipt, book, files)


def rebuilt(book: Any, assignment: TrustedAssignment = ASSIGNMENT) -> Rebuilt:
    return rebuild(assignment, handed_in(book))


def answers_in(result: Rebuilt) -> dict[str, str]:
    """What is marked for each answer cell, and what a person reads."""
    found = {c.id: c.source for c in result.code.cells if c.kind == "answer"}
    return found | {k: v for k, v in result.manual.items() if k != "p5-task"}


def extras_in(result: Rebuilt) -> list[str]:
    """The student's own cells, scratch left out."""
    return [
        c.source
        for c in result.code.cells
        if c.kind == "extra" and c.id != "ps98-try"
    ]


def codes(result: Rebuilt) -> list[str]:
    return [repair.code for repair in result.repairs]
