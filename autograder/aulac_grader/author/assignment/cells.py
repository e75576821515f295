"""Cells of an assignment's source: what each one is, with nbgrader's metadata completed.

`document` reads the header and puts the whole together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aulac_grader.author.source import LANGUAGES, Pair
from aulac_grader.author.source import Cell as SourceCell

GRADE_ID = re.compile(r"^[a-zA-Z0-9_\-]+$")
NBGRADER_KEYS = {
    "schema_version",
    "grade",
    "solution",
    "locked",
    "task",
    "grade_id",
    "points",
    "cell_type",
}

DECLARATIONS = {"provides", "files", "seconds"}

Bilingual = dict[str, str]


@dataclass(frozen=True)
class Cell:
    """A code cell, or a pair of prose twins. `number` counts from 1 in the source."""

    number: int
    cell_type: str
    source: Bilingual
    nbgrader: dict[str, Any] | None = None
    provides: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seconds: float | None = None
    opens: str = ""
    tags: tuple[str, ...] = ()

    @property
    def grade_id(self) -> str:
        return self.nbgrader["grade_id"] if self.nbgrader else ""

    @property
    def points(self) -> float:
        return float(self.nbgrader.get("points", 0)) if self.nbgrader else 0.0

    @property
    def code(self) -> str:
        """A code cell's source: the same in both languages."""
        return self.source["vi"]

    @property
    def kind(self) -> str:
        meta = self.nbgrader
        if meta is None:
            return "prose" if self.cell_type == "markdown" else "scratch"
        if meta["task"]:
            return "task"
        if meta["grade"]:
            return "manual" if meta["solution"] else "test"
        if meta["solution"]:
            return "answer"
        return "given" if self.cell_type == "code" else "readonly"

    @property
    def where(self) -> str:
        return f"cell {self.number}" + (
            f" ({self.grade_id})" if self.grade_id else ""
        )


def positive(value: Any, name: str, problems: list[str]) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value <= 0
    ):
        where = name if ": " in name else f"header: {name}"
        problems.append(f"{where} must be a number above 0, not {value!r}.")
        return 0
    return value


def read_cells(
    units: list[Pair | SourceCell], problems: list[str]
) -> Iterator[Cell]:
    """The source's units with nbgrader's metadata completed."""
    for unit in units:
        if isinstance(unit, Pair):
            yield _prose_cell(unit, problems)
        else:
            yield _code_cell(unit, problems)


def _code_cell(raw: SourceCell, problems: list[str]) -> Cell:
    number = raw.number
    aulac = _declared(raw.options.get("aulac", {}), number, problems)
    unknown = set(raw.options) - {"nbgrader", "aulac", "tags"}
    if unknown:
        problems.append(f"cell {number}: unknown options {sorted(unknown)}.")
    return Cell(
        number=number,
        cell_type="code",
        source=dict.fromkeys(LANGUAGES, raw.text),
        nbgrader=_nbgrader(
            raw.options.get("nbgrader"), "code", number, problems
        ),
        tags=tuple(raw.tags),
        **aulac,
    )


def _declared(
    given: Any, number: int, problems: list[str]
) -> dict[str, Any]:  # the fields of Cell that stand under `aulac`
    """What a code cell says under `:aulac:`."""
    if not isinstance(given, dict) or set(given) - DECLARATIONS:
        problems.append(
            f"cell {number}: under :aulac: stand {', '.join(sorted(DECLARATIONS))}, "
            "as in {provides: [name], files: [predictions.npy]}."
        )
        return {}
    rows = {}
    for key in ("provides", "files"):
        row = given.get(key, [])
        if not isinstance(row, list) or not all(
            isinstance(item, str) for item in row
        ):
            problems.append(
                f"cell {number}: write :aulac: {{{key}: [name, …]}}."
            )
            row = []
        rows[key] = tuple(row)
    seconds = given.get("seconds")
    if seconds is not None:
        seconds = float(positive(seconds, f"cell {number}: seconds", problems))
    return rows | {"seconds": seconds}


def _prose_cell(pair: Pair, problems: list[str]) -> Cell:
    number = pair.vi.number
    for lang in LANGUAGES:
        if not unicodedata.is_normalized("NFC", pair[lang].text):
            problems.append(
                f"cell {pair[lang].number}: the {lang} text is not NFC."
            )
        if any(level == 1 for level, _ in pair[lang].headings):
            problems.append(
                f"cell {pair[lang].number}: a level-1 heading: the title is made from "
                "the header, start at ##."
            )
    unknown = (set(pair.vi.options) | set(pair.en.options)) - {
        "nbgrader",
        "problem",
    }
    if unknown:
        problems.append(f"cell {number}: unknown keys {sorted(unknown)}.")
    for key, value in pair.en.options.items():
        if value != pair.vi.options.get(key):
            problems.append(
                f"cell {pair.en.number}: {key} differs between the twins: write it "
                "once, on the Vietnamese one."
            )
    meta = pair.vi.options.get("nbgrader")
    return Cell(
        number=number,
        cell_type="markdown",
        source={lang: pair[lang].text for lang in LANGUAGES},
        nbgrader=_nbgrader(meta, "markdown", number, problems),
        opens=str(pair.vi.options.get("problem", "")),
    )


def _nbgrader(
    given: Any, cell_type: str, number: int, problems: list[str]
) -> dict[str, Any] | None:
    """nbgrader's metadata, version 3, with what was left out filled in."""
    if given is None:
        return None
    where = f"cell {number}"
    if not isinstance(given, dict) or not GRADE_ID.match(
        str(given.get("grade_id"))
    ):
        problems.append(
            f"{where}: nbgrader needs a grade_id of letters, digits, - and _."
        )
        return None
    where = f"cell {number} ({given['grade_id']})"
    unknown = set(given) - NBGRADER_KEYS
    if unknown:
        problems.append(f"{where}: nbgrader does not know {sorted(unknown)}.")
    meta: dict[str, Any] = {
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "task": False,
    }
    meta |= given
    meta["cell_type"] = cell_type
    meta.setdefault("locked", not meta["solution"])
    if meta["schema_version"] != 3:
        problems.append(f"{where}: schema_version must be 3.")
    points = meta.get("points")
    if meta["grade"] or meta["task"]:
        if (
            not isinstance(points, int | float)
            or isinstance(points, bool)
            or points <= 0
        ):
            problems.append(f"{where}: a graded cell needs points above 0.")
            meta["points"] = 0
    elif points is not None:
        problems.append(
            f"{where}: points on a cell that is not graded: remove them."
        )
    problems += [
        f"{where}: {fault}" for fault in _kind_faults(meta, cell_type)
    ]
    return meta


def _kind_faults(meta: dict[str, Any], cell_type: str) -> Iterator[str]:
    grade, solution, task = meta["grade"], meta["solution"], meta["task"]
    if task and (grade or solution or cell_type != "markdown"):
        yield "a task is a markdown cell with task and points only."
    if not task and cell_type == "markdown" and grade != solution:
        yield "markdown is graded by hand: set both grade and solution."
    if grade and not solution and not meta["locked"]:
        yield "a test cell must be locked."
