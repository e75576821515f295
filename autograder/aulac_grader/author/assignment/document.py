"""An assignment's source: one bilingual MyST file, read into cells and checked.

`assignments/source/psNN_name/assignment.md` holds prose as twin cells (`lang: vi`
followed by `lang: en`) and code cells that are the same in both languages. Cells
carry nbgrader's metadata (schema version 3); what nbgrader leaves at its default may
be left out. Beside it, under `aulac`, an answer cell declares what a test may touch:
names (`provides`) and files it writes (`files`); a test cell may set the CPU time that
it and the answer get (`seconds`).

What a cell is follows from its nbgrader metadata:

    answer   solution                    code the student writes
    test     grade, points (code)        checks values that calls of the answer return
    manual   grade, solution, points     graded by a person
    task     task, points (markdown)     graded by a person, answer in cells below
    given    locked (code)               the same for everyone; a test may use its names
    readonly locked (markdown)           may hold a mark scheme
    prose, scratch                       no nbgrader metadata
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from aulac_grader.author.source import LANGUAGES, SourceError, read, shorter

from .cells import Bilingual, Cell, positive, read_cells
from .rules import structure

FILE_NAME = "assignment.md"
FOLDER = re.compile(r"^(ps\d\d)_[a-z0-9_]+$")


class AssignmentError(ValueError):
    """Everything that is wrong with an assignment, one sentence a line."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Problem:
    """One numbered problem, as the header describes it."""

    id: str
    title: Bilingual
    points: float
    minutes: int
    deliverable: Bilingual
    without_gpu: Bilingual


@dataclass(frozen=True)
class Change:
    """A line of the assignment's own change log."""

    date: str
    text: Bilingual


@dataclass(frozen=True)
class Assignment:
    """A parsed assignment: its header, its cells, the folder it lives in."""

    name: str
    folder: Path
    title: Bilingual
    summary: Bilingual
    points: float
    minutes: int
    prerequisites: tuple[str, ...]
    machine: Bilingual
    problems: tuple[Problem, ...]
    changes: tuple[Change, ...]
    cells: tuple[Cell, ...] = field(repr=False)

    @property
    def short(self) -> str:
        return self.name.split("_", 1)[0]

    def of_kind(self, *kinds: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind in kinds]

    @cached_property
    def tests(self) -> dict[str, Cell]:
        return {cell.grade_id: cell for cell in self.of_kind("test")}

    @cached_property
    def answers(self) -> dict[str, Cell]:
        return {cell.grade_id: cell for cell in self.of_kind("answer")}

    @property
    def automatic_points(self) -> float:
        return sum(cell.points for cell in self.of_kind("test"))


def source_root(start: Path | None = None) -> Path:
    """The folder `assignments/source` of the checkout around `start` or this file.

    Raises:
        AssignmentError: no such folder above `start`.
    """
    start = (start or Path.cwd()).resolve()
    for place in (start, *start.parents, *Path(__file__).resolve().parents):
        if (place / "assignments" / "source").is_dir():
            return place / "assignments" / "source"
    raise AssignmentError(
        [
            f"No folder assignments/source at or above {start}: "
            "run the command inside a checkout of the course."
        ]
    )


def find(
    names: list[str] | None = None, root: Path | None = None
) -> list[Path]:
    """Folders of the assignments called `names` (`ps01` or the full name), or of all.

    Raises:
        AssignmentError: a name that no folder has, or no assignment at all.
    """
    root = root or source_root()
    if not root.is_dir():
        raise AssignmentError(
            [f"{root} is not a folder: name the one that holds psNN_name/."]
        )
    folders = sorted(p for p in root.iterdir() if (p / FILE_NAME).is_file())
    if not folders:
        raise AssignmentError(
            [f"No assignment in {root}: add psNN_name/{FILE_NAME}."]
        )
    if not names:
        return folders
    chosen, problems = [], []
    for name in names:
        found = [
            p for p in folders if name in (p.name, p.name.split("_", 1)[0])
        ]
        chosen += found
        if not found:
            known = ", ".join(p.name for p in folders)
            problems.append(
                f"There is no assignment {name!r} in {root}: {known}."
            )
    if problems:
        raise AssignmentError(problems)
    return sorted(set(chosen))


