"""How probable a model finds given tokens: the one sum all evaluation rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from aulac.evaluate.errors import EvaluationError
from aulac.model import LanguageModel, Pair, Transformer
from aulac.text import normalise

SKIP = -100
Window = tuple[list[int], list[int]]  # inputs and targets; SKIP is not counted

ROWS = 256  # logits of so many tokens are held at a time


class Found(NamedTuple):
    """-ln p of a window's targets, and whether each was the likeliest token."""

    nats: float
    greedy: bool


def nats(
    model: LanguageModel, pieces: Sequence[Window], batch: int = 32
) -> list[float]:
    """-ln p of each window's targets, summed over the window, in the given order."""
    return [found.nats for found in scores(model, pieces, batch)]


@torch.inference_mode()
def scores(
    model: LanguageModel, pieces: Sequence[Window], batch: int = 32
) -> list[Found]:
    """What the model finds of each window, in the given order.

    Windows of like length share a batch, whatever order they come in.
    Raises EvaluationError where the model gives no finite number.
    """
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    if isinstance(model, nn.Module):
        model.eval()
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i][0]))
    found = [Found(0.0, True)] * len(pieces)
    for cut in range(0, len(order), batch):
        rows = order[cut : cut + batch]
        for i, row in zip(rows, _batch(model, pieces, rows), strict=True):
            found[i] = row
    return found


def _batch(
    model: LanguageModel, pieces: Sequence[Window], rows: list[int]
) -> list[Found]:
    longest = max(len(pieces[i][0]) for i in rows)
    inputs = torch.zeros(len(rows), longest, dtype=torch.long)  # (B, T)
    targets = torch.full_like(inputs, SKIP)
    for row, i in enumerate(rows):
        ids, next_ids = pieces[i]
        inputs[row, : len(ids)] = torch.tensor(ids)
        targets[row, : len(ids)] = torch.tensor(next_ids)
    counted = targets != SKIP
    if isinstance(model, Transformer):
        costs, hits = _of_hidden(model, inputs, targets, counted)  # (N,) each
    else:
        costs, hits = _of_any(model, inputs, targets, counted)
    # (B, T) again, where what is not counted costs nothing and misses nothing
    each = torch.zeros(targets.shape, dtype=torch.float64)
    each[counted] = costs.double().cpu()
    right = ~counted
    right[counted] = hits.cpu()
    sums, greedy = each.sum(1).tolist(), right.all(1).tolist()  # (B,) each
    if not all(map(math.isfinite, sums)):
        raise EvaluationError(
            "the model finds a text NaN or infinitely improbable, as damaged weights "
            "do, or a training that diverged: measure an earlier checkpoint. A table "
            "of counts does where it saw nothing: give it k > 0.",
            "mô hình cho xác suất là NaN hoặc bằng 0, như khi trọng số bị hỏng hoặc "
            "việc huấn luyện đã phân kỳ: hãy đo một điểm lưu sớm hơn. Bảng đếm cho xác "
            "suất 0 ở nơi nó chưa thấy gì: hãy cho k > 0.",
        )
    return list(map(Found, sums, greedy))


def _of_any(
    model: LanguageModel, inputs: Tensor, targets: Tensor, counted: Tensor
) -> Pair:
    """-ln p of the targets that count, and where they are likeliest: (N,) each.

    A row at a time: of a batch the probabilities of every token would be gigabytes.
    """
    costs, hits = [], []
    for ids, wanted, keep in zip(inputs, targets, counted, strict=True):
        found = model.log_probabilities(ids[None])[0].cpu()[keep]  # (n, V)
        right = found.gather(1, wanted[keep, None])[:, 0]  # (n,)
        costs.append(-right)
        hits.append(found.argmax(1) == wanted[keep])
    return torch.cat(costs), torch.cat(hits)


