"""What a tokenizer costs: tokens a syllable, bytes a token, with an interval.

Fertility is tokens per whitespace-separated syllable: how many steps a model takes,
and how much of its context it spends, on one syllable of Vietnamese (Rust et al.,
2021, call it fertility per word; Vietnamese writes spaces between syllables). It
compares tokenizers on one text; it says nothing about how good a model will be, and
loss per token must not be compared between tokenizers: bits per byte must.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from aulac.tokenizer.fast import nfc


class Encodes(Protocol):
    """Anything with `encode(text) -> list of ids`."""

    def encode(self, text: str, /) -> list[int]: ...


class Count(NamedTuple):
    """Tokens, whitespace syllables and UTF-8 bytes of one text in NFC."""

    tokens: int
    syllables: int
    bytes: int


def count(tokenizer: Encodes, texts: Iterable[str]) -> list[Count]:
    """Tokens, syllables and bytes of each text, all counted on its NFC form."""
    return [
        Count(
            len(tokenizer.encode(text)), len(text.split()), len(text.encode())
        )
        for text in map(nfc, texts)
    ]


def fertility(tokenizer: Encodes, texts: Iterable[str]) -> float:
    """Tokens per whitespace syllable, over all `texts` together.

    ValueError when they hold no syllable.
    """
    return _ratio(count(tokenizer, texts))


def bytes_per_token(tokenizer: Encodes, texts: Iterable[str]) -> float:
    """UTF-8 bytes of NFC text per token, over all `texts` together."""
    counts = count(tokenizer, texts)
    tokens = sum(one.tokens for one in counts)
    if not tokens:
        raise ValueError(
            "bytes per token of no text at all: give one text or more"
        )
    return sum(one.bytes for one in counts) / tokens


def interval(
    tokenizer: Encodes,
    texts: Iterable[str],
    level: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Fertility and its bootstrap interval over documents: (value, low, high).

    Documents are drawn with replacement (Efron, 1979), because the syllables of one
    article are not independent of each other.
    """
    counts = [one for one in count(tokenizer, texts) if one.syllables]
    value = _ratio(counts)
    draw = random.Random(seed)
    values = sorted(
        _ratio(draw.choices(counts, k=len(counts))) for _ in range(resamples)
    )
    edge = int(resamples * (1 - level) / 2)
    return value, values[edge], values[-1 - edge]


def _ratio(counts: Iterable[Count]) -> float:
    tokens = syllables = 0
    for one in counts:
        tokens += one.tokens
        syllables += one.syllables
    if not syllables:
        raise ValueError(
            "fertility of no text at all: give one syllable or more"
        )
    return tokens / syllables
