"""Bits per byte: how many bits a model needs for each byte of NFC text.

The only measure that does not change with the tokenizer: a model over long tokens
has a higher loss per token and fewer tokens. Every text is read on its own, after an
end-of-text token that is given for free; the token that would end it is not counted.

A text longer than the context is cut into windows that overlap: each token is
predicted exactly once, from at least `context - stride` tokens before it wherever the
text has so many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from aulac.evaluate.likelihood import nats, windows
from aulac.evaluate.stats import Interval, bootstrap_ratio
from aulac.model import Transformer
from aulac.text import normalise


@dataclass(frozen=True)
class Bits:
    """Totals over texts; ratios are properties."""

    bits: float
    bytes: int
    tokens: int
    texts: int

    @property
    def per_byte(self) -> float:
        return self.bits / self.bytes

    @property
    def per_token(self) -> float:
        return self.bits / self.tokens

    @property
    def perplexity(self) -> float:
        """Per token: comparable only under the same tokenizer."""
        return 2**self.per_token


def measure_each(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
    batch: int = 32,
) -> list[Bits]:
    """Bits, exact bytes and tokens of each text that is not empty, in order.

    context: tokens a prediction may look back on, by default the model's.
    stride: tokens a window moves on, by default half the context.
    Raises ValueError when there is no text.
    """
    context = context or model.config.context
    stride = stride or context // 2
    texts = [text for text in map(normalise, texts) if text]
    if not texts:
        raise ValueError("there is no text to measure: give at least one.")
    encoded = tokenizer.encode_batch(texts)
    cut = [
        list(windows([tokenizer.eos_id, *ids], context, stride))
        for ids in encoded
    ]
    each = nats(model, [piece for pieces in cut for piece in pieces], batch)
    ends = accumulate(map(len, cut), initial=0)
    return [
        Bits(sum(each[a:b]) / math.log(2), len(text.encode()), len(ids), 1)
        for text, ids, (a, b) in zip(
            texts, encoded, pairwise(ends), strict=True
        )
    ]


def measure(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
    batch: int = 32,
) -> Bits:
    """Bits, exact bytes and tokens over texts together (see `measure_each`)."""
    each = measure_each(model, tokenizer, texts, context, stride, batch)
    return Bits(
        bits=sum(text.bits for text in each),
        bytes=sum(text.bytes for text in each),
        tokens=sum(text.tokens for text in each),
        texts=len(each),
    )


def bits_per_byte(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
) -> float:
    """Bits per byte of NFC text over texts (see `measure_each`)."""
    return measure(model, tokenizer, texts, context, stride).per_byte


def interval(each: list[Bits], level: float = 0.95, seed: int = 0) -> Interval:
    """Bits per byte with its bootstrap interval over documents."""
    return bootstrap_ratio(
        [text.bits for text in each],
        [text.bytes for text in each],
        level=level,
        seed=seed,
    )
