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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aulac.evaluate.likelihood import SKIP, Window, nats, windows
from aulac.evaluate.stats import Interval, bootstrap_ratio
from aulac.model import Transformer
from aulac.text import normalise

SECTION = 8  # windows: about 1,000 tokens at a context of 256


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


def measure_windows(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
    batch: int = 32,
) -> list[list[Bits]]:
    """Bits, exact bytes and tokens of each window of each text that is not empty.

    context: tokens a prediction may look back on, by default the model's.
    stride: tokens a window moves on, by default half the context.
    Raises ValueError when there is no text.
    """
    context = context or model.config.context
    stride = stride or context // 2
    texts = [text for text in map(normalise, texts) if text]
    if not texts:
        raise ValueError("there is no text to measure: give at least one.")
    cut = [
        list(windows([tokenizer.eos_id, *ids], context, stride))
        for ids in tokenizer.encode_batch(texts)
    ]
    each = iter(nats(model, [w for pieces in cut for w in pieces], batch))
    return [
        [_window(tokenizer, window, next(each)) for window in pieces]
        for pieces in cut
    ]


def _window(tokenizer: Any, window: Window, cost: float) -> Bits:
    counted = [token for token in window[1] if token != SKIP]
    size = len(tokenizer.decode_bytes(counted))
    return Bits(cost / math.log(2), size, len(counted), 1)


def together(parts: Iterable[Bits]) -> Bits:
    """Parts of one text, or several texts, as one."""
    parts = list(parts)
    return Bits(
        bits=sum(part.bits for part in parts),
        bytes=sum(part.bytes for part in parts),
        tokens=sum(part.tokens for part in parts),
        texts=1,
    )


def measure_each(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
    batch: int = 32,
) -> list[Bits]:
    """Each text that is not empty, in order (see `measure_windows`).

    Bytes are the text's own, whatever the tokenizer says of itself.
    """
    texts = [text for text in map(normalise, texts) if text]
    cut = measure_windows(model, tokenizer, texts, context, stride, batch)
    return [
        replace(together(parts), bytes=len(text.encode()))
        for parts, text in zip(cut, texts, strict=True)
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
    return replace(together(each), texts=len(each))


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
    """Bits per byte with its bootstrap interval over documents, or sections."""
    return bootstrap_ratio(
        [text.bits for text in each],
        [text.bytes for text in each],
        level=level,
        seed=seed,
    )


def sections(cut: Iterable[Sequence[Bits]]) -> list[Bits]:
    """The windows of each text, SECTION at a time.

    What to resample where there are too few documents for an interval: a law code
    of 400 KB is one document, and two of them say nothing of a third. Neighbouring
    sections are alike, so this interval is for more text of the same documents.
    """
    return [
        together(text[at : at + SECTION])
        for text in cut
        for at in range(0, len(text), SECTION)
    ]
