"""From bytes that arrive in tokens to text that can be shown."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable, Iterator


class Letters:
    """Collects bytes and gives back whole letters, in NFC.

    Two things can cut a letter: a token that ends inside its UTF-8 bytes, and a
    tone mark that arrives as a combining character after its vowel. So the last
    letter waits until the next one begins.
    """

    def __init__(self) -> None:
        self._bytes = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def add(self, data: bytes) -> str:
        """Take bytes; return the text that is complete now, perhaps none."""
        self._held += self._bytes.decode(data)
        last = max(0, len(self._held) - 1)
        while last > 0 and unicodedata.combining(self._held[last]):
            last -= 1
        whole, self._held = self._held[:last], self._held[last:]
        return unicodedata.normalize("NFC", whole)

    def end(self) -> str:
        """The last letter; bytes that never became a letter are dropped."""
        self._bytes.reset()
        held, self._held = self._held, ""
        return unicodedata.normalize("NFC", held)


def until(pieces: Iterable[str], stops: tuple[str, ...]) -> Iterator[str]:
    """Pass pieces on up to the first of `stops`, which may span several pieces.

    Text that could be the beginning of a stop is held back until it is clear.
    """
    held = ""
    for piece in pieces:
        held += piece
        found = [held.index(stop) for stop in stops if stop and stop in held]
        if found:
            if min(found):
                yield held[: min(found)]
            return
        keep = max((_overlap(held, stop) for stop in stops), default=0)
        if len(held) > keep:
            yield held[: len(held) - keep]
            held = held[len(held) - keep :]
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    for size in range(longest, 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
