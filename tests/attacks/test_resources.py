"""The attacks of `resources.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .resources import CASES


class TestResources(Family):
    cases = CASES
