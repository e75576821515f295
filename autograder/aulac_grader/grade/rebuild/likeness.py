"""How alike two cells are: plain text, names they define, words they share."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

COPY = 0.9  # from here on a cell is a copy of another
ALIKE = 0.6  # from here on it may be the other, changed
SAME_PLACE = 0.5  # enough where id or place point to the same cell

_WORD = re.compile(r"\w+|[^\w\s]")
_WORDS = 800  # words of a cell that are compared
_LINE = 160  # characters of a line that are looked at for a definition
_FENCE = re.compile(r"^\s*```[^\n]*\n(.*?)\n?```\s*$", re.S)


def plain(source: str) -> str:
    """The text without what editors change: line ends, trailing spaces, form (NFC)."""
    text = unicodedata.normalize("NFC", source.strip().strip("\ufeff"))
    return "\n".join(line.rstrip() for line in text.splitlines())


def core(source: str, code: bool) -> str:
    """`plain` without comment lines and empty lines in code.

    Two stubs that differ only in how they ask for code have the same core.
    """
    lines = [line for line in plain(source).split("\n") if line.strip()]
    if code:
        lines = [x for x in lines if not x.lstrip().startswith("#")] or lines
    return "\n".join(lines)


@lru_cache(maxsize=512)
def _counted(text: str) -> Counter[str]:
    words = []
    for match in _WORD.finditer(text):
        words.append(match[0])
        if len(words) == _WORDS:
            break
    return Counter(words)


def likeness(one: str, other: str) -> float:
    """0 to 1: twice the words in common over the words of both (Dice).

    difflib calls it `quick_ratio`, over words. It takes time linear in the text, which
    difflib's own ratio does not where a text was made to make it slow.
    """
    first, second = _counted(one), _counted(other)
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 0.0


def unfenced(source: str) -> str:
    """Code without the fence that a text cell needs round it."""
    match = _FENCE.match(source)
    return match[1] if match else source


def defined(source: str, names: Sequence[str]) -> set[str]:
    """Those of `names` that the code binds at its top level, told by its lines.

    Students' code need not parse, and a parser need not survive it.
    """
    lines = unicodedata.normalize("NFKC", textwrap.dedent(source)).split("\n")
    text = "\n".join(line[:_LINE] for line in lines)
    return {name for name in names if _binding(name).search(text)}


@lru_cache(maxsize=256)
def _binding(name: str) -> re.Pattern[str]:
    word = re.escape(unicodedata.normalize("NFKC", name))
    return re.compile(
        rf"^(?:(?:async[ \t]+)?def[ \t]+{word}\b|class[ \t]+{word}\b"
        rf"|(?:from|import)[ \t][^\n]*\b{word}\b"
        rf"|(?![ \t#@])[^\n=(:.\[]*\b{word}\b[^\n=(.\[]*=(?!=))",
        re.M,
    )
