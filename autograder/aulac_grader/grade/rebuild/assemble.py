"""See the package: from a paper and a submission to what is marked and shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aulac_grader.judge.sheet import Sheet, SheetCell

from ..intake.notes import Repair
from .reading import read_cells

if TYPE_CHECKING:
    from aulac_grader.judge.paper import Paper

    from ..intake.submission import Submission


@dataclass(frozen=True)
class Rebuilt:
    """What is marked, and what people look at.

    Attributes:
        sheet: what the student's process gets: given cells, answers, extra cells in
            their places, and markers where the tests stand.
        manual: what the student wrote, by id, for cells that a person grades.
        repairs: what had to be put right.
        notebook: an `nbformat.NotebookNode` (4.5) with every cell of the paper,
            trusted sources (hidden tests too: it is not for students) and metadata,
            the answers in their places, extra cells where they stood, no outputs.
        sha256: of the sheet and of `manual`: what the verdict depends on.
        untouched: ids of answer and manual cells left as they were released.
    """

    sheet: Sheet
    manual: Mapping[str, str]
    repairs: tuple[Repair, ...]
    notebook: Any
    sha256: str
    untouched: tuple[str, ...] = ()


def rebuild(paper: Paper, submission: Submission) -> Rebuilt:
    """Put the student's answers into the trusted notebook. Deterministic."""
    read = read_cells(submission.notebook or b"")
    found = {cell.grade_id: cell for cell in read.cells if cell.grade_id}
    cells, manual = [], {}
    for cell in paper.cells:
        source = found[cell.id].source if cell.id in found else ""
        if cell.kind == "given":
            cells.append(SheetCell(cell.id, "given", cell.source))
        elif cell.kind == "answer":
            cells.append(SheetCell(cell.id, "answer", source))
        elif cell.kind == "test":
            cells.append(SheetCell(cell.id, "test"))
        elif cell.kind in {"manual", "task"}:
            manual[cell.id] = source
    sheet = Sheet(tuple(cells), submission.files)
    digest = hashlib.sha256(repr(sheet).encode()).hexdigest()
    return Rebuilt(sheet, manual, read.repairs, None, digest)
