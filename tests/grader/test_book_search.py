"""Search with and without marks: the script of the book, run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata
from typing import Any

import pytest

from aulac_grader.checkout import BOOK

SCRIPT = BOOK / "_static" / "search.js"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None,
    reason="node is not installed; Chromium tests cover it",
)


def node(expression: str, value: Any) -> Any:
    """`expression` over `search` (the module) and `value`, evaluated by node."""
    code = (
        f"const search = require({json.dumps(str(SCRIPT))});"
        "let text = ''; process.stdin.on('data', (part) => text += part);"
        "process.stdin.on('end', () => { const value = JSON.parse(text);"
        f"process.stdout.write(JSON.stringify({expression})); }});"
    )
    done = subprocess.run(
        ["node", "-e", code],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


LETTERS = [
    chr(code)
    for start, end in (
        (0x20, 0x250),
        (0x300, 0x370),
        (0x1E00, 0x2070),
        (0xAC00, 0xAC20),
    )
    for code in range(start, end)
]
VIETNAMESE = (
    "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"
    "bcdghklmnpqrstvx"
)


@needs_node
def test_fold_takes_every_mark_off_as_the_library_does() -> None:
    from aulac.text import strip_marks

    texts = [
        *VIETNAMESE,
        *VIETNAMESE.upper(),
        "Tiếng Việt",
        "Đắk Lắk",
        "ĐẶNG 2,5 %",
    ]
    wanted = [strip_marks(text).lower() for text in texts]
    assert node("value.map(search.fold)", texts) == wanted
    decomposed = [unicodedata.normalize("NFD", text) for text in texts]
    assert node("value.map(search.fold)", decomposed) == wanted


@needs_node
def test_fold_keeps_places_and_is_stable() -> None:
    texts = [*LETTERS, "ﬁ", "İ", "한국어", "a\u0302\u0301", "\U00010400"]
    folded = node("value.map(search.fold)", texts)
    for text, bare in zip(texts, folded, strict=True):
        assert len(bare) == len(unicodedata.normalize("NFC", text)), text
    assert node("value.map(search.fold)", folded) == folded


SECTIONS = [
    # page, page title, title, anchor, text
    ["a", "Bài A", "Mang vác", "s1", "Anh ấy mang một bao gạo. Mang về nhà."],
    ["b", "Bài B", "Con mạng", "s2", "Một mạng nơ-ron học từ dữ liệu."],
    ["c", "Bài C", "Kho ngữ liệu", "s3", "Kho ngữ liệu gồm nhiều văn bản."],
    ["d", "Bài D", "Kho thóc", "s4", "Cái kho. Liệu có ai? Ngữ pháp khác."],
    ["e", "Bài E", "Nước đường", "s5", "Đường ngọt, duong là chữ không dấu."],
]


def found(query: str) -> list[str]:
    return node(
        "search.search(search.prepare(value[0]), value[1]).map((h) => h.section.page)",
        [SECTIONS, query],
    )


@needs_node
def test_without_marks_everything_is_found() -> None:
    assert set(found("mang")) == {"a", "b"}
    assert set(found("duong")) == {"e"}


@needs_node
def test_with_marks_what_carries_them_comes_first() -> None:
    assert found("mạng")[0] == "b"
    assert found("mang")[0] == "a"
    assert set(found("mạng")) == {"a", "b"}, "the others follow"


@needs_node
def test_neighbours_beat_scattered_syllables() -> None:
    assert found("kho ngữ liệu") == ["c", "d"]
    assert found("kho ngu lieu") == ["c", "d"]


@needs_node
def test_capitals_and_decomposed_input_do_not_matter() -> None:
    decomposed = unicodedata.normalize("NFD", "MẠNG")
    assert found(decomposed) == found("mạng")


@needs_node
def test_nothing_found_and_nothing_asked() -> None:
    assert found("xyzzy") == []
    assert found("   ") == []
    assert found("mang xyzzy") == [], "every word must be there"


@needs_node
def test_excerpt_marks_the_word_in_its_own_spelling() -> None:
    cut = node(
        "search.excerpt(search.prepare(value[0])[1], value[1])",
        [SECTIONS, "lieu mang"],
    )
    marked = [cut["text"][start:end] for start, end in cut["spans"]]
    assert marked == ["mạng", "liệu"]


@needs_node
def test_excerpt_of_a_long_text_is_short_and_around_the_word() -> None:
    text = "chữ " * 500 + "mạng lưới " + "chữ " * 500
    section = [["a", "A", "A", "", text]]
    cut = node(
        "search.excerpt(search.prepare(value)[0], 'mang luoi')", section
    )
    assert len(cut["text"]) < 400
    assert "mạng lưới" in cut["text"]
