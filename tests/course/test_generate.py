"""Generation: against transformers, cached against uncached, whole letters only."""

from __future__ import annotations

import math
import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.export import to_hf
from aulac.generate import (
    KVCache,
    Sampling,
    generate,
    generate_ids,
    stream,
)
from aulac.generate.text import Letters, Stops, Writer

VIETNAMESE = "aăâeêioôơuưyđàảãáạằẳẵắặầẩẫấậềểễếệồổỗốộờởỡớợừửữứựỳỷỹýỵ Đố, bcdghklmnpqrstvx."


@pytest.fixture
def folder(tmp_path, build, tokenizer):
    return to_hf(build(seed=3), tokenizer, tmp_path / "hf")


@pytest.mark.parametrize("prompt", ["Con mèo", "Bà ngoại kể", "x"])
def test_greedy_equals_transformers(folder, build, tokenizer, prompt):
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer.encode(prompt)
    inputs = torch.tensor([ids])
    out = theirs.generate(inputs, max_new_tokens=40, do_sample=False)
    stops = (tokenizer.eos_id, tokenizer.im_end_id)
    got = list(
        generate_ids(build(seed=3), ids, 40, temperature=0, stop_ids=stops)
    )
    wanted = [
        token for token in out[0, len(ids) :].tolist() if token not in stops
    ]
    assert got == wanted and len(got) > 5


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("kv_heads", [1, 4])
def test_cached_equals_uncached(build, kv_heads, temperature):
    model = build(kv_heads=kv_heads)
    options = {"max_tokens": 50, "temperature": temperature, "seed": 2}
    fast = list(generate_ids(model, [5, 6, 7], **options))
    assert fast == list(
        generate_ids(model, [5, 6, 7], cached=False, **options)
    )
    assert len(fast) == 50


def test_a_prompt_may_come_in_pieces(build):
    model = build()
    ids = torch.randint(0, 300, (1, 30))
    cache = KVCache(model.config, 30)
    with torch.no_grad():
        parts = [
            model(ids[:, a:b], cache) for a, b in ((0, 11), (11, 12), (12, 30))
        ]
        torch.testing.assert_close(torch.cat(parts, 1), model(ids))
        cache.rewind(12)
        torch.testing.assert_close(model(ids[:, 12:], cache), parts[2])
    with pytest.raises(ValueError, match="larger size"):
        model(ids, cache)


def test_temperature_zero_takes_the_most_likely_and_top_k_one_too():
    logits = torch.randn(50)
    best = int(logits.argmax())
    ways = [
        Sampling(temperature=0),
        Sampling(temperature=5.0, top_k=1),
        Sampling(temperature=5.0, top_p=1e-9),
        Sampling(temperature=5.0, min_p=1),
    ]
    assert {way.draw(logits) for way in ways} == {best}


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9),
    power=st.floats(-45, 2),
    top_p=st.floats(0.05, 1),
)
def test_the_colder_the_nearer_to_greedy_and_never_not_a_number(
    values, power, top_p
):
    logits, heat = torch.tensor(values), 10.0**power
    odds = Sampling(heat, top_p=top_p).probabilities(logits, ())
    assert odds.isfinite().all() and float(odds.sum()) == pytest.approx(1)
    assert odds[logits.argmax()] == odds.max()
    behind = float((logits.max() - logits)[odds > 0].max())
    # e to the -110 is no float32, and logits themselves are rounded.
    assert behind <= 110 * heat + 1e-6 * float(logits.abs().max())


def test_sampling_follows_the_probabilities():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    draw = torch.Generator().manual_seed(0)
    drawn = [Sampling().draw(logits, draw) for _ in range(4000)]
    share = torch.bincount(torch.tensor(drawn), minlength=4) / 4000
    assert (share - (logits / 0.8).softmax(0)).abs().max() < 0.03


@settings(max_examples=80)
@given(
    seed=st.integers(0, 99),
    temperature=st.floats(0.3, 3),
    top_k=st.integers(0, 12),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.9),
    penalty=st.floats(0.5, 2),
)
def test_probabilities_are_those_of_transformers(
    seed, temperature, top_k, top_p, min_p, penalty
):
    from transformers.generation import logits_process as theirs

    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 20, generator=random)
    seen = [3, 3, 7, 11]
    steps = [
        theirs.RepetitionPenaltyLogitsProcessor(penalty),
        theirs.TemperatureLogitsWarper(temperature),
    ]
    if top_k:
        steps.append(theirs.TopKLogitsWarper(top_k))
    if top_p < 1:
        steps.append(theirs.TopPLogitsWarper(top_p))
    if min_p:
        steps.append(theirs.MinPLogitsWarper(min_p))
    wanted = theirs.LogitsProcessorList(steps)(torch.tensor([seen]), logits)
    got = Sampling(temperature, top_k, top_p, min_p, penalty).probabilities(
        logits[0], seen
    )
    torch.testing.assert_close(got, wanted.softmax(-1)[0])


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_p": 0},
        {"min_p": 2},
        {"repetition_penalty": 0},
        {"repetition_penalty": math.inf},
    ],
)
def test_sampling_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match=r"must be|lies in"):
        Sampling(**options)


