"""What we recorded, in nbgrader's formgrader, and the feedback page, in Chromium."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
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
from tests.grader.test_gradebook_shown import HOSTILE, png

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.feedback import write
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.verdict.grading_folder import write_outputs
from aulac_grader.judge.submitted import CellResult

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ATTACK = "\n\n".join(t.encode("utf-8", "replace").decode() for t in HOSTILE)
# Without the formulas for which the whole text would be shown as it was typed.
RENDERED = "\n\n".join(t for t in ATTACK.split("\n\n") if "\\" not in t)
SEEN = "AssertionError: add([1], 2)\n  được / got 1, cần / wanted 3"
HONEST = Handed(
    "an",
    {"p1-add": ADD, "p2-why": ESSAY + "\n\nVới $\\frac{a}{b}$ cũng vậy."},
    {
        "p1-small": (0, "fail", SEEN, True),
        "p1-large": (0, "fail", "AssertionError: 70001", False),
    },
)
WORST = Handed(
    "binh",
    {"p1-add": ATTACK, "p2-why": RENDERED},
    {"p1-small": (0, "error", ATTACK, True), "p1-large": 0},
    extra=(ATTACK,),
    cells={"p1-add": ("raised", ATTACK)},
)
WORDS = [
    CellResult(
        "p1-add", "answer", "ok", "", "vòng 1\nvòng 2\n", (png(80, 40),)
    ),
]


@pytest.fixture(scope="module")
def course(chromium, tmp_path_factory: pytest.TempPathFactory) -> Course:
    made = make_course(tmp_path_factory.mktemp("grading"))
    for work in (HONEST, WORST):
        printed = [CellResult("p1-add", "answer", "ok", "", ATTACK)]
        outputs = WORDS if work is HONEST else printed
        write_outputs(made.folder(NAME), work.student, outputs)
        record(made, work)
    return made


def record(course: Course, work: Handed) -> None:
    assignment = course.assignment(NAME)
    with Gradebook(course) as book:
        book.record(NAME, verdict(assignment, work), rebuilt(assignment, work))


@pytest.fixture(scope="module")
def address(course: Course, start_lab: Callable[..., str]) -> str:
    return start_lab("--course", str(course.root))


@pytest.fixture
def grader(page, address: str) -> Any:
    """The page of someone who has signed in, at the list of submissions."""
    page.goto(f"{address}/formgrader?token=t")
    page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
    page.locator("td.score").nth(1).wait_for()
    page.dialogs = []
    page.on("dialog", lambda d: (page.dialogs.append(d.message), d.dismiss()))
    return page


def submission(page: Any, course: Course, student: str) -> None:
    """Open a student's submission: formgrader lists them without names."""
    from tests.grader.test_gradebook_database import nbgrader_book

    with nbgrader_book(course) as book:
        number = book.find_submission_notebook(NAME, NAME, student).id
    base = page.url.split("/formgrader")[0]
    page.goto(f"{base}/formgrader/submissions/{number}")
    page.locator("textarea.comment").first.wait_for()


def unexpected(page: Any) -> list[str]:
    """Formgrader loads MathJax from the network, which a test has not."""
    return [e for e in page.errors if "MathJax" not in e]


def test_the_gradebook_shows_what_we_recorded(grader) -> None:
    scores = sorted(grader.locator("td.score").all_inner_texts())
    assert scores == ["0 / 5", "0 / 5"]
    assert grader.locator("td.needs-manual-grade .glyphicon-ok").count() == 2
    assert unexpected(grader) == []


