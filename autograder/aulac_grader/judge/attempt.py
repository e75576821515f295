"""One box in which a sheet is run, as the controller sees it.

Whatever comes out of the box is the student's word, and may be none at all: each answer
is looked for among at most a few strays, within a time, and read into exact types. A
box that is gone raises `BoxLost`; that is the only way in which content can end an
attempt. Limits are the watchdog's business, in a thread, so that waiting is plain.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.watchdog import Reading, Watchdog, tree

from .notices import cell_error
from .protocol import Ended, Flood
from .sheet import CellResult, CellStatus, SheetCell
from .wire import Refused

if TYPE_CHECKING:
    from .workshop import Workshop
    from .zygote import Child

MAX_TEXT = 2_000  # characters of an error's message
MAX_PICTURES = 8
MAX_PICTURE = 2 << 20  # bytes
MAX_STRAYS = 32  # messages that answer nothing, before the box is given up
_PNG = b"\x89PNG\r\n\x1a\n"
# An object's address differs from run to run; a number written as 0x1f does not.
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
# The process's own limits come first: they leave the box alive.
_GRACE, _GRACE_SECONDS = 1.25, 1.25

# For what a stem does without running anybody's code, on a busy machine.
_ANSWER_SECONDS = 600.0

_STATUS: dict[str | None, CellStatus] = {
    "cpu": "time",
    "wall": "time",
    "memory": "memory",
}


class BoxLost(Exception):  # noqa: N818 (it is where hostile content ends up)
    """The box is gone; `status` says of what."""

    def __init__(self, status: CellStatus) -> None:
        super().__init__(status)
        self.status = status


class Watch(Watchdog):
    """A watchdog that ends a question, not the box, where that is enough.

    Time counts only between `begin` and `idle`; memory and processes always. On the
    clock, waiting for a processor does not count: a busy machine changes no mark.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        self._lock = threading.RLock()
        self._spared: set[tuple[int, int]] | None = None
        self._delays: dict[str, float] = {}
        self.ended_question: str | None = None
        self.spent = 0.0  # processor time of the last cell or question
        self.used = 0.0  # of all of them
        super().__init__(pid, limits)
        self._stop_clocks()

    def begin(
        self,
        cpu_seconds: float,
        wall_seconds: float,
        *,
        question: bool = False,
    ) -> None:
        """A cell or a question begins, with a budget of its own."""
        with self._lock:
            self.limits = replace(
                self.limits, cpu_seconds=cpu_seconds, wall_seconds=wall_seconds
            )
            self._spared = self._living() if question else None
            if question:
                self.ended_question = None
            self._delays = self._run_delays()
            self.new_budget()

    def idle(self) -> None:
        """Nobody's time runs from here on; what a question has started is ended."""
        with self._lock:
            self._stop_clocks()
            self._end_newcomers()
            self._spared = None
            self.spent = self.poll().cpu_seconds
            self.used += self.spent
            self.new_budget()

    def poll(self) -> Reading:
        with self._lock:
            return super().poll()

    def kill(self, why: str) -> None:
        if self._spared is not None and self.ended_question is None:
            self.ended_question = why
            if self._end_newcomers():
                self._stop_clocks()
                return
        super().kill(why)

    def _stop_clocks(self) -> None:
        self.limits = replace(
            self.limits, cpu_seconds=math.inf, wall_seconds=math.inf
        )

    def _passed(self, reading: Reading) -> str | None:
        if reading.wall_seconds > self.limits.wall_seconds:
            wall = reading.wall_seconds - self._starved()
            reading = replace(reading, wall_seconds=wall)
        return super()._passed(reading)

    def _starved(self) -> float:
        """Seconds that one thread of the box could have run and was not let."""
        now = self._run_delays()
        return max(
            (delay - self._delays.get(t, 0.0) for t, delay in now.items()),
            default=0.0,
        )

    def _run_delays(self) -> dict[str, float]:
        """For each thread, seconds spent waiting for a processor: proc(5), schedstat."""
        found = {}
        for process in tree(self.pid):
            tasks = Path(f"/proc/{process.pid}/task")
            with contextlib.suppress(OSError, IndexError):
                for task in tasks.iterdir():
                    words = (task / "schedstat").read_text().split()
                    found[task.name] = int(words[1]) / 1e9
        return found

    def _living(self) -> set[tuple[int, int]]:
        return {(p.pid, p.started) for p in tree(self.pid) if not p.ended}

    def _end_newcomers(self) -> bool:
        """Kill what was not there when the question began; False if it grows back."""
        if self._spared is None:
            return True
        for _ in range(50):
            newcomers = self._living() - self._spared
            if not newcomers:
                return True
            for pid, _ in newcomers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        return False


