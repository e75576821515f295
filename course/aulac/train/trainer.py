"""What takes an optimiser step: model, data, precision, optimisers, all processes.

Nothing in a step waits for a GPU; only fp16 asks it once whether a gradient overflowed.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aulac.errors import InputError
from aulac.model import Transformer
from aulac.scale.plan import Plan, compiles, precision
from aulac.train import distributed
from aulac.train.loader import Data, Loader, ahead_of, eos_of
from aulac.train.optim import optimisers


class NextToken(nn.Module):
    """Cross-entropy of the next token: what pretraining and SFT learn."""

    def __init__(self, model: Transformer, z_loss: float = 0.0):
        super().__init__()
        self.model, self.z_loss = model, z_loss

    def forward(
        self, ids: Tensor, targets: Tensor, documents: Tensor | None = None
    ) -> Tensor:  # (B, T) each -> ()
        return self.model.loss(
            ids, targets, documents=documents, z_loss=self.z_loss
        )


def make_scaler(model: Transformer, plan: Plan) -> torch.amp.GradScaler:
    """Scales the loss in fp16, where small gradients vanish; else idle."""
    device = model.embed.weight.device
    dtype, _ = precision(device, plan.precision)
    return torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)


def set_rates(opts: list[Optimizer], factor: float) -> None:
    """Every group's learning rate becomes its peak times `factor`."""
    for opt in opts:
        for group in opt.param_groups:
            group["lr"] = group["peak"] * factor


def same_weights(model: nn.Module, objective: nn.Module) -> None:
    """Raise InputError unless an objective learns the model's weights and no others.

    What is frozen (a reference model, a base under LoRA) may stand in either.
    """
    ours, theirs = (
        {id(p) for p in module.parameters() if p.requires_grad}
        for module in (model, objective)
    )
    if ours - theirs:
        raise InputError(
            f"{len(ours - theirs)} weight tensors of the model are not in the objective: keep "
            "the model as an attribute of the module (self.model = model).",
            f"có {len(ours - theirs)} tensor trọng số của mô hình không nằm trong hàm mục "
            "tiêu (objective): hãy giữ mô hình làm thuộc tính của module (self.model = "
            "model).",
        )
    if theirs - ours:
        raise InputError(
            f"{len(theirs - ours)} weight tensors of the objective are not the model's, so "
            "they would be neither trained nor saved: freeze them "
            "(requires_grad_(False)), or make them part of the model.",
            f"có {len(theirs - ours)} tensor trọng số của hàm mục tiêu (objective) không "
            "thuộc mô hình, nên không được huấn luyện, cũng không được lưu lại: hãy đóng "
            "băng chúng (requires_grad_(False)), hoặc đưa chúng vào mô hình.",
        )


def without_z_loss(goal: str) -> InputError:
    return InputError(
        f"z_loss is added to the next token's cross-entropy, not to {goal}: leave it 0, "
        "or add it in the objective.",
        f"z_loss được cộng vào cross-entropy của token kế tiếp, không vào {goal}: hãy để "
        "z_loss bằng 0, hoặc tự cộng trong hàm mục tiêu.",
    )


class Trainer:
    """Takes optimiser steps; the same ones on any number of processes.

    `losses` are those since the last record, still on the device; `tokens` were read
    by all processes so far; `goal` names the objective.
    """

    def __init__(
        self,
        model: Transformer,
        data: Data,
        plan: Plan,
        objective: nn.Module | None = None,
    ) -> None:
        self.model, self.plan = model, plan
        self.world = distributed.world()
        self.device = device = model.embed.weight.device
        dtype, self.reason = precision(device, plan.precision)
        mixed = dtype != torch.float32
        self.cast = (
            torch.autocast(device.type, dtype) if mixed else nullcontext()
        )
        self.opts = optimisers(model, plan, plan.muon, dtype)
        self.scaler = make_scaler(model, plan)
        if objective is None:
            objective = NextToken(model, plan.z_loss)
        self.goal = type(objective).__qualname__
        self.next_token = isinstance(objective, NextToken)
        if plan.z_loss and not self.next_token:
            raise without_z_loss(self.goal)
        same_weights(model, objective)
        # Others are compiled when asked: their shapes may change at each step.
        if plan.compile or (self.next_token and compiles(device, plan)):
            objective.compile()  # in place: the names of the weights stay
        self.objective = distributed.parallel(objective, self.world)
        self.loader = Loader(
            data,
            plan.accumulation,
            self.world,
            eos_of(data) if plan.packed else None,
            ahead_of(data, device),
        )
        # What the model writes must be the same in all processes: see `step`.
        self.on_policy = getattr(data, "ahead", None) == 0
        self.losses: list[Tensor] = []
        self.tokens = 0

    def step(self, factor: float) -> tuple[Tensor, Tensor]:
        """One step at `factor` of the peak rates: loss and gradient norm before it.

        Each batch weighs as much as it counts (see `Batch`), so neither accumulation
        nor the number of processes changes anything but memory and time. The loss is
        this process's part of it: their mean is the loss.
        """
        set_rates(self.opts, factor)
        total = torch.zeros((), device=self.device)
        with distributed.connected():
            step = next(self.loader)
            if self.on_policy:
                distributed.same(step.count)
            for batch in step.batches:
                # Gradients are exchanged once a step, with the last batch.
                more = batch is not step.batches[-1]
                with distributed.no_sync(self.objective, more):
                    with self.cast:
                        loss = self.objective(*batch.to(self.device))
                    # DDP takes the mean over processes: each gives size x its part.
                    weight = batch.count * self.world.size / max(1, step.count)
                    share = loss * weight
                    self.scaler.scale(share).backward()
                total += share.detach()
        # In this order: what is clipped must be the true gradients, not fp16's scaled
        # ones, and the scale may only change when both optimisers have stepped.
        for opt in self.opts:
            self.scaler.unscale_(opt)
        norm = nn.utils.clip_grad_norm_(
            self.model.parameters(), self.plan.clip
        )
        for opt in self.opts:
            self.scaler.step(opt)
        self.scaler.update()
        self.model.zero_grad(set_to_none=True)
        self.losses.append(total)
        self.tokens += step.tokens
        return total, norm

    def mean_loss(self) -> float:
        """Of the steps since the last record, over all processes."""
        mean = self.world.mean(float(torch.stack(self.losses).mean()))
        self.losses = []
        return mean

    def scale(self) -> float | None:
        """What fp16's loss is multiplied by now; None without scaling."""
        return self.scaler.get_scale() if self.scaler.is_enabled() else None

    @property
    def lead(self) -> bool:
        return self.world.lead

    @property
    def config(self) -> Any:
        return self.model.config

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, and what the next record needs."""
        return {
            "model": self.model.state_dict(),
            "optimisers": [opt.state_dict() for opt in self.opts],
            "scaler": self.scaler.state_dict(),
            "data": self.loader.state(),
            "losses": [float(loss) for loss in self.losses],
            "tokens": self.tokens,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, on any device and number of processes."""
        self.model.load_state_dict(state["model"])
        for opt, saved in zip(self.opts, state["optimisers"], strict=True):
            opt.load_state_dict(saved)
        self.scaler.load_state_dict(state["scaler"])
        self.loader.restore(state["data"])
        losses = state.get("losses", [])
        self.losses = [torch.tensor(x, device=self.device) for x in losses]
        self.tokens = state.get("tokens", 0)

    def healthy(self) -> bool:
        """Whether no loss since the last record is NaN or infinite."""
        return all(math.isfinite(float(loss)) for loss in self.losses)