def test_a_mark_given_by_hand_survives_marking_again(
    grader, course: Course
) -> None:
    listed = grader.url
    submission(grader, course, "an")
    text = grader.locator("body").inner_text()
    for words in (
        "Chưa đạt / Not passed: 0/1",
        SEEN.splitlines()[1],
        "vòng 2",
    ):
        assert words in text
    assert grader.get_by_text("phép cộng").first.is_visible()
    panel = grader.locator(".panel", has_text="Student's answer").filter(
        has_text="không đổi khi đổi chỗ"
    )
    score = panel.locator("input.score").last
    score.fill("1.5")
    with grader.expect_response(re.compile("/formgrader/api/grade/")) as saved:
        score.press("Tab")
    assert saved.value.ok
    comment = panel.locator("textarea.comment").last
    comment.fill("Lập luận <b>gọn</b>.")
    with grader.expect_response(
        re.compile("/formgrader/api/comment/")
    ) as kept:
        comment.press("Tab")
    assert kept.value.ok

    again = Handed("an", HONEST.answers, {"p1-small": 1, "p1-large": 2})
    record(course, again)
    grader.goto(listed)
    grader.locator("tr", has_text="4.5 / 5").wait_for()
    with Gradebook(course) as book:
        marks = book.marks(NAME)["an"]
    assert (marks.points, marks.waits) == (4.5, False)
    assert marks.comments == (("p2-why", "Lập luận <b>gọn</b>."),)
    assert unexpected(grader) == []


def test_nothing_of_a_hostile_submission_runs_in_formgrader(
    grader, course: Course
) -> None:
    submission(grader, course, "binh")
    assert grader.evaluate("typeof window.__hacked") == "undefined"
    links = grader.locator("#notebook a[href]").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert [link for link in links if not link.startswith("#")] == []
    for tag in ("script", "iframe", "object", "svg", "form", "style", "math"):
        assert grader.locator(f"#notebook-container {tag}").count() == 0, tag
    assert "window.__hacked" in grader.locator("#notebook").first.inner_text()
    score = grader.locator("input.score").last
    score.fill("0.5")
    with grader.expect_response(re.compile("/formgrader/api/grade/")) as saved:
        score.press("Tab")
    assert saved.value.ok, "the page still works"
    assert grader.evaluate("typeof window.__hacked") == "undefined"
    assert grader.dialogs == []
    assert unexpected(grader) == []


# -- feedback --------------------------------------------------------------------------

VIEWS = [
    (width, scheme) for width in (1400, 390) for scheme in ("light", "dark")
]


def opened(page: Any, path: Path) -> list[str]:
    """Show a file; returns every address that the page then asks for."""
    asked: list[str] = []
    page.unroute_all()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return asked


def returned(course: Course, work: Handed, lang: str) -> Path:
    assignment = course.assignment(NAME)
    found, made = verdict(assignment, work), rebuilt(assignment, work)
    return write(course, NAME, work.student, found, made, lang)


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_feedback_reads_well_everywhere_and_asks_for_nothing(
    page, course: Course, lang: str
) -> None:
    path = returned(course, HONEST, lang)
    asked = opened(page, path)
    shots = os.environ.get("AULAC_SCREENSHOTS")
    for width, scheme in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "nothing sticks out"
        assert contrast(page) >= 4.5
        if shots:
            name = f"feedback-{lang}-{width}-{scheme}.png"
            page.screenshot(path=Path(shots) / name, full_page=True)
    assert [url for url in asked if not url.startswith("data:")] == [
        path.as_uri()
    ]
    assert page.errors == []


CONTRAST = """
() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  ).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  let worst = 21;
  for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility()) continue;
    const [a, b] = [parse(getComputedStyle(e).color), back(e)].map(light);
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
}
"""


def contrast(page: Any) -> float:
    """The weakest contrast of visible text (WCAG 2.2, 1.4.3: at least 4.5)."""
    return float(page.evaluate(CONTRAST))


def test_the_other_language_is_a_key_press_away(page, course: Course) -> None:
    opened(page, returned(course, HONEST, "vi"))
    assert page.get_by_text("Phản hồi bài làm").is_visible()
    assert not page.get_by_text("Your answer").first.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("Your answer").first.is_visible()
    assert not page.get_by_text("Phản hồi bài làm").is_visible()
    page.locator("label[for=lang-vi]").click()
    assert page.get_by_text("Phản hồi bài làm").is_visible()


def test_nothing_of_a_hostile_submission_runs_in_its_feedback(
    page, course: Course
) -> None:
    path = returned(course, WORST, "vi")
    asked = opened(page, path)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("typeof window.__hacked") == "undefined"
    assert [url for url in asked if not url.startswith("data:")] == [
        path.as_uri()
    ]
    assert page.errors == [], "nor did the policy have to stop anything"