def parse(folder: Path) -> Assignment:
    """Read and check the structure of the assignment in `folder`.

    Raises:
        AssignmentError: every structural fault found, each naming file and cell.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise AssignmentError(
            [f"{path} does not exist: an assignment starts there."]
        )
    try:
        source = read(path)
    except SourceError as error:
        raise AssignmentError(
            [str(problem) for problem in error.problems]
        ) from None
    problems = [str(problem) for problem in source.problems]
    if problems:
        raise AssignmentError(problems)
    header = _header(source.front.get("aulac"), folder.name, problems)
    cells = tuple(read_cells(source.units, problems))
    if not problems:
        problems += structure(header, cells)
    if problems:
        label = shorter(path)
        raise AssignmentError([f"{label}: {problem}" for problem in problems])
    return Assignment(name=folder.name, folder=folder, cells=cells, **header)


# -- header ----------------------------------------------------------------------------


def _twin(value: Any, name: str, problems: list[str]) -> Bilingual:
    """`value` as {"vi": …, "en": …}, both filled and NFC; faults go to `problems`."""
    if not isinstance(value, dict) or set(value) != set(LANGUAGES):
        problems.append(f"header: {name} must be {{vi: …, en: …}}.")
        return dict.fromkeys(LANGUAGES, "")
    for lang in LANGUAGES:
        text = str(value[lang]).strip()
        if not text:
            problems.append(f"header: {name}.{lang} is empty: write it.")
        elif not unicodedata.is_normalized("NFC", text):
            problems.append(f"header: {name}.{lang} is not NFC: normalise it.")
    return {lang: str(value[lang]).strip() for lang in LANGUAGES}


def _header(
    data: Any, folder_name: str, problems: list[str]
) -> dict[str, Any]:  # the fields of Assignment that stand in the header
    if not isinstance(data, dict):
        problems.append(
            "header: the front matter has no `aulac:` block: add it."
        )
        return {}
    match = FOLDER.match(folder_name)
    if match is None:
        problems.append(
            "header: the folder must be called psNN_lower_case_name."
        )
    elif data.get("assignment") != match[1]:
        problems.append(
            f"header: assignment must be {match[1]}, like the folder."
        )
    known = {"assignment", "title", "summary", "points", "minutes"}
    known |= {"prerequisites", "machine", "problems", "changes"}
    for key in sorted(set(data) - known):
        problems.append(
            f"header: unknown key {key!r}; known: {sorted(known)}."
        )
    return {
        "title": _twin(data.get("title"), "title", problems),
        "summary": _twin(data.get("summary"), "summary", problems),
        "points": positive(data.get("points"), "points", problems),
        "minutes": int(positive(data.get("minutes"), "minutes", problems)),
        "prerequisites": tuple(
            str(p) for p in data.get("prerequisites") or ()
        ),
        "machine": _twin(data.get("machine"), "machine", problems),
        "problems": tuple(_header_problems(data.get("problems"), problems)),
        "changes": tuple(_header_changes(data.get("changes"), problems)),
    }


def _header_problems(data: Any, problems: list[str]) -> Iterator[Problem]:
    if not isinstance(data, dict) or not data:
        problems.append(
            "header: problems must map each problem's id to its facts."
        )
        return
    for name, facts in data.items():
        label = f"problems.{name}"
        if not isinstance(facts, dict):
            problems.append(
                f"header: {label} must hold title, points, minutes, …."
            )
            continue
        yield Problem(
            id=str(name),
            title=_twin(facts.get("title"), f"{label}.title", problems),
            points=positive(facts.get("points"), f"{label}.points", problems),
            minutes=int(
                positive(facts.get("minutes"), f"{label}.minutes", problems)
            ),
            deliverable=_twin(
                facts.get("deliverable"), f"{label}.deliverable", problems
            ),
            without_gpu=_twin(
                facts.get("without_gpu"), f"{label}.without_gpu", problems
            ),
        )


def _header_changes(data: Any, problems: list[str]) -> Iterator[Change]:
    if not isinstance(data, list) or not data:
        problems.append(
            "header: changes must list at least the first edition."
        )
        return
    for number, entry in enumerate(data, 1):
        if not isinstance(entry, dict) or "date" not in entry:
            problems.append(
                f"header: changes[{number}] must hold date, vi and en."
            )
            continue
        text = {lang: entry.get(lang, "") for lang in LANGUAGES}
        yield Change(
            str(entry["date"]), _twin(text, f"changes[{number}]", problems)
        )
