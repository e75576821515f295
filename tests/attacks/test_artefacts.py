"""The attacks of `artefacts.py`, marked as one class."""

from __future__ import annotations

from .artefacts import CASES
from .family import Family


class TestArtefacts(Family):
    cases = CASES
