"""Attacks on marks and on secrets, marked as one class."""

from __future__ import annotations

from . import forgeries, leaks, marks
from .family import Family


class TestMarks(Family):
    cases = (*marks.CASES, *forgeries.CASES, *leaks.CASES)
