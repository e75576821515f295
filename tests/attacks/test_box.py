"""Attacks on the box and on what it may use, marked as one class."""

from __future__ import annotations

from . import escapes, resources
from .family import Family


class TestBox(Family):
    cases = (*escapes.CASES, *resources.CASES)
