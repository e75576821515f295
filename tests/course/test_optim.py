"""Optimisers and the learning-rate schedule against torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, LinearLR, SequentialLR

from aulac.model.loss import cross_entropy
from aulac.train import Plan, schedule
from aulac.train.optim import Muon, groups, optimisers, orthogonalise
from aulac.train.trainer import set_rates


def walk(model, optimiser, steps=5):
    """A few steps on a fixed task; gradients come from the weights alone."""
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        ids = torch.randint(0, 300, (2, 17), generator=generator)
        model.loss(ids[:, :-1], ids[:, 1:]).backward()
        for one in optimiser:
            one.step()
        model.zero_grad()
    return model


@pytest.mark.skipif(
    not hasattr(torch.optim, "Muon"), reason="torch before 2.9"
)
@pytest.mark.parametrize("shape", [(32, 32), (24, 64), (64, 24)])
def test_muon_equals_torch(shape):
    torch.manual_seed(1)
    ours = torch.nn.Parameter(torch.randn(shape))
    theirs = torch.nn.Parameter(ours.detach().clone())
    a = Muon([ours], lr=0.02, weight_decay=0.1)
    b = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, momentum=0.95)
    start = ours.detach().clone()
    for _ in range(4):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()
    moved = (theirs - start).norm()
    # torch works in bfloat16 (8 bits of mantissa), we in float32
    assert (ours - theirs).norm() < 0.02 * moved


def test_orthogonalise_brings_singular_values_near_one():
    torch.manual_seed(0)
    stack = (
        torch.randn(3, 40, 24) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    )
    values = torch.linalg.svdvals(orthogonalise(stack))
    assert values.min() > 0.5 and values.max() < 1.3


def test_half_precision_products_lose_no_small_gradient():
    torch.manual_seed(0)
    small = torch.randn(2, 24, 40) * 1e-9  # nothing in fp16
    exact = orthogonalise(small)
    half = orthogonalise(small, dtype=torch.float16).float()
    assert (half - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_z_loss_is_the_square_of_the_log_of_the_sum(z_loss):
    torch.manual_seed(0)
    weight = torch.randn(300, 16, requires_grad=True)
    hidden = torch.randn(2, 400, 16, requires_grad=True)
    targets = torch.randint(300, (2, 400))
    targets[0, :90] = -100
    found = []
    for cast in (torch.float32, torch.float64):  # in chunks, and by autograd
        h, w = hidden.to(cast), weight.to(cast)
        loss = cross_entropy(h, w, targets, z_loss=z_loss)
        found.append((loss, *torch.autograd.grad(loss, (hidden, weight))))
    logits = (hidden @ weight.T)[targets != -100]
    wanted = torch.nn.functional.cross_entropy(
        logits, targets[targets != -100]
    )
    wanted = wanted + z_loss * logits.logsumexp(-1).square().mean()
    exact = (wanted, *torch.autograd.grad(wanted, (hidden, weight)))
    for ours in found:
        for a, b in zip(ours, exact, strict=True):
            torch.testing.assert_close(a.float(), b, atol=1e-6, rtol=1e-4)


def test_muon_in_one_product_equals_one_by_one(build):
    model = build()
    other = copy.deepcopy(model)
    together = [Muon(groups(model)[0])]
    apart = [Muon([matrix]) for matrix in groups(other)[0]]
    walk(model, together), walk(other, apart)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_adamw_is_torchs(build):
    model = build()
    other = copy.deepcopy(model)
    plan = Plan(steps=5, adam_lr=0.003, weight_decay=0.05)
    matrices, embeddings, gains = groups(other)
    theirs = torch.optim.AdamW(
        [
            {"params": [*embeddings, *matrices], "weight_decay": 0.05},
            {"params": gains, "weight_decay": 0.0},
        ],
        lr=0.003,
        betas=(0.9, 0.95),
        eps=1e-10,
        foreach=False,
    )
    walk(model, optimisers(model, plan, muon=False)), walk(other, [theirs])
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_every_parameter_has_one_optimiser(build):
    model = build()
    for muon in (True, False):
        made = optimisers(model, Plan(steps=1), muon=muon)
        held = [p for o in made for g in o.param_groups for p in g["params"]]
        assert {id(p) for p in held} == {id(p) for p in model.parameters()}
        assert len(held) == len(list(model.parameters()))


@pytest.mark.parametrize("steps", [50, 200])
def test_schedule_equals_torchs_schedulers(steps):
    plan = Plan(steps=steps, warmup=0.1, decay=0.4)
    warm, fall = round(0.1 * steps), round(0.4 * steps)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    parts = [
        LinearLR(optimiser, 1 / warm, 1.0, warm - 1),
        ConstantLR(optimiser, 1.0, 1),
        LinearLR(optimiser, 1.0, 0.0, fall),
    ]
    theirs = SequentialLR(optimiser, parts, [warm, steps - fall])
    for step in range(steps):
        assert schedule(step, plan) == pytest.approx(
            optimiser.param_groups[0]["lr"]
        )
        optimiser.step()
        theirs.step()


def test_rates_follow_the_schedule(build):
    made = optimisers(build(), Plan(steps=10, muon_lr=0.5, adam_lr=0.25))
    set_rates(made, 0.5)
    rates = {type(o).__name__: {g["lr"] for g in o.param_groups} for o in made}
    assert rates == {"AdamW": {0.125}, "Muon": {0.25}}
