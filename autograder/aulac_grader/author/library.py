"""The source text of a library object, found without importing it.

A lesson's `:library:` cell is filled from here. Reading the syntax tree instead of
asking `inspect` keeps a build free of torch (two seconds) and of whatever a module
does when it is imported; a test holds the two ways equal.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aulac_grader.checkout import ROOT

COURSE = ROOT / "course"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class LibraryError(LookupError):
    """A `:library:` name that leads nowhere; the message ends a sentence."""


@dataclass(frozen=True)
class Piece:
    """A library object's source text and where it stands."""

    name: str
    path: Path
    text: str

    @property
    def comment(self) -> str:
        """The line above the code: which object, which file."""
        try:
            file = self.path.relative_to(ROOT)
        except ValueError:
            file = self.path
        return f"# {self.name}, from {file.as_posix()}"


def piece(name: str, course: Path = COURSE, docstring: bool = True) -> Piece:
    """The source of `aulac.module.Name` (or `.Name.method`), re-exports followed.

    With `docstring=False` the object's own docstring is left out.

    Raises LibraryError when the name leads nowhere.
    """
    path, names = _module(name, course)
    path, nodes = _find(path, names, name, course)
    lines = _text(path).splitlines(keepends=True)
    node = nodes[-1]
    first = min(
        [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
    )
    text = "".join(lines[first - 1 : node.end_lineno])
    if not docstring and isinstance(node, _DEFINITIONS):
        text = _without_docstring(lines, first, node)
    return Piece(name, path, textwrap.dedent(text).rstrip("\n"))


def _module(name: str, course: Path) -> tuple[Path, list[str]]:
    """Split a dotted name into the file of its module and the names inside."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        base = course.joinpath(*parts[:cut])
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path, parts[cut:]
    raise LibraryError(f"no module of the library is called {name}")


def _find(
    path: Path, names: list[str], full: str, course: Path, seen: int = 0
) -> tuple[Path, list[ast.stmt]]:
    """Walk down the names; where one is imported, go on in the module it is from."""
    body = _tree(path).body
    found: list[ast.stmt] = []
    for depth, name in enumerate(names):
        node = _defined(body, name)
        if node is None and depth == 0 and seen < 8:
            origin = _imported(body, name, path, course)
            if origin is not None:
                other, original = origin
                return _find(
                    other, [original, *names[1:]], full, course, seen + 1
                )
        if node is None:
            where = path.relative_to(course).as_posix()
            raise LibraryError(
                f"{where} defines no {name} (asked for as {full})"
            )
        found.append(node)
        body = getattr(node, "body", [])
    return path, found


def _defined(body: list[ast.stmt], name: str) -> ast.stmt | None:
    result: ast.stmt | None = None
    for node in body:
        if isinstance(node, _DEFINITIONS) and node.name == name:
            result = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = (
                node.targets if isinstance(node, ast.Assign) else [node.target]
            )
            if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                result = node
        elif isinstance(node, ast.If | ast.Try):
            result = _defined(node.body, name) or result
    return result


def _imported(
    body: list[ast.stmt], name: str, path: Path, course: Path
) -> tuple[Path, str] | None:
    for node in body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == name:
                module = node.module or ""
                if node.level:
                    package = path.parent
                    for _ in range(node.level - 1):
                        package = package.parent
                    inside = (
                        package.relative_to(course)
                        .as_posix()
                        .replace("/", ".")
                    )
                    module = f"{inside}.{module}".rstrip(".")
                target, rest = _module(f"{module}.{alias.name}", course)
                return (target, alias.name) if rest == [alias.name] else None
    return None


def _without_docstring(
    lines: list[str],
    first: int,
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> str:
    head = node.body[0]
    is_docstring = (
        len(node.body) > 1
        and isinstance(head, ast.Expr)
        and isinstance(head.value, ast.Constant)
        and isinstance(head.value.value, str)
    )
    if not is_docstring:
        return "".join(lines[first - 1 : node.end_lineno])
    before = lines[first - 1 : head.lineno - 1]
    after = lines[head.end_lineno : node.end_lineno]
    while after and not after[0].strip():
        after = after[1:]
    return "".join(before + after)


def defines(text: str) -> list[str]:
    """The names that a piece of code binds at its top level."""
    names: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, _DEFINITIONS):
            names.append(node.name)
    return names


# Keyed by the file's time and size as well, so that an edit is seen in one process.
def _text(path: Path) -> str:
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def _tree(path: Path) -> ast.Module:
    stat = path.stat()
    return _parse(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, time: int, size: int) -> str:
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def _parse(path: Path, time: int, size: int) -> ast.Module:
    return ast.parse(_read(path, time, size), filename=str(path))
