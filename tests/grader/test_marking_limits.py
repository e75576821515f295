"""Answers and cells that end, hang, flood and grow: what they cost, and what not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aulac_grader.judge.control.limits_watchdog import LimitsWatchdog
from aulac_grader.judge.control.marking import (
    MAX_BOXES,
    MAX_PICTURES,
    MAX_PRINTED,
    SubmittedCell,
    mark,
)
from aulac_grader.judge.control.warm_parents import WarmParents
from aulac_grader.sandbox.limits import Limits

_spec = importlib.util.spec_from_file_location(
    "marking_sample", Path(__file__).with_name("marking_sample.py")
)
assert _spec and _spec.loader
sample = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sample)


@pytest.fixture(scope="module", autouse=True)
def walls() -> None:
    if sample.refusal():
        pytest.skip(sample.refusal())


ASSIGNMENT = sample.assignment()
# One test for the answer that runs wild, one for the other.
SHORT = sample.assignment(
    [c for c in sample.CELLS if c[1] not in ("t-hidden", "t-file")]
)

STUBBORN = """while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""
# The stem's own clock is stopped first, so that only the watchdog is left.
DEAF = (
    "import signal\n"
    "signal.setitimer(signal.ITIMER_PROF, 0)\n"
    "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
) + STUBBORN
BOMB = """import os
while True:
    try:
        os.fork()
    except OSError:
        pass"""

# A cell, and the status that it should have; the marks are to be full with each.
CELLS = {
    "exits": ("import os; os._exit(0)", "died"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "died"),
    "kills-itself": ("import os; os.kill(os.getpid(), 9)", "died"),
    "kills-all": ("import os; os.kill(-1, 9)", None),
    "kills-pid-1": ("import os; os.kill(1, 9)", "ok"),
    "closes-all": ("import os; os.closerange(0, 1000)", "died"),
    "loops": ("while True: pass", "time"),
    "loops-stubbornly": (STUBBORN, "time"),
    "loops-deaf": (DEAF, "time"),
    "sleeps": ("import time; time.sleep(10 ** 6)", "time"),
    "memory": ("x = [bytearray(1 << 20) for _ in range(5000)]", "raised"),
    "memory-of-many": (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        x = b'x' * (90 << 20)\n        time.sleep(10 ** 6)\nos.wait()",
        "memory",
    ),
    "floods": ("for _ in range(10 ** 4): print('x' * 100)", "output"),
    "floods-line": (
        "import os\nwhile True: os.write(3, bytes([0, 0, 0, 1, 1]) * 9999)",
        "died",
    ),
    "writes-noise": ("import os\nos.write(3, bytes([255]) * 100)", "died"),
    "says-nothing": (
        "import aulac_grader.judge.wire.protocol as p\n"
        "p.Channel.send = lambda *a, **k: None",
        "time",
    ),
    "bomb": (BOMB, None),
    "threads": (
        "import threading, time\nfor _ in range(100):\n    threading.Thread("
        "target=time.sleep, args=(10 ** 6,), daemon=True).start()",
        None,
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(10 ** 6)\n    os._exit(0)",
        "ok",
    ),
}

# A body of `double`, and the status that its tests should have.
BODIES = {
    "exits": ("import os; os._exit(0)", "ended"),
    "raises-exit": ("exit()", "fail"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "ended"),
    "kills-stem": ("import os; os.kill(os.getppid(), 9)", "ended"),
    "closes-all": ("import os; os.closerange(0, 1000)", "ended"),
    "loops": (STUBBORN, "time"),
    "loops-deaf": (DEAF, "time"),
    "sleeps": ("import time; time.sleep(10 ** 6)", "time"),
    "memory": ("return [bytearray(1 << 20) for _ in range(5000)]", "fail"),
    "huge": ("return [0] * 3_000_000", "refused"),
    "bomb": (BOMB, "time"),
    "noise": ("import os\nwhile True: os.write(4, bytes([255]) * 100)", None),
}


@pytest.fixture(scope="module")
def parents() -> Iterator[WarmParents]:
    with WarmParents(sample.LIMITS) as opened:
        yield opened


@pytest.mark.parametrize("name", CELLS)
def test_a_scratch_cell_that_runs_wild_costs_nothing(
    parents: WarmParents, name: str
) -> None:
    source, status = CELLS[name]
    submitted = sample.code(before={"a-double": source})
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    assert marks.points == sample.FULL
    wild = sample.part(marks, "x-a-double")
    assert status in (None, wild.status)
    if wild.status != "ok":
        assert wild.error
    assert sample.living(parents.student.pid) == 1


@pytest.mark.parametrize("name", BODIES)
def test_a_question_that_runs_wild_costs_its_own_tests(
    parents: WarmParents, name: str
) -> None:
    body, status = BODIES[name]
    answer = "def double(x):\n" + sample.indented(body)
    submitted = sample.code({"a-double": answer}, of=SHORT)
    marks = mark(SHORT, submitted, sample.SEEDS, parents)
    wild, other = marks.tests
    assert (wild.points, other.points) == (0, 3)
    assert wild.status == status or status is None
    assert wild.message and wild.visible_failed
    assert sample.living(parents.student.pid) == 1


