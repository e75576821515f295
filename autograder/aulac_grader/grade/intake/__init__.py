"""From what the class handed in to vetted bytes with receipts.

    collected = collect(course, "ps01_text_and_tokenizers", Path("moodle.zip"))
    for submission in collected.submissions():
        ...

Everything read here was written by students: names, bytes, sizes, links. One
student's trouble becomes a note to that student and touches nobody else.
"""

from __future__ import annotations

from .collect import Collected, IntakeError, collect, load
from .notes import Note, Repair
from .submission import Receipt, Submission

__all__ = [
    "Collected",
    "IntakeError",
    "Note",
    "Receipt",
    "Repair",
    "Submission",
    "collect",
    "load",
]
