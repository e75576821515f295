"""Children's stories: a plot with people or animals, an obstacle, help, an ending.

The plots stand in ``tales_*.txt``; this module reads them, and tells one.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from .engine import Context, Rand, Template, capitalised, compiled, pick

FILES = ("tales_children.txt", "tales_fables.txt")
_PIECE = re.compile(r"<(\w+)>")


def blocks(name: str) -> list[tuple[str, str]]:
    """The plots of a file: (title, template), shared pieces put in their places."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    pieces: dict[str, str] = {}
    plots: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        lines = [
            line for line in block.splitlines() if line and line[0] != "#"
        ]
        for line in [line for line in lines if line.startswith("@ ")]:
            key, _, value = line[2:].partition(" = ")
            pieces[key.strip()] = value
        lines = [line for line in lines if not line.startswith("@ ")]
        if lines:
            body = " ".join(_fill(line, pieces) for line in lines[1:])
            plots.append((lines[0], body.replace(" & ", "\n")))
    return plots


def _fill(line: str, pieces: dict[str, str]) -> str:
    while found := _PIECE.search(line):
        line = (
            line[: found.start()]
            + pieces[found.group(1)]
            + line[found.end() :]
        )
    # A piece that ends in an open clause ("Một hôm, ") brings its own space.
    return re.sub(r" ([,.])", r"\1", line)


@cache
def plots() -> list[tuple[str, Template]]:
    """Every plot, compiled."""
    return [
        (title, compiled(body))
        for name in FILES
        for title, body in blocks(name)
    ]


def write(r: Rand) -> tuple[str, str]:
    """One story: its title and its text."""
    title, plot = pick(plots(), r)
    c: Context = {}
    text = capitalised(plot.render(c, r))
    return title, text