class Attempt:
    """A box for one sheet. Close it when done.

    Raises:
        BoxLost: from every method.
        InfrastructureError: the box is gone because its zygote is.
        SandboxUnavailable: from the constructor.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop, self.limits = workshop, workshop.limits
        self.child: Child
        self.child, self.channel = workshop.new_box()
        # A process that takes too much is told so by its own limit, and may go on.
        memory = round(self.limits.memory_mb * _GRACE) + 32
        self.watch = Watch(
            self.child.pid, replace(self.limits, memory_mb=memory)
        )
        self.watch.start()

    def place(self, files: tuple[tuple[str, bytes], ...]) -> None:
        """Put the sheet's files into the box; comes first, and once."""
        self._ask(["files", [list(file) for file in files]], ["placed"])

    def run(self, cell: SheetCell) -> CellResult:
        """Run a cell of the sheet."""
        limits = self.limits
        self.watch.begin(*self._budget(limits.cpu_seconds))
        wanted = {
            "seconds": limits.cpu_seconds,
            "output_kb": limits.output_kb,
        }
        message = ["run", cell.id, cell.source, wanted]
        rest = self._ask(message, ["ran", cell.id])
        self.watch.idle()
        report = rest[0] if rest and type(rest[0]) is dict else {}
        return _result(cell, report, limits.output_kb << 10)

    def question(self, test_id: str, seconds: float) -> socket.socket:
        """Let the stem fork a question; the judge's end of the line to it."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self.watch.begin(*self._budget(seconds), question=True)
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
        """Have the stem end the question and say so: it is still there, then."""
        self._ask(["stop"], ["stopped"])

    def fetch(self, name: str, max_bytes: int) -> bytes | None:
        """The contents of a file in the box, None where there is none to be had."""
        rest = self._ask(["fetch", name, max_bytes], ["fetched", name])
        data = rest[0] if rest else None
        if type(data) is not bytes or len(data) > max_bytes:
            return None
        return data

    @property
    def lost(self) -> bool:
        return self.watch.why is not None or self.child.ended

    def _budget(self, seconds: float) -> tuple[float, float]:
        """What the watchdog allows for something that may take `seconds` of CPU time.

        The process's own limits come first: after them the box still stands.
        """
        wall = max(self.limits.wall_seconds, 6 * seconds)
        return seconds * _GRACE + _GRACE_SECONDS, wall

    def _ask(
        self, message: list[Any], wanted: list[Any], fds: tuple | list = ()
    ) -> list[Any]:
        """Send a message; what follows `wanted` in the answer to it."""
        wall = self.watch.limits.wall_seconds  # the watchdog comes first
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

    def _lost(self, why: str) -> BoxLost:
        """Make sure that the box is gone, and that we are not the reason."""
        self.watch.stop()
        if self.watch.why is None:
            self.workshop.student.check()
            self.child.kill()
        return BoxLost(_STATUS.get(self.watch.why or why, "died"))

    def close(self) -> None:
        """End the box with everything in it."""
        self.watch.stop()
        self.channel.close()
        self.child.close()

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stray(Exception):  # noqa: N818
    """A message that is no answer to what was asked."""


def _result(cell: SheetCell, report: dict[Any, Any], cap: int) -> CellResult:
    """What the stem reports about a cell, in exact types and within bounds."""
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
