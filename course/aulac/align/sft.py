"""Instruction tuning (SFT): learn to answer, from conversations.

The loss counts only what the assistant says; the user's words are read, not learned.
Conversations are never packed into one another, so an answer never looks back on a
stranger's turn; rows of like length share a batch, so little is padding.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aulac.chat import Message, encode
from aulac.model import Transformer
from aulac.train import Data, OnStep, Plan, Run, train

IGNORE = -100
Example = tuple[list[int], list[int]]  # ids and mask


class Dialogues:
    """Endless batches of conversations: ids, targets (B, T), padded to the longest.

    Targets are -100 wherever the assistant does not speak. What goes beyond
    `context` tokens is cut. With `mix`, that share of the batches is taken from
    `text` (pretraining batches) instead, so the model does not forget how to tell
    a story. The order depends only on the seed and can be resumed.
    """

    pool = 16  # batches sorted by length together

    def __init__(
        self,
        conversations: Iterable[Sequence[Message]],
        tokenizer: Any,
        batch: int,
        context: int,
        seed: int = 0,
        mix: float = 0.0,
        text: Data | None = None,
    ):
        rows = (encode(messages, tokenizer) for messages in conversations)
        cut = ((ids[: context + 1], mask[: context + 1]) for ids, mask in rows)
        self.examples = [(ids, mask) for ids, mask in cut if any(mask[1:])]
        if not self.examples:
            raise ValueError(
                f"no conversation has an answer within {context} tokens: give "
                "conversations with an assistant's turn, or a larger context."
            )
        if mix and text is None:
            raise ValueError("mix needs text: pass the pretraining batches.")
        self.batch, self.seed, self.mix, self.text = batch, seed, mix, text
        self.restore({"epoch": 0, "position": 0})

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        if self.position == len(self.order):
            self.restore({"epoch": self.epoch + 1, "position": 0})
        rows = self.order[self.position]
        self.position += 1
        if rows is None and self.text is not None:
            return next(self.text)
        return collate([self.examples[row] for row in rows or ()])

    def state(self) -> dict[str, Any]:
        """Where the next batch begins."""
        place: dict[str, Any] = {"epoch": self.epoch}
        place["position"] = self.position
        return place | ({"text": self.text.state()} if self.text else {})

    def restore(self, state: dict[str, Any]) -> None:
        """Go to a place that `state` named."""
        self.epoch, self.position = state["epoch"], state["position"]
        if self.text is not None and "text" in state:
            self.text.restore(state["text"])
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = self._order(rng)

    def _order(self, rng: np.random.Generator) -> list[list[int] | None]:
        """Rows of each batch of an epoch; None stands for plain text."""
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


def collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
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
    text: Data | None = None,
    resume: bool = True,
) -> Run:
    """Tune `model` in place on conversations (lists of role and content).

    Everything else is as in `aulac.train.train`.
    """
    context = model.config.context
    options = {"batch": batch, "context": context, "seed": plan.seed}
    data = Dialogues(conversations, tokenizer, mix=mix, text=text, **options)
    return train(model, data, plan, out, on_step=on_step, resume=resume)
