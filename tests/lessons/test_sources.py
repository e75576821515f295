"""Every real lesson: its source is in order and its notebooks are what it makes."""

from __future__ import annotations

import pytest

from aulac_grader.author.build import LessonFolder
from aulac_grader.author.lint import lint_one


@pytest.fixture(scope="module")
def house():
    return LessonFolder()


@pytest.fixture(scope="module")
def loaded(house):
    return house.load()


def test_there_are_lessons_and_every_source_builds(house, loaded):
    lessons, problems = loaded
    assert [str(problem) for problem in problems] == []
    assert len(lessons) == len(house.sources) > 0


def test_every_lesson_is_free_of_lint(house, loaded):
    problems = [
        p for lesson in loaded[0] for p in lint_one(house, lesson).problems
    ]
    assert [str(problem) for problem in problems] == []


def test_every_lesson_has_the_length_of_a_lesson(house, loaded):
    for lesson in loaded[0]:
        for lang, words in lint_one(house, lesson).words.items():
            assert 1500 <= words <= 3000, (
                f"{lesson.name}: {words} words in {lang}"
            )


def test_the_committed_notebooks_are_what_the_sources_make(house, loaded):
    assert house.stale(loaded[0]) == []


def test_every_outcome_with_a_band_says_what_it_means(loaded):
    for lesson in loaded[0]:
        assert lesson.header.bands, f"{lesson.name} owes no outcome"
        for name, band in lesson.header.bands.items():
            assert all(band.means.get(lang) for lang in ("vi", "en")), name
