"""The Telex keyboard, both ways."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aulac.text import inventory, place_tone, telex, to_telex
from aulac.text.syllable import parse_syllable

TYPED = {
    "tieengs": "tiếng", "tiengse": "tiếng", "tieesng": "tiếng", "Vieejt": "Việt",
    "nguowif": "người", "nguoiwf": "người", "nguwowif": "người", "ruwowuj": "rượu",
    "dd": "đ", "ddaats": "đất", "DDaats": "Đất", "DDAATS": "ĐẤT", "dangd": "đang",
    "w": "ư", "tw": "tư", "W": "Ư", "dungw": "dưng", "luuw": "lưu", "chuaw": "chưa",
    "hoaf": "hoà", "quys": "quý", "giaf": "già", "gif": "gì", "thuowr": "thuở",
    "thuowng": "thương", "quow": "quơ", "ngoawcj": "ngoặc", "khuyru": "khuỷu",
    "caua": "câu", "ngoao": "ngoao", "khoeof": "khoèo", "awa": "â", "aaw": "ă",
    "asf": "à", "asz": "a", "BDDS": "BĐS", "cacs": "các", "tr": "tr",
}  # fmt: skip
ESCAPED = {
    "aaa": "aa", "eee": "ee", "ooo": "oo", "ass": "as", "aff": "af", "aww": "aw",
    "ww": "w", "uoww": "uow", "ddd": "dd", "xooong": "xoong", "mooocs": "moóc",
    "classs": "class", "Tesst": "Test", "wwindow": "window", "anss": "ans",
    "footer": "fổte", "daddy": "dady",
}  # fmt: skip


@pytest.mark.parametrize(("keys", "text"), [*TYPED.items(), *ESCAPED.items()])
def test_what_the_keys_write(keys, text):
    assert telex(keys) == text


def test_running_text_and_styles():
    keys = "Tieengs Vieejt, hoaf binhf; 2 thuyr thur!"
    assert telex(keys) == "Tiếng Việt, hoà bình; 2 thuỷ thủ!"
    assert telex(keys, "old") == "Tiếng Việt, hòa bình; 2 thủy thủ!"
    assert to_telex("Tiếng Việt, hòa bình") == "Tieengs Vieetj, hoaf binhf"


@pytest.mark.parametrize(
    "text", ["", "   ", "café", "Windows 11 was", "ñ", "Đắk Lắk"]
)
def test_foreign_words_come_back(text):
    assert telex(to_telex(text)) == text


def test_every_syllable_can_be_typed_with_the_tone_last():
    for spelling in inventory():
        keys = to_telex(spelling)
        assert telex(keys) == spelling
        for key in "fsrxj":
            typed = telex(keys + key)
            if parse_syllable(typed):  # stop codas take two tones only
                assert place_tone(typed) == typed
                assert to_telex(typed) == keys + key


@given(st.text())
@example("\u0130stanbul")
@example("WAS Ww ưw aá dđ zz")
@example("ƯƠNG ưở hoà hòa")
@example("é\u0302 straße ŉ ǅ")
def test_round_trip_on_any_text(text):
    assert telex(to_telex(text)) == place_tone(text)


@given(st.text("aăâbcdđeêgioôơuưwsfrxjzAÂDĐOƠUW ", max_size=9))
def test_round_trip_on_hard_letters(text):
    assert telex(to_telex(text)) == place_tone(text)


@given(st.text("abcdegiouwsfrxjzADOUW ", max_size=12))
def test_any_keys_write_something_stable(keys):
    text = telex(keys)
    assert telex(to_telex(text)) == place_tone(text)
