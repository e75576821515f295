"""The attacks of `pages.py`, marked as one class, and the pages opened in a browser."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .family import Family
from .kit import ASSIGNMENT, canaries
from .line import HONEST, Marked, aulac
from .pages import CASES
from .pages_check import dangers, opened

FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip(
            "no Chromium on PATH (Debian and Ubuntu: apt install chromium)"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class TestPages(Family):
    cases = tuple(CASES)

    def test_results_pages_are_harmless(self, marked: Marked) -> None:
        pages = list(marked.course.folder(ASSIGNMENT).glob("results/*.html"))
        assert len(pages) == 2
        for path in pages:
            assert dangers(path.read_text(encoding="utf-8")) == [], path.name

    @pytest.mark.browser
    def test_a_browser_runs_nothing(
        self, marked: Marked, chromium: Any
    ) -> None:
        own = marked.course.folder(ASSIGNMENT)
        pages = [*own.glob("feedback/*.html"), *own.glob("results/*.html")]
        assert len(pages) > 5
        assert opened(chromium, sorted(pages)) == []

    @pytest.mark.parametrize("form", ["csv", "canvas", "moodle"])
    def test_tables_hold_no_formula(self, marked: Marked, form: str) -> None:
        root = str(marked.course.root)
        told = aulac("export", ASSIGNMENT, "--course", root, "--to", form)
        with Path(told.splitlines()[0]).open(encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
        assert len(rows) > 5
        for row in rows:
            for cell in row:
                if not _is_number(cell):
                    assert not cell.startswith(FORMULA), cell

    def test_what_students_are_sent_tells_nothing(
        self, marked: Marked
    ) -> None:
        root = str(marked.course.root)
        aulac("export", ASSIGNMENT, "--course", root, "--to", "gradescope")
        own = marked.course.folder(ASSIGNMENT)
        found = list((own / "exports").rglob("*.json"))
        assert len(found) > 5
        honest = {case.who for case in HONEST}
        for path in found:
            text = path.read_text(encoding="utf-8")
            own_word = {"NEIGHBOUR"} if path.parent.name in honest else set()
            assert canaries(text) <= own_word, path.parent.name
            json.loads(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
