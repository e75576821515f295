"""Answers that know nothing: one value for every call. No test may be fooled by them.

An empty array is close to every array, `zip` with an empty list compares nothing,
`all` of nothing is true: a test can be right about every mistake its author thought of
and still be passed by `return []`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from .document import Assignment, Cell
from .run import run_cells

VALUES = (
    "None",
    "True",
    "False",
    "0",
    "1",
    "-1",
    "float('nan')",
    "float('inf')",
    "''",
    "b''",
    "[]",
    "[[]]",
    "()",
    "{}",
    "set()",
)
ARRAYS = (
    "numpy.empty(0)",
    "numpy.empty((0, 4))",
    "numpy.array(0.0)",
    "numpy.zeros((1, 1, 1))",
)
TENSORS = ("torch.empty(0)", "torch.empty(0, 4)", "torch.tensor(0.0)")
ERRORS = ("ValueError", "TypeError", "IndexError", "KeyError")
Grade = Callable[[Cell, dict[str, Any]], tuple[float, str]]


def hollow_passes(assignment: Assignment, grade: Grade) -> list[str]:
    """Tests that an answer without content wins more than half of the points of."""
    hollow = dict(_answers(assignment))
    given = assignment.of_kind("given")
    tests = list(assignment.tests.values())
    cells = [(cell.grade_id, cell.code) for cell in given]
    for label, source in hollow.items():
        cells.append((label, source))
        cells += [(test.grade_id, test.code) for test in tests]
    reports = iter(run_cells(cells, seconds=10)[len(given) :])
    faults: dict[str, str] = {}
    for label in hollow:
        next(reports)
        for test in tests:
            points, _ = grade(test, next(reports))
            if points > test.points / 2:
                faults.setdefault(
                    test.grade_id,
                    f"{test.grade_id}: an answer that only says `{label}` earns "
                    f"{points:g} of {test.points:g} points: compare with values that "
                    "differ from call to call, and with their shapes "
                    "(aulac.lesson.checks.close).",
                )
    return list(faults.values())


def _answers(assignment: Assignment) -> Iterator[tuple[str, str]]:
    """What a hollow answer says, and the source that defines all names so."""
    code = "\n".join(c.code for c in assignment.cells if c.cell_type == "code")
    values = [*VALUES]
    imports = ""
    for library, row in (("numpy", ARRAYS), ("torch", TENSORS)):
        if library in code:
            values += row
            imports += f"import {library}\n"
    names = [
        (name, _is_called(cell, name))
        for cell in assignment.of_kind("answer")
        for name in cell.provides
    ]
    for value in values:
        lines = [
            f"def {name}(*_, **__): return {value}"
            if called
            else f"{name} = {value}"
            for name, called in names
        ]
        yield f"return {value}", imports + "\n".join(lines)
    for error in ERRORS:
        lines = [
            f"def {name}(*_, **__): raise {error}('')"
            for name, called in names
            if called
        ]
        yield f"raise {error}", "\n".join(lines)


def _is_called(cell: Cell, name: str) -> bool:
    """Is it a function or a class, not a value?"""
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
        for node in ast.parse(cell.code).body
    )
