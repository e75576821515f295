"""What handing in late costs: worked out from our receipts, shown by nbgrader.

The policy stands in the course's `nbgrader_config.py`, as settings of nbgrader's own
late plugin, because then plain `nbgrader autograde` keeps the same rule as
`aulac grade`, and formgrader, feedback and exports show the same penalty:

    c.AssignLatePenalties.plugin_class = "aulac_grader.grade.gradebook.late_plugin.LatePolicy"
    c.LatePolicy.penalty_method = "daily"    # "none", "daily" or "zero"
    c.LatePolicy.percent_per_day = 10        # of the points earned, each day begun
    c.LatePolicy.cap_percent = 50            # never more than this
    c.LatePolicy.grace_minutes = 30          # this late is still in time
    c.LatePolicy.zero_after_days = 7         # 0: late work always earns something

A course that names another plugin keeps it. The deadline is the assignment's due date
in nbgrader (formgrader, *Manage Assignments*) with the student's own extension; the
time is that of our receipt, never the one in the student's `timestamp.txt`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY = 86_400
METHODS = ("none", "daily", "zero")
# For the help of the commands that apply it (Markdown).
HELP = (
    "Nộp muộn / late work: `c.AssignLatePenalties.plugin_class = "
    '"aulac_grader.grade.gradebook.late_plugin.LatePolicy"` và / and '
    "`c.LatePolicy.penalty_method` (`none`, `daily`, `zero`) trong / in "
    "nbgrader_config.py. Hạn nộp đặt trong formgrader; giờ nộp lấy từ biên nhận. / "
    "The deadline is formgrader's, the time the receipt's."
)


@dataclass(frozen=True)
class Policy:
    """What lateness costs.

    Attributes:
        method: one of `METHODS`. "none" costs nothing, "zero" everything, "daily" a share a day.
        percent_per_day: of the points earned, for each day begun (daily).
        cap_percent: the most that "daily" takes.
        grace_minutes: how late still counts as in time; days are counted from
            its end.
        zero_after_days: so many days late and later earn nothing (daily); 0: never.
    """

    method: str = "none"
    percent_per_day: float = 10.0
    cap_percent: float = 100.0
    grace_minutes: float = 0.0
    zero_after_days: float = 0.0

    def penalty(self, points: float, seconds_late: float) -> float | None:
        """Points to take from `points`; None where nothing is taken.

        The result lies between 0 and `points` and never falls with lateness.
        """
        late = seconds_late - 60 * self.grace_minutes
        if self.method == "none" or late <= 0 or points <= 0:
            return None
        share = 1.0 if self.method == "zero" else self._share(late / DAY)
        return min(points, round(points * share, 4))

    def _share(self, days: float) -> float:
        if self.zero_after_days and days > self.zero_after_days:
            return 1.0
        share = self.percent_per_day * math.ceil(days) / 100
        return max(0.0, min(share, self.cap_percent / 100, 1.0))
