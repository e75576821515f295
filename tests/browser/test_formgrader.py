"""nbgrader's formgrader on a graded class, as the instructor sees it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAME = "ps01_text_and_tokenizers"


@pytest.fixture(scope="module")
def course(chromium, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course directory with three submissions, graded by plain nbgrader."""
    folder = tmp_path_factory.mktemp("class")
    script = Path(__file__).parents[1] / "grader" / "nbgrader_class.py"
    bin_folder = Path(sys.executable).parent
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "HOME": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "course"


@pytest.fixture(scope="module")
def address(course: Path, start_lab: Callable[..., str]) -> str:
    return start_lab("--course", str(course))


@pytest.fixture
def grader(page, address: str):  # the page of someone who has signed in
    page.goto(f"{address}/formgrader?token=t")
    page.locator("tr", has_text=NAME).wait_for()
    return page


def test_manage_assignments_shows_the_released_assignment(grader) -> None:
    row = grader.locator("tr", has_text=NAME)
    assert "released" in row.inner_text()
    assert row.locator("td.num-submissions").inner_text().strip() == "3"
    assert grader.errors == []


def test_the_list_of_submissions_shows_automatic_scores(
    grader, address: str
) -> None:
    grader.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
    grader.locator("td.score").nth(2).wait_for()
    scores = sorted(grader.locator("td.score").all_inner_texts())
    assert scores == ["0 / 30", "20 / 30", "26 / 30"]
    assert grader.locator("td.needs-manual-grade .glyphicon-ok").count() == 2
    assert grader.errors == []


def test_an_essay_is_graded_beside_its_mark_scheme(
    grader, address: str
) -> None:
    grader.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
    row = grader.locator("tr", has_text="26 / 30")
    row.locator("a", has_text="Submission").click()
    grader.get_by_text("BEGIN MARK SCHEME").wait_for()
    assert grader.get_by_text("mỗi mục 1 điểm").is_visible()
    assert grader.get_by_text(
        "Với độ rộng 768, ma trận nhúng của A"
    ).is_visible()
    panel = grader.locator(".panel", has_text="Student's answer").filter(
        has_text="Với độ rộng 768"
    )
    score = panel.locator("input.score").last
    score.fill("3.5")
    with grader.expect_response(
        re.compile(r"/formgrader/api/grade/")
    ) as saved:
        score.press("Tab")
    assert saved.value.ok
    grader.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
    grader.locator("tr", has_text="29.5 / 30").wait_for()
    # Formgrader loads MathJax from the network, which a test has not.
    assert [e for e in grader.errors if "MathJax" not in e] == []


def test_jupyterlab_offers_formgrader_in_its_menu(
    grader, address: str
) -> None:
    grader.goto(f"{address}/lab")
    grader.get_by_role("menuitem", name="Nbgrader").click()
    grader.get_by_role("menuitem", name="Formgrader").first.click()
    frame = grader.frame_locator("iframe[src*=formgrader]")
    frame.locator("tr", has_text=NAME).wait_for()
