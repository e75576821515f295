"""The deduplication viewer: right marks, right numbers, both languages, live and not."""

import re

import pytest

from aulac.corpus.dedup import jaccard, shingles
from aulac.lesson.widgets import duplicates
from aulac.lesson.widgets.duplicates import (
    EXAMPLES,
    compare_html,
    highlighted,
    shared_words,
)
from aulac.text import decompose

A, B = EXAMPLES[0]


def test_exactly_the_words_in_shared_shingles_are_marked():
    assert shared_words("a b c d", shingles("a b x d", 2), 2) == [
        True,
        True,
        False,
        False,
    ]
    assert shared_words("chào", shingles("chào", 5), 5) == [True]
    assert shared_words("", set(), 2) == []


def test_marks_are_balanced_and_the_text_is_untouched():
    html = highlighted(A, shingles(B, 2), 2)
    assert html.count("<mark") == html.count("</mark>") == 2
    assert re.sub(r"<[^>]+>", "", html) == A
    assert highlighted("<b> & c", set(), 2) == "&lt;b&gt; &amp; c"


def test_nfd_text_is_marked_like_nfc():
    assert highlighted(decompose(A), shingles(B, 2), 2) == highlighted(
        A, shingles(B, 2), 2
    )


def test_long_texts_are_cut_for_the_eye_but_not_for_the_numbers():
    long = " ".join(f"chữ{i}" for i in range(500))
    html = compare_html(long, long + " khác")
    assert "chữ80" in html
    assert "chữ300" not in html
    assert "499 / 500" in html


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_numbers_are_the_library_s(size, monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "both")
    html = compare_html(A, B, size, 512, 0.5)
    exact = round(jaccard(shingles(A, size), shingles(B, size)), 3)
    assert f'class="aulac-en">{exact:.4g}<' in html
    assert f'class="aulac-vi">{exact:.4g}<'.replace("0.", "0,") in html


def test_both_languages_stand_in_the_fallback(monkeypatch, capsys):
    monkeypatch.setenv("AULAC_LANG", "both")
    monkeypatch.setenv("AULAC_STATIC", "1")
    duplicates.demo(A, B, examples=EXAMPLES[1:])
    text = capsys.readouterr().out
    assert "coi là một" in text or "hai văn bản khác nhau" in text
    assert "estimate with 128 hashes" in text
    assert "mua mắm mua muối" in text


def test_the_live_widget_answers_its_sliders(monkeypatch):
    ipywidgets = pytest.importorskip("ipywidgets")
    made = []
    monkeypatch.setattr(
        duplicates, "present", lambda widget, html: made.append(widget())
    )
    duplicates.demo(A, B, threshold=0.8)
    (box,) = made
    *_, sizes, nums, thresholds, answer = box.children
    assert isinstance(answer, ipywidgets.HTML)
    before = answer.value
    thresholds.value = 0.3
    assert answer.value != before
    box.children[1].value = A
    assert "coi là một" in answer.value
    sizes.value, nums.value = 3, 16
    assert "16" in answer.value