def test_seeds_repeat_and_differ(build, tokenizer):
    model = build()
    texts = [
        generate(model, tokenizer, "Lan", 30, temperature=1.0, seed=s)
        for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


@settings(max_examples=200)
@given(
    text=st.text(VIETNAMESE),
    cuts=st.lists(st.integers(1, 4)),
    nfd=st.booleans(),
)
def test_letters_are_never_cut(text, cuts, nfd):
    data = unicodedata.normalize("NFD" if nfd else "NFC", text).encode()
    letters, pieces, place = Letters(), [], 0
    for cut in [*cuts, len(data)]:
        pieces.append(letters.add(data[place : place + cut]))
        place += cut
    pieces.append(letters.end())
    assert "".join(pieces) == unicodedata.normalize("NFC", text)
    for piece in pieces:
        assert "\ufffd" not in piece
        assert not piece or not unicodedata.combining(piece[0])


def test_half_a_letter_at_the_end_is_not_shown():
    letters = Letters()
    shown = letters.add("mẹ".encode()[:-1]) + letters.end()
    assert shown == "m"


@settings(max_examples=200)
@given(
    pieces=st.lists(st.text("abc", max_size=3)),
    stop=st.text("abc", min_size=1),
)
def test_a_stop_is_found_across_pieces(pieces, stop):
    stops, whole, shown = Stops([stop]), "".join(pieces), ""
    for piece in pieces:
        shown += stops.add(piece)
        assert stop not in shown
        if stops.found:
            break
    assert shown + stops.end() == whole.split(stop)[0]


@settings(max_examples=200)
@given(tokens=st.lists(st.binary(max_size=4)), stop=st.sampled_from("a\nế"))
def test_any_bytes_become_whole_letters_up_to_a_stop(tokens, stop):
    """Tokens of arbitrary bytes: no half letter, and nothing said twice."""
    whole = b"".join(tokens).decode(errors="replace")
    whole = unicodedata.normalize("NFC", whole)
    writer, shown = Writer(stop), ""
    for token in tokens:
        shown += writer.add(token)
        assert whole.startswith(unicodedata.normalize("NFC", shown))
        if writer.stopped:
            break
    shown += writer.end()
    assert stop not in shown
    wanted = whole.split(stop)[0]
    # Bytes at the very end that never became a letter are dropped.
    assert unicodedata.normalize("NFC", shown).rstrip("\ufffd") == (
        wanted.rstrip("\ufffd")
    )


@settings(max_examples=150)
@given(data=st.data(), nfd=st.booleans())
def test_vietnamese_is_cut_at_the_first_stop_and_at_whole_letters(data, nfd):
    """However the bytes of a text are dealt to tokens, and with several stops."""
    text = data.draw(st.text(VIETNAMESE, max_size=30))
    stops = data.draw(st.lists(st.text(VIETNAMESE, min_size=1, max_size=3)))
    if text:
        start = data.draw(st.integers(0, len(text) - 1))
        stops.append(text[start : start + 3])
    form = "NFD" if nfd else "NFC"
    stream_ = unicodedata.normalize(form, text).encode()
    writer, pieces = Writer(stops), []
    while stream_ and not writer.stopped:
        size = data.draw(st.integers(1, 4))
        pieces.append(writer.add(stream_[:size]))
        stream_ = stream_[size:]
    pieces.append(writer.end())
    ends = [text.index(stop) for stop in stops if stop in text]
    # A stop that is found first may end before one that began earlier.
    ways = {text[:end] for end in ends} or {text}
    assert "".join(pieces) in ways
    assert not any(stop in "".join(pieces) for stop in stops)
    for piece in filter(None, pieces):
        assert not unicodedata.combining(piece[0])


def test_a_stop_in_two_code_points_is_the_same_stop(build, tokenizer):
    writer = Writer([unicodedata.normalize("NFD", "mẹ"), ""])
    assert writer.add("bố mẹ và con".encode()) == "bố " and writer.stopped


def test_streaming_shows_what_generate_returns(build, tokenizer):
    model = build(seed=5)
    options = {"max_tokens": 60, "temperature": 1.0, "seed": 9}
    pieces = list(stream(model, tokenizer, "Chú chó", **options))
    whole = generate(model, tokenizer, "Chú chó", **options)
    assert "".join(pieces) == whole and len(pieces) > 3
    middle = whole[len(whole) // 2]
    cut = generate(model, tokenizer, "Chú chó", stop=middle, **options)
    assert cut == whole.split(middle)[0]


def test_a_stream_broken_off_leaves_the_conversation_usable(build, tokenizer):
    from aulac.chat import Conversation

    talk = Conversation(build(seed=5), tokenizer, max_tokens=40)
    heard = talk.stream("Chú chó")
    first = next(heard)
    with pytest.raises(KeyboardInterrupt):
        heard.throw(KeyboardInterrupt)
    roles = [message["role"] for message in talk.messages]
    assert roles == ["user", "assistant"]
    assert talk.messages[1]["content"] == first.strip()
    answer = talk.say("Con mèo")
    assert talk.messages[-1] == {"role": "assistant", "content": answer}
    assert len(talk.messages) == 4


def test_an_empty_prompt_begins_a_text_and_empty_ids_are_refused(
    build, tokenizer
):
    model = build()
    from_nothing = generate(model, tokenizer, "", 10, temperature=0)
    assert from_nothing == generate(
        model, tokenizer, [tokenizer.eos_id], 10, temperature=0
    )
    with pytest.raises(ValueError, match="prompt is empty"):
        next(generate_ids(model, []))
