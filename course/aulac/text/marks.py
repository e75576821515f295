"""Unicode forms of Vietnamese, and the five marks that write its six tones.

A Vietnamese letter can carry two marks at once: one that makes it another
letter (the circumflex of ê, the breve of ă, the horn of ơ) and one that is the
tone of the whole syllable. The functions here tell the two apart.
"""

from __future__ import annotations

import unicodedata
from enum import Enum


class Tone(Enum):
    """The six tones, in the order in which Vietnamese phonology numbers them.

    Each member's value is the combining character that writes it (the empty
    string for the level tone, which is written by leaving the mark out).
    """

    NGANG = ""
    HUYEN = "\u0300"
    NGA = "\u0303"
    HOI = "\u0309"
    SAC = "\u0301"
    NANG = "\u0323"

    @property
    def mark(self) -> str:
        """The combining character, or the empty string for `NGANG`."""
        return self.value

    @property
    def vi(self) -> str:
        """The tone's Vietnamese name, without the word "thanh"."""
        return _NAMES[self.name][0]

    @property
    def en(self) -> str:
        """A short English description of how the tone moves."""
        return _NAMES[self.name][1]

    @property
    def key(self) -> str:
        """The Telex key, or the empty string for `NGANG`."""
        return _NAMES[self.name][2]

    @property
    def flat(self) -> bool:
        """Whether verse counts it as bằng (flat); the other four are trắc."""
        return self in (Tone.NGANG, Tone.HUYEN)


_NAMES = {
    "NGANG": ("ngang", "level", ""),
    "HUYEN": ("huyền", "falling", "f"),
    "NGA": ("ngã", "broken, rising", "x"),
    "HOI": ("hỏi", "dipping", "r"),
    "SAC": ("sắc", "rising", "s"),
    "NANG": ("nặng", "low, cut short", "j"),
}
TONE_OF_MARK = {tone.mark: tone for tone in Tone if tone.mark}
_NO_TONE = dict.fromkeys(map(ord, TONE_OF_MARK))


def normalise(text: str) -> str:
    """The text in Unicode's composed form (NFC, Unicode Annex 15); idempotent."""
    return unicodedata.normalize("NFC", text)


def decompose(text: str) -> str:
    """The text with every mark as a character of its own (NFD)."""
    return unicodedata.normalize("NFD", text)


def strip_tone(text: str) -> str:
    """Take the five tone marks off; ă â ê ô ơ ư đ stay. Returns NFC.

    The same marks on foreign letters go too (ñ becomes n): they are the same
    characters.
    """
    return normalise(decompose(text).translate(_NO_TONE))


def strip_marks(text: str) -> str:
    """Take every mark off, and write đ as d: what is left is easy to type."""
    bare = "".join(
        c for c in decompose(text) if unicodedata.category(c) != "Mn"
    )
    return normalise(bare.replace("đ", "d").replace("Đ", "D"))


def take_tone(word: str) -> tuple[str, Tone] | None:
    """Split a word into its toneless spelling (NFC) and its one tone.

    Returns None when the word carries two tone marks: no syllable does.
    """
    marks = [c for c in decompose(word) if c in TONE_OF_MARK]
    if len(marks) > 1:
        return None
    return strip_tone(word), TONE_OF_MARK[marks[0]] if marks else Tone.NGANG
