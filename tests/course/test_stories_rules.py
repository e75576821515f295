"""What the generated texts claim is so: verse scans, sums add up, dates are right."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.corpus import stories
from aulac.corpus.stories import facts, lexicon
from aulac.corpus.stories import lucbat as verse
from aulac.corpus.stories.numerals import WEEKDAYS, words
from aulac.text import Tone, lucbat, parse_syllable, rhyme, syllables


def texts(kind: str, count: int) -> list[str]:
    return [d.text for d in stories.generate(count, seed=3, kinds=[kind])]


# Lục bát, judged here from the syllables alone and not by the composer's own rules.

FLAT = {Tone.NGANG, Tone.HUYEN}


def tone(syllable: str) -> Tone:
    parsed = parse_syllable(syllable)
    assert parsed is not None, syllable
    return parsed.tone


def verse_of(text: str) -> list[list[str]]:
    rows = [[s.lower() for s in syllables(line)] for line in text.split("\n")]
    # The lines of verse follow the frame; a remark may follow them.
    rows = [
        row
        for line, row in zip(text.split("\n"), rows, strict=True)
        if line[-1] not in ":."
    ]
    return rows


def check_verse(rows: list[list[str]]) -> None:
    assert len(rows) in (2, 4)
    for six, eight in zip(rows[::2], rows[1::2], strict=True):
        assert (len(six), len(eight)) == (6, 8)
        assert [tone(six[i]) in FLAT for i in (1, 3, 5)] == [True, False, True]
        assert [tone(eight[i]) in FLAT for i in (1, 3, 5, 7)] == [
            True,
            False,
            True,
            True,
        ]
        assert {tone(eight[5]), tone(eight[7])} == FLAT
        assert rhyme(six[5]) == rhyme(eight[5]) and six[5] != eight[5]
    for eight, six in zip(rows[1::2], rows[2::2], strict=False):
        assert rhyme(eight[7]) == rhyme(six[5])


def test_every_couplet_obeys_tone_and_rhyme():
    found = Counter()
    for text in texts("lucbat", 3000):
        rows = verse_of(text)
        check_verse(rows)
        found[len(rows)] += 1
    assert found[4] > 500


def test_every_couplet_in_conversations_obeys_too():
    count = 0
    for turns in stories.conversations(3000, seed=3):
        for user, answer in pairwise(turns):
            if user["role"] == "user" and re.search(
                r"lục bát về|câu thơ về", user["content"]
            ):
                check_verse(
                    [
                        [s.lower() for s in syllables(x)]
                        for x in answer["content"].split("\n")
                    ]
                )
                count += 1
    assert count > 100


def test_every_line_of_the_inventory_scans():
    bad = [
        (t, line)
        for t, n, line in verse.lines()
        if list(lucbat.line_faults([s.lower() for s in syllables(line)], n))
    ]
    assert not bad


def test_the_glide_is_no_part_of_the_rhyme():
    """hoa rhymes with ta, inside a couplet and on to the next; quả not with của."""
    first = ["Quê em có lũy tre xanh", "Trưa hè gió mát trong lành làng hoa"]
    after = ["Chiều nay trăng sáng quê ta", "Con đò nhỏ bé la đà bến sông"]
    assert lucbat.faults(first) == [] == lucbat.faults([*first, *after])
    other = ["Chiều nay trăng sáng quê mua", after[1]]
    assert lucbat.faults([*first, *other])


def test_faults_says_what_is_wrong():
    good = ["Quê em có lũy tre xanh", "Trưa hè gió mát trong lành làng ta"]
    assert lucbat.faults(good) == []
    assert "syllables for 8" in lucbat.faults([good[0], "Trưa hè gió mát"])[0]
    assert (
        "syllable 4"
        in lucbat.faults(
            ["Quê em bao lũy tre xanh".replace("lũy", "la"), good[1]]
        )[0]
    )
    assert (
        "one tone"
        in lucbat.faults([good[0], "Trưa hè gió mát trong lành quê nhà"])[0]
    )
    assert (
        "/" in lucbat.faults([good[0], "Trưa hè gió mát trên đồng quê ta"])[0]
    )
    assert (
        "itself"
        in lucbat.faults([good[0], "Hàng cau đón gió lá xanh rì rào"])[0]
    )


# Numbers


@cache
def values() -> dict[str, int]:
    return {words(n): n for n in [*range(3000), *range(3000, 400_001, 1000)]}


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "không"), (4, "bốn"), (10, "mười"), (15, "mười lăm"), (14, "mười bốn"),
        (20, "hai mươi"), (21, "hai mươi mốt"), (24, "hai mươi tư"),
        (25, "hai mươi lăm"), (11, "mười một"), (91, "chín mươi mốt"),
        (100, "một trăm"), (101, "một trăm linh một"), (105, "một trăm linh năm"),
        (115, "một trăm mười lăm"), (1000, "một nghìn"),
        (1005, "một nghìn không trăm linh năm"),
        (2025, "hai nghìn không trăm hai mươi lăm"), (50_000, "năm mươi nghìn"),
        (1_000_000, "một triệu"),
        (1_200_000, "một triệu hai trăm nghìn"),
    ],
)  # fmt: skip
def test_numbers_in_words(n, said):
    assert words(n) == said


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_numbers_are_never_said_alike(a, b):
    assert (words(a) == words(b)) == (a == b)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="whole number"):
        words(-1)


OPERATIONS = {
    "cộng": lambda a, b: a + b,
    "trừ": lambda a, b: a - b,
    "nhân": lambda a, b: a * b,
    "chia": lambda a, b: a // b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "x": lambda a, b: a * b,
}
_WORD = "(?:không|một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|tám|chín|mười|mươi|trăm|linh|nghìn)"
_NUMBER = rf"{_WORD}(?: {_WORD})*"
WORDED = re.compile(
    rf"\b({_NUMBER}) (cộng|trừ|nhân|chia) ({_NUMBER}) bằng ({_NUMBER})", re.I
)
DIGITS = re.compile(r"(\d+) ([-+x]) (\d+) = (\d+)")


def sums(text: str) -> list[tuple[int, str, int, int]]:
    found = [
        (values()[a.lower()], sign, values()[b.lower()], values()[n.lower()])
        for a, sign, b, n in WORDED.findall(text)
    ]
    return found + [
        (int(a), sign, int(b), int(n))
        for a, sign, b, n in DIGITS.findall(text)
    ]


def test_every_sum_is_right():
    count = 0
    for text in texts("arithmetic", 4000):
        for a, sign, b, n in sums(text):
            assert OPERATIONS[sign](a, b) == n, text
            count += 1
    assert count > 4000


def test_every_sum_in_conversations_is_right_and_small():
    count = 0
    for turns in stories.conversations(4000, seed=3):
        for turn in turns:
            if turn["role"] == "assistant":
                for a, sign, b, n in sums(turn["content"]):
                    assert OPERATIONS[sign](a, b) == n and max(a, b, n) <= 20
                    count += 1
    assert count > 400


def test_money_adds_up():
    count = 0
    pattern = rf"giá ({_NUMBER}) đồng và .* giá ({_NUMBER}) đồng\.(.*)"
    for text in texts("arithmetic", 4000):
        if found := re.search(pattern, text):
            a, b = (values()[found.group(i)] for i in (1, 2))
            assert f"{words(a + b)} đồng" in found.group(3).lower()
            if change := re.search(
                rf"tờ ({_NUMBER}) đồng .*?lại ({_NUMBER}) đồng", text
            ):
                note, rest = (values()[change.group(i)] for i in (1, 2))
                assert note - (a + b) == rest
            count += 1
    assert count > 100


def test_weekdays_follow_the_calendar():
    pattern = re.compile(
        r"(thứ \w+|chủ nhật), ngày (\d+) tháng (\d+) năm (\d+)|"
        r"ngày (\d+) tháng (\d+) năm (\d+) là (thứ \w+|chủ nhật)",
        re.I,
    )
    count = 0
    for text in texts("arithmetic", 4000):
        for f in pattern.findall(text):
            name, d, m, y = (f[0], *f[1:4]) if f[0] else (f[7], *f[4:7])
            assert (
                WEEKDAYS[date(int(y), int(m), int(d)).weekday()]
                == name.lower()
            ), text
            count += 1
    assert count > 300


# Facts


def test_thirty_four_provinces_from_sixty_three():
    provinces = facts.provinces()
    assert len(provinces) == 34 == len({p.name for p in provinces})
    assert sum(p.kind == "thành phố" for p in provinces) == 6
    old = [name for p in provinces for name in (p.formed_from or (p.name,))]
    assert len(old) == 63 == len(set(old))
    assert sum(not p.formed_from for p in provinces) == 11
    assert sum(p.coast for p in provinces) == 21
    by_country = Counter(c for p in provinces for c in p.borders)
    assert by_country["Trung Quốc"] == 7
    for p in provinces:
        assert not p.formed_from or p.name in p.formed_from
        assert len(p.sights) >= 4


def test_a_count_of_provinces_says_its_date():
    for kind in ("fact",):
        for text in texts(kind, 3000):
            for sentence in re.split(r"(?<=[.!?])\s", text):
                if re.search(
                    r"\b(34|63|ba mươi tư|sáu mươi ba) tỉnh", sentence
                ):
                    assert re.search(r"ngày 1 tháng 7|ngày ấy", text, re.I), (
                        text
                    )


def test_history_is_told_in_order():
    count = 0
    for d in stories.generate(2000, seed=3, kinds=["fact"]):
        if d.title == "Dòng lịch sử":
            years = []
            for sentence in re.split(r"(?<=\.)\s", d.text):
                if found := re.findall(r"năm (\d{2,4})", sentence):
                    years.append(int(found[-1]))
            assert years == sorted(years), d.text
            count += 1
    assert count > 50


def test_the_lexicon_is_consistent():
    for kind, things in lexicon.nouns().items():
        names = [thing[""] for thing in things]
        assert len(names) == len(set(names)), kind
    for kind, items in lexicon.phrases().items():
        names = [item[""] for item in items]
        assert len(names) == len(set(names)), kind
