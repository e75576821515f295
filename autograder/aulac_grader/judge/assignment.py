"""The trusted assignment, read from the instructor's notebook.

A `TrustedAssignment` holds what the student never sees: hidden tests and solutions, and
what the source declares about each cell under `metadata.aulac`:

    provides   names of an answer cell that a test may touch
    files      files that the answer leaves behind for its tests
    seconds    CPU time a test cell may take, where the course's limit does not fit

nbgrader's metadata (schema version 3) says what a cell is.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgpack

Kind = Literal[
    "given",
    "answer",
    "test",
    "manual",
    "task",
    "readonly",
    "prose",
    "scratch",
]

CODE_STUB = (
    "# Viết mã của bạn ở đây. / Write your code here.\n"
    "raise NotImplementedError()"
)
TEXT_STUB = {
    "vi": "*Viết câu trả lời của bạn ở đây.*",
    "en": "*Write your answer here.*",
}
# Annotations whose values cross as they are, see `encode`.
PLAIN_TYPES = frozenset(
    [
        "None",
        "bool",
        "int",
        "float",
        "complex",
        "str",
        "bytes",
        "bytearray",
        "list",
        "tuple",
        "dict",
        "set",
        "frozenset",
        "range",
        "List",
        "Tuple",
        "Dict",
        "Set",
        "FrozenSet",
        "Sequence",
        "Mapping",
        "MutableMapping",
        "Optional",
        "Union",
        "Literal",
        "Counter",
        "OrderedDict",
        "defaultdict",
        "Fraction",
        "Decimal",
        "Tensor",
        "ndarray",
        "float32",
        "float64",
        "int32",
        "int64",
        "NDArray",
        "Real",
        "Number",
        "Integral",
        "Final",
        "Annotated",
    ]
)
_MODULES = frozenset(
    ["np", "numpy", "torch", "typing", "collections", "fractions", "t", "npt"]
)


class NotAnAssignment(ValueError):  # noqa: N818  a sentence for the instructor
    """A notebook that is no assignment to mark by: what is wrong and what to do."""


@dataclass(frozen=True)
class TrustedCell:
    """A cell of the assignment.

    `source` is all of it, `visible` what students receive. `plain` are those of the
    provided names whose declared result is plain data, so that an object in its place
    is no answer.
    """

    id: str
    kind: Kind
    cell_type: str
    source: str = field(repr=False)
    visible: str = field(repr=False)
    points: float = 0.0
    provides: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    partial: bool = False
    seconds: float | None = None
    plain: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TrustedAssignment:
    """An assignment to mark by; `sha256` is that of the notebook's bytes."""

    name: str
    lang: str
    cells: tuple[TrustedCell, ...]
    sha256: str
    notebook: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> TrustedAssignment:
        """The assignment in the notebook at `path`, named after the file.

        Raises:
            NotAnAssignment: it cannot be read, or is no nbgrader assignment.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotAnAssignment(
                f"{path} cannot be read ({error.strerror}): build the assignment "
                "there, or name another course directory."
            ) from error
        return cls.from_notebook(data, path.stem)

    @classmethod
    def from_notebook(cls, data: bytes, name: str) -> TrustedAssignment:
        """The assignment in a notebook's bytes.

        Raises:
            NotAnAssignment: as for `read`.
        """
        try:
            book = json.loads(data)
            raw = book["cells"]
            lang = str(book["metadata"].get("aulac", {}).get("lang", "vi"))
            cells = tuple(
                _cell(number, cell, lang) for number, cell in enumerate(raw)
            )
        except NotAnAssignment as error:
            raise NotAnAssignment(f"{name}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotAnAssignment(
                f"{name} is no notebook of format 4 ({error}): open it in JupyterLab "
                "and save it again."
            ) from error
        ids = [cell.id for cell in cells]
        for cell_id in sorted({i for i in ids if ids.count(i) > 1}):
            raise NotAnAssignment(
                f"{name}: {ids.count(cell_id)} cells are called {cell_id}: give each "
                "its own grade_id."
            )
        digest = hashlib.sha256(data).hexdigest()
        return cls(name, lang, cells, digest, data)

    def to_bytes(self) -> bytes:
        """The assignment in a form that `from_bytes` reads on another machine."""
        return msgpack.packb([self.name, self.notebook])

    @classmethod
    def from_bytes(cls, data: bytes) -> TrustedAssignment:
        """The inverse of `to_bytes`.

        Raises:
            NotAnAssignment: other bytes.
        """
        try:
            name, notebook = msgpack.unpackb(data)
        except (ValueError, TypeError) as error:
            raise NotAnAssignment(
                f"these bytes are no assignment: {error}"
            ) from error
        return cls.from_notebook(notebook, name)

    def of_kind(self, *kinds: Kind) -> tuple[TrustedCell, ...]:
        return tuple(cell for cell in self.cells if cell.kind in kinds)

    @cached_property
    def by_id(self) -> dict[str, TrustedCell]:
        return {cell.id: cell for cell in self.cells}

    @property
    def tests(self) -> tuple[TrustedCell, ...]:
        return self.of_kind("test")

    @property
    def answers(self) -> tuple[TrustedCell, ...]:
        return self.of_kind("answer")

    @property
    def points(self) -> float:
        """Of all graded cells, those marked by hand included."""
        return sum(cell.points for cell in self.cells)

    def before(self, cell_id: str) -> tuple[TrustedCell, ...]:
        """The cells that stand before the one called `cell_id`.

        Raises:
            KeyError: no cell has that id.
        """
        cell = self.by_id[cell_id]
        return self.cells[: self.cells.index(cell)]


def _cell(number: int, raw: dict[str, Any], lang: str) -> TrustedCell:
    cell_type = raw["cell_type"]
    text = raw["source"]
    source = text if isinstance(text, str) else "".join(text)
    metadata = raw.get("metadata", {})
    grading = metadata.get("nbgrader") or {}
    if grading and grading.get("schema_version") != 3:
        raise NotAnAssignment(
            f"cell {number + 1} has nbgrader metadata of version "
            f"{grading.get('schema_version')}, not 3: run `nbgrader update` on it."
        )
    kind = kind_of(grading, cell_type)
    aulac = metadata.get("aulac") or {}
    fallback = raw.get("id") or f"cell-{number + 1}"
    provides = tuple(aulac.get("provides", ()))
    if kind in ("answer", "manual") and not aulac and cell_type == "code":
        provides = defined_names(source)
    is_graded = bool(grading.get("grade") or grading.get("task"))
    seconds = aulac.get("seconds")
    return TrustedCell(
        id=str(grading.get("grade_id") or fallback),
        kind=kind,
        cell_type=cell_type,
        source=source,
        visible=visible(source, kind, cell_type, lang),
        points=float(grading.get("points", 0)) if is_graded else 0.0,
        provides=provides,
        files=tuple(aulac.get("files", ())),
        partial=kind == "test" and gives_partial_credit(source),
        seconds=None if seconds is None else float(seconds),
        plain=plain_names(source, provides) if provides else frozenset(),
    )


def kind_of(grading: dict[str, Any], cell_type: str) -> Kind:
    """What a cell is, by its nbgrader metadata (empty where it has none)."""
    if not grading:
        return "prose" if cell_type != "code" else "scratch"
    if grading.get("task"):
        return "task"
    if grading.get("grade"):
        return "manual" if grading.get("solution") else "test"
    if grading.get("solution"):
        return "answer"
    if not grading.get("locked"):
        return "prose" if cell_type != "code" else "scratch"
    return "given" if cell_type == "code" else "readonly"


# -- what students receive -------------------------------------------------------------


def visible(source: str, kind: Kind, cell_type: str, lang: str = "vi") -> str:
    """`source` without hidden tests, mark schemes and solutions.

    The same text as nbgrader's ClearSolutions, ClearHiddenTests and ClearMarkScheme
    make of it, with this project's stubs.

    Raises:
        NotAnAssignment: a region that is not closed, or opened twice.
    """
    stub = (
        CODE_STUB
        if cell_type == "code"
        else TEXT_STUB.get(lang, TEXT_STUB["en"])
    )
    lines = source.split("\n")
    lines, replaced = _without(lines, "SOLUTION", stub.split("\n"))
    if kind in ("answer", "manual") and not replaced:
        lines = stub.split("\n")
    lines, _ = _without(lines, "HIDDEN TESTS", [])
    lines, _ = _without(lines, "MARK SCHEME", [])
    return "\n".join(lines)


def _without(
    lines: list[str], marker: str, stub: list[str]
) -> tuple[list[str], bool]:
    """`lines` with `stub` for each region between the markers; was there one?"""
    kept: list[str] = []
    inside = found = False
    for line in lines:
        if f"BEGIN {marker}" in line:
            if inside:
                raise NotAnAssignment(
                    f"BEGIN {marker} stands in a {marker} region."
                )
            inside = found = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + part for part in stub]
        elif f"END {marker}" in line:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise NotAnAssignment(f"BEGIN {marker} has no END {marker}.")
    return kept, found


# -- what the source says about its results --------------------------------------------


def gives_partial_credit(source: str) -> bool:
    """Does a test cell end in an expression, whose value may be a number of points?

    A cell that ends in `assert`, or in an expression that is None, gives all or
    nothing; nbgrader reads a cell's last value the same way (`determine_grade`).
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    return bool(body) and isinstance(body[-1], ast.Expr)


def plain_names(source: str, provides: tuple[str, ...]) -> frozenset[str]:
    """Those of `provides` that are functions whose annotated result is plain data."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name in provides
        and node.returns is not None
        and _names(node.returns) <= PLAIN_TYPES | _MODULES
    )


def defined_names(source: str) -> tuple[str, ...]:
    """What a cell defines at its top level: where nothing is declared, all of that."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    names: dict[str, None] = {}
    for node in tree.body:
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            names[node.name] = None
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            names |= {
                part.id: None
                for part in ast.walk(node)
                if isinstance(part, ast.Name)
                and isinstance(part.ctx, ast.Store)
            }
    return tuple(names)


_WORD = re.compile(r"[^\W\d]\w*")


def _names(annotation: ast.expr) -> set[str]:
    """Every name in an annotation; one written as a string is read like the rest."""

    def parts(node: ast.AST) -> Iterator[str]:
        for child in ast.walk(node):
            if isinstance(child, ast.Name):
                yield child.id
            elif isinstance(child, ast.Attribute):
                yield child.attr
            elif isinstance(child, ast.Constant) and isinstance(
                child.value, str
            ):
                yield from _WORD.findall(child.value)

    return set(parts(annotation))
