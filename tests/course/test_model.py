"""The model against transformers' Qwen3, its own laws, and its predicted size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac import scale
from aulac.export import qwen3_config, qwen3_name
from aulac.model import (
    Config,
    RMSNorm,
    Transformer,
    apply_rotary,
    packed,
    rotary_tables,
)
from aulac.model.loss import LinearCrossEntropy, cross_entropy
from aulac.scale import flops
from aulac.train.optim import groups


def reference(model: Transformer):
    """transformers' model with the same weights."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    values = qwen3_config(model.config)
    for key in ("architectures", "model_type", "rope_theta"):
        values.pop(key)
    theirs = Qwen3ForCausalLM(Qwen3Config(**values)).eval()
    weights = {qwen3_name(name): w for name, w in model.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    idle = ["lm_head.weight"] if model.config.tied else []
    assert not unexpected and missing in ([], idle)
    theirs.tie_weights()
    return theirs


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"kv_heads": 4},
        {"heads": 4, "kv_heads": 1},
        {"head_dim": 16, "rope_theta": 1e6},
        {"width": 48, "ff": 100, "depth": 3},
        {"tied": False},
    ],
)
def test_logits_equal_qwen3(build, sizes):
    model = build(**sizes)
    ids = torch.randint(0, 300, (2, 50))
    with torch.no_grad():
        difference = (model(ids) - reference(model)(ids).logits).abs().max()
    assert difference < 1e-4


def test_gradients_equal_qwen3(build):
    model = build()
    theirs = reference(model)
    ids = torch.randint(0, 300, (2, 30))
    model.loss(ids[:, :-1], ids[:, 1:]).backward()
    theirs(input_ids=ids, labels=ids).loss.backward()
    wanted = dict(theirs.named_parameters())
    for name, weight in model.named_parameters():
        torch.testing.assert_close(
            weight.grad, wanted[qwen3_name(name)].grad, atol=1e-5, rtol=1e-3
        )


@settings(max_examples=20)
@given(cut=st.integers(1, 23), seed=st.integers(0, 99))
def test_the_future_changes_nothing_before_it(cut, seed):
    torch.manual_seed(seed)
    model = Transformer(
        Config(vocab_size=50, width=32, head_dim=8, ff=40, depth=2)
    )
    with torch.no_grad():
        for block in model.blocks:
            block.attention.o_proj.weight.normal_()
            block.ff.down_proj.weight.normal_()
    ids = torch.randint(0, 50, (1, 24))
    other = ids.clone()
    other[:, cut:] = torch.randint(0, 50, (1, 24 - cut))
    with torch.no_grad():
        torch.testing.assert_close(model(ids)[:, :cut], model(other)[:, :cut])


def test_rotary_keeps_lengths_and_depends_on_distance_only():
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)

    def score(i: int, j: int) -> torch.Tensor:
        at = rotary_tables(torch.tensor([i, j]), 16, 10_000.0)
        return (apply_rotary(q, at[:, :1]) * apply_rotary(k, at[:, 1:])).sum()

    torch.testing.assert_close(
        score(3, 10), score(43, 50), atol=1e-4, rtol=1e-4
    )
    turned = apply_rotary(q, rotary_tables(torch.tensor([7]), 16, 10_000.0))
    torch.testing.assert_close(turned.norm(), q.norm())


def test_rmsnorm_equals_torch():
    norm = RMSNorm(24)
    norm.weight.data.uniform_(0.5, 2)
    x = torch.randn(3, 5, 24)
    torch.testing.assert_close(
        norm(x), F.rms_norm(x, (24,), norm.weight, 1e-6)
    )


