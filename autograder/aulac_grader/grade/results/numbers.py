"""What a class's verdicts add up to: plain arithmetic, the same at every run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# From how many submissions a correlation between tests says anything.
ENOUGH = 20
BINS = 10
# How one student fared in one test, best first.
FATES = ("pass", "partial", "hidden", "visible", "stopped")
_STOPPED = {"time", "memory", "output", "ended", "refused"}


@dataclass(frozen=True)
class Spread:
    """A list of points: how many, their middle, how many full and empty."""

    most: float
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values) if self.values else 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.values) if self.values else 0.0

    @property
    def deviation(self) -> float:
        return statistics.pstdev(self.values) if self.values else 0.0

    @property
    def share(self) -> float:
        """The mean as a share of what could be had."""
        return self.mean / self.most if self.most else 0.0

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """How many had nothing, less than half, half or more, everything."""
        counts = [0, 0, 0, 0]
        for value in self.values:
            share = value / self.most if self.most else 0.0
            counts[_part(share)] += 1
        return counts[0], counts[1], counts[2], counts[3]

    @property
    def bins(self) -> tuple[int, ...]:
        """Counts in ten equal steps of the share; full marks are in the last."""
        counts = [0] * BINS
        for value in self.values:
            share = value / self.most if self.most else 0.0
            counts[min(BINS - 1, max(0, int(share * BINS + 1e-9)))] += 1
        return tuple(counts)


def _part(share: float) -> int:
    if share <= 0:
        return 0
    if share >= 1:
        return 3
    return 1 if share < 0.5 else 2


@dataclass(frozen=True)
class ByTest:
    """One test over the class.

    fates: how many students for each of FATES; rest: the correlation of its points
    with the points of all other tests (the corrected item-total correlation, a
    measure of discrimination), None where the class is too small or all did alike.
    """

    id: str
    question: str
    points: Spread
    fates: Mapping[str, int]
    rest: float | None


@dataclass(frozen=True)
class Question:
    """Tests that belong to one question of the assignment.

    titles: Vietnamese, English.
    """

    id: str
    titles: tuple[str, str]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """Everything that is counted over a class."""

    total: Spread
    questions: tuple[tuple[Question, Spread], ...]
    tests: tuple[ByTest, ...]

    @property
    def hardest(self) -> tuple[ByTest, ...]:
        """The tests that brought the smallest share of their points, at most five."""
        lost = [test for test in self.tests if test.points.share < 1]
        return tuple(sorted(lost, key=lambda t: (t.points.share, t.id))[:5])


def count(
    verdicts: Sequence[Mapping[str, Any]], questions: Iterable[Question]
) -> Numbers:
    """Count what the verdicts say about each question and test of the assignment."""
    questions = tuple(questions)
    results = [{t["id"]: t for t in v["tests"]} for v in verdicts]
    totals = [float(v["points"]) for v in verdicts]
    most = max((float(v["max_points"]) for v in verdicts), default=0.0)
    tests = tuple(
        _test(name, question.id, results, totals)
        for question in questions
        for name in question.tests
    )
    worth = {test.id: test.points.most for test in tests}
    spreads = tuple(
        (
            question,
            Spread(
                sum(worth[name] for name in question.tests),
                tuple(
                    sum(_points(found, name) for name in question.tests)
                    for found in results
                ),
            ),
        )
        for question in questions
    )
    return Numbers(Spread(most, tuple(totals)), spreads, tests)


def fate(test: Mapping[str, Any]) -> str:
    """One of FATES for one student's test."""
    status = test["status"]
    if status in ("pass", "partial"):
        return str(status)
    if status in _STOPPED:
        return "stopped"
    return "visible" if test.get("visible_failed") else "hidden"


def _points(found: Mapping[str, Mapping[str, Any]], name: str) -> float:
    return float(found[name]["points"]) if name in found else 0.0


def _test(
    name: str,
    question: str,
    results: Sequence[Mapping[str, Mapping[str, Any]]],
    totals: Sequence[float],
) -> ByTest:
    here = [found[name] for found in results if name in found]
    points = [_points(found, name) for found in results]
    fates = dict.fromkeys(FATES, 0)
    for test in here:
        fates[fate(test)] += 1
    others = [t - p for t, p in zip(totals, points, strict=True)]
    return ByTest(
        id=name,
        question=question,
        points=Spread(
            max((float(t["max_points"]) for t in here), default=0.0),
            tuple(points),
        ),
        fates=fates,
        rest=correlation(points, others) if len(points) >= ENOUGH else None,
    )


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's correlation; None where either does not vary."""
    try:
        found = statistics.correlation(one, other)
    except statistics.StatisticsError:
        return None
    return round(found, 3) if math.isfinite(found) else None
