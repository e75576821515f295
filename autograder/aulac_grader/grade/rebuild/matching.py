"""Which of a student's cells is which cell of the assignment.

Asked in this order, and whoever is found is out of the search:

1. nbgrader's `grade_id`, then the notebook's own cell id;
2. the very text that was released (what is left when ids are lost);
3. for answers not written where they were asked: a cell that defines every name that
   the answer provides;
4. the place between surviving neighbours, where exactly one cell fits;
5. likeness of at least `likeness.ALIKE`.

Whichever cell is taken, it is the student's own code and runs in the student's own
process: a wrong guess here can cost marks, never gain any.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aulac_grader.grade.intake.reading import StudentCell

from .likeness import (
    ALIKE,
    COPY,
    SAME_PLACE,
    core,
    defined,
    likeness,
    plain,
    unfenced,
)

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell

WRITTEN = ("answer", "manual")  # kinds whose source is the student's
_COMPARED = 400  # left-over cells that are compared with each missing one
_COPIES = (
    20  # cells with one id among which the answer is looked for, the last ones
)
_INDENTED = re.compile(r"(?:[ \t]*\n)*[ \t]+\S")
_TEXT_STUBS = {
    "*Viết câu trả lời của bạn ở đây.*",
    "*Write your answer here.*",
    "YOUR ANSWER HERE",
}


@dataclass
class Match:
    """An assignment's cell and the student's cells that stand for it.

    Attributes:
        cell: the one whose place in the notebook counts, None where it is missing.
        parts: those whose sources make the answer, in order (mostly just `cell`).
        claims: every cell that carries its id, in the student's order.
        how: "id", "text", "name", "place", "likeness", "split" or "below" (it goes on
            in the cells after it), or "" for missing.
    """

    trusted: TrustedCell
    cell: StudentCell | None = None
    parts: tuple[StudentCell, ...] = ()
    claims: tuple[StudentCell, ...] = ()
    how: str = ""

    def take(self, cells: Iterable[StudentCell], how: str) -> None:
        self.parts = tuple(cells)
        self.cell = self.parts[-1]
        self.how = how


@dataclass
class Matching:
    """Matches in the assignment's order, and the cells that are nobody's."""

    matches: list[Match]
    left: list[StudentCell] = field(default_factory=list)

    def owner(self) -> dict[int, Match]:
        """The match that each of the student's cells stands for, by its index."""
        found = {}
        for match in self.matches:
            for cell in (*match.claims, *match.parts):
                found[cell.index] = match
        return found


def code_of(cell: StudentCell) -> str:
    return cell.source if cell.type == "code" else unfenced(cell.source)


def touched(trusted: TrustedCell, cell: StudentCell) -> bool:
    """Whether a student's cell says anything that was not released."""
    code = trusted.cell_type == "code"
    text = core(cell.source, code)
    if not text or text == core(trusted.visible, code):
        return False
    return code or text not in _TEXT_STUBS


def complete(trusted: TrustedCell, source: str) -> bool:
    """Whether the source defines every name that the assignment's cell provides."""
    names = trusted.provides
    return bool(names) and len(defined(source, names)) == len(names)


def match_cells(
    assignment: TrustedAssignment, cells: tuple[StudentCell, ...]
) -> Matching:
    """Find every cell of the assignment among the student's."""
    found = Matching([Match(cell) for cell in assignment.cells])
    _by_id(assignment, found, cells)
    _by_text(found)
    for match in found.matches:
        if match.trusted.kind in WRITTEN and match.claims:
            _among_claims(match)
    _by_name(found)
    _by_place(found)
    _by_likeness(found)
    _continued(found)
    return found


# -- ids, and what was released ------------------------------------------------------


