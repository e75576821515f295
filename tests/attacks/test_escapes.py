"""The attacks of `escapes.py`, marked as one class."""

from __future__ import annotations

from .escapes import CASES
from .family import Family


class TestEscapes(Family):
    cases = CASES
