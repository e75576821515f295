"""What the results page is about: an assignment's verdicts and what lies beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .numbers import Question


@dataclass(frozen=True)
class Entry:
    """One student who has a verdict.

    Attributes:
        measures: seconds, peak_mb, boxes of the last marking; empty if not kept.
        answers: the student's code, by answer cell.
        feedback: its address, relative to the results page; "" where there is none.
    """

    student: str
    verdict: Mapping[str, Any]
    measures: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    feedback: str = ""


@dataclass(frozen=True)
class Marked:
    """An assignment of a course, as far as it is marked.

    Attributes:
        titles: the assignment's own, Vietnamese and English.
        given: sources that every student had, left out when answers are compared.
        waiting: students whose submission came in but has no verdict.
        damaged: (student, why) of verdicts that cannot be read.
        retries: why marking failed for a reason of ours → the students it met.
    """

    assignment: str
    titles: tuple[str, str]
    questions: tuple[Question, ...]
    given: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    waiting: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()
    retries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
