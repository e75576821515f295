"""Characters that Python cannot read, put right; everything else is the student's.

Line ends and a mark at the beginning are what editors make of a file; the others come
from copying code out of a page or a chat, and are touched only in code that does not
parse with them and does without.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterable

from .likeness import plain

_PARSED = 100_000  # characters; longer code is not parsed here
_LOOKALIKE = {
    "\u2028": "\n",
    "\u2029": "\n",
    "\x85": "\n",
    "\u00a0": " ",
    "\u2007": " ",
    "\u202f": " ",
    "\u3000": " ",
    "\u200b": "",
    "\u200c": "",
    "\u200d": "",
    "\u2060": "",
    "\ufeff": "",
}
_ODD = re.compile("[" + "".join(_LOOKALIKE) + "]")


def cleaned(source: str, code: bool) -> tuple[str, list[str]]:
    """`source` as it is marked, and what was changed: "line ends", "NUL", "U+00A0", ….

    Carriage returns become line feeds without being told: nothing is lost by it.
    """
    changed = []
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        text = text.replace("\0", "")
        changed.append("NUL")
    if code and _ODD.search(text) and not parses(text):
        odd = sorted(set(_ODD.findall(text)))
        without = _ODD.sub(lambda match: _LOOKALIKE[match[0]], text)
        if parses(without):
            text = without
            changed += [f"U+{ord(ch):04X}" for ch in odd]
    return text, changed


def parses(text: str) -> bool:
    """Whether this is Python, as far as it is short enough to ask."""
    if len(text) > _PARSED:
        return False
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def spread(source: str) -> bool:
    """Whether letters and marks stand apart in it (NFD): it compares differently."""
    return not unicodedata.is_normalized("NFC", source)


def decomposed(sources: Iterable[str], trusted: Iterable[str]) -> bool:
    """Whether a program has decomposed a whole notebook's text (NFC to NFD).

    It has where no composed letter is left, and a cell that the student only received
    is decomposed too: so nobody meant it.
    """
    texts = list(sources)
    if not all(unicodedata.is_normalized("NFD", text) for text in texts):
        return False
    received = {
        plain(unicodedata.normalize("NFD", text))
        for text in trusted
        if not unicodedata.is_normalized("NFD", text)
    }
    return any(plain(text) in received for text in texts)
