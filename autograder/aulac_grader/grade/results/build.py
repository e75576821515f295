"""From a grading folder to results pages: `build(course, assignment)`.

COURSE/grading/ASSIGNMENT/results/results.vi.html
COURSE/grading/ASSIGNMENT/results/results.en.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aulac_grader.grade.results import similarity
from aulac_grader.grade.verdict.grading_folder import write_whole

from .gather import gather, unsaid
from .marked import Marked
from .numbers import count
from .page import render
from .words import LANGUAGES

if TYPE_CHECKING:
    from aulac_grader.grade.course.course import Course

FOLDER = "results"


def build(
    course: Course, assignment: str, say: Callable[[str], None] = unsaid
) -> dict[str, Path]:
    """Write the results page in both languages; returns language → path.

    Works at any time, also while a batch is running: what has no verdict yet is
    listed as waiting. The same verdicts give the same bytes, but for the section of
    timings.

    Args:
        say: takes a sentence for the instructor.

    Raises:
        OSError: the pages cannot be written (a full disk, no permission).
    """
    return write(
        gather(course, assignment, say), course.folder(assignment) / FOLDER
    )


def write(marked: Marked, folder: Path) -> dict[str, Path]:
    """Write the pages on `marked` into `folder`; returns language → path."""
    numbers = count(
        [entry.verdict for entry in marked.entries], marked.questions
    )
    alike = similarity.report(
        {entry.student: entry.answers for entry in marked.entries},
        marked.given,
    )
    paths = {lang: folder / f"results.{lang}.html" for lang in LANGUAGES}
    for lang, path in paths.items():
        twin = next(p.name for name, p in paths.items() if name != lang)
        page = render(marked, numbers, alike, lang, twin)
        write_whole(path, page.encode("utf-8"))
    return paths
