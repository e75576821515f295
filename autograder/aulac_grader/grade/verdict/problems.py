"""The problems of a paper: what a student, a report and an export count points by.

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
    from aulac_grader.judge.paper import Paper, PaperCell

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
    cells: tuple[PaperCell, ...]

    @property
    def graded(self) -> tuple[PaperCell, ...]:
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


def paper_title(paper: Paper) -> tuple[str, str]:
    """The assignment's title in Vietnamese and English; its name if it has none."""
    title = _metadata(paper).get("title")
    if isinstance(title, Mapping) and {"vi", "en"} <= set(title):
        return str(title["vi"]), str(title["en"])
    for cell in paper.cells:
        found = _HEADING.search(_FENCE.sub("", _prose(cell)))
        if found:
            return found[1], found[1]
    return paper.name, paper.name


def problems(paper: Paper) -> tuple[Problem, ...]:
    """The paper's problems in order, those without any answer or points left out."""
    declared = _metadata(paper).get("problems")
    groups = _declared(paper, declared) if declared else _by_heading(paper)
    kept = [
        (name, titles, cells)
        for name, titles, cells in groups
        if any(c.kind in ("answer", "test", "manual", "task") for c in cells)
    ]
    return tuple(
        Problem(number, name or f"p{number}", titles, tuple(cells))
        for number, (name, titles, cells) in enumerate(kept, 1)
    )


Group = tuple[str, tuple[str, str], list["PaperCell"]]


def _metadata(paper: Paper) -> Mapping[str, Any]:
    found = json.loads(paper.notebook)["metadata"].get("aulac")
    return found if isinstance(found, Mapping) else {}


def _declared(paper: Paper, declared: list[Mapping[str, Any]]) -> list[Group]:
    groups: list[Group] = [
        (str(entry["id"]), (entry["title"]["vi"], entry["title"]["en"]), [])
        for entry in declared
    ]
    places = {name: cells for name, _, cells in groups}
    current = groups[0][2]
    for cell in paper.cells:
        current = places.get(cell.id.split("-", 1)[0], current)
        current.append(cell)
    return groups


def _by_heading(paper: Paper) -> list[Group]:
    groups: list[Group] = [("", UNTITLED, [])]
    for cell in paper.cells:
        found = _HEADING.search(_FENCE.sub("", _prose(cell)))
        if found:
            title = _NUMBER.sub("", found[1])
            groups.append(("", (title, title), []))
        groups[-1][2].append(cell)
    return groups


def _prose(cell: PaperCell) -> str:
    return cell.visible if cell.cell_type == "markdown" else ""
