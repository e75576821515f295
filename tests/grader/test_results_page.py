"""The results page: the numbers on it, its two languages, and what it lets through."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aulac_grader.grade.intake.notes import TEXTS
from aulac_grader.grade.results.build import write
from aulac_grader.grade.results.marked import Entry, Marked
from aulac_grader.grade.results.numbers import ENOUGH, Question, Spread, count
from aulac_grader.grade.results.words import (
    LANGUAGES,
    WORDS,
    duration,
    number,
    visible_text,
    word,
)

EVIL = "</code><script>alert(1)</script>\u202e"
QUESTIONS = (
    Question(
        "q1", ("1. Cộng <hai> số", "1. Add <two>"), ("p1-small", "p1-large")
    ),
    Question("q2", ("2. Đếm", "2. Count"), ("p2-count",)),
)
POINTS = {"p1-small": 1.0, "p1-large": 2.0, "p2-count": 3.0}


def outcome(
    name: str, status: str = "pass", share: float | None = None, seen=False
) -> dict[str, Any]:
    """A test as it stands in a verdict."""
    if share is None:
        share = 1.0 if status == "pass" else 0.0
    return {
        "id": name,
        "points": POINTS[name] * share,
        "max_points": POINTS[name],
        "status": status,
        "message": "",
        "visible_failed": seen,
    }


def verdict(
    student: str,
    tests: Sequence[Mapping[str, Any]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A verdict on `student`, full marks unless told otherwise; not signed."""
    tests = list(tests or [outcome(name) for name in POINTS])
    found = {
        "assignment": "ps99_sample",
        "lang": "vi",
        "student": student,
        "receipt": {
            "received_at": "2026-09-01T10:00:00+00:00",
            "sha256": "0" * 64,
            "late_seconds": None,
        },
        "environment": {"digest": "a" * 64},
        "source_sha256": "b" * 64,
        "tier": {"memory": "rlimit and watchdog"},
        "sandboxed": True,
        "repairs": [],
        "cells": [],
        "tests": tests,
        "points": sum(test["points"] for test in tests),
        "max_points": sum(test["max_points"] for test in tests),
    }
    return found | changes


def entry(student: str, *args: Any, **changes: Any) -> Entry:
    """An entry with nothing beside its verdict."""
    return Entry(student, verdict(student, *args, **changes))


def marked(*entries: Entry, **changes: Any) -> Marked:
    """A marked assignment of these entries."""
    facts = {
        "assignment": "ps99_sample",
        "titles": ("Bài mẫu", "A sample"),
        "questions": QUESTIONS,
        "entries": entries,
    }
    return Marked(**(facts | changes))


