"""Packed weights: against torch's own, within the bound, and what they cost."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.evaluate import bits_per_byte
from aulac.generate import generate
from aulac.generate.quantize import Packed, quantize, size


def matrix(seed: int, rows: int = 6, columns: int = 64) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=random)


def test_eight_bits_round_as_torch_does():
    weight = matrix(0)
    scales = weight.abs().amax(1) / 127
    zero = torch.zeros(len(weight), dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(
        weight, scales, zero, 0, -128, 127
    )
    torch.testing.assert_close(Packed(weight, 8).dense(), theirs)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    bits=st.sampled_from([4, 8]),
    size_=st.floats(1e-3, 1e3),
)
def test_no_weight_moves_by_more_than_half_a_step(seed, bits, size_):
    weight = matrix(seed) * size_
    packed = Packed(weight, bits, group=16)
    step = packed.scales.float().repeat_interleave(packed.group, 1)
    # Scales of 4 bits are themselves rounded to 11 binary digits.
    slack = 7 * step * 2**-11 if bits == 4 else 0
    moved = (packed.dense() - weight).abs()
    assert (moved <= step / 2 * 1.0001 + slack + 1e-6 * size_).all()


def test_packing_is_idempotent_and_keeps_zeros():
    for bits in (4, 8):
        once = Packed(matrix(1), bits).dense()
        torch.testing.assert_close(Packed(once, bits).dense(), once)
        assert not Packed(torch.zeros(2, 32), bits).dense().any()


def test_the_file_shrinks_as_stated(build):
    model = build(width=64, heads=8, ff=128)
    dense, eight, four = (
        size(m) for m in (model, quantize(model, 8), quantize(model, 4))
    )
    assert eight < dense / 3.5
    assert four < eight


def test_what_it_costs_in_bits_per_byte(build, tokenizer, sentences):
    model = build(width=64, heads=8, ff=128)
    costs = [
        bits_per_byte(m, tokenizer, sentences[:10])
        for m in (model, quantize(model, 8), quantize(model, 4))
    ]
    assert abs(costs[1] / costs[0] - 1) < 0.02
    assert abs(costs[2] / costs[0] - 1) < 0.25


def test_a_packed_model_generates_and_the_original_is_untouched(
    build, tokenizer
):
    model = build()
    before = generate(model, tokenizer, "Con mèo", 20, temperature=0)
    packed = quantize(model, 8)
    text = generate(packed, tokenizer, "Con mèo", 20, temperature=0)
    assert isinstance(text, str)
    assert before == generate(model, tokenizer, "Con mèo", 20, temperature=0)
    again = quantize(build(seed=9), 8)
    again.load_state_dict(packed.state_dict())
    assert text == generate(again, tokenizer, "Con mèo", 20, temperature=0)


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(ValueError, match="8 or 4"):
        Packed(matrix(0), 3)
    with pytest.raises(ValueError, match="groups of 32"):
        Packed(matrix(0, columns=40), 4)
