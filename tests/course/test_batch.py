"""A row of a batch is the text it would be alone, here and in transformers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aulac.export import to_hf
from aulac.generate import (
    batch_ids,
    generate,
    generate_batch,
    generate_ids,
)

PROMPTS = [
    "Con mèo",
    "x",
    "Bà ngoại kể chuyện ngày xưa vào buổi sáng khi trời mưa.",
    "",
    "Cô giáo đi ra vườn",
]
WAYS = [
    {"temperature": 0},
    {"temperature": 0, "repetition_penalty": 1.3},
    {"temperature": 1.0},
    {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.01},
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [0, 7])
def test_rows_say_what_they_say_alone(build, tokenizer, seed, way):
    model = build(seed=seed)
    ids = [tokenizer.encode(prompt) or [0] for prompt in PROMPTS]
    stops = set(range(3, 12))  # rows end at different times
    wanted = [
        list(generate_ids(model, row, 60, seed=4 + i, stop_ids=stops, **way))
        for i, row in enumerate(ids)
    ]
    got = batch_ids(model, ids, 60, seed=4, stop_ids=stops, **way)
    assert got == wanted
    assert len({len(row) for row in got}) > 1
    # whatever the neighbours
    alone = batch_ids(model, ids[2:3], 60, seed=6, stop_ids=stops, **way)
    assert alone == got[2:3]


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    way=st.sampled_from(WAYS),
    seed=st.integers(0, 99),
)
def test_rows_of_any_lengths_are_independent(build, lengths, way, seed):
    model = build(seed=1)
    draw = torch.Generator().manual_seed(seed)
    rows = [
        torch.randint(3, 300, (length,), generator=draw).tolist()
        for length in lengths
    ]
    stops = range(3, 20)
    wanted = [
        list(generate_ids(model, row, 8, seed=seed + i, stop_ids=stops, **way))
        for i, row in enumerate(rows)
    ]
    assert (
        batch_ids(model, rows, 8, seed=seed, stop_ids=stops, **way) == wanted
    )


def test_texts_and_their_stops_are_those_of_generate(build, tokenizer):
    model = build(seed=3)
    for stop in ((), "a", ["n", "ng", "kể chuyện"]):
        options = {"temperature": 1.0, "stop": stop}
        wanted = [
            generate(model, tokenizer, prompt, 40, seed=i, **options)
            for i, prompt in enumerate(PROMPTS)
        ]
        assert (
            generate_batch(model, tokenizer, PROMPTS, 40, **options) == wanted
        )


def test_the_smallest_batches_and_empty_prompts(build, tokenizer):
    model = build()
    assert batch_ids(model, []) == []
    assert batch_ids(model, [[5], [6, 7]], 0) == [[], []]
    assert generate_batch(model, tokenizer, []) == []
    with pytest.raises(ValueError, match="a prompt is empty"):
        batch_ids(model, [[5], []])


@pytest.fixture(params=[3, 11])
def pair(request, tmp_path, build, tokenizer):
    """Our model and the one transformers loads from its folder."""
    from transformers import AutoModelForCausalLM

    model = build(seed=request.param, context=32)
    folder = to_hf(model, tokenizer, tmp_path / "hf")
    return model, AutoModelForCausalLM.from_pretrained(folder)


def theirs_after(theirs, rows, **options):
    """transformers' new tokens for rows padded at the left, stops cut off."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(r)) + r for r in rows])
    mask = torch.tensor(
        [[0] * (longest - len(r)) + [1] * len(r) for r in rows]
    )
    out = theirs.generate(ids, attention_mask=mask, **options)
    return out[:, longest:].tolist()


def test_greedy_batches_equal_those_of_transformers(pair, tokenizer):
    model, theirs = pair
    rows = [tokenizer.encode(prompt) or [0] for prompt in PROMPTS]
    assert max(map(len, rows)) > model.config.context  # longer than trained
    options = {"max_new_tokens": 60, "do_sample": False}
    stops = (tokenizer.eos_id, tokenizer.im_end_id)
    got = batch_ids(model, rows, 60, temperature=0, stop_ids=stops)
    found = theirs_after(theirs, rows, **options)
    for ours, line in zip(got, found, strict=True):
        assert line[: len(ours)] == ours
        assert len(ours) == 60 or line[len(ours)] in stops


def test_greedy_alone_equals_transformers_far_past_the_context(pair):
    model, theirs = pair
    draw = torch.Generator().manual_seed(1)
    for length in (1, 31, 32, 33, 150):
        ids = torch.randint(3, 300, (length,), generator=draw).tolist()
        options = {"max_new_tokens": 40, "do_sample": False}
        (found,) = theirs_after(theirs, [ids], eos_token_id=None, **options)
        assert list(generate_ids(model, ids, 40, temperature=0)) == found


def test_stop_strings_cut_where_those_of_transformers_do(pair, tokenizer):
    from transformers import AutoTokenizer

    model, theirs = pair
    reader = AutoTokenizer.from_pretrained(theirs.name_or_path)
    plain = generate(model, tokenizer, "Con mèo", 60, temperature=0)
    stop = [c for c in plain if c.isascii() and c.isprintable()][-1]
    (found,) = theirs_after(
        theirs,
        [tokenizer.encode("Con mèo")],
        max_new_tokens=60,
        do_sample=False,
        stop_strings=[stop],
        tokenizer=reader,
    )
    said = reader.decode(found, skip_special_tokens=True)
    assert stop in said
    got = generate(model, tokenizer, "Con mèo", 60, stop=stop, temperature=0)
    assert got == said.split(stop)[0] and len(got) < len(plain)
