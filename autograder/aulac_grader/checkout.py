"""Where things lie in a checkout of the course."""

from __future__ import annotations

from pathlib import Path

# autograder/aulac_grader/house.py: the checkout is two folders up. The package is
# installed in place (-e .), because lessons and assignments lie beside it.
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
ASSIGNMENTS = ROOT / "assignments"
BOOK = ROOT / "book"
# Everything made from the sources, safe to delete.
BUILD = ROOT / "build"
