"""Beam search and speculative decoding, held against what they must equal."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch

from aulac.export import to_hf
from aulac.generate import generate_ids
from aulac.generate.beam import beam_search
from aulac.generate.sampling import Sampling
from aulac.generate.speculative import Tally, speculate


def test_one_beam_is_greedy(build):
    model = build()
    greedy = list(generate_ids(model, [5, 6], 20, temperature=0))
    (found,) = beam_search(model, [5, 6], 20, beams=1)
    assert list(found.ids) == greedy


def test_a_beam_as_wide_as_the_vocabulary_finds_the_likeliest(build):
    model = build(vocab_size=9)
    texts = list(itertools.product(range(9), repeat=2))
    rows = torch.tensor([[5, *text] for text in texts])
    with torch.no_grad():
        logs = model(rows).log_softmax(-1)
    sums = [
        float(logs[i, 0, a].double() + logs[i, 1, b].double())
        for i, (a, b) in enumerate(texts)
    ]
    best = max(range(len(texts)), key=sums.__getitem__)
    found = beam_search(model, [5], 2, beams=9)[0]
    assert found.ids == texts[best]
    assert found.log_p == pytest.approx(sums[best], abs=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_beams_equal_those_of_transformers(
    build, tokenizer, tmp_path, penalty
):
    from transformers import AutoModelForCausalLM

    model = build(seed=3)
    theirs = AutoModelForCausalLM.from_pretrained(
        to_hf(model, tokenizer, tmp_path / "hf")
    )
    ids = tokenizer.encode("Con mèo")
    out = theirs.generate(
        torch.tensor([ids]),
        max_new_tokens=12,
        num_beams=4,
        do_sample=False,
        length_penalty=penalty,
        eos_token_id=None,
    )
    found = beam_search(model, ids, 12, 4, length_penalty=penalty)
    assert list(found[0].ids) == out[0, len(ids) :].tolist()


@pytest.mark.parametrize(
    ("seed", "penalty"), [(0, 0.0), (1, 0.7), (2, 1.0), (3, 1.5)]
)
def test_beams_with_stops_equal_those_of_transformers(
    build, tokenizer, tmp_path, seed, penalty
):
    """All that a beam finds, in its order, with texts that end on the way."""
    from transformers import AutoModelForCausalLM

    model, stops, beams = build(seed=seed), [7, 8, 9, *range(20, 60)], 3
    theirs = AutoModelForCausalLM.from_pretrained(
        to_hf(model, tokenizer, tmp_path / "hf")
    )
    out = theirs.generate(
        torch.tensor([[5, 6]]),
        max_new_tokens=9,
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        length_penalty=penalty,
        early_stopping="never",
        eos_token_id=stops,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    found = beam_search(
        model, [5, 6], 9, beams, length_penalty=penalty, stop_ids=stops
    )
    for ours, line, score in zip(
        found, out.sequences.tolist(), out.sequences_scores, strict=True
    ):
        size = len(ours.ids)
        assert line[2 : 2 + size] == list(ours.ids)
        assert not ours.ended or line[2 + size] in stops
        assert ours.score(penalty) == pytest.approx(float(score), abs=1e-4)


def test_many_stops_never_starve_the_beam(build):
    """Every likely token ends the text: the search still goes on beside them."""
    model = build(vocab_size=12)
    found = beam_search(model, [5], 4, beams=3, stop_ids=range(2, 12))
    assert len(found) == 3
    alone = beam_search(model, [5], 4, beams=2, stop_ids=range(12))
    assert [h.ids for h in alone] == [(), ()] and alone[0].ended


def test_a_stop_ends_a_hypothesis_and_not_the_search(build):
    model = build(vocab_size=12)
    found = beam_search(model, [5], 6, beams=3, stop_ids=[2])
    assert all(2 not in h.ids for h in found)
    assert all(len(h.ids) == 6 for h in found if not h.ended)
    scores = [h.score(1.0) for h in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("ahead", [1, 3, 7])
def test_greedy_speculation_is_the_targets_greedy_text(build, ahead):
    target, draft = build(seed=1), build(seed=2, depth=1)
    wanted = list(generate_ids(target, [5, 6, 7], 30, temperature=0))
    got = speculate(target, draft, [5, 6, 7], 30, ahead=ahead, temperature=0)
    assert list(got) == wanted


def test_a_model_that_drafts_for_itself_is_always_accepted(build):
    model, tally = build(), Tally()
    got = list(speculate(model, model, [5], 24, ahead=5, tally=tally))
    assert len(got) == 24
    assert tally.acceptance == 1.0 and tally.passes == 4  # 6 tokens a pass


@pytest.mark.parametrize("options", [{}, {"top_p": 0.8, "temperature": 0.7}])
def test_speculation_is_exact_in_distribution(build, options):
    """Frequencies of texts of three tokens against the target's probabilities.

    Two are guessed in the first round; after a refusal there is a second.
    """
    small = {"vocab_size": 4, "depth": 1}
    target, draft = build(seed=1, **small), build(seed=2, **small)
    runs, how = 800, Sampling(**options)
    found = Counter(
        tuple(speculate(target, draft, [3], 3, ahead=2, seed=seed, **options))
        for seed in range(runs)
    )
    texts = list(itertools.product(range(4), repeat=3))
    wanted, counts = torch.ones(64), torch.tensor([found[t] for t in texts])
    with torch.no_grad():
        rows = target(torch.tensor([[3, *text] for text in texts]))
    for row, text in enumerate(texts):
        for place, token in enumerate(text):
            odds = how.probabilities(rows[row, place], [3, *text[:place]])
            wanted[row] *= odds[token]
    assert (counts[wanted == 0] == 0).all() and counts.sum() == runs
    expected = wanted * runs
    rare = expected < 5  # together they are one kind
    expected = torch.cat((expected[~rare], expected[rare].sum()[None]))
    counts = torch.cat((counts[~rare], counts[rare].sum()[None]))
    chi2 = ((counts - expected) ** 2 / expected.clamp(min=1e-9)).sum()
    degrees = len(expected) - 1
    assert chi2 < degrees + 4 * (2 * degrees) ** 0.5  # four deviations


def test_stops_and_bad_input(build):
    target, draft = build(seed=1), build(seed=2)
    whole = list(speculate(target, draft, [5], 20))
    stopped = list(speculate(target, draft, [5], 20, stop_ids=[whole[7]]))
    assert stopped == whole[: whole.index(whole[7])]
    with pytest.raises(ValueError, match="prompt is empty"):
        next(speculate(target, draft, []))
    with pytest.raises(ValueError, match="same tokenizer"):
        next(speculate(target, build(vocab_size=10), [5]))
    with pytest.raises(ValueError, match="0 beams"):
        beam_search(target, [5], beams=0)