class Page(HTMLParser):
    """What a browser would see: text, tags, addresses, ids."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.lang = ""
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.lang = self.lang or found.get("lang", "")
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.handlers += [name for name in found if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(folder: Path, found: Marked) -> dict[str, Page]:
    return {
        lang: Page(path.read_text(encoding="utf-8"))
        for lang, path in write(found, folder).items()
    }


def some_class() -> Marked:
    full = [outcome(name) for name in POINTS]
    half = [outcome("p1-small"), outcome("p1-large", "partial", 0.5)]
    return marked(
        entry("an", full),
        entry("binh", [*half, outcome("p2-count", "fail", seen=True)]),
        entry("chi", [*half, outcome("p2-count", "fail")]),
        entry("dung", [*half, outcome("p2-count", "time")]),
    )


def test_counts_of_questions_and_tests() -> None:
    numbers = count([e.verdict for e in some_class().entries], QUESTIONS)
    assert numbers.total.values == (6.0, 2.0, 2.0, 2.0)
    assert numbers.total.most == 6.0
    assert numbers.total.mean == 3.0 and numbers.total.median == 2.0
    (_, first), (_, second) = numbers.questions
    assert first.values == (3.0, 2.0, 2.0, 2.0) and first.most == 3.0
    assert second.parts == (3, 0, 0, 1)
    last = numbers.tests[2]
    assert last.fates == {
        "pass": 1,
        "partial": 0,
        "hidden": 1,
        "visible": 1,
        "stopped": 1,
    }
    assert [test.id for test in numbers.hardest] == ["p2-count", "p1-large"]


def test_a_spread_counts_full_marks_in_the_last_step() -> None:
    spread = Spread(10.0, (0.0, 0.9, 5.0, 9.9, 10.0))
    assert spread.bins == (2, 0, 0, 0, 0, 1, 0, 0, 0, 2)
    assert spread.parts == (1, 1, 2, 1)
    assert Spread(0.0, (0.0,)).share == 0.0


def test_correlation_is_with_the_rest_and_only_where_it_means_something() -> (
    None
):
    def student(small: int, large: int, counted: int) -> dict:
        right = {"p1-small": small, "p1-large": large, "p2-count": counted}
        return verdict(
            "x",
            [outcome(n, "pass" if r else "fail") for n, r in right.items()],
        )

    rows = [(n % 2, n % 2, n % 3 == 0) for n in range(ENOUGH)]
    found = count([student(*row) for row in rows], QUESTIONS)
    rest = [2.0 * b + 3.0 * c for _, b, c in rows]
    assert found.tests[0].rest == pytest.approx(
        statistics.correlation([float(a) for a, _, _ in rows], rest), abs=1e-3
    )
    few = count([student(*row) for row in rows[:-1]], QUESTIONS)
    assert [test.rest for test in few.tests] == [None] * 3
    alike = count([student(1, 1, 1)] * ENOUGH, QUESTIONS)
    assert [test.rest for test in alike.tests] == [None] * 3


def test_both_languages_say_the_same_and_nothing_is_loaded(tmp_path) -> None:
    found = pages(tmp_path, some_class())
    assert [found[lang].lang for lang in LANGUAGES] == ["vi", "en"]
    assert found["vi"].tags == found["en"].tags
    assert found["vi"].ids == found["en"].ids
    for lang, page in found.items():
        assert not {"script", "link", "img", "iframe"} & set(page.tags)
        assert not [a for a in page.links if re.match(r"[a-z]+:|//", a)]
        assert word("questions", lang) in page.text
        assert "4 " in page.text and "{" not in page.text.split("}")[-1]
    assert "results.en.html" in found["vi"].links


def test_links_inside_the_page_lead_somewhere(tmp_path) -> None:
    evil = entry("bad name/é", repairs=[{"code": "x", "params": {}}])
    lost = {"the worker was lost": ("an", "never marked")}
    found = marked(evil, entry("an"), retries=lost, waiting=("nobody",))
    page = pages(tmp_path, found)["vi"]
    inside = [a[1:] for a in page.links if a.startswith("#")]
    assert inside and set(inside) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_same_verdicts_give_the_same_bytes(tmp_path) -> None:
    found = some_class()
    once = [p.read_bytes() for p in write(found, tmp_path / "a").values()]
    slow = marked(
        *(Entry(e.student, e.verdict, {"seconds": 9.0}) for e in found.entries)
    )
    again = [p.read_bytes() for p in write(found, tmp_path / "b").values()]
    timed = [p.read_bytes() for p in write(slow, tmp_path / "c").values()]
    assert once == again
    cut = [page.split(b'<section id="timing"')[0] for page in once]
    assert cut == [p.split(b'<section id="timing"')[0] for p in timed]
    assert once != timed


def test_what_a_student_wrote_is_shown_and_never_obeyed(tmp_path) -> None:
    code = f"x = '{EVIL}'\n" + "\n".join(
        f"y{n} = [x * {n}, {n} ** {n + 2}]" for n in range(40)
    )
    evil = [
        Entry(
            f"{EVIL}{n}",
            verdict(
                f"{EVIL}{n}",
                repairs=[{"code": "no_such_code", "params": {"a": EVIL}}],
                cells=[
                    {
                        "id": EVIL,
                        "kind": "answer",
                        "status": "time",
                        "error": EVIL,
                    }
                ],
            ),
            answers={"p1": code},
            feedback=f"../feedback/{EVIL}.html",
        )
        for n in range(2)
    ]
    found = marked(
        *evil,
        titles=(EVIL, EVIL),
        waiting=(EVIL,),
        damaged=((EVIL, EVIL),),
        retries={EVIL: (EVIL,)},
    )
    for page in pages(tmp_path, found).values():
        assert "script" not in page.tags and page.handlers == []
        assert "alert(1)" in page.text
        assert "\u202e" not in page.text and "\\u202e" in page.text
        assert "mark" in page.tags


def test_similar_answers_come_with_their_warning(tmp_path) -> None:
    code = "\n".join(f"y{n} = [x * {n}, {n} ** {n + 2}]" for n in range(40))
    twins = [
        Entry(name, verdict(name), answers={"p1": code})
        for name in ("an", "binh")
    ]
    found = pages(tmp_path, marked(*twins, entry("chi")))
    assert "KHÔNG phải kết luận" in found["vi"].text
    assert "It is NOT a verdict" in found["en"].text
    for page in found.values():
        assert "100\u00a0% / 100\u00a0%" in page.text
    assert "2 of 3 submissions were compared" in found["en"].text


def test_no_sandbox_is_said_at_the_top(tmp_path) -> None:
    found = pages(tmp_path, marked(entry("an", sandboxed=False), entry("b")))
    assert "KHÔNG có hộp cát" in found["vi"].text
    assert "WITHOUT a sandbox" in found["en"].text
    held = pages(tmp_path / "held", marked(entry("an")))
    assert "WITHOUT a sandbox" not in held["en"].text


def test_lateness_limits_and_stops_are_listed(tmp_path) -> None:
    receipt = {
        "received_at": "2026-09-02T11:30:00+00:00",
        "sha256": "0" * 64,
        "late_seconds": 90_000,
    }
    cell = {"id": "p1-add", "kind": "answer", "status": "memory", "error": ""}
    tier = {"limits": {"memory": "cgroup v2"}, "sandboxed": True}
    late = entry("an", receipt=receipt, cells=[cell], tier=tier)
    found = pages(tmp_path, marked(late, entry("b")))
    assert "1\u00a0ngày 1\u00a0giờ" in found["vi"].text
    assert "1\u00a0d 1\u00a0h" in found["en"].text
    assert "quá nhiều bộ nhớ" in found["vi"].text
    assert "2026-09-02 11:30" in found["en"].text
    for lang in LANGUAGES:
        assert word("tier_cgroup", lang) in found[lang].text
        assert word("tier_watchdog", lang) in found[lang].text


def test_an_empty_class_has_a_page_too(tmp_path) -> None:
    found = pages(tmp_path, marked())
    assert "aulac grade run" in found["vi"].text
    assert "table" not in found["en"].tags


def test_every_word_is_there_in_both_languages() -> None:
    marks = re.compile(r"\{(\w+)\}")
    for key, (vi, en) in WORDS.items():
        assert vi and en, key
        assert sorted(marks.findall(vi)) == sorted(marks.findall(en)), key


def test_numbers_as_each_language_writes_them() -> None:
    assert number(1234.5, "vi") == "1.234,5"
    assert number(1234.5, "en") == "1,234.5"
    assert number(-0.001, "en") == "0"
    assert number(7, "vi") == "7"
    assert duration(59, "en") == "under 1 minute"
    assert duration(3 * 86_400 + 60, "vi") == "3\u00a0ngày 1\u00a0phút"
    assert visible_text("a\x1b[31m\r\nb\u200b") == "a\\u001b[31m\nb\\u200b"


def test_what_is_only_told_is_no_repair(tmp_path) -> None:
    codes = {level: code for code, (level, _, _) in TEXTS.items()}
    told = {"code": codes["info"], "params": {}}
    mended = {"code": codes["mended"], "params": {}}
    found = pages(
        tmp_path,
        marked(entry("an", repairs=[told]), entry("b", repairs=[mended])),
    )
    text = " ".join(found["en"].text.split())
    assert text.count("1 repaired") == 2, "in the overview and the list"
