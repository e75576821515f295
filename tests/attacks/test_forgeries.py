"""The attacks of `forgeries.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .forgeries import CASES


class TestForgeries(Family):
    cases = CASES
