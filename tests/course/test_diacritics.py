"""Tone-mark restoration: candidates, the beam, the baseline, the two numbers."""

from __future__ import annotations

import itertools

import pytest

from aulac.evaluate.diacritics import (
    Commonest,
    candidates,
    evaluate,
    restore,
)
from aulac.evaluate.likelihood import nats
from aulac.text import is_syllable, strip_marks

WORDS = [
    "tôi",
    "ăn",
    "cơm",
    "đường",
    "nghiêng",
    "quyển",
    "giếng",
    "ừ",
    "hoà",
    "hòa",
    "sách",
]


@pytest.mark.parametrize("word", WORDS)
def test_the_right_word_is_among_its_candidates(word):
    found = candidates(strip_marks(word))
    assert word in found
    assert len(set(found)) == len(found)
    assert all(map(is_syllable, found))
    assert {strip_marks(form) for form in found} == {strip_marks(word)}


def test_candidates_keep_capitals_and_leave_foreign_words_alone():
    assert "Việt" in candidates("Viet")
    assert "VIỆT" in candidates("VIET")
    assert "Ở" in candidates("O")
    assert candidates("internet") == ("internet",)
    assert candidates("King") == ("King",)


def test_a_wide_beam_finds_the_likeliest_of_all_texts(build, tokenizer):
    model = build()
    every = [
        " ".join(row)
        for row in itertools.product(candidates("an"), candidates("ca"))
    ]
    rows = [[tokenizer.eos_id, *tokenizer.encode(text)] for text in every]
    costs = nats(model, [(row[:-1], row[1:]) for row in rows])
    best = every[min(range(len(every)), key=costs.__getitem__)]
    assert restore(model, tokenizer, "an ca", beam=100) == best


def test_only_marks_change(build, tokenizer):
    bare = "Hom nay, Lan an 2 qua cam (ngon)!"
    found = restore(build(), tokenizer, bare, beam=2)
    assert strip_marks(found) == bare


def test_a_text_too_long_is_refused(build, tokenizer):
    with pytest.raises(ValueError, match="sentence by sentence"):
        restore(build(), tokenizer, "an ca " * 60)


def test_the_baseline_writes_what_it_saw_most():
    give_back = Commonest(["Tôi ăn cá. Bạn ăn cà.", "Cá to."])
    assert give_back("An ca") == "Ăn cá"
    assert give_back("CA lạ xyz") == "CÁ lạ xyz"


def test_the_two_numbers():
    originals = ["Tôi ăn cá.", "Bạn ăn cà 3 lần, OK.", "123"]
    found = evaluate(Commonest(["Tôi ăn cá. Bạn ăn cá lần."]), originals)
    assert found.total == (3, 4)
    assert found.right == (3, 3)
    assert found.whole == (True, False)
    assert found.syllables.value == pytest.approx(6 / 7)
    assert found.exact.value == 0.5


def test_both_schools_of_placing_the_tone_are_right():
    assert evaluate(Commonest(["hoà"]), ["hòa"]).whole == (True,)


def test_what_changes_letters_is_refused():
    with pytest.raises(ValueError, match="changed the letters"):
        evaluate(lambda bare: bare + "!", ["Tôi ăn cá."])
    with pytest.raises(ValueError, match="no text"):
        evaluate(str, ["123"])
