"""Minimal pairs: enough of them, well-formed, fair in length, rightly scored."""

from __future__ import annotations

from statistics import mean

import pytest

from aulac.evaluate.pairs import Pair, counts, generate, prefer
from aulac.text import is_syllable, normalise, strip_tone, syllables

PAIRS = generate()


def test_six_hundred_pairs_and_more_under_named_rules():
    found = counts(PAIRS)
    assert sum(found.values()) >= 600
    assert set(found) == {
        "tone",
        "classifier",
        "adjective",
        "demonstrative",
        "marker",
        "number",
        "pronoun",
        "correlative",
    }
    assert min(found.values()) >= 40
    assert generate() == PAIRS


def test_no_pair_twice_and_no_right_sentence_is_wrong_elsewhere():
    assert len(set(PAIRS)) == len(PAIRS)
    right, wrong = {p.right for p in PAIRS}, {p.wrong for p in PAIRS}
    assert not right & wrong


def test_all_is_nfc_and_made_of_syllables():
    for pair in PAIRS:
        for text in (pair.right, pair.wrong):
            assert text == normalise(text)
            assert text[0].isupper() and text[-1] in ".?"
            assert all(map(is_syllable, syllables(text))), text


def test_tone_pairs_differ_in_the_tone_of_one_syllable():
    for pair in (p for p in PAIRS if p.rule == "tone"):
        one, other = syllables(pair.right), syllables(pair.wrong)
        changed = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
        assert len(changed) == 1, pair
        assert strip_tone(changed[0][0]) == strip_tone(changed[0][1]), pair


def test_order_pairs_hold_the_same_words():
    for pair in PAIRS:
        if pair.rule in ("adjective", "demonstrative", "marker", "number"):
            assert sorted(syllables(pair.right.lower())) == sorted(
                syllables(pair.wrong.lower())
            )


def test_the_shorter_sentence_is_not_the_right_one_by_habit():
    """Summed log-likelihood favours short texts: by no more than a letter here."""
    for rule in counts(PAIRS):
        rows = [p for p in PAIRS if p.rule == rule]
        longer = mean(
            len(p.wrong.encode()) - len(p.right.encode()) for p in rows
        )
        assert abs(longer) < 1.5, (rule, longer)


def test_a_model_prefers_what_it_finds_likelier(build, tokenizer):
    model = build()
    pairs = [Pair("x", "Con mèo ngồi.", "Ngồi mèo con.")]
    there = prefer(model, tokenizer, pairs).right
    back = prefer(
        model, tokenizer, [Pair("x", p.wrong, p.right) for p in pairs]
    )
    assert sorted([*there, *back.right]) == [0, 1]
    same = prefer(model, tokenizer, [Pair("x", "Con mèo.", "Con mèo.")])
    assert same.right == (0,)


def test_results_by_rule(build, tokenizer):
    found = prefer(build(), tokenizer, PAIRS[::40])
    assert set(found.by_rule()) == {p.rule for p in PAIRS[::40]}
    assert found.accuracy().value == pytest.approx(mean(found.right))
