"""Caches: what they hold, what they cost, and that they change no text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.generate import KVCache, StaticKVCache, cache_bytes, generate_ids

CACHES = [KVCache, StaticKVCache]


@pytest.mark.parametrize("kind", CACHES)
def test_a_prompt_may_come_in_pieces(build, kind):
    model = build()
    ids = torch.randint(0, 300, (2, 30))
    cache = kind(model.config, 30, batch=2)
    with torch.no_grad():
        parts = [
            model(ids[:, a:b], cache) for a, b in ((0, 11), (11, 12), (12, 30))
        ]
        torch.testing.assert_close(torch.cat(parts, 1), model(ids))
        cache.rewind(12)
        torch.testing.assert_close(model(ids[:, 12:], cache), parts[2])
        assert int(cache.length) == 30
        with pytest.raises((ValueError, IndexError)):
            model(ids, cache)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_slots_that_stand_still_change_no_token(build, kv_heads, temperature):
    model = build(kv_heads=kv_heads)
    options = {"max_tokens": 50, "temperature": temperature, "seed": 2}
    wanted = list(generate_ids(model, [5, 6, 7], cached=False, **options))
    cache = StaticKVCache(model.config, 60)
    got = list(generate_ids(model, [5, 6, 7], cache=cache, **options))
    assert got == wanted and len(got) == 50


def test_one_graph_serves_every_token(build):
    """With a static cache the compiler meets one shape, so it compiles once."""
    from torch._dynamo.testing import CompileCounter

    model, compiled = build(), CompileCounter()
    torch._dynamo.reset()
    step = torch.compile(
        model, backend=compiled, fullgraph=True, dynamic=False
    )
    wanted = list(generate_ids(model, [5, 6, 7], 20, temperature=0))
    for _ in range(2):
        cache = StaticKVCache(model.config, 40)
        options = {"cache": cache, "step": step, "temperature": 0}
        got = list(generate_ids(model, [5, 6, 7], 20, **options))
        assert got == wanted
    assert compiled.frame_count == 1
    torch._dynamo.reset()


@settings(max_examples=25)
@given(
    depth=st.integers(1, 3),
    kv_heads=st.sampled_from([1, 2, 4]),
    head_dim=st.sampled_from([2, 8]),
    size=st.integers(1, 50),
    batch=st.integers(1, 4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_bytes_are_those_predicted(
    depth, kv_heads, head_dim, size, batch, dtype
):
    from aulac.model import Config

    sizes = {"depth": depth, "kv_heads": kv_heads, "head_dim": head_dim}
    config, like = Config(**sizes), torch.zeros(1, dtype=dtype)
    wanted = cache_bytes(config, size, batch, dtype.itemsize)
    for kind in CACHES:
        cache = kind(config, size, batch, like)
        held = [t for t in vars(cache).values() if torch.is_tensor(t)]
        stored = sum(t.nbytes for t in held if t.ndim > 1)
        assert cache.nbytes == stored == wanted


@pytest.mark.parametrize("kind", CACHES)
def test_pads_at_the_left_are_seen_by_nobody(build, kind):
    model = build()
    rows = [[7], [5, 6, 7, 8, 9], [3, 4, 5]]
    pads = torch.tensor([4, 0, 2])
    logits = []
    for filler in (0, 11):
        cache = kind(model.config, 12, 3, pads=pads)
        ids = torch.tensor([[filler] * (5 - len(r)) + r for r in rows])
        with torch.no_grad():
            first = model(ids, cache, last=1)
            cache.pick([2, 0, 1])
            again = model(torch.tensor([[1], [2], [3]]), cache)
        logits.append(torch.cat((first[[2, 0, 1]], again), 1))  # (3, 2, V)
    assert torch.equal(*logits)
    for line, row, new in zip(logits[0], (2, 0, 1), (1, 2, 3), strict=True):
        with torch.no_grad():
            alone = model(torch.tensor([[*rows[row], new]]))[0, -2:]
        torch.testing.assert_close(line, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", CACHES)
def test_a_step_broken_off_leaves_the_cache_usable(build, kind):
    """Ctrl-C between two layers: what was read before is still there."""
    model = build(depth=3)
    ids = torch.randint(0, 300, (1, 20))
    cache = kind(model.config, 20)

    def interrupt(*_):
        raise KeyboardInterrupt

    with torch.no_grad():
        wanted = model(ids)[:, 12:]
        model(ids[:, :12], cache)
        hook = model.blocks[2].register_forward_pre_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            model(ids[:, 12:], cache)
        hook.remove()
        assert int(cache.length) == 12
        torch.testing.assert_close(model(ids[:, 12:], cache), wanted)
