"""What is counted beforehand, held against what torch counts and keeps."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from aulac import scale
from aulac.model import Config, Transformer
from aulac.scale import flops
from aulac.train import Plan
from aulac.train.optim import Muon, groups, optimisers, orthogonalise

SIZES = [
    Config(),
    Config(width=64, heads=2, kv_heads=2, head_dim=32, ff=192, vocab_size=500),
    Config(depth=2, width=96, heads=3, kv_heads=1, ff=256, context=100),
    Config(depth=2, tied=False),
    Config(depth=2, qk_norm=False),
]


def batch(c: Config, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (rows, c.context)
    return (
        torch.randint(c.vocab_size, shape),
        torch.randint(c.vocab_size, shape),
    )


@settings(max_examples=20)
@given(
    st.integers(1, 4),
    st.sampled_from([(2, 1), (2, 2), (6, 3)]),
    st.booleans(),
    st.booleans(),
)
def test_parameters_are_exact(depth, heads, tied, qk_norm):
    c = Config(
        depth=depth,
        heads=heads[0],
        kv_heads=heads[1],
        width=48,
        head_dim=8,
        ff=80,
        vocab_size=90,
        tied=tied,
        qk_norm=qk_norm,
    )
    with torch.device("meta"):
        model = Transformer(c)
    assert flops.parameters(c) == sum(p.numel() for p in model.parameters())
    inner, _, _ = groups(model)
    assert flops.matrices(c) == sum(p.numel() for p in inner)


@pytest.mark.parametrize("c", SIZES)
def test_a_training_step_costs_what_torch_counts(c):
    """To the FLOP: torch counts attention's whole square, half of it is masked.

    The last backward product, into the embedding, is a lookup and costs nothing.
    """
    model, (ids, targets) = Transformer(c), batch(c, 2)
    plain = sdpa_kernel(SDPBackend.MATH)  # the one whose products are counted
    with plain, FlopCounterMode(display=False) as counter:
        logits = model(ids)
        torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten()
        ).backward()
    square = 3 * 2 * 2 * c.depth * c.heads * c.head_dim * c.context**2
    half = square * (c.context + 1) / 2 / c.context
    counted = counter.get_total_flops() - 2 * (square - half)
    assert counted == 2 * c.context * flops.training_flops(c)


def test_muon_costs_what_torch_counts():
    c = Config(depth=1, width=64, heads=4, kv_heads=2, head_dim=16, ff=192)
    inner, _, _ = groups(Transformer(c))
    with FlopCounterMode(display=False) as counter:
        for matrix in inner:
            orthogonalise(matrix.detach()[None])
    assert counter.get_total_flops() == flops.muon_flops(c)


def kept(c: Config, rows: int, dtype: torch.dtype | None) -> int:
    """Bytes that autograd keeps from forward to backward, weights left out."""
    model, (ids, targets) = Transformer(c), batch(c, rows)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    held: dict[int, torch.UntypedStorage] = {}

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage  # alive, so no address twice
        return tensor

    cast = torch.autocast("cpu", dtype) if dtype else nullcontext()
    hooks = torch.autograd.graph.saved_tensors_hooks(hold, lambda t: t)
    with cast, hooks:
        model.loss(ids, targets)
    return sum(storage.nbytes() for storage in held.values())


@pytest.mark.parametrize("c", [*SIZES, Config.of(scale.get("laptop"))])
@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_activations_are_what_autograd_keeps(c, dtype):
    """Within 3 %: left out are rotary tables, masks and single numbers."""
    predicted = flops.memory(c, 2, 2 if dtype else 4)
    measured = kept(c, 2, dtype)
    assert predicted.activations + predicted.workspace == pytest.approx(
        measured, rel=0.03
    )


@pytest.mark.parametrize("muon", [True, False])
def test_optimiser_memory_is_what_the_optimisers_hold(muon):
    c = Config(depth=2)
    model, plan = Transformer(c), Plan(steps=1, muon=muon)
    opts = optimisers(model, plan, muon=muon)
    assert any(isinstance(opt, Muon) for opt in opts) == muon
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    for opt in opts:
        opt.step()
    held = sum(
        value.nbytes
        for opt in opts
        for state in opt.state.values()
        for value in state.values()
        if torch.is_tensor(value) and value.ndim
    )
    found = flops.memory(c, 1, muon=muon)
    assert found.optimiser == held
    assert found.weights == sum(p.nbytes for p in model.parameters())
    assert found.gradients == sum(p.grad.nbytes for p in model.parameters())


def test_memory_adds_up_and_only_activations_grow():
    c = scale.get("t4")
    for options in ({}, {"cuda": True}, {"muon": False}):
        one, two = (flops.memory(c, rows, 2, **options) for rows in (1, 2))
        assert two.total - one.total == one.activations > 0
    full, half = (flops.memory(c, 4, size, cuda=True) for size in (4, 2))
    assert half.activations < full.activations
    assert half.weights == full.weights
