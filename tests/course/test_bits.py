"""Bits per byte: exact bytes, each token once, comparable across tokenizers."""

from __future__ import annotations

import math
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aulac.evaluate import bits_per_byte, measure
from aulac.evaluate.likelihood import windows


def test_equals_a_sum_by_hand(build, tokenizer, sentences):
    model = build()
    text = sentences[3]
    ids = [tokenizer.eos_id, *tokenizer.encode(text)]
    with torch.no_grad():
        odds = model(torch.tensor([ids[:-1]])).log_softmax(-1)[0]
    nats = -sum(float(odds[i, token]) for i, token in enumerate(ids[1:]))
    wanted = nats / math.log(2) / len(text.encode())
    assert bits_per_byte(model, tokenizer, [text]) == pytest.approx(
        wanted, rel=1e-5
    )


def test_batches_do_not_matter_and_totals_add_up(build, tokenizer, sentences):
    model = build()
    one = [
        measure(model, tokenizer, [text], batch=1) for text in sentences[:7]
    ]
    all_ = measure(model, tokenizer, sentences[:7], batch=3)
    assert all_.bits == pytest.approx(sum(m.bits for m in one), rel=1e-5)
    assert all_.bytes == sum(len(text.encode()) for text in sentences[:7])
    assert (all_.tokens, all_.texts) == (sum(m.tokens for m in one), 7)
    assert all_.per_byte == pytest.approx(all_.bits / all_.bytes)
    assert all_.perplexity == pytest.approx(2**all_.per_token)


def test_nfd_text_measures_the_same(build, tokenizer, sentences):
    model = build()
    split = [unicodedata.normalize("NFD", text) for text in sentences[:5]]
    wanted = bits_per_byte(model, tokenizer, sentences[:5])
    assert bits_per_byte(model, tokenizer, split) == wanted


def test_a_model_that_guesses_pays_log_vocabulary(build, tokenizer, sentences):
    model = build()
    torch.nn.init.zeros_(model.embed.weight)
    found = measure(model, tokenizer, sentences[:5])
    assert found.per_token == pytest.approx(math.log2(300), rel=1e-5)


@given(n=st.integers(2, 90), context=st.integers(2, 20), data=st.data())
def test_every_token_is_predicted_once_with_enough_before_it(n, context, data):
    stride = data.draw(st.integers(1, context))
    ids = list(range(n))
    seen = []
    for inputs, targets in windows(ids, context, stride):
        assert len(inputs) == len(targets) <= context
        for place, target in enumerate(targets):
            if target != -100:
                assert target == inputs[place] + 1
                assert place >= min(context - stride, target - 1)
                seen.append(target)
    assert seen == ids[1:]


@pytest.mark.parametrize("stride", [0, -1, 17])
def test_a_stride_that_passes_over_tokens_is_refused(
    build, tokenizer, sentences, stride
):
    with pytest.raises(ValueError, match="1 to 16"):
        measure(build(), tokenizer, sentences, context=16, stride=stride)


def test_a_smaller_stride_sees_more_and_counts_the_same(
    build, tokenizer, sentences
):
    model, text = build(), " ".join(sentences[:9])
    wide, narrow = (
        measure(model, tokenizer, [text], context=16, stride=stride)
        for stride in (16, 1)
    )
    assert (wide.tokens, wide.bytes) == (narrow.tokens, narrow.bytes)
    assert wide.bits != narrow.bits
    default = measure(model, tokenizer, [text], context=16)
    assert default == measure(model, tokenizer, [text], context=16, stride=8)


def test_no_text_is_refused(build, tokenizer):
    with pytest.raises(ValueError, match="no text"):
        bits_per_byte(build(), tokenizer, ["", ""])
