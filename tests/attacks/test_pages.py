"""The attacks of `pages.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .pages import CASES


class TestPages(Family):
    cases = CASES
