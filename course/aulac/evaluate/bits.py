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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

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


Window = tuple[list[int], list[int]]  # inputs and targets


def windows(ids: list[int], context: int, stride: int) -> Iterator[Window]:
    """Cut a text into (inputs, targets); targets already scored are -100."""
    scored = 0  # targets done: target i is ids[i + 1]
    while scored < len(ids) - 1:
        end = min(len(ids) - 1, context if scored == 0 else scored + stride)
        start = max(0, end - context)
        targets = [-100] * (scored - start) + ids[scored + 1 : end + 1]
        yield ids[start:end], targets
        scored = end


@torch.inference_mode()
def measure(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
    batch: int = 32,
) -> Bits:
    """Bits, exact bytes and tokens over texts.

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
    pieces = [
        window
        for ids in encoded
        for window in windows([tokenizer.eos_id, *ids], context, stride)
    ]
    pieces.sort(key=lambda piece: len(piece[0]))  # alike lengths share a batch
    model.eval()
    cuts = range(0, len(pieces), batch)
    nats = sum(_nats(model, pieces[cut : cut + batch]) for cut in cuts)
    return Bits(
        bits=nats / math.log(2),
        bytes=sum(len(text.encode()) for text in texts),
        tokens=sum(map(len, encoded)),
        texts=len(texts),
    )


def _nats(model: Transformer, pieces: list[Window]) -> float:
    """Summed negative log-likelihood of a batch of windows."""
    longest = max(len(ids) for ids, _ in pieces)
    inputs = torch.zeros(len(pieces), longest, dtype=torch.long)  # (B, T)
    targets = torch.full_like(inputs, -100)
    for row, (ids, next_ids) in enumerate(pieces):
        inputs[row, : len(ids)] = torch.tensor(ids)
        targets[row, : len(ids)] = torch.tensor(next_ids)
    device = model.embed.weight.device
    logits = model(inputs.to(device)).float().flatten(0, 1)  # (B T, V)
    wanted = targets.to(device).flatten()
    return float(F.cross_entropy(logits, wanted, reduction="sum"))


def bits_per_byte(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    context: int | None = None,
    stride: int | None = None,
) -> float:
    """Bits per byte of NFC text over texts (see `measure`)."""
    return measure(model, tokenizer, texts, context, stride).per_byte
