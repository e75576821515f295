"""What must hold between an assignment's header and its cells.

Points add up, every graded cell belongs to a problem, markers stand where nbgrader
expects them, answer cells show typed and documented stubs for the names they provide.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aulac_grader.author.source import LANGUAGES
from aulac_grader.judge.judge.artefacts import name_fault

if TYPE_CHECKING:
    from .cells import Cell

MARKERS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")


def structure(
    header: dict[str, Any], cells: tuple[Cell, ...]
) -> Iterator[str]:
    yield from _points_and_problems(header, cells)
    for cell in cells:
        yield from (f"{cell.where}: {fault}" for fault in _marker_faults(cell))
        if cell.cell_type == "code":
            long = [
                n
                for n, x in enumerate(cell.code.split("\n"), 1)
                if len(x) > 79
            ]
            yield from (
                f"{cell.where}: line {n} is over 79 columns." for n in long
            )
        if cell.kind == "answer":
            yield from (
                f"{cell.where}: {fault}" for fault in _answer_faults(cell)
            )
        elif cell.provides or cell.files:
            yield f"{cell.where}: only an answer cell provides names or files."
        if cell.seconds and cell.kind != "test":
            yield f"{cell.where}: only a test cell sets seconds."
        yield from (
            f"{cell.where}: {fault}"
            for fault in map(name_fault, cell.files)
            if fault
        )


def _points_and_problems(
    header: dict[str, Any], cells: tuple[Cell, ...]
) -> Iterator[str]:
    ids = [cell.grade_id for cell in cells if cell.nbgrader]
    for name in sorted({i for i in ids if ids.count(i) > 1}):
        yield f"grade_id {name} is used {ids.count(name)} times: make each unique."
    known = [problem.id for problem in header["problems"]]
    sums = dict.fromkeys(known, 0.0)
    for cell in cells:
        if cell.nbgrader is None:
            continue
        owner = cell.grade_id.split("-", 1)[0]
        if owner in sums:
            sums[owner] += cell.points
        elif cell.points or cell.kind == "answer":
            yield (
                f"{cell.where}: grade_id must begin with a problem's id and a dash: "
                f"one of {', '.join(known)}."
            )
    for problem in header["problems"]:
        if sums[problem.id] != problem.points:
            yield (
                f"problem {problem.id} states {problem.points:g} points, its cells "
                f"add up to {sums[problem.id]:g}."
            )
    total = sum(cell.points for cell in cells)
    if total != header["points"]:
        yield f"the header states {header['points']:g} points, cells sum to {total:g}."
    opened = [cell.opens for cell in cells if cell.opens]
    if opened != known:
        yield (
            f'problems open in the order {opened} (+++ {{"problem": id}}), the '
            f"header lists {known}."
        )


def _marker_faults(cell: Cell) -> Iterator[str]:
    allowed = {
        "SOLUTION": ("answer", "manual"),
        "HIDDEN TESTS": ("test",),
        "MARK SCHEME": ("task", "readonly"),
    }
    for lang in LANGUAGES:
        for name in MARKERS:
            begins = cell.source[lang].count(f"### BEGIN {name}")
            ends = cell.source[lang].count(f"### END {name}")
            if begins != ends:
                yield f"{begins} × BEGIN {name} but {ends} × END {name} ({lang})."
            if begins and cell.kind not in allowed[name]:
                yield f"{name} belongs in {' or '.join(allowed[name])} cells only."


def _answer_faults(cell: Cell) -> Iterator[str]:
    """An answer cell shows a typed, documented stub for each name it provides."""
    if "### BEGIN SOLUTION" not in cell.code:
        yield "no ### BEGIN SOLUTION: the whole cell would be the answer."
    if not cell.provides and not cell.files:
        yield "declare the names a test may touch: :aulac: {provides: [name]}."
    try:
        body = ast.parse(cell.code).body
    except SyntaxError as error:
        yield f"not valid Python (line {error.lineno}): {error.msg}."
        return
    defined: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign):
            defined |= {
                t.id: node for t in node.targets if isinstance(t, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign) and isinstance(
            node.target, ast.Name
        ):
            defined[node.target.id] = node
    for name in cell.provides:
        owner = defined.get(name)
        if owner is None:
            yield f"provides {name}, but the cell does not define it."
        elif isinstance(owner, ast.FunctionDef):
            yield from _stub_faults(owner)


def _stub_faults(function: ast.FunctionDef) -> Iterator[str]:
    parts = function.args
    every = [*parts.posonlyargs, *parts.args, *parts.kwonlyargs]
    if function.returns is None or any(a.annotation is None for a in every):
        yield f"{function.name} needs type hints on every argument and the result."
    if not ast.get_docstring(function):
        yield f"{function.name} needs a docstring (Vietnamese, then English)."
