"""Everyday dialogues: polite particles, and who calls whom what."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from .engine import Rand, Template, capitalised, compiled, pick


def blocks() -> list[tuple[str, str]]:
    """(title, template) of every dialogue; its turns stand on lines of their own."""
    text = (files(__package__) / "dialogues.txt").read_text(encoding="utf-8")
    found = []
    for block in text.split("\n\n"):
        lines = [
            line for line in block.splitlines() if line and line[0] != "#"
        ]
        if lines:
            found.append((lines[0], "\n".join(lines[1:])))
    return found


@cache
def plots() -> list[tuple[str, Template]]:
    """Every dialogue, compiled."""
    return [(title, compiled(body)) for title, body in blocks()]


def write(r: Rand) -> tuple[str, str]:
    """One dialogue: its title and its text."""
    title, plot = pick(plots(), r)
    text = _TURN.sub(_upper, plot.render({}, r))
    return title, capitalised(text)


# Both the speaker's name and the first word of a turn take a capital.
_TURN = re.compile(r"^([^\n:]{1,24}): (\S)", re.M)


def _upper(found: re.Match[str]) -> str:
    who = found.group(1)
    return f"{who[0].upper()}{who[1:]}: {found.group(2).upper()}"
