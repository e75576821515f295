"""What came of a test cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal[
    "pass", "partial", "fail", "error", "time", "refused", "ended"
]


@dataclass(frozen=True)
class Outcome:
    """What came of one test cell.

    `status` is `fail` when the test says no, `refused` when the student's side sent or
    returned what is no answer, `ended` when it died, `time` when it took too long, and
    `error` when the test itself cannot be judged: the author's fault, which
    `aulac assignment check` finds. `message` and `printed` may be shown to the student
    only where `visible_failed` holds: then the visible part alone was run.
    """

    points: float
    status: Status
    message: str = ""
    visible_failed: bool = False
    printed: str = ""

    def to_plain(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Outcome:
        return cls(**plain)
