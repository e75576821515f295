"""How probable a model finds given tokens: the one sum all evaluation rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from aulac.model import Transformer
from aulac.text import normalise

SKIP = -100
Window = tuple[list[int], list[int]]  # inputs and targets; SKIP is not counted


@torch.inference_mode()
def nats(
    model: Transformer, pieces: Sequence[Window], batch: int = 32
) -> list[float]:
    """-ln p of each window's targets, summed over the window, in the given order.

    Windows of like length share a batch, whatever order they come in.
    """
    model.eval()
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i][0]))
    found = [0.0] * len(pieces)
    for cut in range(0, len(order), batch):
        rows = order[cut : cut + batch]
        for i, value in zip(rows, _batch(model, pieces, rows), strict=True):
            found[i] = value
    return found


def _batch(
    model: Transformer, pieces: Sequence[Window], rows: list[int]
) -> list[float]:
    longest = max(len(pieces[i][0]) for i in rows)
    inputs = torch.zeros(len(rows), longest, dtype=torch.long)  # (B, T)
    targets = torch.full_like(inputs, SKIP)
    for row, i in enumerate(rows):
        ids, next_ids = pieces[i]
        inputs[row, : len(ids)] = torch.tensor(ids)
        targets[row, : len(ids)] = torch.tensor(next_ids)
    device = model.embed.weight.device
    logits = model(inputs.to(device)).float().transpose(1, 2)  # (B, V, T)
    losses = F.cross_entropy(logits, targets.to(device), reduction="none")
    return losses.sum(1).tolist()  # (B, T) → (B,)


@dataclass(frozen=True)
class Continuation:
    """A text after a context: its -ln p, and what it can be divided by."""

    nats: float
    bytes: int
    tokens: int


def continuations(
    model: Transformer,
    tokenizer: Any,
    pairs: Iterable[tuple[str, str]],
    batch: int = 32,
) -> list[Continuation]:
    """-ln p(text | context) for each (context, text).

    Context and text are encoded apart, so a token never reaches over the border:
    with superwords it otherwise could, and would then be charged to neither.
    A context too long for the model loses its beginning.

    Raises ValueError for an empty text, and for one longer than the model's context.
    """
    pieces, sizes = [], []
    for context, text in pairs:
        head = tokenizer.encode(context) if context else []
        tail = tokenizer.encode(text)
        _must_fit(text, tail, model.config.context)
        ids = [tokenizer.eos_id, *head, *tail][-(model.config.context + 1) :]
        skipped = len(ids) - 1 - len(tail)
        pieces.append((ids[:-1], [SKIP] * skipped + tail))
        sizes.append((len(normalise(text).encode()), len(tail)))
    return [
        Continuation(value, *size)
        for value, size in zip(nats(model, pieces, batch), sizes, strict=True)
    ]


def _must_fit(text: str, tail: list[int], context: int) -> None:
    if not tail:
        raise ValueError(
            "a text to be scored is empty: give at least a letter."
        )
    if len(tail) > context:
        raise ValueError(
            f"{len(tail)} tokens do not fit the model's context of {context}: "
            f"shorten {text[:40]!r}…"
        )


def windows(ids: list[int], context: int, stride: int) -> Iterator[Window]:
    """Cut a text into (inputs, targets) so that each target is counted once.

    The first window counts all of its targets, each later one the next `stride`.
    """
    scored = 0  # targets done: target i is ids[i + 1]
    while scored < len(ids) - 1:
        end = min(len(ids) - 1, context if scored == 0 else scored + stride)
        start = max(0, end - context)
        targets = [SKIP] * (scored - start) + ids[scored + 1 : end + 1]
        yield ids[start:end], targets
        scored = end
