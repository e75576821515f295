"""What a tokenizer costs: tokens a syllable, bytes a token, with an interval."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Protocol

from aulac.tokenizer.fast import nfc


class Encodes(Protocol):
    """Anything with `encode(text) -> list of ids`."""

    def encode(self, text: str) -> list[int]: ...


def _counts(tokenizer: Encodes, texts: Iterable[str]) -> list[tuple[int, int, int]]:
    """(tokens, syllables, bytes) of each text, counted on its NFC form."""
    rows = []
    for text in map(nfc, texts):
        rows.append(
            (len(tokenizer.encode(text)), len(text.split()), len(text.encode()))
        )
    return rows


def fertility(tokenizer: Encodes, texts: Iterable[str]) -> float:
    """Tokens per whitespace syllable over all `texts` (pooled, not averaged)."""
    rows = _counts(tokenizer, texts)
    syllables = sum(row[1] for row in rows)
    if not syllables:
        raise ValueError("fertility of no text: give at least one text with a word")
    return sum(row[0] for row in rows) / syllables


def bytes_per_token(tokenizer: Encodes, texts: Iterable[str]) -> float:
    """UTF-8 bytes of NFC text per token over all `texts` (pooled)."""
    rows = _counts(tokenizer, texts)
    tokens = sum(row[0] for row in rows)
    if not tokens:
        raise ValueError("bytes per token of no text: give at least one text")
    return sum(row[2] for row in rows) / tokens


def interval(
    tokenizer: Encodes,
    texts: Iterable[str],
    level: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Fertility with a bootstrap interval over documents: (value, low, high)."""
    rows = _counts(tokenizer, texts)
    draw = random.Random(seed)
    values = []
    for _ in range(resamples):
        sample = draw.choices(rows, k=len(rows))
        values.append(sum(row[0] for row in sample) / sum(row[1] for row in sample))
    values.sort()
    edge = int(resamples * (1 - level) / 2)
    value = sum(row[0] for row in rows) / sum(row[1] for row in rows)
    return value, values[edge], values[-1 - edge]
