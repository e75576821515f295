"""An attack on a module that is not there any more would assert nothing."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Not those of a MIME type (application/vnd.aulac.record+json).
NAME = re.compile(r"(?<!vnd\.)\baulac(?:_grader)?(?:\.\w+)+")


def names(text: str) -> set[str]:
    """Dotted names of ours in the string constants of a module.

    Where a string is a program, also what it asks of modules that it imports.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(NAME.findall(node.value))
            if NAME.search(node.value):
                found |= asked_for(node.value)
    return found


def asked_for(code: str) -> set[str]:
    """`a.b.c` where a program says `import a.b as x` and then `x.c`."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return set()
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {
                a.asname or a.name: f"{node.module}.{a.name}"
                for a in node.names
            }
    chains = (
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Attribute, ast.Name))
    )
    parts = (chain.partition(".") for chain in chains)
    found = {f"{known.get(head, '')}{dot}{rest}" for head, dot, rest in parts}
    return {name for name in found if NAME.fullmatch(name)}


def is_real(name: str) -> bool:
    """Is it a module, or something that a module has?"""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = find_spec(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        if found is not None:
            thing: Any = import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                thing = getattr(thing, part, None)
            return thing is not None
    return False


FOLDER = Path(__file__).parent
FILES = [
    *(f for f in FOLDER.glob("*.py") if not f.name.startswith("test_")),
    FOLDER.with_name("grader") / "test_judge_attacks.py",
]
ATTACKED = sorted(
    {
        (path.name, name)
        for path in FILES
        for name in names(path.read_text("utf-8"))
    }
)


def test_they_are_found() -> None:
    code = "'import aulac_grader.grade; application/vnd.aulac.record+json'"
    assert names(code) == {"aulac_grader.grade"}
    code = "'from aulac_grader.judge import wire as w\\nw.HANDLE'"
    assert "aulac_grader.judge.wire.HANDLE" in names(code)
    assert not is_real("aulac_grader.judge.wire.HANDLE")
    assert not is_real("aulac_grader.grade.nothing")
    files = {file for file, _ in ATTACKED}
    assert {"leaks.py", "resources.py", "test_judge_attacks.py"} <= files


@pytest.mark.parametrize(("file", "name"), ATTACKED)
def test_what_an_attack_names_is_there(file: str, name: str) -> None:
    assert is_real(name)