@pytest.mark.parametrize("rows", [1, 255, 256, 700])
def test_chunked_loss_equals_torch(rows):
    hidden = torch.randn(rows, 16, requires_grad=True)
    weight = torch.randn(90, 16, requires_grad=True)
    targets = torch.randint(0, 90, (rows,))
    targets[::3] = -100
    targets[-1] = 5
    wanted = F.cross_entropy(hidden @ weight.T, targets)
    got = cross_entropy(hidden, weight, targets)
    torch.testing.assert_close(got, wanted)
    for ours, theirs in zip(
        torch.autograd.grad(3 * got, (hidden, weight)),
        torch.autograd.grad(3 * wanted, (hidden, weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_chunked_loss_survives_huge_logits_and_no_targets():
    hidden, weight = 200 * torch.ones(4, 8), torch.ones(10, 8)
    targets = torch.tensor([1, 2, 3, 4])
    loss = LinearCrossEntropy.apply(hidden, weight, targets, -100, 0.0)
    assert loss.item() == pytest.approx(
        torch.tensor(10.0).log().item(), rel=1e-5
    )
    assert cross_entropy(hidden, weight, torch.full((4,), -100)).item() == 0


def test_first_loss_is_that_of_guessing():
    torch.manual_seed(0)
    model = Transformer(Config())
    ids = torch.randint(0, 2048, (4, 65))
    loss = model.loss(ids[:, :-1], ids[:, 1:]).item()
    assert abs(loss - torch.tensor(2048.0).log().item()) < 0.1


@pytest.mark.parametrize("name", ["tiny", "laptop", "t4", "gpu", "gpu:4"])
def test_predicted_parameters_are_exact(name):
    row = scale.get(name)
    with torch.device("meta"):
        model = Transformer(Config.of(row))
    assert model.count() == flops.parameters(row)


def test_an_output_layer_of_its_own_is_a_matrix_that_adamw_updates():
    sizes = Config(tied=False)
    model = Transformer(sizes)
    more = sizes.vocab_size * sizes.width
    assert model.count() == Transformer(Config()).count() + more
    _, embeddings, _ = groups(model)
    assert [w.shape for w in embeddings] == [(2048, 128)] * 2
    ids = torch.randint(0, 2048, (2, 20))
    model.loss(ids, ids).backward()
    assert model.output.weight.grad.abs().sum() > 0
    assert model.output is not model.embed


def test_without_qk_norm_sizes_of_queries_count(build):
    def shift(model):
        """How much the logits move when all queries grow tenfold."""
        before = model(ids)
        for block in model.blocks:
            block.attention.q_proj.weight *= 10
        return (model(ids) - before).abs().max()

    ids = torch.randint(0, 300, (1, 20))
    with torch.no_grad():
        assert shift(build()) < 1e-2 < shift(build(qk_norm=False))
    assert not [n for n in build(qk_norm=False).state_dict() if "q_norm" in n]
    with pytest.raises(ValueError, match="no QK-norm"):
        qwen3_config(Config(qk_norm=False))


def test_flops_are_what_torch_counts(build):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = build(kv_heads=4, context=64)
    ids = torch.randint(0, 300, (1, 64))
    plain = sdpa_kernel(SDPBackend.MATH)  # the one whose products are counted
    with plain, FlopCounterMode(display=False) as counter, torch.no_grad():
        model(ids)
    c = model.config
    # torch counts attention over the whole square, half of which is masked
    whole = 2 * 2 * c.depth * c.heads * c.head_dim * 64 * 64
    half = 2 * 2 * c.depth * c.heads * c.head_dim * 64 * 65 / 2
    assert (
        counter.get_total_flops() - whole + half == 64 * flops.forward_flops(c)
    )


def test_sizes_that_cannot_be_built_are_refused():
    with pytest.raises(ValueError, match="kv_heads must divide heads"):
        Config(heads=4, kv_heads=3)
    with pytest.raises(ValueError, match="even"):
        Config(head_dim=7)
    with pytest.raises(ValueError, match="even number"):
        scale.get("gpu:5")


def test_memory_grows_with_the_batch_only_in_activations():
    one, two = (flops.memory(Config(), batch) for batch in (1, 2))
    assert two.activations == 2 * one.activations
    assert two.total - one.total == one.activations
    assert one.weights == 4 * flops.parameters(Config())
    assert flops.utilisation(Config(), 1000, 1e12) == pytest.approx(
        1000 * flops.training_flops(Config()) / 1e12
    )


def test_packed_documents_do_not_see_each_other():
    torch.manual_seed(0)
    model = Transformer(Config()).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    first, second = torch.randint(2048, (1, 5)), torch.randint(2048, (1, 7))
    row = torch.cat((first, second), dim=1)  # (1, 12)
    documents = torch.tensor([[0] * 5 + [1] * 7])
    positions, mask = packed(documents)
    assert positions.tolist() == [[*range(5), *range(7)]]
    together = model(row, positions=positions, mask=mask)
    apart = torch.cat((model(first), model(second)), dim=1)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)
    targets = torch.randint(2048, (1, 12))
    loss = model.loss(row, targets, documents=documents)
    alone = 5 * model.loss(first, targets[:, :5])
    alone = (alone + 7 * model.loss(second, targets[:, 5:])) / 12
    torch.testing.assert_close(loss, alone, atol=1e-5, rtol=1e-5)