def _of_hidden(
    model: Transformer, inputs: Tensor, targets: Tensor, counted: Tensor
) -> Pair:
    """The same of a transformer, which never makes the logits of a whole batch."""
    device = model.embed.weight.device
    keep = counted.to(device)
    hidden = model.hidden(inputs.to(device))[keep]  # (B, T, W) -> (N, W)
    return _costs(model, hidden, targets.to(device)[keep])


def _costs(model: Transformer, hidden: Tensor, targets: Tensor) -> Pair:
    """-ln p of targets (N,) after hidden (N, W), and where they are likeliest.

    Only tokens that count come here, and the logits of a few at a time: a window
    that slides by half its length has half of its output layer to compute.
    """
    costs, hits = [], []
    for start in range(0, len(targets), ROWS):
        wanted = targets[start : start + ROWS, None]  # (n, 1)
        logits = model.output.logits(hidden[start : start + ROWS]).float()
        right = logits.gather(1, wanted)  # (n, V) -> (n, 1)
        top, place = logits.max(1, keepdim=True)
        total = logits.sub_(top).exp_().sum(1, keepdim=True)
        costs.append(total.log() + top - right)
        hits.append(place == wanted)
    if not costs:
        return hidden.new_zeros(0), targets.bool()
    return torch.cat(costs)[:, 0], torch.cat(hits)[:, 0]


@dataclass(frozen=True)
class Continuation:
    """A text after a context: its -ln p, and what it can be divided by."""

    nats: float
    bytes: int
    tokens: int
    greedy: bool = False  # greedy decoding would have written it
    cut: int = (
        0  # tokens of the context's beginning that the model did not see
    )


def continuations(
    model: LanguageModel,
    tokenizer: Any,
    pairs: Iterable[tuple[str | list[int], str]],
    batch: int = 32,
) -> list[Continuation]:
    """-ln p(text | context) for each (context, text); a context may be ids.

    Context and text are encoded apart, so a token never reaches over the border:
    with superwords it otherwise could, and would then be charged to neither.
    A context too long for the model loses its beginning, `cut` tokens.

    Raises EvaluationError for an empty text, and for one longer than the model's
    context.
    """
    pieces, sizes = [], []
    for context, text in pairs:
        head = context
        if isinstance(head, str):
            head = tokenizer.encode(head) if head else []
        tail = tokenizer.encode(text)
        _must_fit(text, tail, model.context)
        ids = [tokenizer.eos_id, *head, *tail][-(model.context + 1) :]
        skipped = len(ids) - 1 - len(tail)
        pieces.append((ids[:-1], [SKIP] * skipped + tail))
        cut = max(0, len(head) + len(tail) - model.context)
        sizes.append((len(normalise(text).encode()), len(tail), cut))
    return [
        Continuation(found.nats, size, tokens, found.greedy, cut)
        for found, (size, tokens, cut) in zip(
            scores(model, pieces, batch), sizes, strict=True
        )
    ]


def _must_fit(text: str, tail: list[int], context: int) -> None:
    if not tail:
        raise EvaluationError(
            "a text to be scored is empty: give at least a letter.",
            "có một văn bản cần chấm bị rỗng: hãy viết ít nhất một chữ.",
        )
    if len(tail) > context:
        raise EvaluationError(
            f"{len(tail)} tokens do not fit the model's context of {context}: "
            f"shorten {text[:40]!r}…",
            f"{len(tail)} token dài hơn ngữ cảnh {context} token của mô hình: hãy rút "
            f"ngắn {text[:40]!r}…",
        )


def windows(ids: list[int], context: int, stride: int) -> Iterator[Window]:
    """Cut a text into (inputs, targets) so that each target is counted once.

    The first window counts all of its targets, each later one the next `stride`,
    which is at most `context`.
    """
    scored = 0  # targets done: target i is ids[i + 1]
    while scored < len(ids) - 1:
        end = min(len(ids) - 1, context if scored == 0 else scored + stride)
        start = max(0, end - context)
        targets = [SKIP] * (scored - start) + ids[scored + 1 : end + 1]
        yield ids[start:end], targets
        scored = end
