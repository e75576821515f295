"""The attacks of `leaks.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .leaks import CASES


class TestLeaks(Family):
    cases = CASES
