"""Checks on lessons that can be built: form, prose in two languages, code.

A `Problem` fails the lint; a note is worth an author's look and fails nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from aulac_grader.author.build import House, Lesson
from aulac_grader.author.lint import code, form, prose
from aulac_grader.author.lint.findings import Findings


def lint(house: House, lessons: Iterable[Lesson]) -> list[Findings]:
    """Every check on every lesson, in order."""
    return [lint_one(house, lesson) for lesson in lessons]


def lint_one(house: House, lesson: Lesson) -> Findings:
    """Every check on one lesson."""
    findings = Findings(lesson)
    form.check(house, lesson, findings)
    prose.check(house, lesson, findings)
    code.check(house, lesson, findings)
    findings.problems.sort()
    findings.notes.sort()
    return findings
