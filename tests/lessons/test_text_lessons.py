"""Exercises of lessons 00 and 01 can be solved: a solution passes, its check is fair.

The verify bands hold what the lessons measure; nobody there solves the exercises.
"""

from itertools import pairwise
from math import log
from pathlib import Path

import pytest

import aulac.text as text
from aulac.lesson import check
from aulac_grader.author.source import read

SOURCES = Path(__file__).parents[2] / "notebooks" / "source"

SOLUTIONS = {
    "chance_loss": """
def chance_loss(vocab_size):
    return log(vocab_size)
""",
    "repeated": """
def repeated(text, n=3):
    found = [s.lower() for s in syllables(text)]
    runs = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    return (len(runs) - len(set(runs))) / len(runs) if runs else 0.0
""",
    "same_answer": """
def same_answer(got, wanted):
    def plain(text):
        return [s.lower() for s in syllables(text)]

    have, need = plain(got), plain(wanted)
    starts = range(len(have) - len(need) + 1)
    return bool(need) and any(have[i : i + len(need)] == need for i in starts)
""",
    "same_word": """
def same_word(a, b):
    return place_tone(a.lower()) == place_tone(b.lower())
""",
    "pattern": """
def pattern(line):
    return "".join("B" if is_flat(s) else "T" for s in syllables(line))
""",
    "rescue": """
def rescue(data):
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data
    encoding = detect_legacy(text)
    if encoding is None and isinstance(text, bytes):
        raise ValueError("unknown encoding")
    text = decode_legacy(text, encoding) if encoding else text
    return clean(text)[0]
""",
}
MISTAKES = {
    "chance_loss": "def chance_loss(vocab_size):\n    return log(vocab_size, 2)\n",
    "repeated": "def repeated(text, n=3):\n    return 0.0\n",
    "same_answer": "def same_answer(got, wanted):\n    return wanted in got\n",
    "same_word": "def same_word(a, b):\n    return normalise(a) == normalise(b)\n",
    "pattern": "def pattern(line):\n    return 'B' * len(line.split())\n",
    "rescue": "def rescue(data):\n    return data.decode(errors='replace')\n",
}


def names():
    """Everything the lessons have imported or defined by the time of the exercises."""
    found = {name: getattr(text, name) for name in text.__all__}
    found |= {"check": check, "log": log}
    lesson = {cell.text: cell for cell in read(SOURCES / LESSON_01).code}
    for body in lesson:
        if body.startswith(("import re\n", "from aulac.text import words")):
            exec(body.split("\nlaw =")[0].split("\nprint(")[0], found)
        if body.startswith("def clean("):
            exec(body, found)
    return found


LESSON_00, LESSON_01 = "00_welcome.md", "01_vietnamese_as_bytes.md"


def exercises():
    for file in (LESSON_00, LESSON_01):
        code = read(SOURCES / file).code
        for cell, after in pairwise(code):
            if "exercise" in cell.tags:
                yield cell, after


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "vi")


def named(cell):
    return cell.text.split("def ")[1].split("(")[0]


@pytest.mark.parametrize(
    ("cell", "after"),
    list(exercises()),
    ids=lambda c: named(c) if "def " in c.text else "check",
)
def test_solution_passes_stub_waits_and_mistake_is_caught(cell, after, capsys):
    outcomes = []
    for body in (cell.text, MISTAKES[named(cell)], SOLUTIONS[named(cell)]):
        space = names()
        exec(body, space)
        exec(after.text, space)
        outcomes.append(capsys.readouterr().out)
    stub, mistake, solution = outcomes
    assert "chưa làm" in stub
    assert "đúng cả" not in mistake
    assert "chưa làm" not in mistake
    assert "đúng cả" in solution, solution


def test_every_exercise_is_here():
    assert (
        {named(cell) for cell, _ in exercises()}
        == set(SOLUTIONS)
        == set(MISTAKES)
    )
