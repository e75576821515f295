"""Checks on lessons that can be built: form, prose in two languages, code.

A `Problem` fails the lint; a note is worth an author's look and fails nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.lint import code, form, prose
from aulac_grader.author.lint.findings import Findings


def lint(
    lesson_folder: LessonFolder, lessons: Iterable[Lesson]
) -> list[Findings]:
    """Every check on every lesson, in order."""
    return [lint_one(lesson_folder, lesson) for lesson in lessons]


def lint_one(lesson_folder: LessonFolder, lesson: Lesson) -> Findings:
    """Every check on one lesson."""
    findings = Findings(lesson)
    form.check(lesson_folder, lesson, findings)
    prose.check(lesson_folder, lesson, findings)
    code.check(lesson_folder, lesson, findings)
    findings.problems.sort()
    findings.notes.sort()
    return findings
