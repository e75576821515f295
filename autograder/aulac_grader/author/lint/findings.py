"""What the lint finds in one lesson."""

from __future__ import annotations

from dataclasses import dataclass, field

from aulac_grader.author.build import Lesson
from aulac_grader.author.source import Problem


@dataclass
class Findings:
    """What the lint says about one lesson."""

    lesson: Lesson
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    cell_lines: tuple[float, float, int] = (0, 0, 0)
    """Lines a code cell: median, 90th percentile, longest."""
