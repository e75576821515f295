"""The honest twins, marked as one class: none loses a mark."""

from __future__ import annotations

import pytest

from .family import Family, check_points, check_secrets
from .kit import Case, points
from .line import Marked
from .twins import TWINS


class TestTwins(Family):
    cases = tuple(TWINS)

    def test_case(self, marked: Marked, case: Case) -> None:
        outcome = marked.outcomes[case.name]
        assert outcome.verdict, "it was not taken in"
        check_points(case, outcome)
        check_secrets(outcome)
        assert outcome.verdict["points"] == pytest.approx(
            sum(points().values())
        )
