"""Was the test in the training text? Overlap of n-grams of syllables.

An item counts as seen when at least `share` of its windows of `size` syllables occur
in the corpus. GPT-3's report took windows of 8 to 13 words and called an item dirty at
the first one met (Brown et al., 2020, appendix C); PaLM's took 8 words and asked for
70 % of an item's (Chowdhery et al., 2022). A Vietnamese word is 1.5 to 2 syllables,
and short questions have few of them, so windows of 8 syllables and half of them are
the default here.

An item shorter than a window is one window by itself, and a short one ("Thủ đô của
Pháp là gì?") may stand in any encyclopedia: `Overlap.short` tells how many of those
that were seen are such. A question found is not yet an answer found.

Windows are compared without case, punctuation or Unicode form, by 64-bit hashes: the
corpus may be of any size, only the items' hashes are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from aulac.corpus.dedup import rolling_hashes, window_hashes, word_codes
from aulac.evaluate import pairs, questions
from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.stats import Interval, hit_rate

SIZE, SHARE = 8, 0.5


@dataclass(frozen=True)
class Overlap:
    """For each item, the share of its windows that the corpus holds.

    syllables: of each item; where they are fewer than `size`, it has one window.
    """

    shares: tuple[float, ...]
    syllables: tuple[int, ...]
    size: int

    def contaminated(self, share: float = SHARE) -> list[int]:
        """Indices of the items with at least `share` of their windows seen."""
        return [i for i, found in enumerate(self.shares) if found >= share]

    def short(self, share: float = SHARE) -> list[int]:
        """Those of `contaminated` that are shorter than a window."""
        return [
            i
            for i in self.contaminated(share)
            if self.syllables[i] < self.size
        ]

    def rate(self, share: float = SHARE) -> float:
        return len(self.contaminated(share)) / len(self.shares)

    def interval(self, share: float = SHARE) -> Interval:
        """The rate, and where it may lie for other items made as these were."""
        return hit_rate([float(found >= share) for found in self.shares])


@dataclass(frozen=True)
class ItemSet:
    """An evaluation set's texts to look for, and its name for people."""

    name: str
    vi: str
    en: str
    texts: tuple[str, ...]

    def record(self, found: Overlap, share: float = SHARE) -> dict[str, Any]:
        """How many of it were seen, as it stands in a model's card."""
        return {
            "name": self.name,
            "vi": self.vi,
            "en": self.en,
            "n": len(self.texts),
            "seen": len(found.contaminated(share)),
            "size": found.size,
        }


def own_questions() -> ItemSet:
    """The course's questions, without their options."""
    return ItemSet(
        "questions",
        "câu hỏi trắc nghiệm",
        "multiple choice: questions",
        tuple(question.stem for question in questions.questions()),
    )


def own_pairs() -> ItemSet:
    """The right sentences of the course's minimal pairs."""
    return ItemSet(
        "pairs",
        "cặp tối thiểu: câu đúng",
        "minimal pairs: right sentences",
        tuple(pair.right for pair in pairs.generate()),
    )


OWN_SETS = {"questions": own_questions, "pairs": own_pairs}


class Search:
    """Looks for the items of several sets in a corpus, in one pass over it.

    Raises EvaluationError when a set is empty, or an item has no syllable at all.
    """

    def __init__(
        self, sets: Sequence[Sequence[str]], size: int = SIZE
    ) -> None:
        self.size = size
        self.codes = [
            [_codes(text) for text in _some(items)] for items in sets
        ]
        every = [codes for items in self.codes for codes in items]
        self.widths = {min(size, len(codes)) for codes in every}
        self.wanted = np.unique(
            np.concatenate([window_hashes(codes, size) for codes in every])
        )
        self.met = np.zeros(len(self.wanted), dtype=bool)

    def read(self, text: str) -> None:
        """Look for the items in one more text of the corpus."""
        windows = rolling_hashes(word_codes(text))
        for width, hashes in enumerate(islice(windows, self.size), 1):
            if width in self.widths:
                _mark(self.wanted, self.met, hashes)

    def found(self) -> list[Overlap]:
        """What has been met so far, set by set."""
        held = self.wanted[self.met]
        found = []
        for items in self.codes:
            rows = (window_hashes(codes, self.size) for codes in items)
            shares = tuple(float(np.isin(row, held).mean()) for row in rows)
            found.append(Overlap(shares, tuple(map(len, items)), self.size))
        return found


def overlap(
    items: Sequence[str], corpus: Iterable[str], size: int = SIZE
) -> Overlap:
    """How much of each item stands in the corpus, in windows of `size` syllables.

    Raises EvaluationError when there are no items, or one has no syllable at all.
    """
    search = Search([items], size)
    for text in corpus:
        search.read(text)
    return search.found()[0]


def _some(items: Sequence[str]) -> Sequence[str]:
    if not items:
        raise EvaluationError(
            "there is no item to look for: give at least one.",
            "không có mục nào để tìm: hãy cho ít nhất một mục.",
        )
    return items


def _codes(item: str) -> np.ndarray:
    codes = word_codes(item)
    if not len(codes):
        raise EvaluationError(
            f"the item {item[:40]!r} has no word in it: leave it out.",
            f"mục {item[:40]!r} không có chữ nào: hãy bỏ mục ấy đi.",
        )
    return codes


def _mark(wanted: np.ndarray, met: np.ndarray, hashes: np.ndarray) -> None:
    """Set `met` where a sorted `wanted` hash is among `hashes`."""
    places = np.searchsorted(wanted, hashes)
    places[places == len(wanted)] = 0
    met[places[wanted[places] == hashes]] = True
