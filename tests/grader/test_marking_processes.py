"""The processes of marking: warm parents that die, children that learn nothing."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aulac_grader.judge.control.marking import InfrastructureError, mark
from aulac_grader.judge.control.warm_parents import WarmParents
from aulac_grader.judge.warm import preload, warm
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.watchdog import look, tree

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


@pytest.fixture(scope="module")
def parents() -> Iterator[WarmParents]:
    with WarmParents() as opened:
        yield opened


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for another process to get somewhere."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        threading.Event().wait(0.005)


# -- what a child can see --------------------------------------------------------------

CANARY = "canary-41d7-of-another-student"
# Looks for HEAD + TAIL in all memory of its own process, without ever joining them.
SCAN = """
def scan(head, tail):
    found = 0
    with open('/proc/self/mem', 'rb', 0) as memory:
        for line in open('/proc/self/maps').read().splitlines():
            words = line.split()
            if 'r' not in words[1] or words[-1] in ('[vvar]', '[vsyscall]'):
                continue
            first, last = (int(w, 16) for w in words[0].split('-'))
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            at = data.find(head)
            while at >= 0:
                found += data[at + len(head):at + len(head) + len(tail)] == tail
                at = data.find(head, at + 1)
    return found
own = 'own-marker-77-of-this-cell'
"""


def scan_for(text: str) -> str:
    """A cell that prints how often it finds `text`, and its own marker."""
    half = len(text) // 2
    return (
        f"{SCAN}print(scan({text[:half].encode()!r}, {text[half:].encode()!r}),"
        " scan(b'own-marker-77', b'-of-this-cell') > 0)"
    )


@pytest.mark.parametrize(
    "text",
    [CANARY, sample.SECRET, "score += 2", "return 2 * x", "t-hidden"],
    ids=["neighbour", "hidden-test", "hidden-points", "reference", "test-id"],
)
def test_a_box_holds_nothing_of_others_and_nothing_of_the_tests(
    parents: WarmParents, text: str
) -> None:
    neighbour = sample.code({"a-double": f"x = {CANARY!r}\n{sample.DOUBLE}"})
    assert (
        mark(ASSIGNMENT, neighbour, sample.SEEDS, parents).points
        == sample.FULL
    )
    # Last of all, when hidden tests have been judged against this very box.
    answers = {"a-double": "double = lambda x: x + x"}
    submitted = sample.code(answers, before={"t-file": scan_for(text)})
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    assert marks.points == sample.FULL
    # The second round, which is shown, was asked for no test.
    assert sample.part(marks, "x-t-file").printed == "0 True\n"


def test_a_question_holds_nothing_of_the_test_that_asks(
    parents: WarmParents,
) -> None:
    half = len(sample.SECRET) // 2
    halves = sample.SECRET[:half].encode(), sample.SECRET[half:].encode()
    answer = (
        f"{SCAN}def double(x):\n"
        f"    assert scan({halves[0]!r}, {halves[1]!r}) == 0, 'it is here'\n"
        "    assert scan(b'own-marker-77', b'-of-this-cell') > 0\n"
        "    return 2 * x"
    )
    marks = mark(
        ASSIGNMENT, sample.code({"a-double": answer}), sample.SEEDS, parents
    )
    assert marks.points == sample.FULL


def test_a_box_has_its_line_and_no_other_descriptor(
    parents: WarmParents,
) -> None:
    listing = (
        "import os\n"
        "for fd in sorted(map(int, os.listdir('/proc/self/fd'))):\n"
        "    try: print(fd, os.readlink(f'/proc/self/fd/{fd}').split(':')[0])\n"
        "    except OSError: pass"
    )
    submitted = sample.code(before={"given": listing})
    marks = mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
    lines = sample.part(marks, "x-given").printed.splitlines()
    assert [line for line in lines if "socket" in line] == ["3 socket"]
    assert not [line for line in lines if "pidfd" in line or "/work" in line]


def test_the_environment_of_a_box_is_ours(
    parents: WarmParents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AULAC_COURSE_KEY", CANARY)
    show = (
        "import os\nprint(dict(os.environ))\n"
        "print(open('/proc/self/environ').read())\n"
        "print(open('/proc/self/cmdline').read())"
    )
    with WarmParents() as opened:
        submitted = sample.code(before={"given": show})
        marks = mark(ASSIGNMENT, submitted, sample.SEEDS, opened)
    printed = sample.part(marks, "x-given").printed
    assert CANARY not in printed and "PYTHONHASHSEED" in printed


# -- warm parents that die -------------------------------------------------------------


def test_zygotes_run_one_thread_and_nothing_else(parents: WarmParents) -> None:
    mark(ASSIGNMENT, sample.code(), sample.SEEDS, parents)
    zygotes = parents._zygotes.values()
    for zygote in zygotes:
        process = look(zygote.pid)
        assert process is not None and process.threads == 1
    assert sample.living(parents.student.pid) == 1


@pytest.mark.parametrize("role", ["student", "judge"])
def test_a_zygote_killed_in_the_middle_is_no_mark_and_no_end(
    role: str,
) -> None:
    slow = "import time\ndef double(x):\n    time.sleep(3600)"
    failures: list[BaseException] = []

    def marking() -> None:
        try:
            submitted = sample.code({"a-double": slow})
            mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
        except BaseException as error:
            failures.append(error)

    with WarmParents() as parents:
        mark(ASSIGNMENT, sample.code(), sample.SEEDS, parents)
        zygotes = dict(parents._zygotes)
        students, judges = zygotes["student"].pid, zygotes["judge"].pid
        thread = threading.Thread(target=marking)
        thread.start()
        # C, I, S and the question; C, I, the room and the judge.
        until(lambda: sample.living(students) == sample.living(judges) == 5)
        below = [p.pid for p in tree(zygotes[role].pid)]
        os.kill(zygotes[role].pid, signal.SIGKILL)
        thread.join(60)
        assert [type(error) for error in failures] == [InfrastructureError]
        until(lambda: not any(map(alive, below)))
        again = mark(ASSIGNMENT, sample.code(), sample.SEEDS, parents)
        assert again.points == sample.FULL


def alive(pid: int) -> bool:
    process = look(pid)
    return process is not None and not process.ended


def test_nothing_survives_a_client_that_is_killed() -> None:
    program = (
        "import sys, importlib.util\n"
        "from aulac_grader.judge.control.marking import mark\n"
        "from aulac_grader.judge.control.warm_parents import WarmParents\n"
        f"spec = importlib.util.spec_from_file_location('s', {sample.__file__!r})\n"
        "s = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(s)\n"
        "slow = 'import time\\ntime.sleep(3600)'\n"
        "with WarmParents() as w:\n"
        "    mark(s.assignment(), s.code(before={'given': slow}), s.SEEDS, w)\n"
    )
    client = subprocess.Popen([sys.executable, "-c", program])
    # It, two zygotes, and C, I and S of the box.
    until(lambda: sample.living(client.pid) == 6)
    below = [p.pid for p in tree(client.pid)]
    client.kill()
    client.wait()
    until(lambda: not any(map(alive, below)))


def test_a_zygote_that_cannot_start_is_a_failure_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "aulac_grader.judge.control.zygote._command",
        lambda *_: [sys.executable, "-c", "pass"],
    )
    with pytest.raises(InfrastructureError, match="student zygote died"):
        WarmParents().open()


def test_no_zygote_has_a_second_thread() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="must have one"):
            warm([])
    finally:
        done.set()
        thread.join()


# -- machines without walls ------------------------------------------------------------


def test_without_walls_only_when_said_aloud() -> None:
    with WarmParents(Limits(), sandboxed=False) as parents:
        marks = mark(ASSIGNMENT, sample.code(), sample.SEEDS, parents)
        assert marks.points == sample.FULL
        assert marks.tier["sandboxed"] is False
        assert marks.tier["walls"] == "none"


def test_a_machine_that_cannot_isolate_is_refused() -> None:
    program = (
        "from aulac_grader.judge.control.warm_parents import WarmParents\n"
        "from aulac_grader.sandbox.walls import SandboxUnavailable\n"
        "try:\n    WarmParents().open()\n"
        "except SandboxUnavailable as error:\n    print('refused:', error)\n"
    )
    # In a user namespace that may have none below it.
    none = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    done = subprocess.run(
        [
            "unshare",
            "-Ur",
            "sh",
            "-c",
            none,
            "sh",
            sys.executable,
            "-c",
            program,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("refused:"), done.stderr


# -- what is loaded ahead --------------------------------------------------------------


def test_preload_follows_from_what_a_paper_imports() -> None:
    assert preload(["import math\nimport numpy as np", "x = 1"]) == ("numpy",)
    assert preload(["from aulac.text import Tone"]) == ("aulac.text",)
    assert preload(["%matplotlib inline", "import torch"]) == ("torch",)
    optimises = "import torch\noptim = torch.optim.AdamW([])"
    assert preload([optimises]) == ("torch", "torch._dynamo")
    assert preload(["optim = assert_close"]) == ()
    assert preload(["def f(: pass", "import os, antigravity"]) == ()


def test_the_student_side_loads_only_what_students_can_see() -> None:
    hidden = "### BEGIN HIDDEN TESTS\nimport numpy\n### END HIDDEN TESTS\nassert double(1)"
    cells = [*sample.CELLS[:2], ("test", "t", hidden, {"points": 1})]
    found = WarmParents.preload(sample.assignment(cells))
    assert found.student == () and found.judge == ("numpy",)


def test_a_paper_that_needs_other_modules_gets_other_parents() -> None:
    cells = list(sample.CELLS)
    cells[0] = ("given", "given", "import safetensors\nBASE = 10", {})
    other = sample.assignment(cells)
    loaded = "import sys\nprint('safetensors' in sys.modules)"
    with WarmParents() as parents:
        for assignment, wanted in ((ASSIGNMENT, "False\n"), (other, "True\n")):
            submitted = sample.code(of=assignment, before={"given": loaded})
            marks = mark(assignment, submitted, sample.SEEDS, parents)
            assert marks.points == sample.FULL
            assert sample.part(marks, "x-given").printed == wanted
