"""Letters without their marks, so that "mang" finds "mạng".

`book/_static/search.js` holds the same function; a test keeps the two equal.
"""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Lower case, no tone marks, no diacritics, đ as d; one character for each.

    The result is as long as the NFC form of `text`, so a position found in one is a
    position in the other.
    """
    return "".join(
        _fold(character) for character in unicodedata.normalize("NFC", text)
    )


def _fold(character: str) -> str:
    if character in "đĐ":
        return "d"
    bare = "".join(
        c
        for c in unicodedata.normalize("NFD", character)
        if not unicodedata.combining(c)
    ).lower()
    return bare if len(bare) == 1 else character
