"""What is compared: the base recipe, and arms that each change what they name.

An arm is the base recipe (Muon, superwords, tied output layer, QK-norm, WSD schedule,
the rates and the batch of scale `tiny`) with the changes that stand in its row. Seed
by seed it begins with the base recipe's weights where they have the same shape, and
reads the same documents in the same order where the tokenizer is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aulac.model import Config, Transformer
from aulac.scale import Scale
from aulac.train import Plan

# The best of `GRID` for AdamW on all parameters; see benchmarks/LOG.md.
ADAMW_LR = 0.008
GPT2_STD = 0.02  # how wide GPT-2's weights begin


@dataclass(frozen=True)
class Arm:
    """What differs from the base recipe."""

    plan: Mapping[str, Any] = field(default_factory=dict)  # fields of Plan
    config: Mapping[str, Any] = field(default_factory=dict)  # fields of Config
    superwords: bool = True
    vocabulary: float = 1.0  # times the base recipe's
    batch: float = 1.0  # times the base recipe's
    cosine: bool = False  # to zero, in place of warm-up/stable/decay
    cap: float = 0.0  # logits are kept within this by a tanh; 0: they are free
    std: float = 0.0  # of all first weights; 0: as `aulac.model.initialise`

    @property
    def same_work(self) -> bool:
        """Whether a step computes exactly what the base recipe's computes."""
        changed = self.plan or self.config or self.cap
        return not changed and self.vocabulary == self.batch == 1


ADAMW = {"muon": False, "adam_lr": ADAMW_LR}
ARMS: dict[str, Arm] = {
    "base": Arm(),
    "adamw": Arm(plan=ADAMW),
    "gpt2": Arm(
        plan=ADAMW,
        config={"qk_norm": False},
        superwords=False,
        cosine=True,
        std=GPT2_STD,
    ),
    "plain": Arm(superwords=False),
    "untied": Arm(config={"tied": False}),
    "no_qk_norm": Arm(config={"qk_norm": False}),
    "z_loss": Arm(plan={"z_loss": 1e-4}),
    "cap": Arm(cap=30.0),
    "packed": Arm(plan={"packed": True}),
    "half_batch": Arm(batch=0.5),
    "double_batch": Arm(batch=2.0),
    "cosine": Arm(cosine=True),
    "plain_double": Arm(superwords=False, vocabulary=2.0),
    "superwords_double": Arm(vocabulary=2.0),
    "plain_fourfold": Arm(superwords=False, vocabulary=4.0),
    "superwords_fourfold": Arm(vocabulary=4.0),
}
# What `make bench` has time for.
CORE = ("base", "adamw", "gpt2", "plain", "untied", "no_qk_norm")
# Rates tried once, one seed: the best of each is what its arm trains with.
GRID: dict[str, Arm] = {
    **{
        f"adamw {lr:g}": Arm(plan={"muon": False, "adam_lr": lr})
        for lr in (0.002, 0.004, 0.008, 0.016)
    },
    **{f"muon {lr:g}": Arm(plan={"muon_lr": lr}) for lr in (0.01, 0.04)},
}
KNOWN = ARMS | GRID


class Capped(Transformer):
    """The same model with logits kept within `cap` (Gemma 2, 2024).

    No plain Qwen3 can do this, so it is tried here and nowhere else.
    """

    cap = 30.0

    def forward(self, *inputs: Any, **options: Any) -> Tensor:  # (B, T, V)
        logits = super().forward(*inputs, **options)
        return self.cap * torch.tanh(logits / self.cap)

    def loss(
        self, ids: Tensor, targets: Tensor, *rest: Any, **options: Any
    ) -> Tensor:
        logits = self(ids).float()  # (B, T, V)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def new_model(
    arm: Arm, scale: Scale, vocab_size: int, seed: int
) -> Transformer:
    """An untrained model of the arm: the same weights for the same seed."""
    sizes = Config.of(scale, vocab_size)
    torch.manual_seed(seed)
    usual = Transformer(sizes)
    config = Config(**vars(sizes) | dict(arm.config))
    model = Capped(config) if arm.cap else Transformer(config)
    model.load_state_dict(usual.state_dict(), strict=False)
    if isinstance(model, Capped):
        model.cap = arm.cap
    if arm.std:
        widen(model, arm.std)
    return model


@torch.no_grad()
def widen(model: Transformer, std: float) -> None:
    """GPT-2's first weights: all of one size, smaller where they add to x."""
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            adds = name.endswith(("o_proj.weight", "down_proj.weight"))
            halves = 2 * model.config.depth if adds else 1
            weight.normal_(std=std / math.sqrt(halves))


def new_plan(
    arm: Arm, scale: Scale, steps: int, seed: int, precision: str
) -> Plan:
    """The scale's plan for its base model, with the arm's changes."""
    options = {"seed": seed, "precision": precision} | dict(arm.plan)
    return Plan.pretraining(scale, steps=steps, **options)


def batch(arm: Arm, scale: Scale) -> int:
    """Sequences in a step."""
    return max(1, round(arm.batch * scale.batch))
