"""Two objectives that are not the next token's, small enough to follow by hand.

`Preference` learns from pairs, beside a frozen reference. `Reward` learns from texts
that the model in training has written itself, and notes how old they are.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from aulac.model import Config, Transformer
from aulac.train import Batch

SIZES = {"vocab_size": 64, "depth": 2, "width": 32, "heads": 2, "kv_heads": 1}
LENGTH = 8  # tokens of a text
ROWS = 3  # texts, or pairs, in a batch


def new_model(seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(Config(**SIZES, head_dim=16, ff=64, context=16))


def log_probability(model: Transformer, ids: Tensor) -> Tensor:
    """ln p of each row behind its first token: (B, T) -> (B,)."""
    logits = model(ids[:, :-1]).float().log_softmax(-1)  # (B, T - 1, V)
    return logits.gather(2, ids[:, 1:, None]).sum((1, 2))


class Places:
    """An endless stream whose place is a number."""

    position = 0

    def state(self) -> dict[str, Any]:
        return {"position": self.position}

    def restore(self, state: dict[str, Any]) -> None:
        self.position = state["position"]


class Pairs(Places):
    """A text that counts upwards, and one that is drawn, in different numbers."""

    def __next__(self) -> Batch:
        draw = np.random.default_rng([3, self.position])
        self.position += 1
        rows = 1 + self.position % ROWS
        first = draw.integers(1, 50, rows)
        good = torch.tensor(first[:, None] + np.arange(LENGTH))
        bad = torch.tensor(draw.integers(1, 64, (rows, LENGTH)))
        return Batch((good, bad), count=rows, tokens=2 * good.numel())


class Preference(nn.Module):
    """-ln sigma of how much more the good text gained on the reference's view."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model
        self.reference = copy.deepcopy(model).requires_grad_(False)

    def forward(self, good: Tensor, bad: Tensor) -> Tensor:
        gained = [
            log_probability(self.model, ids)
            - log_probability(self.reference, ids)
            for ids in (good, bad)
        ]
        return -F.logsigmoid(gained[0] - gained[1]).mean()


class Written(Places):
    """Texts that `model` writes when they are asked for, and what they are worth.

    The last tensor is the weights' version at that moment.
    """

    ahead = 0

    def __init__(self, model: Transformer) -> None:
        self.model = model

    @torch.no_grad()
    def __next__(self) -> Batch:
        draw = torch.Generator().manual_seed(self.position)
        self.position += 1
        ids = torch.zeros(ROWS, 1, dtype=torch.long)  # (B, 1)
        for _ in range(LENGTH):
            odds = self.model(ids)[:, -1].softmax(-1)  # (B, V)
            one = torch.multinomial(odds, 1, generator=draw)
            ids = torch.cat((ids, one), dim=1)  # (B, t + 1)
        worth = (ids[:, 1:] < 32).float().mean(1)  # (B,)
        at = torch.tensor(version())
        return Batch((ids, worth - worth.mean(), at), ROWS, ids.numel())


updates = [0]  # steps that optimisers of this process took


def _count(*_: Any) -> None:
    updates[0] += 1


register_optimizer_step_post_hook(_count)


def version() -> int:
    """Of the weights: how often an optimiser has changed some."""
    return updates[0]


class Reward(nn.Module):
    """REINFORCE: what was worth more than the mean becomes likelier."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model
        self.ages: list[int] = []  # updates between writing and learning
        self.versions: list[int] = []

    def forward(self, ids: Tensor, advantage: Tensor, at: Tensor) -> Tensor:
        self.versions.append(version())
        self.ages.append(self.versions[-1] - int(at))
        return -(advantage * log_probability(self.model, ids)).mean()


def toy(name: str, model: Transformer) -> tuple[Places, nn.Module]:
    """Data and objective of one of TOYS."""
    if name == "pairs":
        return Pairs(), Preference(model)
    return Written(model), Reward(model)


TOYS = ("pairs", "rewards")
