"""Was the test in the training text? Overlap of n-grams of syllables.

An item counts as seen when at least `share` of its windows of `size` syllables occur
in the corpus. GPT-3's report used windows of 13 words (Brown et al., 2020, appendix
C); a Vietnamese word is 1.5 to 2 syllables, and short questions have few syllables,
so 8 is the default here, and an item shorter than a window is one window by itself.

Windows are compared without case, punctuation or Unicode form, by 64-bit hashes: the
corpus may be of any size, only the items' hashes are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aulac.corpus.dedup import shingle_hashes, syllables_and_numbers

SIZE = 8


@dataclass(frozen=True)
class Overlap:
    """For each item, the share of its windows that the corpus holds."""

    shares: tuple[float, ...]
    size: int

    def seen(self, share: float = 0.5) -> list[int]:
        """Indices of the items with at least `share` of their windows seen."""
        return [i for i, found in enumerate(self.shares) if found >= share]

    def rate(self, share: float = 0.5) -> float:
        return len(self.seen(share)) / len(self.shares)


def overlap(
    items: Sequence[str], corpus: Iterable[str], size: int = SIZE
) -> Overlap:
    """How much of each item stands in the corpus, in windows of `size` syllables.

    Raises ValueError when there are no items, or one has no syllable at all.
    """
    if not items:
        raise ValueError("there is no item to look for: give at least one.")
    widths = []
    for text in items:
        widths.append(min(size, len(syllables_and_numbers(text))))
        if not widths[-1]:
            raise ValueError(f"the item {text[:40]!r} has no word in it.")
    windows = [
        shingle_hashes(text, width)
        for text, width in zip(items, widths, strict=True)
    ]
    wanted = np.unique(np.concatenate(windows))
    found = np.zeros(len(wanted), dtype=bool)
    for text in corpus:
        for width in set(widths):
            _mark(wanted, found, shingle_hashes(text, width))
    held = wanted[found]
    shares = tuple(float(np.isin(row, held).mean()) for row in windows)
    return Overlap(shares, size)


def _mark(wanted: np.ndarray, found: np.ndarray, hashes: np.ndarray) -> None:
    """Set `found` where a sorted `wanted` hash is among `hashes`."""
    places = np.searchsorted(wanted, hashes)
    places[places == len(wanted)] = 0
    found[places[wanted[places] == hashes]] = True
