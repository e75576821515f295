"""A watchdog that knows cells from questions, and waiting from starving.

Processor time decides. The clock is for what sleeps: a process that could run and is
not let, and a question that waits for a judge who is at work, lose nothing by it.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.watchdog import Reading, Watchdog, tree


class LimitsWatchdog(Watchdog):
    """A watchdog that ends a question, not the student process, where that is enough.

    Time counts only between `begin` and `idle`; memory and processes always.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        self._lock = threading.RLock()
        self._spared: set[tuple[int, int]] | None = None
        self._judge: JudgeClock | None = None
        # When the clock began, by `schedule`.
        self._ran = self._waited = 0.0
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
        judge: int | None = None,
    ) -> None:
        """A cell begins, with a budget of its own, or a question.

        `judge` is the number of the judge process that judges the question.
        """
        with self._lock:
            self.limits = replace(
                self.limits, cpu_seconds=cpu_seconds, wall_seconds=wall_seconds
            )
            self._judge = None
            if judge is None:
                self._spared = None
            else:
                self._spared, self.ended_question = self._living(), None
                self._judge = JudgeClock(judge)
            self._ran, self._waited = schedule(self.pid)
            self.new_budget()

    def idle(self) -> None:
        """Nobody's time runs from here on; what a question has started is ended."""
        with self._lock:
            self._stop_clocks()
            self._end_newcomers()
            self._spared = None
            self.spent = self.poll().cpu_seconds
            self.used += self.spent
            self.last = replace(self.last, cpu_seconds=0.0)
            self.new_budget()

    def cpu_now(self) -> float:
        """Seconds that the student process has run since `begin`, finer than a clock tick.

        What has ended is counted in ticks; the rest to the nanosecond.
        """
        with self._lock:
            ran, _ = schedule(self.pid)
            return max(ran - self._ran, self.poll().cpu_seconds)

    def poll(self) -> Reading:
        with self._lock:
            if self._judge is not None:
                self._judge.look()
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
            wall = reading.wall_seconds - self._excused()
            reading = replace(reading, wall_seconds=wall)
        return super()._passed(reading)

    def _excused(self) -> float:
        """Seconds since `begin` for which the student process cannot be blamed."""
        _, waited = schedule(self.pid)
        worked = self._judge.seconds if self._judge is not None else 0.0
        return waited - self._waited + worked

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


class JudgeClock:
    """How long a judge process has been at work, from the first look to the last.

    The kernel's account comes late for a process that still waits for its turn, and
    leaves out what the host of a virtual machine takes away. So a judge process that is seen
    busy in two looks running counts as busy in between, and the longer of both holds.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = self._told = sum(schedule(pid))
        self._seen = 0.0
        self._last, self._busy = time.monotonic(), busy(pid)

    def look(self) -> None:
        self._told = sum(schedule(self._pid))
        now, at_work = time.monotonic(), busy(self._pid)
        if at_work and self._busy:
            self._seen += now - self._last
        self._last, self._busy = now, at_work

    @property
    def seconds(self) -> float:
        return max(self._told - self._began, self._seen)


def busy(pid: int) -> bool:
    """Whether a process at or below `pid` is at work."""
    return any(process.busy for process in tree(pid))


def schedule(pid: int) -> tuple[float, float]:
    """Seconds that the threads at and below `pid` have run, and that they could have
    run and were not let: proc(5), schedstat."""
    ran = waited = 0
    for process in tree(pid):
        with contextlib.suppress(OSError, ValueError):
            for task in Path(f"/proc/{process.pid}/task").iterdir():
                words = (task / "schedstat").read_text().split()
                ran, waited = ran + int(words[0]), waited + int(words[1])
    return ran / 1e9, waited / 1e9
