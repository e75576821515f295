"""A student process as the controller sees it.

Whatever comes out of it is the student's word, and may be none at all: each answer is
looked for among at most a few strays, within a time, and read into exact types. One that
is gone raises `StudentProcessLost`; that is the only way in which content can end a run.
Limits are the watchdog's business, in a thread, so that waiting is plain.
"""

from __future__ import annotations

import contextlib
import math
import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aulac_grader.judge.submitted import CellResult, CellStatus, SubmittedCell
from aulac_grader.judge.wire.protocol import Ended, Flood
from aulac_grader.judge.wire.wire import Refused
from aulac_grader.sandbox.watchdog import kill_tree

from .limits_watchdog import LimitsWatchdog
from .notices import cell_error

if TYPE_CHECKING:
    from .warm_parents import WarmParents
    from .zygote import Child

MAX_TEXT = 2_000  # characters of an error's message
MAX_PICTURES = 8
MAX_PICTURE = 2 << 20  # bytes
MAX_STRAYS = (
    32  # messages that answer nothing, before the student process is given up
)
_PNG = b"\x89PNG\r\n\x1a\n"
# An object's address differs from run to run; a number written as 0x1f does not.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
# The process's own limits come first: they leave the student process alive.
_GRACE, _GRACE_SECONDS = 1.25, 1.25

# For what a student process does without running anybody's code, on a busy machine.
_ANSWER_SECONDS = 600.0

_STATUS: dict[str | None, CellStatus] = {
    "cpu": "time",
    "wall": "time",
    "memory": "memory",
}


class StudentProcessLost(Exception):  # noqa: N818 (it is where hostile content ends up)
    """The student process is gone; `status` says of what."""

    def __init__(self, status: CellStatus) -> None:
        super().__init__(status)
        self.status = status


class StudentProcess:
    """A student process for submitted code. Close it when done.

    Raises:
        StudentProcessLost: from every method.
        InfrastructureError: the student process is gone because its zygote is.
        SandboxUnavailable: from the constructor.
    """

    def __init__(self, parents: WarmParents) -> None:
        self.parents, self.limits = parents, parents.limits
        self.child: Child
        self.child, self.channel = parents.new_student_process()
        # A process that takes too much is told so by its own limit, and may go on.
        memory = round(self.limits.memory_mb * _GRACE) + 32
        self.watchdog = LimitsWatchdog(
            self.child.pid, replace(self.limits, memory_mb=memory)
        )
        self.watchdog.start()

    def place(self, files: tuple[tuple[str, bytes], ...]) -> None:
        """Put the submitted code's files into the student process; comes first, and once."""
        self._ask(["files", [list(file) for file in files]], ["placed"])

    def run(self, cell: SubmittedCell) -> CellResult:
        """Run a cell of the submitted code."""
        limits = self.limits
        self.watchdog.begin(*self._budget(limits.cpu_seconds))
        wanted = {
            "seconds": limits.cpu_seconds,
            "output_kb": limits.output_kb,
        }
        message = ["run", cell.id, cell.source, wanted]
        rest = self._ask(message, ["ran", cell.id])
        self.watchdog.idle()
        report = rest[0] if rest and type(rest[0]) is dict else {}
        return _result(cell, report, limits.output_kb << 10)

    def question(
        self, test_id: str, seconds: float, judge: int
    ) -> socket.socket:
        """Let the student process fork a question; the judge's end of the line to it.

        `judge` is the process of the judge process where the judge will sit.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self.watchdog.begin(*self._budget(seconds), judge=judge)
                self._ask(
                    ["question", test_id],
                    ["asked", test_id],
                    [theirs.fileno()],
                )
        except BaseException:
            ours.close()
            raise
        return ours

    def stop(self) -> None:
        """Have the student process end the question and say so: it is still there, then."""
        self._ask(["stop"], ["stopped"])

    def fetch(self, name: str, max_bytes: int) -> bytes | None:
        """The contents of a file in the student process, None where there is none to be had."""
        rest = self._ask(["fetch", name, max_bytes], ["fetched", name])
        data = rest[0] if rest else None
        if type(data) is not bytes or len(data) > max_bytes:
            return None
        return data

    @property
    def lost(self) -> bool:
        return self.watchdog.why is not None or self.child.ended

    def _budget(self, seconds: float) -> tuple[float, float]:
        """What the watchdog allows for something that may take `seconds` of CPU time.

        The process's own limits come first: after them the student process still stands.
        """
        wall = max(self.limits.wall_seconds, 6 * seconds)
        return seconds * _GRACE + _GRACE_SECONDS, wall

    def _ask(
        self, message: list[Any], wanted: list[Any], fds: tuple | list = ()
    ) -> list[Any]:
        """Send a message; what follows `wanted` in the answer to it."""
        wall = self.watchdog.limits.wall_seconds  # the watchdog comes first
        wall = 20 * wall if math.isfinite(wall) else _ANSWER_SECONDS
        try:
            self.channel.send(message, fds, wall)
            for _ in range(MAX_STRAYS):
                with contextlib.suppress(_Stray):
                    return self._answer(wanted, wall)
            why = "strays"
        except TimeoutError:
            why = "wall"
        except (Ended, Flood):
            why = "ended"
        raise self._lost(why)

    def _answer(self, wanted: list[Any], wall: float) -> list[Any]:
        try:
            answer = self.channel.receive(wall)
        except Flood:
            raise
        except Refused:
            raise _Stray from None
        count = len(wanted)
        if type(answer) is not list or answer[:count] != wanted:
            raise _Stray
        return answer[count:]

    def _lost(self, why: str) -> StudentProcessLost:
        """Make sure that the student process is gone, and that we are not the reason."""
        self.watchdog.stop()
        if self.watchdog.why is None:
            self.parents.student.check()
            self.child.kill()
        return StudentProcessLost(
            _STATUS.get(self.watchdog.why or why, "died")
        )

    def close(self) -> None:
        """End the student process with everything in it."""
        self.watchdog.stop()
        self.channel.close()
        if not self.parents.sandboxed:  # a student process takes all with it
            kill_tree(self.child.pid)
        self.child.close()

    def __enter__(self) -> StudentProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stray(Exception):  # noqa: N818
    """A message that is no answer to what was asked."""


def _result(
    cell: SubmittedCell, report: dict[Any, Any], cap: int
) -> CellResult:
    """What the student process reports about a cell, in exact types and within bounds."""
    status: CellStatus = "ok"
    if report.get("status") in ("raised", "time", "output"):
        status = report["status"]
    error = cell_error(status) or _text(report.get("error"), MAX_TEXT)
    pictures = report.get("pictures")
    return CellResult(
        id=cell.id,
        kind=cell.kind,
        status=status,
        error=error,
        printed=_text(report.get("printed"), cap),
        pictures=tuple(
            picture
            for picture in (pictures if type(pictures) is list else [])
            if type(picture) is bytes
            and picture.startswith(_PNG)
            and len(picture) <= MAX_PICTURE
        )[:MAX_PICTURES],
    )


def _text(value: Any, cap: int) -> str:
    return scrubbed(value[:cap]) if type(value) is str else ""


def scrubbed(text: str) -> str:
    """`text` without addresses of objects, which differ from run to run."""
    return _ADDRESS.sub("0x…", text)
