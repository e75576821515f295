"""The code: cell length, width, what is forbidden, names that nobody defined."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.source import Cell, Problem

if TYPE_CHECKING:
    from aulac_grader.author.lint.findings import Findings

MEDIAN, NINETIETH, CAP = 6, 20, 40
COLUMNS = 79
FORBIDDEN = (
    (r"\bfilterwarnings\b", "hides warnings; mend what warns"),
    (r"\bsys\.path\b", "changes the import path; the course is installed"),
    (
        r"^\s*[!%]\s*(pip|conda|uv)\b",
        "installs packages; requirements.txt does that",
    ),
    (r"^\s*!\s*apt", "installs packages; requirements.txt does that"),
    (
        r"\bplt\.show\(",
        "shows a picture without alt text; use show(fig, alt={…})",
    ),
    (r"^\s*except\s*:", "swallows every error, Ctrl-C too; name the error"),
)
RULES = "E9,F63,F7,F82,W605"


def check(
    lesson_folder: LessonFolder, lesson: Lesson, findings: Findings
) -> None:
    """Add what is wrong with the code."""
    texts = [(cell, lesson_folder.code(cell)) for cell in lesson.source.code]
    findings.problems.extend(_length(lesson, texts, findings))
    for cell, text in texts:
        # What the library's docstrings do is not this author's to mend.
        wide = findings.notes if cell.library else findings.problems
        wide.extend(_width(lesson, cell, text))
        findings.problems.extend(_forbidden(lesson, cell, text))
        findings.notes.extend(_echo(lesson, cell, text))
    findings.problems.extend(_setup(lesson, texts))
    findings.problems.extend(_names(lesson, texts))


def _lines(cell: Cell, text: str) -> int:
    # The comment that says where library code lives is ours, not the author's.
    return len(text.splitlines()) - len(cell.library)


def _length(
    lesson: Lesson, texts: list[tuple[Cell, str]], findings: Findings
) -> Iterator[Problem]:
    counts = [_lines(cell, text) for cell, text in texts]
    if not counts:
        return
    middle = median(counts)
    high = (
        quantiles(counts, n=10, method="inclusive")[-1]
        if len(counts) > 1
        else middle
    )
    findings.cell_lines = (middle, high, max(counts))
    for (cell, text), count in zip(texts, counts, strict=True):
        if count > CAP:
            remedy = (
                "name a smaller object or set `:docstring: false`"
                if cell.library
                else "cut it in two with prose between"
            )
            yield lesson.source.problem(
                f"this code cell has {count} lines, {CAP} is the cap; {remedy}.",
                cell,
            )
        if not text.strip():
            yield lesson.source.problem(
                "this code cell is empty; delete it.", cell
            )
    if middle > MEDIAN:
        yield lesson.source.problem(
            f"half of the code cells have more than {middle:g} lines, {MEDIAN} is the "
            "limit; cut the longer ones."
        )
    if high > NINETIETH:
        yield lesson.source.problem(
            f"a tenth of the code cells have more than {high:g} lines, {NINETIETH} is "
            "the limit; cut the longest."
        )


def _width(lesson: Lesson, cell: Cell, text: str) -> Iterator[Problem]:
    wide = {
        number: len(line)
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > COLUMNS
        and not (cell.library and line.startswith("# aulac"))
    }
    if wide:
        lines = ", ".join(map(str, wide))
        where = " in the library" if cell.library else ""
        yield lesson.source.problem(
            f"line {lines} of this cell has up to {max(wide.values())} "
            f"columns, {COLUMNS} is the limit; break it{where}.",
            cell,
        )


def _forbidden(lesson: Lesson, cell: Cell, text: str) -> Iterator[Problem]:
    for pattern, why in FORBIDDEN:
        if match := re.search(pattern, text, re.MULTILINE):
            yield lesson.source.problem(f"`{match[0].strip()}` {why}.", cell)


def _echo(lesson: Lesson, cell: Cell, text: str) -> Iterator[Problem]:
    """record() returns its value, which a notebook then shows a second time."""
    lines = text.splitlines()
    if lines and lines[-1].startswith("record(") and lines[-1].endswith(")"):
        yield lesson.source.problem(
            "the cell ends with record(…), whose value shows twice; end it with `;`.",
            cell,
        )


def _setup(lesson: Lesson, texts: list[tuple[Cell, str]]) -> Iterator[Problem]:
    """`scale` is a parameter, and setup() is called with the lesson's own number."""
    calls = [
        (cell, match[1])
        for cell, text in texts
        for match in re.finditer(r"""\bsetup\(\s*["']([^"']*)["']""", text)
    ]
    if not calls:
        yield lesson.source.problem(
            f'no cell calls setup(); begin with `here = setup("{lesson.number}", scale)`.'
        )
    for cell, number in calls:
        if number != lesson.number:
            yield lesson.source.problem(
                f'setup("{number}") names another lesson; write "{lesson.number}".',
                cell,
            )
    for cell, text in texts:
        if "parameters" in cell.tags and not re.search(
            r"^scale\s*=", text, re.M
        ):
            yield lesson.source.problem(
                "the `parameters` cell does not set `scale`; write `scale = None`.",
                cell,
            )


def _names(lesson: Lesson, texts: list[tuple[Cell, str]]) -> Iterator[Problem]:
    """Syntax, and names no cell defines (ruff reads all cells as one program)."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{index}",
            "metadata": {},
            "outputs": [],
            "source": text.splitlines(keepends=True),
        }
        for index, (_, text) in enumerate(texts)
    ]
    notebook = {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff) if ruff.exists() else "ruff", "check", "--isolated"]
    command += [
        "--select",
        RULES,
        "--output-format",
        "json",
        "--target-version=py311",
    ]
    command += ["--no-cache", "--stdin-filename", "lesson.ipynb", "-"]
    try:
        run = subprocess.run(
            command, input=json.dumps(notebook), capture_output=True, text=True
        )
    except FileNotFoundError:
        yield lesson.source.problem(
            "ruff is not installed, so names were not checked; install requirements.txt."
        )
        return
    for found in json.loads(run.stdout or "[]"):
        cell, _ = texts[(found.get("cell") or 1) - 1]
        line = found["location"]["row"]
        remedy = (
            "import or define it in a cell before this one"
            if found["code"] == "F821"
            else "correct it"
        )
        message = found["message"].rstrip(".").replace("\n", " ")
        yield lesson.source.problem(
            f"line {line} of this cell: {message}; {remedy}.", cell
        )
