"""The attacks of `marks.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .marks import CASES


class TestMarks(Family):
    cases = CASES