def _by_id(
    assignment: TrustedAssignment,
    found: Matching,
    cells: tuple[StudentCell, ...],
) -> None:
    by_id = {match.trusted.id: match for match in found.matches}
    by_cell_id = {
        cell_id: by_id[own]
        for cell_id, own in _cell_ids(assignment).items()
        if own in by_id
    }
    originals = {
        match.trusted.id
        for cell in cells
        if (match := by_cell_id.get(cell.cell_id))
    }
    claims: dict[str, list[StudentCell]] = defaultdict(list)
    for cell in cells:
        match = by_id.get(cell.grade_id)
        # A copy gets a new cell id, so a cell that kept its own is no copy.
        if match is None or match.trusted.id in originals:
            match = by_cell_id.get(cell.cell_id, match)
        if match:
            claims[match.trusted.id].append(cell)
        else:
            found.left.append(cell)
    for name, own in claims.items():
        match = by_id[name]
        match.claims = tuple(own)
        same = [
            c for c in own if plain(c.source) == plain(match.trusted.visible)
        ]
        match.take([(same or own)[0]], "id")


def _cell_ids(assignment: TrustedAssignment) -> dict[str, str]:
    """The assignment's own names of cells, by the notebook's cell ids."""
    raw = json.loads(assignment.notebook)["cells"]
    return {
        str(cell["id"]): own.id
        for cell, own in zip(raw, assignment.cells, strict=True)
        if cell.get("id")
    }


def _by_text(found: Matching) -> None:
    """Missing cells whose released text stands somewhere, in order."""
    places: dict[str, deque[StudentCell]] = defaultdict(deque)
    for cell in found.left:
        places[plain(cell.source)].append(cell)
    taken = set()
    for match in found.matches:
        if match.cell is not None:
            continue
        for text in _given_texts(match.trusted):
            if places[text]:
                cell = places[text].popleft()
                match.take([cell], "text")
                taken.add(cell.index)
                break
    _leave(found, taken)


def _given_texts(trusted: TrustedCell) -> list[str]:
    """What the cell says as released, and as an instructor's own copy has it."""
    texts = [plain(trusted.visible)]
    if trusted.kind not in WRITTEN and trusted.source != trusted.visible:
        texts.append(plain(trusted.source))
    return [text for text in texts if text]


def _leave(found: Matching, taken: set[int]) -> None:
    found.left = [c for c in found.left if c.index not in taken]


# -- several cells with one id -------------------------------------------------------


def _among_claims(match: Match) -> None:
    """Of several cells with an answer's id, the one that counts, or their sum."""
    trusted = match.trusted
    edited = [c for c in match.claims if touched(trusted, c)][-_COPIES:]
    if not edited:
        return
    if trusted.kind == "manual":
        match.take(_different(edited), "id")
        return
    whole = [c for c in edited if complete(trusted, code_of(c))]
    if not whole and len(edited) > 1 and complete(trusted, _joined(edited)):
        match.take(edited, "id")
        return
    match.take([(whole or edited)[-1]], "id")


def _joined(cells: Iterable[StudentCell]) -> str:
    return "\n\n".join(code_of(cell) for cell in cells)


def _different(cells: list[StudentCell]) -> list[StudentCell]:
    """Without those whose text stands in another, or again later."""
    kept = []
    for number, cell in enumerate(cells):
        text = plain(cell.source)
        others = cells[number + 1 :] + [
            c for c in cells[:number] if plain(c.source) != text
        ]
        if not any(text in plain(other.source) for other in others):
            kept.append(cell)
    return kept


# -- answers that stand elsewhere ----------------------------------------------------


def _by_name(found: Matching) -> None:
    """Answers that are written in another cell than where they were asked."""
    for position, match in enumerate(found.matches):
        trusted = match.trusted
        if trusted.kind != "answer" or not trusted.provides:
            continue
        if complete(trusted, _joined(match.parts)) and any(
            touched(trusted, cell) for cell in match.parts
        ):
            continue
        cells = [
            cell
            for cell in _elsewhere(found, match)
            if complete(trusted, code_of(cell))
        ]
        if not cells:
            continue
        cell = cells[-1]
        if match.cell and _in_force(found, position, cell):
            continue
        match.take([cell], "name")
        _leave(found, {cell.index})


def _elsewhere(found: Matching, match: Match) -> list[StudentCell]:
    """Cells in which a student may have written an answer to another cell."""
    others = [
        other.cell
        for other in found.matches
        if other is not match
        and other.cell is not None
        and other.trusted.kind not in WRITTEN
        and plain(other.cell.source) != plain(other.trusted.visible)
    ]
    return sorted((*found.left, *others), key=lambda cell: cell.index)


