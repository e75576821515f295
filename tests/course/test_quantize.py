"""Packed weights: against torch's own, within the bound, and what they cost."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.evaluate import bits_per_byte
from aulac.export.packed import load, save
from aulac.generate import generate
from aulac.generate.quantize import Packed, dequantize, quantize, size


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


@settings(max_examples=40)
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


@settings(max_examples=30)
@given(
    rows=st.integers(1, 40),
    slice_=st.integers(1, 40),
    bits=st.sampled_from([4, 8]),
    shape=st.sampled_from([(64,), (1, 64), (2, 3, 64)]),
)
def test_slices_give_the_product_with_the_dense_matrix(
    rows, slice_, bits, shape
):
    packed = Packed(matrix(2, rows), bits)
    packed.slice = slice_
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    dense = packed.dense()
    torch.testing.assert_close(packed.product(x), x @ dense.T)
    places = torch.arange(rows).flip(0).view(1, -1)
    assert torch.equal(packed.rows(places)[0], dense.flip(0))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("tied", [True, False])
def test_a_packed_model_is_the_model_of_its_dense_weights(build, bits, tied):
    packed = quantize(build(tied=tied), bits, group=8)
    dense = dequantize(packed)
    ids = torch.randint(0, 300, (2, 20))
    with torch.no_grad():
        torch.testing.assert_close(packed(ids), dense(ids))
    assert dense.count() == build(tied=tied).count()


@pytest.mark.parametrize("bits", [4, 8])
def test_a_folder_holds_the_packed_model(build, tokenizer, tmp_path, bits):
    model = build(width=64, heads=8, ff=128)
    packed = quantize(model, bits, 16)
    folder = save(packed, tokenizer, tmp_path / "small")
    again, words = load(folder)
    ids = torch.randint(0, 300, (2, 20))
    with torch.no_grad():
        assert torch.equal(again(ids), packed(ids))
    assert words.encode("Con mèo") == tokenizer.encode("Con mèo")
    stored = (folder / "quantised.safetensors").stat().st_size
    assert size(packed) <= stored < size(packed) + 20_000
    with pytest.raises(ValueError, match="not packed"):
        save(model, tokenizer, tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="quantised"):
        load(tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    file = folder / "quantised.safetensors"
    file.write_bytes(file.read_bytes()[:-900])
    with pytest.raises(ValueError, match="cut short or does not fit"):
        load(folder)


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
