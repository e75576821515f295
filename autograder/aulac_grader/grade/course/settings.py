"""The settings of a course, from the instructor's own `nbgrader_config.py`.

That file is a program, which traitlets' loader runs; importing what it imports
(nbgrader, nbconvert) takes seconds. Most of the few settings that grading asks for
are plain values, so they are read from the file's text first, and the program is run
only where the text does not settle them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traitlets.config import Config

CONFIG = "nbgrader_config.py"
# The classes whose settings grading looks at.
CLASSES = frozenset(
    {
        "CourseDirectory",
        "AssignLatePenalties",
        "LateSubmissionPlugin",
        "Exchange",
    }
)

Settings = Mapping[str, Mapping[str, Any]]


class _NotPlainError(Exception):
    """The text alone does not say what the setting is."""


class ConfigError(ValueError):
    """The course's nbgrader_config.py cannot be read."""


def read_settings(root: Path) -> Settings:
    """`{class: {setting: value}}` of `CLASSES`, as far as the course sets them.

    Raises:
        ConfigError: the file is no valid Python, or running it failed.
    """
    path = root / CONFIG
    if not path.is_file():
        return {}
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        raise ConfigError(
            f"{path} is not valid Python ({error}): mend it."
        ) from error
    try:
        return _plain(tree, path)
    except _NotPlainError:
        return _executed(path)


def _plain(tree: ast.Module, path: Path) -> Settings:
    """Settings given as top-level `c.Class.name = value` with a value we can read."""
    found: dict[str, dict[str, Any]] = {}
    for node in tree.body:
        target = _target(node)
        if target and isinstance(node, ast.Assign):
            owner, name = target
            if owner in CLASSES:
                settings = found.setdefault(owner, {})
                settings[name] = _value(node.value, path)
        elif _may_configure(node):
            raise _NotPlainError
    return found


def _target(node: ast.stmt) -> tuple[str, str] | None:
    """(class, name) if the statement is `c.Class.name = …`."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    where = node.targets[0]
    if (
        isinstance(where, ast.Attribute)
        and isinstance(where.value, ast.Attribute)
        and isinstance(where.value.value, ast.Name)
        and where.value.value.id == "c"
    ):
        return where.value.attr, where.attr
    return None


def _may_configure(node: ast.stmt) -> bool:
    """Whether a statement of another form could set something grading asks for."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return False  # what a function would do is only done by a call
    if ast.unparse(node) == "c = get_config()":
        return False
    return any(
        (
            isinstance(part, ast.Name)
            and part.id
            in {"c", "get_config", "load_subconfig", "exec", "globals"}
        )
        or (isinstance(part, ast.Attribute) and part.attr in CLASSES)
        for part in ast.walk(node)
    ) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


def _value(node: ast.expr, path: Path) -> Any:
    """A literal, or the folder of the file itself and paths below it."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "str"
        and len(node.args) == 1
        and not node.keywords
    ):
        return str(_path(node.args[0], path))
    raise _NotPlainError


def _path(node: ast.expr, path: Path) -> Path:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        part = ast.literal_eval(node.right)
        if isinstance(part, str):
            return _path(node.left, path) / part
    if ast.unparse(node) == "Path(__file__).resolve().parent":
        return path.resolve().parent
    raise _NotPlainError


@contextmanager
def _nothing_from(root: Path) -> Iterator[None]:
    """No import may come from the course's folders, where students' files lie."""
    kept = list(sys.path)
    outside = [
        p for p in kept if p and not Path(p).resolve().is_relative_to(root)
    ]
    sys.path[:] = outside
    try:
        yield
    finally:
        sys.path[:] = kept


def run_config(root: Path) -> Config:
    """Everything the course sets, for nbgrader's own classes: the program is run.

    Raises:
        ConfigError: running it failed.
    """
    from traitlets.config.loader import Config, PyFileConfigLoader

    path = root / CONFIG
    if not path.is_file():
        return Config()
    try:
        with _nothing_from(root.resolve()):
            return PyFileConfigLoader(path.name, str(root)).load_config()
    except Exception as error:
        raise ConfigError(
            f"{path} could not be run ({type(error).__name__}: {error}): mend it."
        ) from error


def _executed(path: Path) -> Settings:
    config = run_config(path.parent)
    return {name: dict(config[name]) for name in CLASSES if name in config}
