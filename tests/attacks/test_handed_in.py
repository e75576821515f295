"""Attacks by what is handed in, marked as one class, on two workers."""

from __future__ import annotations

from . import artefacts, folders, structure
from .family import Family


class TestHandedIn(Family):
    cases = (*structure.CASES, *folders.CASES, *artefacts.CASES)
    workers = 2
