"""What goes into marking a submission and what comes out of it.

`SubmittedCode` is what the student's process gets to see: code cells in their order,
and files; `intake.Submission` is what came in, before it was put right. `Marks` is what came of it; everything in it except `measures` is the same
whenever and wherever the submitted code is marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

CellKind = Literal["given", "answer", "extra", "test"]
CellStatus = Literal["ok", "raised", "time", "died", "memory", "output"]
TestStatus = Literal[
    "pass",
    "partial",
    "fail",
    "error",
    "refused",
    "time",
    "memory",
    "output",
    "ended",
]


class InfrastructureError(RuntimeError):
    """Marking failed for a reason that is ours; nothing was learned about the student.

    The caller marks again, and never turns this into points.
    """


@dataclass(frozen=True)
class SubmittedCell:
    """A cell of it. A test is only a marker of its place: `source` is empty."""

    id: str
    kind: CellKind
    source: str = ""


@dataclass(frozen=True)
class SubmittedCode:
    """What the student's process gets: cells in order, and `(name, bytes)` files.

    A file's name is relative, with `/` between folders.
    """

    cells: tuple[SubmittedCell, ...]
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class TestResult:
    """The points of one test cell.

    `message` may be shown to the student only where `visible_failed` holds: otherwise
    it comes from a hidden test.
    """

    __test__ = False  # not a test class for pytest

    id: str
    points: float
    max_points: float
    status: TestStatus
    message: str = ""
    visible_failed: bool = False


@dataclass(frozen=True)
class CellResult:
    """What a submitted cell did when it ran: the student's word, for their eyes.

    `printed` is capped; `pictures` are PNG files, capped in number and size, and not
    yet looked at by anyone.
    """

    id: str
    kind: CellKind
    status: CellStatus
    error: str = ""
    printed: str = ""
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Marks:
    """The outcome of `marking.mark`.

    `tier` says how limits and walls were held. `measures` (seconds, peak_mb, boxes)
    depends on the machine and belongs in no verdict.
    """

    tests: tuple[TestResult, ...]
    cells: tuple[CellResult, ...]
    tier: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def points(self) -> float:
        return sum(test.points for test in self.tests)

    @property
    def max_points(self) -> float:
        return sum(test.max_points for test in self.tests)

    def to_plain(self) -> dict[str, Any]:
        """As dicts, lists, str, bytes and numbers, for msgpack."""
        return {
            "tests": [asdict(test) for test in self.tests],
            "cells": [asdict(cell) for cell in self.cells],
            "tier": dict(self.tier),
            "measures": dict(self.measures),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Marks:
        """The inverse of `to_plain`."""
        cells = [
            CellResult(**{**cell, "pictures": tuple(cell["pictures"])})
            for cell in plain["cells"]
        ]
        return cls(
            tests=tuple(TestResult(**test) for test in plain["tests"]),
            cells=tuple(cells),
            tier=dict(plain["tier"]),
            measures=dict(plain["measures"]),
        )
