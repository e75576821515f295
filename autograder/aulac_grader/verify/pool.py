"""Worker processes, their clocks and their memory."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from aulac_grader.verify.worker import kill_children

TICK = 0.2  # seconds between two looks at the clocks
SAMPLE = 0.5  # seconds between two looks at memory


@dataclass
class Run:
    """One lesson in one worker."""

    number: str
    cores: int
    limit: float
    began: float = field(default_factory=time.monotonic)
    peak: int = 0  # bytes
    cell: int = 0
    cells: int = 1
    cell_id: str = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Worker:
    """A process of `aulac_grader.verify.worker`, and the lesson it runs."""

    def __init__(
        self, events: queue.Queue[tuple[Worker, dict[str, Any]]], log: Path
    ):
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ)
        # The kernel must be this environment's Python, whatever kernels a user has.
        environment["JUPYTER_PREFER_ENV_PATH"] = "1"
        environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
        with log.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aulac_grader.verify.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                encoding="utf-8",
                env=environment,
                start_new_session=True,  # Ctrl-C reaches us first, and we end it
            )
        self.run: Run | None = None
        self._events = events
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put((self, json.loads(line)))
        self._events.put((self, {"event": "gone"}))

    def start(self, run: Run, request: dict[str, Any]) -> None:
        """Give the worker a lesson."""
        assert self.process.stdin is not None
        self.run = run
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def sample(self) -> None:
        """Note the memory of the kernel and of whatever it started."""
        if self.run is None:
            return
        total = 0
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for child in below:
            try:
                total += child.memory_info().rss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        self.run.peak = max(self.run.peak, total)

    def kill(self) -> None:
        """End the worker and everything below it, at once."""
        kill_children(self.process.pid)
        self.process.kill()
        self.process.wait()


class Pool:
    """As many workers as run at the same time; idle ones are used again."""

    def __init__(self, log: Path):
        self.events: queue.Queue[tuple[Worker, dict[str, Any]]] = queue.Queue()
        self.workers: list[Worker] = []
        self._log = log
        log.unlink(missing_ok=True)
        self._sampled = 0.0

    @property
    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.run is not None]

    def start(self, run: Run, request: dict[str, Any]) -> None:
        """Run a lesson in an idle worker, or in a new one."""
        idle = [worker for worker in self.workers if worker.run is None]
        worker = idle[0] if idle else Worker(self.events, self._log)
        if not idle:
            self.workers.append(worker)
        worker.start(run, request)

    def next(self) -> tuple[Worker, dict[str, Any]] | None:
        """The next event, or None when a tick passed without one."""
        try:
            return self.events.get(timeout=TICK)
        except queue.Empty:
            return None

    def sample(self) -> None:
        """Look at the memory of what runs, now and then."""
        if time.monotonic() - self._sampled >= SAMPLE:
            self._sampled = time.monotonic()
            for worker in self.workers:
                worker.sample()

    def late(self) -> list[Worker]:
        """Workers whose lesson has run past its limit."""
        return [
            w for w in self.running if w.run and w.run.seconds > w.run.limit
        ]

    def drop(self, worker: Worker) -> None:
        """End a worker that hangs or is gone."""
        worker.kill()
        worker.run = None  # it may still announce its end
        if worker in self.workers:
            self.workers.remove(worker)

    def close(self) -> None:
        """End every worker and kernel."""
        for worker in list(self.workers):
            self.drop(worker)
