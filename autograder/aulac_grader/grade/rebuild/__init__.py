"""The trusted notebook with a student's answers in it.

    rebuilt = rebuild(assignment, submission)

Of what a student handed in, only the sources of answers and of extra cells are used;
everything else (instructions, given cells, tests, ids, metadata) comes from the assignment.
Each thing that had to be put right is a repair, told in both languages. `rebuild`
never raises for what a notebook holds, and its notebook is always valid.
"""

from __future__ import annotations

from aulac_grader.grade.intake.notes import Repair

from .assemble import rebuild
from .rebuilt import NotRebuilt, Rebuilt

__all__ = ["NotRebuilt", "Rebuilt", "Repair", "rebuild"]
