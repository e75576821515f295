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
    """Dotted names of ours that stand in the string constants of a module."""
    return {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in NAME.findall(node.value)
    }


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


ATTACKED = sorted(
    {
        (path.name, name)
        for path in Path(__file__).parent.glob("*.py")
        if not path.name.startswith("test_")
        for name in names(path.read_text("utf-8"))
    }
)


def test_they_are_found() -> None:
    code = "'import aulac_grader.grade; application/vnd.aulac.record+json'"
    assert names(code) == {"aulac_grader.grade"}
    assert not is_real("aulac_grader.grade.nothing")
    assert {"leaks.py", "marks.py", "resources.py"} <= {f for f, _ in ATTACKED}


@pytest.mark.parametrize(("file", "name"), ATTACKED)
def test_what_an_attack_names_is_there(file: str, name: str) -> None:
    assert is_real(name)
