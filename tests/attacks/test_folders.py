"""The attacks of `folders.py`, marked as one class."""

from __future__ import annotations

from .family import Family
from .folders import CASES


class TestFolders(Family):
    cases = CASES
