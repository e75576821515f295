"""The attacks of `structure.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .structure import CASES


class TestStructure(Family):
    cases = CASES
