"""The problems of an assignment: what a student, a report and an export count points by.

`aulac assignment build` writes the problems' titles, in both languages, into the
notebook's metadata; cells belong to the problem that their grade_id begins with. In any
other nbgrader assignment a problem begins at a heading, and has one title.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .outcomes import pick

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell

_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"^(?:Bài|Problem|Câu|Question)\s+\d+[.:]?\s+(?=\S)")
UNTITLED = ("Bài làm", "Work")


@dataclass(frozen=True)
class Problem:
    """Cells that belong together; `number` counts from 1.

    Attributes:
        id: "p1"; in assignments from elsewhere, the same by its place.
        titles: Vietnamese, English; twice the same where there is one only.
    """

    number: int
    id: str
    titles: tuple[str, str]
    cells: tuple[TrustedCell, ...]

    @property
    def graded(self) -> tuple[TrustedCell, ...]:
        return tuple(
            cell
            for cell in self.cells
            if cell.kind in ("test", "manual", "task")
        )

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.graded)

    def title(self, lang: str) -> str:
        return pick(self.titles, lang)


def assignment_title(assignment: TrustedAssignment) -> tuple[str, str]:
    """The assignment's title in Vietnamese and English; its name if it has none."""
    title = _metadata(assignment).get("title")
    if isinstance(title, Mapping) and {"vi", "en"} <= set(title):
        return str(title["vi"]), str(title["en"])
    for cell in assignment.cells:
        found = _HEADING.search(_FENCE.sub("", _prose(cell)))
        if found:
            return found[1], found[1]
    return assignment.name, assignment.name


def problems(assignment: TrustedAssignment) -> tuple[Problem, ...]:
    """The assignment's problems in order, those without any answer or points left out."""
    declared = _metadata(assignment).get("problems")
    groups = (
        _declared(assignment, declared)
        if declared
        else _by_heading(assignment)
    )
    kept = [
        (name, titles, cells)
        for name, titles, cells in groups
        if any(c.kind in ("answer", "test", "manual", "task") for c in cells)
    ]
    return tuple(
        Problem(number, name or f"p{number}", titles, tuple(cells))
        for number, (name, titles, cells) in enumerate(kept, 1)
    )


Group = tuple[str, tuple[str, str], list["TrustedCell"]]


def _metadata(assignment: TrustedAssignment) -> Mapping[str, Any]:
    found = json.loads(assignment.notebook)["metadata"].get("aulac")
    return found if isinstance(found, Mapping) else {}


def _declared(
    assignment: TrustedAssignment, declared: list[Mapping[str, Any]]
) -> list[Group]:
    groups: list[Group] = [
        (str(entry["id"]), (entry["title"]["vi"], entry["title"]["en"]), [])
        for entry in declared
    ]
    places = {name: cells for name, _, cells in groups}
    current = groups[0][2]
    for cell in assignment.cells:
        current = places.get(cell.id.split("-", 1)[0], current)
        current.append(cell)
    return groups


def _by_heading(assignment: TrustedAssignment) -> list[Group]:
    groups: list[Group] = [("", UNTITLED, [])]
    for cell in assignment.cells:
        found = _HEADING.search(_FENCE.sub("", _prose(cell)))
        if found:
            title = _NUMBER.sub("", found[1])
            groups.append(("", (title, title), []))
        groups[-1][2].append(cell)
    return groups


def _prose(cell: TrustedCell) -> str:
    return cell.visible if cell.cell_type == "markdown" else ""
