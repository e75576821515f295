"""Optimisers: Muon for the matrices of the blocks, AdamW for everything else.

Muon (Jordan et al., 2024) follows the momentum of the gradient, made orthogonal: all
directions of a matrix learn at the same speed. It is written out here because the
lessons teach it, and a test holds it against `torch.optim.Muon`. On a GPU with bf16
torch's own runs; on a CPU ours does, for two reasons that were measured: torch's works
in bfloat16, which a CPU without matrix units emulates slowly, and ours treats all
matrices of one shape in one batched product. A GPU without bf16 (T4) gets ours in fp16
for the first reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

# The quintic whose slope at zero is steepest: singular values end in 0.7 to 1.2.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalise(
    g: Tensor,
    steps: int = 5,
    eps: float = 1e-7,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Push the singular values of g (N, rows, cols) to about 1: Newton-Schulz.

    Only matrix products are used, so it is fast where products are. dtype: what
    they work in, by default that of g. The norm is taken before, so a gradient too
    small for fp16 is not lost.
    """
    a, b, c = QUINTIC
    tall = g.shape[-2] > g.shape[-1]
    x = g.mT if tall else g  # (N, small, large)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=eps)
    # a tall matrix comes in transposed; laid out anew its products are faster
    x = x.to(dtype or g.dtype).contiguous()
    for _ in range(steps):
        gram = x @ x.mT  # (N, small, small)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """Momentum, orthogonalised; decoupled weight decay. Matrices only."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        dtype: torch.dtype = torch.float32,
    ):
        """`dtype`: of the products; the momentum and the weights stay as they are."""
        self.dtype = dtype
        rates = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, rates)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
            for shape, params in alike.items():
                size = max(1.0, shape[0] / shape[1]) ** 0.5
                self.update(params, group, size)

    def update(self, params: list[Any], group: dict, size: float) -> None:
        """One step for matrices of one shape, all in one product."""
        lr, beta, decay = group["lr"], group["momentum"], group["weight_decay"]
        directions = []
        for p in params:
            state = self.state[p]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(p)
            mean = state["momentum"].lerp_(p.grad, 1 - beta)
            directions.append(torch.lerp(p.grad, mean, beta))  # Nesterov
        stacked = torch.stack(directions)  # (N, rows, cols)
        step = orthogonalise(stacked, dtype=self.dtype).to(params[0].dtype)
        for p, direction in zip(params, step, strict=True):
            p.mul_(1 - lr * decay).add_(direction, alpha=-lr * size)


class Rates(Protocol):
    """What the optimisers need of a training plan."""

    @property
    def muon_lr(self) -> float: ...
    @property
    def adam_lr(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...


Weights = list[Tensor]


def groups(model: nn.Module) -> tuple[Weights, Weights, Weights]:
    """Parameters in three kinds: matrices of the blocks, embeddings, gains."""
    matrices: Weights = []
    embeddings: Weights = []
    gains: Weights = []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.ndim < 2:
            gains.append(p)
        elif "embed" in name:
            embeddings.append(p)
        else:
            matrices.append(p)
    return matrices, embeddings, gains


def optimisers(
    model: nn.Module,
    rates: Rates,
    muon: bool = True,
    dtype: torch.dtype = torch.float32,
) -> list[Optimizer]:
    """Muon for matrices and AdamW for the rest; `muon=False`: AdamW for all.

    `dtype`: what our Muon's products work in; bf16 is enough (Jordan et al., 2024).
    Every group keeps its peak rate under `peak`, for the schedule to scale.
    Gains get no weight decay: pulling them to zero would switch the layer off.
    """
    matrices, embeddings, gains = groups(model)
    decay = rates.weight_decay
    rest: list[dict[str, Any]] = [
        {"params": embeddings, "weight_decay": decay},
        {"params": gains, "weight_decay": 0.0},
    ]
    if not muon:
        rest.append({"params": matrices, "weight_decay": decay})
    used = [group for group in rest if group["params"]]
    made: list[Optimizer] = []
    if used:
        made.append(adamw(used, rates.adam_lr))
    if muon and matrices:
        made.append(make_muon(matrices, rates.muon_lr, decay, dtype))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return made


def adamw(used: list[dict[str, Any]], lr: float) -> Optimizer:
    return AdamW(
        used,
        lr=lr,
        betas=(0.9, 0.95),
        eps=1e-10,
        fused=True,  # 1.6 ms a step at tiny; a tensor at a time, as usual, 5.3
    )


def make_muon(
    matrices: Weights,
    lr: float,
    weight_decay: float,
    dtype: torch.dtype = torch.float32,
) -> Optimizer:
    """torch's Muon on a GPU with bf16, ours elsewhere (see the module)."""
    own = getattr(torch.optim, "Muon", None)
    if own is not None and matrices[0].is_cuda and dtype != torch.float16:
        return own(matrices, lr=lr, momentum=0.95, weight_decay=weight_decay)
    return Muon(matrices, lr=lr, weight_decay=weight_decay, dtype=dtype)
