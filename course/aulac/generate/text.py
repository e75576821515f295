"""From bytes that arrive in tokens to text that can be shown."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence


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


class Stops:
    """Passes text on up to the first of `stops`, which may span several pieces.

    Text that could be the beginning of a stop is held back until it is clear.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [unicodedata.normalize("NFC", s) for s in stops if s]
        self.found = False
        self._held = ""

    def add(self, piece: str) -> str:
        """Take a piece; return the text that is surely before a stop."""
        held = self._held + piece
        found = [held.index(stop) for stop in self.stops if stop in held]
        self.found = bool(found)
        keep = max((_overlap(held, stop) for stop in self.stops), default=0)
        end = min(found) if found else len(held) - keep
        self._held = "" if found else held[end:]
        return held[:end]

    def end(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return held


class Writer:
    """One text from the bytes of its tokens: whole letters, up to a stop.

    stop: texts that end it, themselves not shown; `stopped` once one was met.
    """

    def __init__(self, stop: str | Sequence[str] = ()) -> None:
        self._letters = Letters()
        self._stops = Stops([stop] if isinstance(stop, str) else stop)

    @property
    def stopped(self) -> bool:
        return self._stops.found

    def add(self, data: bytes) -> str:
        """Take a token's bytes; return the text that can be shown, perhaps none."""
        return self._stops.add(self._letters.add(data))

    def end(self) -> str:
        """What was still held back."""
        if self.stopped:
            return ""
        last = self._stops.add(self._letters.end())
        return last + self._stops.end()


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    for size in range(longest, 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
