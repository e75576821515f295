"""Graded work: one bilingual source, its known answers, its nbgrader course."""

from .document import (
    LANGUAGES,
    Assignment,
    AssignmentError,
    Cell,
    Problem,
    find,
    parse,
    source_root,
)

__all__ = [
    "LANGUAGES",
    "Assignment",
    "AssignmentError",
    "Cell",
    "Problem",
    "find",
    "parse",
    "source_root",
]
