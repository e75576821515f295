"""Which of a student's files is the notebook to mark.

Files named like a notebook are candidates, `ps01 (1).ipynb`, `ps01.ipynb.txt` and
other names too. The one to mark is the best by these, in order:

1. it holds cells of this assignment (by their ids, or by what they are called);
2. answers were written in it (a fresh copy beside the finished one does not count);
3. it was changed last, as far as the source says;
4. its name is the assignment's own, then the one with the highest copy number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .reading import read_cells

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment

LOOKED_AT = 8  # candidates of one student
_NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json|\.html)?$|\.json$", re.I)
_COPY = re.compile(r"(?:\((\d+)\)|[ _-](\d+)|copy ?(\d*))\.ipynb", re.I)


@dataclass(frozen=True)
class Candidate:
    """A file that may be the notebook."""

    name: str
    data: bytes
    time: str = ""


def may_be_notebook(name: str) -> bool:
    return bool(_NOTEBOOK.search(name))


def choose(
    assignment: TrustedAssignment, candidates: Sequence[Candidate]
) -> tuple[Candidate | None, bool]:
    """The notebook to mark, and whether there were others that could have been."""
    ranked = sorted(
        ((_rank(assignment, one), one) for one in candidates),
        key=lambda pair: pair[0],
        reverse=True,
    )
    real = [one for rank, one in ranked if rank[0]]
    if not real:  # none can be read: the one that is named like a notebook
        real = [c for _, c in ranked if re.search(r"\.ipynb", c.name, re.I)]
    return (real[0] if real else None), len(real) > 1


def _rank(
    assignment: TrustedAssignment, one: Candidate
) -> tuple[bool, bool, bool, str, bool, int, str]:
    found = read_cells(one.data)
    released = {cell.id: _plain(cell.visible) for cell in assignment.cells}
    asked = {c.id for c in assignment.cells if c.kind in {"answer", "manual"}}
    ids = {
        key: cell.source
        for cell in found.cells
        for key in (cell.cell_id, cell.grade_id)
        if key
    }
    known = ids.keys() & released.keys()
    texts = {_plain(cell.source) for cell in found.cells}
    alike = len(texts & set(released.values()) - {""})
    ours = bool(known) or found.assignment == assignment.name or alike > 1
    written = any(_plain(ids[i]) != released[i] for i in known & asked)
    leaf = one.name.rsplit("/", 1)[-1]
    copy = _COPY.search(leaf)
    number = int("".join(filter(None, copy.groups())) or 1) if copy else 0
    exact = leaf.lower() == f"{assignment.name}.ipynb".lower()
    return (
        bool(found.cells),
        ours,
        written or (ours and not known),
        one.time,
        exact,
        number,
        one.name,
    )


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
