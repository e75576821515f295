"""Instruction tuning (SFT): learn to answer, from conversations.

The loss counts only what the assistant says; the user's words are read, not learned.
Conversations are never packed into one another, so an answer never looks back on a
stranger's turn; rows of like length share a step, so little is padding.

A step's conversations are dealt out to its passes and processes like cards: each gets
as many, and each token to be learned weighs the same wherever it went (see
`aulac.train.Trainer.step`). So one process and eight learn the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aulac.errors import InputError
from aulac.model import Transformer
from aulac.model.loss import IGNORE
from aulac.tokenizer.template import Message, encode
from aulac.train import OnStep, Plan, Run, TrainingError, distributed, train
from aulac.train.loader import TokenData

Example = tuple[list[int], list[int]]  # ids and mask
Pair = tuple[Tensor, Tensor]  # ids and targets (B, T)


class Dialogues:
    """Endless conversations: ids and targets (B, T), padded to a step's longest.

    Targets are IGNORE wherever the assistant does not speak. What goes beyond
    `context` tokens is cut. With `mix`, that share of the steps is taken from
    `text` (pretraining batches) instead, so the model does not forget how to tell
    a story. `batch` conversations make a step, and come in `parts` pieces. The
    order depends only on the seed and `batch`, and can be resumed at any step.

    Raises ValueError when no conversation has an answer, and for `mix` without text.
    """

    # Steps sorted by length together. Of the tokens of `tiny`'s conversations so many
    # were padding: 42 % with 1, 17 % with 4, 5 % with 16, 1 % with 64, which would
    # leave little of the random order.
    pool = 16

    def __init__(
        self,
        conversations: Iterable[Sequence[Message]],
        tokenizer: Any,
        batch: int,
        context: int,
        seed: int = 0,
        mix: float = 0.0,
        text: TokenData | None = None,
        parts: int = 1,
    ):
        rows = (encode(messages, tokenizer) for messages in conversations)
        cut = ((ids[: context + 1], mask[: context + 1]) for ids, mask in rows)
        self.examples = [(ids, mask) for ids, mask in cut if any(mask[1:])]
        if not self.examples:
            raise InputError(
                f"no conversation has an answer within {context} tokens: give "
                "conversations with an assistant's turn, or a larger context.",
                f"không hội thoại nào có câu trả lời trong {context} token đầu: hãy đưa "
                "hội thoại có lượt của assistant, hoặc cửa sổ ngữ cảnh dài hơn.",
            )
        if mix and text is None:
            raise InputError(
                "mix needs text: pass the pretraining batches.",
                "mix cần text: hãy truyền vào các lô dữ liệu tiền huấn luyện.",
            )
        self.batch, self.seed, self.mix, self.text = batch, seed, mix, text
        self.parts, self.pieces = parts, list[Pair]()
        self._go(epoch=0, position=0)

    def __iter__(self) -> Iterator[Pair]:
        return self

    def __next__(self) -> Pair:
        if not self.pieces:
            self.pieces = dealt(*self._step(), self.parts)
        return self.pieces.pop(0)

    def _step(self) -> Pair:
        """All rows of the next step."""
        if self.position == len(self.order):
            self._go(self.epoch + 1, position=0)
        rows = self.order[self.position]
        self.position += 1
        if rows is None and self.text is not None:
            return next(self.text)
        return collate([self.examples[row] for row in rows or ()])

    def state(self) -> dict[str, Any]:
        """Where the next step begins; what is left of this one is not kept."""
        place: dict[str, Any] = {"epoch": self.epoch, "batch": self.batch}
        place["position"] = self.position
        return place | ({"text": self.text.state()} if self.text else {})

    def restore(self, state: dict[str, Any]) -> None:
        """Go to a place that `state` named, whatever `parts` was there.

        Raises TrainingError for the place of another `batch`: the order is another.
        """
        was = state.get("batch", self.batch)
        if was != self.batch:
            raise other_batch(was, self.batch)
        if self.text is not None and "text" in state:
            self.text.restore(state["text"])
        self._go(state["epoch"], state["position"])

    def _go(self, epoch: int, position: int) -> None:
        self.epoch, self.position = epoch, position
        self.pieces = []
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = self._order(rng)

    def _order(self, rng: np.random.Generator) -> list[list[int] | None]:
        """Rows of each step of an epoch; None stands for plain text."""
        rows = rng.permutation(len(self.examples)).tolist()
        batches: list[list[int] | None] = []
        for start in range(0, len(rows), self.pool * self.batch):
            some = rows[start : start + self.pool * self.batch]
            some.sort(key=lambda row: len(self.examples[row][0]))
            cuts = range(0, len(some), self.batch)
            batches += [some[i : i + self.batch] for i in cuts]
        order = [batches[i] for i in rng.permutation(len(batches))]
        if not self.mix:
            return order
        extra = round(len(order) * self.mix / (1 - self.mix))
        mixed = order + [None] * extra
        return [mixed[i] for i in rng.permutation(len(mixed))]


def dealt(ids: Tensor, targets: Tensor, parts: int) -> list[Pair]:
    """A step's rows (B, T), one after another to each of `parts` pieces.

    Where there are fewer rows than pieces the last ones hold one token and nothing
    to learn, since every process must take part in every step.
    """
    pieces = [(ids[i::parts], targets[i::parts]) for i in range(parts)]
    idle = ids[:1, :1], torch.full_like(ids[:1, :1], IGNORE)  # (1, 1) each
    return [piece if len(piece[0]) else idle for piece in pieces]


def collate(examples: list[Example]) -> Pair:
    """Pad to one length on the right: ids and targets (B, T)."""
    longest = max(len(ids) for ids, _ in examples) - 1
    inputs = torch.zeros(len(examples), longest, dtype=torch.long)  # (B, T)
    targets = torch.full_like(inputs, IGNORE)
    for row, (ids, mask) in enumerate(examples):
        whole, speaks = torch.tensor(ids), torch.tensor(mask, dtype=torch.bool)
        inputs[row, : len(ids) - 1] = whole[:-1]
        wanted = whole[1:].masked_fill(~speaks[1:], IGNORE)
        targets[row, : len(ids) - 1] = wanted
    return inputs, targets


def sft(
    model: Transformer,
    tokenizer: Any,
    conversations: Iterable[Sequence[Message]],
    plan: Plan,
    out: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    batch: int = 16,
    mix: float = 0.0,
    text: TokenData | None = None,
    resume: bool = True,
) -> Run:
    """Tune `model` in place on conversations (lists of role and content).

    batch: conversations of one pass; a step reads batch x `plan.accumulation`, which
        torchrun's processes share.
    mix, text: plain text takes the place of this share of the steps; a batch of
        `text` is a step's, and is shared alike.

    Everything else is as in `aulac.train.train`. Raises TrainingError, too, when the
    number of processes does not divide a step, and when the checkpoint in `out` was
    made with another number of conversations in a step.
    """
    _, passes = distributed.split(batch, plan.accumulation)
    data = Dialogues(
        conversations,
        tokenizer,
        batch * plan.accumulation,
        model.config.context,
        plan.seed,
        mix,
        text,
        parts=passes * distributed.world().size,
    )
    plan = replace(plan, accumulation=passes)
    return train(model, data, plan, out, on_step=on_step, resume=resume)


def other_batch(was: int, now: int) -> TrainingError:
    return TrainingError(
        f"the checkpoint was made with {was} conversations in a step, not {now}: "
        "give the same batch x accumulation, or another folder.",
        f"điểm lưu được tạo với {was} hội thoại mỗi bước, không phải {now}: hãy "
        "giữ nguyên batch x accumulation, hoặc chọn thư mục khác.",
    )