def test_every_cell_runs_wild(parents: WarmParents) -> None:
    """Bounded, with no exception, and no more than no points."""
    wild = "import os; os._exit(1)"
    answers = {"a-double": wild, "a-squares": wild}
    before = {cell.id: wild for cell in ASSIGNMENT.cells}
    submitted = sample.code(answers, before=before)
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    assert marks.points == 0 and marks.max_points == sample.FULL
    assert len(marks.cells) == 3 + len(before)


def test_more_wild_cells_than_new_starts(parents: WarmParents) -> None:
    wild = tuple(
        SubmittedCell(f"w{n}", "extra", "import os; os._exit(1)")
        for n in range(MAX_BOXES + 1)
    )
    submitted = sample.code()
    submitted = replace(submitted, cells=wild + submitted.cells)
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    assert {test.status for test in marks.tests} == {"time"}
    assert all("không chạy được" in test.message for test in marks.tests)
    assert marks.measures["boxes"] <= 2 * MAX_BOXES


def test_a_stem_that_lies_about_itself_gains_nothing(
    parents: WarmParents,
) -> None:
    lies = (
        "from aulac_grader.judge.wire.protocol import Channel\n"
        "send = Channel.send\n"
        "def lie(self, message, *rest, **more):\n"
        "    if type(message) is list and message[0] == 'ran':\n"
        "        message = ['ran', message[1], {'status': 'ok', 'error': 7,\n"
        "            'printed': ['x'], 'pictures': [b'GIF', 3, None]}]\n"
        "        send(self, ['ran', 'nothing', {}])\n"
        "        send(self, {'points': 100})\n"
        "    send(self, message, *rest, **more)\n"
        "Channel.send = lie\n"
    )
    submitted = sample.code(
        {"a-squares": "def squares(n): 1 / 0"}, before={"given": lies}
    )
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    assert [test.points for test in marks.tests] == [1, 2, 0, 0]
    assert {cell.printed for cell in marks.cells} == {""}
    assert all(cell.pictures == () for cell in marks.cells)


def test_reports_without_end_fill_no_memory_of_ours(
    parents: WarmParents,
) -> None:
    forged = (
        "from aulac_grader.judge.cells.notebook import Notebook\n"
        "png = bytes([137]) + b'PNG\\r\\n' + bytes([26]) + b'\\n' + bytes(2 << 19)\n"
        "Notebook.run = lambda *a, **k: {'status': 'ok', 'error': '',"
        " 'printed': 'x' * (1 << 16), 'pictures': [png] * 8}"
    )
    cells = tuple(SubmittedCell(f"x{n}", "extra", "0") for n in range(20))
    submitted = replace(
        sample.code(), cells=(SubmittedCell("f", "extra", forged), *cells)
    )
    submitted = replace(submitted, cells=submitted.cells + sample.code().cells)
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    pictures = [p for cell in marks.cells for p in cell.pictures]
    assert 0 < sum(map(len, pictures)) <= MAX_PICTURES
    assert 0 < sum(len(cell.printed) for cell in marks.cells) <= MAX_PRINTED
    assert sample.part(marks, "x19").status == "output"


def test_no_clock_of_the_student_is_believed(parents: WarmParents) -> None:
    timed = (
        "from aulac.lesson.checks import within\n"
        "assert within(0.05, double, BASE) == 20"
    )
    assignment = sample.assignment(
        [*sample.CELLS[:2], ("test", "t", timed, {"points": 1})]
    )
    stopped = (
        "import signal, time\n"
        "real = time.process_time\n"
        "time.process_time = lambda: 0.0\n"
        "signal.setitimer = lambda *_: (0, 0)\n"
        "def double(x):\n"
        "    end = real() + 0.25\n"
        "    while real() < end: pass\n"
        "    return 2 * x"
    )
    for answer, points in ((stopped, 0), (sample.DOUBLE, 1)):
        submitted = sample.code({"a-double": answer}, of=assignment)
        assert mark(assignment, submitted, {"t": 7}, parents).points == points


# -- the clock -------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False], ids=["told", "stolen"])
def test_the_clock_stands_while_the_judge_is_at_work(
    told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:  # the host takes the processor away: no account knows of it
        name = "aulac_grader.judge.control.limits_watchdog.schedule"
        monkeypatch.setattr(name, lambda pid: (0.0, 0.0))
    asleep = "import time; time.sleep(600)"
    busy = "while True: pass"
    box, judge = (
        subprocess.Popen([sys.executable, "-c", source])
        for source in (asleep, busy)
    )
    try:
        watchdog = LimitsWatchdog(box.pid, Limits())
        watchdog.begin(600, 0.2, judge=judge.pid)
        while watchdog.last.wall_seconds < 0.6:
            watchdog.poll()
        assert watchdog.why is None and watchdog.ended_question is None
        judge.kill()
        judge.wait()
        while watchdog.ended_question is None:
            watchdog.poll()
        assert watchdog.ended_question == "wall" and watchdog.why is None
    finally:
        for process in (box, judge):
            process.kill()
            process.wait()
