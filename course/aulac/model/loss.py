"""Cross-entropy of the output layer, without ever holding all the logits.

At a small width the logits (B T x V) are the largest thing in the whole step, and
they, their softmax and their gradient go to memory and back. Here a few hundred rows
at a time go from hidden state to logits to loss to gradient while they are still in
the processor's cache: half the time of this part of the step. The same idea as in
Liger Kernel (Hsu et al., 2024) and Cut Your Losses (Wijmans et al., 2024).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -100  # a target that does not count; torch's own default
ROWS = 256  # x 2048 words x 4 bytes = 2 MB; 128 and 512 are as good or slower


class LinearCrossEntropy(torch.autograd.Function):
    """Mean loss of logits = hidden @ weight.T, its gradients with it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        ignore: int,
        z_loss: float,
    ) -> Tensor:
        keep = targets != ignore  # (N,)
        hidden, targets = hidden[keep], targets[keep]  # (M, W), (M,)
        d_hidden, d_weight = torch.empty_like(hidden), torch.zeros_like(weight)
        total = hidden.new_zeros(())
        work = product_dtype(hidden)
        hidden, weight = hidden.to(work), weight.to(work)
        with torch.autocast("cpu", enabled=False):
            for i in range(0, len(targets), ROWS):
                h, target = hidden[i : i + ROWS], targets[i : i + ROWS, None]
                p = (h @ weight.mT).float()  # (rows, V): logits, then odds
                right = p.gather(1, target)
                top = p.amax(1, keepdim=True)
                size = p.sub_(top).exp_().sum(1, keepdim=True)
                total += (size.log() + (top - right)).sum()
                p.div_(size)
                if z_loss:
                    log_z = size.log() + top  # (rows, 1)
                    total += z_loss * log_z.square().sum()
                    p.mul_(1 + 2 * z_loss * log_z)
                p.scatter_add_(1, target, -torch.ones_like(right))
                p = p.to(work)
                d_hidden[i : i + ROWS] = p @ weight
                if work == d_weight.dtype:
                    d_weight.addmm_(p.mT, h)
                else:
                    d_weight += p.mT @ h
        ctx.save_for_backward(d_hidden, d_weight, keep)
        return total / max(1, len(targets))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, keep = ctx.saved_tensors
        scale = grad / max(1, len(d_hidden))
        full = d_hidden.new_zeros(len(keep), d_hidden.shape[1])  # (N, W)
        full[keep] = d_hidden * scale
        return full, d_weight * scale, None, None, None


def product_dtype(hidden: Tensor) -> torch.dtype:
    """What the matrix products work in: autocast's choice, or as they come."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return hidden.dtype


def cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    ignore: int = IGNORE,
    z_loss: float = 0.0,
) -> Tensor:
    """Mean cross-entropy in nats of hidden (..., W) @ weight (V, W).T.

    Targets (...) equal to `ignore` do not count; with none left the loss is 0.
    z_loss: adds so much of the mean squared log of the softmax's sum, which keeps
    logits from drifting away (PaLM, Chowdhery et al. 2022, took 1e-4).
    """
    hidden, targets = hidden.flatten(0, -2), targets.flatten()
    if hidden.dtype == weight.dtype == torch.float32 and not hidden.is_cuda:
        parts = (hidden, weight, targets, ignore, z_loss)
        return LinearCrossEntropy.apply(*parts)
    logits = F.linear(hidden, weight).float()  # (N, V)
    nats = F.cross_entropy(
        logits, targets, ignore_index=ignore, reduction="none"
    )  # (N,)
    if z_loss:
        squares = logits.logsumexp(dim=-1).square()
        nats = nats + z_loss * squares * (targets != ignore)
    return nats.sum() / (targets != ignore).sum().clamp(min=1)
