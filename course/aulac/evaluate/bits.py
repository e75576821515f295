"""Bits per byte: how many bits a model needs for each byte of NFC text.

The only measure that does not change with the tokenizer (so in The Pile: Gao et al.,
2020): a model over long tokens has a higher loss per token and fewer tokens. Every
text is read on its own, after an end-of-text token that is given for free; the token
that would end it is not counted.

A text longer than the context is cut into windows that overlap: each token is
predicted exactly once, from at least `context - stride` tokens before it wherever the
text has so many. A smaller stride costs more time and gives every token more to look
back on, so the number falls (Press, Smith and Lewis, 2021, "Shortformer"): compare
numbers of one stride only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.likelihood import SKIP, Window, nats, windows
from aulac.evaluate.stats import Interval, bootstrap_ratio
from aulac.model import LanguageModel
from aulac.text import normalise

SECTION = 8  # windows: about 1,000 tokens at a context of 256


class Reading(TypedDict, total=False):
    """How texts are read, for every function here that measures.

    context: tokens a prediction may look back on, by default the model's.
    stride: tokens a window moves on, by default half the context.
    batch: windows that go through the model together, by default 32.
    """

    context: int | None
    stride: int | None
    batch: int


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
    model: LanguageModel,
    tokenizer: Any,
    texts: Iterable[str],
    **reading: Unpack[Reading],
) -> list[list[Bits]]:
    """Bits, exact bytes and tokens of each window of each text that is not empty.

    Raises EvaluationError when there is no text, or a stride that would pass over
    tokens.
    """
    context = reading.get("context") or model.context
    stride = _stride(reading.get("stride"), context)
    texts = _not_empty(texts)
    cut = [
        list(windows([tokenizer.eos_id, *ids], context, stride))
        for ids in tokenizer.encode_batch(texts)
    ]
    pieces = [window for row in cut for window in row]
    each = iter(nats(model, pieces, reading.get("batch", 32)))
    return [
        [_window(tokenizer, window, next(each)) for window in row]
        for row in cut
    ]


def _stride(stride: int | None, context: int) -> int:
    if stride is None:
        return max(1, context // 2)
    if not 1 <= stride <= context:
        raise EvaluationError(
            f"a stride of {stride} tokens does not fit a context of {context}: give "
            f"1 to {context}, or every token would not be read.",
            f"bước trượt {stride} token không hợp với ngữ cảnh {context} token: hãy "
            f"cho từ 1 đến {context}, nếu không sẽ có token bị bỏ sót.",
        )
    return stride


def _not_empty(texts: Iterable[str]) -> list[str]:
    found = [text for text in map(normalise, texts) if text]
    if not found:
        raise EvaluationError(
            "there is no text to measure: give at least one.",
            "không có văn bản nào để đo: hãy cho ít nhất một văn bản.",
        )
    return found


def _window(tokenizer: Any, window: Window, cost: float) -> Bits:
    counted = [token for token in window[1] if token != SKIP]
    size = len(tokenizer.decode_bytes(counted))
    return Bits(cost / math.log(2), size, len(counted), 1)


def total(parts: Iterable[Bits]) -> Bits:
    """Parts of one text, or several texts, as one."""
    parts = list(parts)
    return Bits(
        bits=sum(part.bits for part in parts),
        bytes=sum(part.bytes for part in parts),
        tokens=sum(part.tokens for part in parts),
        texts=1,
    )


def measure_each(
    model: LanguageModel,
    tokenizer: Any,
    texts: Iterable[str],
    **reading: Unpack[Reading],
) -> list[Bits]:
    """Each text that is not empty, in order (see `measure_windows`).

    Bytes are the text's own, whatever the tokenizer says of itself.
    """
    texts = _not_empty(texts)
    cut = measure_windows(model, tokenizer, texts, **reading)
    return [
        replace(total(parts), bytes=len(text.encode()))
        for parts, text in zip(cut, texts, strict=True)
    ]


def measure(
    model: LanguageModel,
    tokenizer: Any,
    texts: Iterable[str],
    **reading: Unpack[Reading],
) -> Bits:
    """Bits, exact bytes and tokens over texts together (see `measure_each`)."""
    each = measure_each(model, tokenizer, texts, **reading)
    return replace(total(each), texts=len(each))


def bits_per_byte(
    model: LanguageModel,
    tokenizer: Any,
    texts: Iterable[str],
    **reading: Unpack[Reading],
) -> float:
    """Bits per byte of NFC text over texts (see `measure_each`)."""
    return measure(model, tokenizer, texts, **reading).per_byte


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
        total(text[at : at + SECTION])
        for text in cut
        for at in range(0, len(text), SECTION)
    ]
