"""Cleaning changes the form only; judging names the reason."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.corpus import Document, load
from aulac.corpus.clean import (
    REASONS,
    clean,
    is_boilerplate,
    is_vietnamese,
    judge,
    unscramble,
)
from aulac.text import decompose, encode_legacy

SENTENCE = (
    "Bộ luật này quy định địa vị pháp lý, chuẩn mực pháp lý về cách ứng xử của cá "
    "nhân, pháp nhân; quyền và nghĩa vụ về tài sản của cá nhân."
)


def test_law_text_is_kept_as_it_is_up_to_normal_form_and_space():
    for document in load("laws", limit=60):
        want = unicodedata.normalize("NFC", document.text)
        assert clean(document.text).split() == want.split()


def test_one_of_the_six_codes_is_not_nfc_and_becomes_so():
    mixed = [
        d for d in load("laws") if not unicodedata.is_normalized("NFC", d.text)
    ]
    assert {d.meta["code"] for d in mixed} == {"Bộ luật tố tụng hình sự 2015"}
    assert all(unicodedata.is_normalized("NFC", clean(d.text)) for d in mixed)


@given(st.text(max_size=300))
def test_clean_is_idempotent(text):
    once = clean(text)
    assert clean(once) == once


@given(st.text(max_size=200))
def test_clean_text_is_nfc_and_plain(text):
    done = clean(text)
    assert unicodedata.is_normalized("NFC", done)
    assert done == done.strip()
    assert "  " not in done
    assert "\n\n\n" not in done
    assert not any(unicodedata.category(c) == "Cc" and c != "\n" for c in done)


def test_space_and_invisible_characters():
    assert (
        clean("a\u200bb\ufeff \u00a0 c\r\n\r\n\r\n\r\nd\te\x00")
        == "ab c\n\nd e"
    )


def test_nfd_becomes_nfc():
    assert clean(decompose(SENTENCE)) == SENTENCE


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii"])
def test_text_in_an_old_encoding_is_decoded(encoding):
    old = encode_legacy(SENTENCE, encoding, errors="lower").decode("latin-1")
    assert clean(old).lower() == SENTENCE.lower()


def test_a_page_that_mixes_encodings_line_by_line():
    old = encode_legacy(SENTENCE, "tcvn3", errors="lower").decode("latin-1")
    page = f"{SENTENCE}\n{old}\n{decompose(SENTENCE)}\nplain ASCII line"
    lines = clean(page).lower().split("\n")
    assert lines == [SENTENCE.lower()] * 3 + ["plain ascii line"]


def test_a_short_line_follows_the_lines_before_it():
    old = encode_legacy(f"{SENTENCE}\nHà Nội", "tcvn3", errors="lower")
    assert (
        clean(old.decode("latin-1")).lower() == f"{SENTENCE}\nHà Nội".lower()
    )
    assert clean("Hà Æ") == "Hà Æ"


def test_garbled_utf8_is_put_back():
    garbled = SENTENCE.encode().decode("cp1252", "ignore")
    full = "Tiáº¿ng Viá»‡t"
    assert unscramble(full) == "Tiếng Việt"
    assert judge(garbled) == "mojibake" or unscramble(garbled) == SENTENCE
    assert unscramble(SENTENCE) == SENTENCE
    assert unscramble("Ãu lạc không lỗi") == "Ãu lạc không lỗi"


@pytest.mark.parametrize(
    "line",
    [
        "Xem thêm: Giá vàng hôm nay",
        ">> Đọc thêm bài cùng tác giả",
        "Chia sẻ | Facebook | Zalo",
        "© 2024 Báo Điện Tử. All rights reserved.",
        "Bản quyền thuộc về tòa soạn",
        "Ảnh: Minh Anh",
        "Từ khóa: giá vàng, thị trường",
        "Trang này dùng cookie để cải thiện trải nghiệm",
    ],
)
def test_page_furniture_goes(line):
    assert is_boilerplate(line)
    assert (
        clean(f"{SENTENCE}\n{line}\n{SENTENCE}") == f"{SENTENCE}\n{SENTENCE}"
    )


@pytest.mark.parametrize(
    "line",
    [
        SENTENCE,
        "Em muốn xem thêm bức ảnh ấy một lần nữa.",
        "Bạn có thể chia sẻ niềm vui với mẹ.",
        "## Chủ đề và tên gọi",
        "Nguồn nước ở đây rất trong.",
        "",
    ],
)
def test_sentences_stay(line):
    assert not is_boilerplate(line)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("empty", " \n "),
        ("too short", "Chào bạn."),
        (
            "mojibake",
            ("Bá»™ luáº­t nÃ y quy Ä‘á»‹nh Ä‘á»‹a vá»‹ phÃ¡p lÃ½ " * 3) + "ế",
        ),
        (
            "symbol share",
            "1 + 2 = 3; 4 + 5 = 9; 10 + 20 = 30; 7 * 8 = 56; 9 - 1 = 8 ế",
        ),
        ("repeated lines", (SENTENCE + "\n") * 4),
        (
            "not Vietnamese",
            "The quick brown fox jumps over the lazy dog. " * 3,
        ),
        (
            "not Vietnamese",
            "Ông Đỗ said the quick brown fox jumps over the dog. " * 3,
        ),
        (
            "not Vietnamese",
            "Tous les êtres humains naissent libres et égaux. " * 3,
        ),
        (None, SENTENCE),
        (None, decompose(SENTENCE)),
    ],
)
def test_the_reason_is_named(reason, text):
    assert judge(text) == reason
    assert judge(Document(text, "test", "none")) == reason
    assert reason is None or set(REASONS[reason]) == {"vi", "en"}


def test_no_law_article_is_turned_down():
    assert {judge(clean(d.text)) for d in load("laws")} == {None}


def test_language_is_judged_by_windows_so_length_costs_nothing():
    english = "the quick brown fox jumps over the lazy dog " * 50_000
    assert not is_vietnamese(english)
    assert is_vietnamese(SENTENCE * 5_000)


@pytest.mark.parametrize(
    "line",
    [
        "chia sẻ " + "1" * 120 + "x",
        "chia sẻ " + "1 " * 60 + "x",
        "!" * 150 + "x",
    ],
)
def test_no_line_makes_the_patterns_run_away(line):
    """These took more than 5 s (for ever, nearly) when the pattern could backtrack."""
    start = time.perf_counter()
    assert not is_boilerplate(line)
    assert time.perf_counter() - start < 1
