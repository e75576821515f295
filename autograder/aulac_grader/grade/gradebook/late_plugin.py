"""The late policy as a plugin of nbgrader's; `late` says how it is set."""

from __future__ import annotations

from nbgrader.plugins import BasePlugin
from traitlets import Enum, Float

from .late import METHODS, Policy


class LatePolicy(BasePlugin):
    """Nothing, a share of the points for each day late, or everything."""

    penalty_method = Enum(
        METHODS,
        default_value="none",
        help=(
            "'none': late work costs nothing; 'daily': percent_per_day of the "
            "points earned for each day begun, at most cap_percent; 'zero': late "
            "work earns nothing."
        ),
    ).tag(config=True)
    percent_per_day = Float(
        10.0, min=0.0, max=100.0, help="Share of the points, each day begun."
    ).tag(config=True)
    cap_percent = Float(
        100.0, min=0.0, max=100.0, help="The most that 'daily' takes."
    ).tag(config=True)
    grace_minutes = Float(
        0.0,
        min=0.0,
        help="This late is still in time; days are counted from its end.",
    ).tag(config=True)
    zero_after_days = Float(
        0.0,
        min=0.0,
        help="More days late than this earn nothing ('daily'); 0: no such day.",
    ).tag(config=True)

    @property
    def policy(self) -> Policy:
        return Policy(
            method=self.penalty_method,
            percent_per_day=self.percent_per_day,
            cap_percent=self.cap_percent,
            grace_minutes=self.grace_minutes,
            zero_after_days=self.zero_after_days,
        )

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """nbgrader's question: what to take from a notebook's `score`, if anything."""
        return self.policy.penalty(score, total_seconds_late)