def _in_force(found: Matching, position: int, cell: StudentCell) -> bool:
    """Whether a left-over cell does its work where it stands.

    It does after the answer's untouched cell and before the next test.
    """
    stub = found.matches[position].cell
    if stub is None or cell not in found.left or cell.type != "code":
        return False
    tests = [
        match.cell.index
        for match in found.matches[position:]
        if match.trusted.kind == "test" and match.cell
    ]
    return stub.index < cell.index and not any(t < cell.index for t in tests)


def _by_place(found: Matching) -> None:
    """Missing answers for which there are cells between their neighbours.

    As many cells of the type as answers that lack one are those answers, in order; a
    single text takes all the text between.
    """
    for position, match in enumerate(found.matches):
        if match.cell is not None or match.trusted.kind not in WRITTEN:
            continue
        low, high, missing = _gap(found, position)
        wanted = match.trusted.cell_type
        between = [
            c
            for c in found.left
            if low < c.index < high and c.type == wanted and c.source.strip()
        ]
        if len(missing) == len(between):
            for lacking, cell in zip(missing, between, strict=True):
                lacking.take([cell], "place")
        elif len(missing) == 1 and wanted != "code" and between:
            match.take(between, "place")
        else:
            continue
        _leave(found, {cell.index for cell in between})


def _gap(found: Matching, position: int) -> tuple[int, float, list[Match]]:
    """Indices of the nearest cells found before and after, and who lacks one there.

    Only answers of the same type as the one at `position` are listed: a deleted
    instruction has no cell anywhere.
    """
    start, end = position, position + 1
    while start and found.matches[start - 1].cell is None:
        start -= 1
    while end < len(found.matches) and found.matches[end].cell is None:
        end += 1
    before = found.matches[start - 1].cell if start else None
    after = found.matches[end].cell if end < len(found.matches) else None
    wanted = found.matches[position].trusted.cell_type
    missing = [
        match
        for match in found.matches[start:end]
        if match.trusted.kind in WRITTEN and match.trusted.cell_type == wanted
    ]
    low = before.index if before else -1
    return low, after.index if after else float("inf"), missing


def _by_likeness(found: Matching) -> None:
    """Missing cells that a left-over one resembles, best pairs first."""
    missing = [m for m in found.matches if m.cell is None]
    pairs = []
    for order, match in enumerate(missing):
        floor = ALIKE if match.trusted.kind in WRITTEN else COPY
        for cell in found.left[:_COMPARED]:
            alike = likeness(cell.source, match.trusted.visible)
            if alike >= floor:
                pairs.append((-alike, order, cell.index, match, cell))
    pairs.sort(key=lambda pair: pair[:3])
    taken: set[int] = set()
    for _, _, index, match, cell in pairs:
        if match.cell is None and index not in taken:
            match.take([cell], "likeness")
            taken.add(index)
    _leave(found, taken)


# -- answers that go on in the next cell ---------------------------------------------


def _continued(found: Matching) -> None:
    """Add to an answer the left-over cells right after it that belong to it.

    To code, those that begin with an indented line: a cell was split inside a
    function. To text that was left as released, the text cells below it.
    """
    left = {cell.index: cell for cell in found.left}
    for match in found.matches:
        if match.cell is None or match.trusted.kind not in WRITTEN:
            continue
        code = match.trusted.cell_type == "code"
        if not code and any(touched(match.trusted, c) for c in match.parts):
            continue
        more, index = [], match.cell.index + 1
        while index in left and left[index].type == match.trusted.cell_type:
            if code and not _INDENTED.match(left[index].source):
                break
            more.append(left.pop(index))
            index += 1
        if more:
            match.parts = (*match.parts, *more) if code else tuple(more)
            match.how = "split" if code else "below"
            _leave(found, {cell.index for cell in more})


def overwritten(match: Match, cell: StudentCell) -> bool:
    """Whether a cell with a given or test cell's id holds something else now."""
    return likeness(cell.source, match.trusted.visible) < SAME_PLACE
