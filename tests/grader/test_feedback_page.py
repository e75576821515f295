"""The page a student gets back: whole by itself, safe, and silent about hidden tests."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.grader.graded_work import (
    ADD,
    ESSAY,
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)
from tests.grader.test_gradebook_database import person
from tests.grader.test_gradebook_shown import HOSTILE, png

from aulac_grader.author.assignment import find, parse
from aulac_grader.author.assignment.build import build
from aulac_grader.author.assignment.variants import load_variants
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.feedback import write, write_all
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.verdict.grading_folder import write_outputs
from aulac_grader.grade.verdict.problems import assignment_title, problems
from aulac_grader.judge.submitted import CellResult

VOID = {"meta", "br", "hr", "img", "input"}
TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "input",
        "header",
        "div",
        "label",
        "p",
        "span",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "main",
        "section",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "a",
        "pre",
        "code",
        "ul",
        "ol",
        "li",
        "blockquote",
        "details",
        "summary",
        "footer",
        "img",
        "small",
        "strong",
        "em",
        "del",
        "br",
        "hr",
    ]
)
ATTRIBUTES = frozenset(
    [
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "type",
        "id",
        "aria-label",
        "checked",
        "for",
        "aria-labelledby",
        "role",
        "scope",
        "href",
        "aria-hidden",
        "style",
        "tabindex",
        "alt",
        "src",
    ]
)


class Page(HTMLParser):
    """Reads a page and holds it against what a page may be."""

    def __init__(self, html: str):
        super().__init__()
        self.text, self.ids, self.links = "", [], []
        self.pictures: list[str] = []
        self.headings: list[int] = []
        self._open: list[str] = []
        self._unread = False
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in TAGS, tag
        found = dict(attrs)
        assert set(found) <= ATTRIBUTES, (tag, found)
        assert re.fullmatch(r"width: \d+%", found.get("style", "width: 0%"))
        assert "src" not in found or tag == "img"
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append(found["src"])
            assert found["alt"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return make_course(tmp_path_factory.mktemp("feedback"))


def returned(course: Course, work: Handed, lang: str = "vi") -> str:
    """The page after recording."""
    assignment = course.assignment(NAME)
    found, made = verdict(assignment, work), rebuilt(assignment, work)
    with Gradebook(course) as book:
        book.record(NAME, found, made)
    path = write(course, NAME, work.student, found, made, lang)
    html = path.read_text(encoding="utf-8")
    own = course.folder(NAME) / "feedback" / f"{work.student}.html"
    assert own.read_text(encoding="utf-8") == html
    return html


def test_a_page_tells_what_was_asked_and_what_came_back(
    course: Course,
) -> None:
    message = "AssertionError: add([1], 2)\n  được 1, cần 3"
    work = Handed(
        "an", points={"p1-small": (0, "fail", message, True), "p1-large": 2}
    )
    page = Page(returned(course, work))
    for words in (
        "Bài mẫu",
        "A sample",
        "1. CộngAdd",
        message,
        "return sum(a) + b",
        "Chưa đạt",
        "Not passed",
        "chờ chấm",
        "phép cộng",
        "15:00, 23/11/2026 (UTC+7)",
    ):
        assert words in page.text, words
    assert "2 / 5" in re.sub(r"\s+", " ", page.text)


def test_a_page_is_whole_by_itself_and_may_run_nothing(
    course: Course,
) -> None:
    html = returned(course, Handed("an"))
    page = Page(html)
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert policy in html
    assert html.index(policy) < html.index("<style")
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    style = html[html.index("<style") : html.index("</style")]
    assert "url(" not in style
    assert "@import" not in style


def test_headings_step_down_one_at_a_time(course: Course) -> None:
    levels = Page(returned(course, Handed("an"))).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_it_opens_in_its_language_and_holds_both(
    course: Course, lang: str
) -> None:
    html = returned(course, Handed("an"), lang)
    assert f'<html lang="{lang}">' in html
    other = "en" if lang == "vi" else "vi"
    assert re.search(rf'id="lang-{lang}"[^>]*checked', html)
    assert not re.search(rf'id="lang-{other}"[^>]*checked', html)
    assert html.count('lang="vi">') >= html.count('class="en"')


def test_of_hidden_tests_there_is_only_that_they_exist(
    course: Course,
) -> None:
    said = "AssertionError: add([], 70001) == 70001, BÍ MẬT"
    work = Handed(
        "an",
        {"p1-add": "def add(a, b):\n    return 3", "p2-why": ESSAY},
        {
            "p1-small": (0, "fail", said, False),
            "p1-large": (0.5, "partial", said, False),
        },
    )
    html = returned(course, work)
    for secret in ("70001", "10**20", "BÍ MẬT", "sum(a)", "Hai điểm nếu"):
        assert secret not in html, secret
    assert html.count("phép thử ẩn chưa đạt") == 2
    assert "có phép thử ẩn" in html
    assert "add([1], 2) == 3" in Page(html).text, "the visible part is there"


def test_nothing_hostile_gets_onto_the_page(course: Course) -> None:
    text = "\n\n".join(t.encode("utf-8", "replace").decode() for t in HOSTILE)
    work = Handed(
        "an",
        {"p1-add": text, "p2-why": text},
        {"p1-small": (0, "fail", text, True), "p1-large": 0},
        extra=(text,),
        cells={"p1-add": ("raised", text), "extra-1": ("raised", text)},
        repairs=(
            {"code": "other_assignment", "params": {"name": text}},
            {"code": "unknown to this version", "params": {}},
        ),
    )
    pictures = (png(), b"<svg onload=alert(1)>" * 3, png(side=60_000))
    printed = [
        CellResult("p1-add", "answer", "ok", "", text, pictures),
        CellResult("extra-1", "extra", "ok", "", text * 500),
    ]
    write_outputs(course.folder(NAME), "an", printed)
    html = returned(course, work)
    person(course, "p2-why", score=1, comment=text)
    html = returned(course, work)
    write_outputs(course.folder(NAME), "an", [])
    page = Page(html)
    assert len(page.pictures) == 1
    assert page.pictures[0].startswith("data:image/png;base64,")
    assert "window.__hacked" in page.text
    assert len(html) < 400_000, "printed text is capped"


def test_a_thousand_cells_of_output_do_not_make_a_huge_page(
    course: Course,
) -> None:
    """The caps of the cells are one thing, that of a page another."""
    big = png(1200, 1200)
    big += b"\0" * (2_000_000 - len(big))
    work = Handed("an", extra=tuple(f"print({n})" for n in range(60)))
    kept = [
        CellResult(f"extra-{n}", "extra", "ok", "", "x" * 200_000, (big,) * 8)
        for n in range(60)
    ]
    write_outputs(course.folder(NAME), "an", kept)
    html = returned(course, work)
    write_outputs(course.folder(NAME), "an", [])
    assert len(html) < 15_000_000
    assert len(Page(html).pictures) == 4
    path = course.root / f"autograded/an/{NAME}/{NAME}.ipynb"
    assert path.stat().st_size < 15_000_000


def test_what_a_person_gave_and_wrote_is_there(course: Course) -> None:
    work = Handed("chi")
    returned(course, work)
    person(course, "p2-why", "chi", score=1.5, comment="Rõ <i>ràng</i>.")
    page = Page(returned(course, work))
    assert "Rõ <i>ràng</i>." in page.text
    assert "1,5 / 2" in re.sub(r"1\.5", "", page.text)
    assert "chưa phải điểm cuối" not in page.text
    changed = Handed(
        "chi",
        {"p1-add": ADD, "p2-why": "Khác."},
        received_at="2026-11-23T10:00:00+00:00",
    )
    page = Page(returned(course, changed))
    assert "Bạn đã đổi bài làm sau khi được chấm" in page.text
    assert "chưa phải điểm cuối" in page.text


def test_repairs_are_explained_in_both_languages(course: Course) -> None:
    repairs = ({"code": "retyped_code", "params": {"cell": "p1-add"}},)
    page = Page(returned(course, Handed("an", repairs=repairs)))
    from aulac_grader.grade.intake.notes import Repair

    repair = Repair.from_dict(repairs[0])
    assert repair.text("vi") in page.text
    assert repair.text("en") in page.text


def test_nothing_handed_in_still_gets_a_page(course: Course) -> None:
    from aulac_grader.grade.intake import Receipt, Submission
    from aulac_grader.grade.rebuild import rebuild

    assignment = course.assignment(NAME)
    work = Handed("dung", {}, {"p1-small": 0, "p1-large": 0})
    receipt = Receipt("dung", NAME, work.received_at, "0" * 64)
    made = rebuild(assignment, Submission(receipt, None))
    found = verdict(assignment, work)
    path = write(course, NAME, "dung", found, made, "vi")
    page = Page(path.read_text(encoding="utf-8"))
    assert "Không thấy câu trả lời nào" in page.text
    assert "Không thấy câu" not in returned(course, Handed("an"))


def test_all_pages_at_once_bring_late_penalties_up_to_date(
    tmp_path: Path,
) -> None:
    made = make_course(tmp_path)
    with (made.root / "nbgrader_config.py").open("a") as file:
        file.write(
            "\nc.AssignLatePenalties.plugin_class = "
            '"aulac_grader.grade.gradebook.late_plugin.LatePolicy"\n'
            'c.LatePolicy.penalty_method = "daily"\n'
        )
    course = Course.open(made.root)
    assignment = course.assignment(NAME)
    works = [Handed("an", late_seconds=90_000), Handed("binh")]
    pairs = [(verdict(assignment, w), rebuilt(assignment, w)) for w in works]
    with Gradebook(course) as book:
        for found, again in pairs:
            book.record(NAME, found, again)
    person(course, "p2-why", score=2)
    late, in_time = (
        Page(path.read_text(encoding="utf-8"))
        for path in write_all(course, NAME, pairs, "vi")
    )
    assert "1 ngày 1 giờ" in late.text
    assert "−1" in late.text, "a fifth of 5 points"
    assert "Nộp muộn" not in in_time.text


def test_problems_are_found_in_any_nbgrader_assignment(
    course: Course, tmp_path: Path
) -> None:
    import json

    from aulac_grader.judge.assignment import TrustedAssignment

    assignment = course.assignment(NAME)
    assert [p.titles for p in problems(assignment)] == [
        ("Cộng", "Add"),
        ("Nghĩ", "Think"),
    ]
    assert [p.points for p in problems(assignment)] == [3, 2]
    book = json.loads(assignment.notebook)
    del book["metadata"]["aulac"]
    foreign = TrustedAssignment.from_notebook(json.dumps(book).encode(), NAME)
    assert [p.title("en") for p in problems(foreign)] == ["Cộng", "Nghĩ"]
    assert [p.points for p in problems(foreign)] == [3, 2]
    assert assignment_title(foreign) == ("Bài mẫu", "Bài mẫu")


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_no_hidden_line_of_the_real_assignment_is_on_its_page(
    tmp_path: Path, lang: str
) -> None:
    assignment = parse(find(["ps01"])[0])
    build([assignment], lang, tmp_path / "course")
    course = Course.open(tmp_path / "course")
    trusted = course.assignment(assignment.name)
    wrong = {
        name: source
        for variant in load_variants(assignment)
        if variant.name.startswith("wrong")
        for name, source in variant.sources.items()
    }
    points = {t.id: (0, "fail", t.source, False) for t in trusted.tests}
    work = Handed("an", wrong, points)
    found, made = verdict(trusted, work), rebuilt(trusted, work)
    with Gradebook(course) as book:
        book.record(trusted.name, found, made)
    path = write(course, trusted.name, "an", found, made, lang)
    page = Page(path.read_text(encoding="utf-8")).text
    allowed = page_lines(
        "\n".join(c.visible for c in trusted.cells)
    ) | page_lines("\n".join(wrong.values()))
    shown = page_lines(page)
    for cell in trusted.cells:
        if cell.kind != "given":
            secret = page_lines(cell.source) - allowed
            assert not secret & shown, secret & shown


def page_lines(text: str) -> set[str]:
    """Lines that say something."""
    return {s for line in text.splitlines() if len(s := line.strip()) > 12}
