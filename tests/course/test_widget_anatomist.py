"""The syllable anatomist, live and static."""

import re

import pytest

from aulac.lesson.language import plain
from aulac.lesson.widgets.anatomist import anatomy_html, demo, why_not
from aulac.text import inventory, parse_syllable


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("quyết", ["q", "u", "yê", "t", "thanh sắc", "quyeets"]),
        ("giếng", ["gi", "iê", "ng", "dùng chung một chữ i", "gieengs"]),
        ("ế", ["e1 ba bf", "65 · cc 82 · cc 81", "d5", "65 e1", "ees"]),
        ("Ấ", ["không có mã cho Ấ", "41 c1"]),
    ],
)
def test_what_it_shows(word, shown, monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "vi")
    html = anatomy_html(word)
    for piece in shown:
        assert piece in html


@pytest.mark.parametrize(
    ("word", "vi", "en"),
    [
        (
            "cac",
            "p, t, c, ch chỉ mang thanh sắc hoặc nặng (như các)",
            "(such as các)",
        ),
        ("càc", "sắc hoặc nặng", "sắc or nặng only"),
        ("king", "Không có vần “ing”", "no rhyme “ing”"),
        ("fan", "không dùng: f", "does not use: f"),
        ("nge", "viết là “nghe”", "it is “nghe”"),
        ("ka", "viết là “ca”", "it is “ca”"),
        ("mấ\u0309y", "hai dấu thanh", "two tone marks"),
        ("ngy", "", ""),
    ],
)
def test_it_names_the_broken_rule(word, vi, en):
    said_vi, said_en = why_not(word)
    assert vi in said_vi
    assert en in said_en
    assert said_vi.endswith(".")


def test_it_has_a_reason_for_every_word_that_is_no_syllable():
    for word in list(inventory())[::7]:
        for broken in (word + "x", "f" + word, word + "\u0300\u0301"):
            assert all(why_not(broken))
    with pytest.raises(ValueError, match="is a Vietnamese syllable"):
        why_not("đẹp")


def test_typed_html_stays_text():
    html = anatomy_html("<script>alert(1)</script> a<b>c")
    assert "<script" not in html
    assert "Hãy gõ" in anatomy_html("123 !?")


def test_live_widget_follows_the_keyboard(monkeypatch):
    monkeypatch.setenv("AULAC_STATIC", "0")
    shown = {}

    def keep(widget, fallback):
        shown["widget"], shown["fallback"] = widget(), fallback

    monkeypatch.setattr("aulac.lesson.widgets.anatomist.present", keep)
    demo("nghiêng")
    entry, answer = shown["widget"].children
    assert "iê" in answer.value
    entry.value = "hoà"
    assert "oaf" in answer.value
    assert "nghieeng" not in answer.value
    assert parse_syllable("hoà").glide in answer.value


def test_the_static_twin_holds_both_languages(capsys, monkeypatch):
    monkeypatch.setenv("AULAC_STATIC", "1")
    monkeypatch.setenv("AULAC_LANG", "both")
    demo()
    text = capsys.readouterr().out
    assert "âm chính" in text
    assert "nucleus" in text
    html = anatomy_html("tiếng")
    assert len(re.findall("aulac-vi", html)) == len(
        re.findall("aulac-en", html)
    )
    assert plain(html)
