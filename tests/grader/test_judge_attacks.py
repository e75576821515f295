"""Answers that try to win a test without solving it, or to read it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aulac_grader.judge.judge.judging import judge_test
from aulac_grader.judge.wire.protocol import Ended
from aulac_grader.judge.wire.wire import Refused

pytestmark = pytest.mark.slow

_spec = importlib.util.spec_from_file_location(
    "judge_pair", Path(__file__).with_name("judge_pair.py")
)
assert _spec and _spec.loader
judge_pair = importlib.util.module_from_spec(_spec)
sys.modules["judge_pair"] = judge_pair
_spec.loader.exec_module(judge_pair)
cell, paper_of = judge_pair.cell, judge_pair.paper_of

CANARY = "con-chim-hoang-yen-70001"
ANSWER = "def f(x: list) -> list:\n    return sorted(x)"
TESTS = {
    "equal": "assert f([2, 1]) == [1, 2]\nassert f([5, 3, 4]) == [3, 4, 5]",
    "close": "assert abs(f([3])[0] - 3) < 1e-9",
    "contains": "assert 2 in f([2, 1]) and 7 not in f([2])",
    "method": "assert f([2, 1]).index(2) == 1 and f([1]).count(1) == 1",
    "truth": "_got = f([2, 1])\nassert _got and 0 < _got[0] < _got[1] < 3",
    "torch": "import torch\n"
    "torch.testing.assert_close(torch.tensor(f([2, 1])), torch.tensor([1, 2]))",
    "numpy": "import numpy as np\nassert np.array_equal(f([2, 1]), [1, 2])\n"
    "np.testing.assert_array_equal(f([2, 1]), [1, 2])",
    "sorted": "assert sorted(f([2, 1])) == [1, 2]\nassert {1: 'a'}[f([1])[0]] == 'a'",
    "message": "assert f([2, 1]) == [1, 2], f'{f([2, 1])} is wrong'",
    "caught": "_right = 0\nfor _x in ([2, 1], [3, 2]):\n    try:\n"
    "        _right += f(_x) == sorted(_x)\n    except Exception:\n        pass\n"
    "_right / 2",
    "must raise": "assert f([2, 1]) == [1, 2]\ntry:\n    f(None)\n"
    "except TypeError:\n    pass\nelse:\n    raise AssertionError",
}
LIAR = """
class Liar:
    def __init__(self, *a): pass
    def _yes(self, *a, **k): return True
    def _self(self, *a, **k): return self
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _yes
    __bool__ = _yes
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __abs__ = _self
    __getitem__ = _self
    def __hash__(self): return 1
    def __len__(self): return 2
    def __iter__(self): return iter([Liar(), Liar()])
    def __float__(self): return 0.0
    def __int__(self): return 0
    def __index__(self): return 0
    def __array__(self, *a, **k): raise ValueError
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError
        return self._yes
"""
ATTACKS = {
    "equal to everything": LIAR + "def f(x): return Liar()",
    "liars in a list": LIAR + "def f(x): return [Liar(), Liar()]",
    "list of a lying class": LIAR
    + "class L(Liar, list): pass\ndef f(x): return L([9])",
    "lying int": LIAR + "class I(int):\n    __eq__ = Liar.__eq__\n"
    "    __lt__ = Liar.__lt__\n    __sub__ = Liar.__sub__\n    __hash__ = int.__hash__\n"
    "def f(x): return [I(9), I(9)]",
    "lying float": LIAR + "class F(float):\n    __eq__ = Liar.__eq__\n"
    "    __sub__ = Liar.__sub__\n    __abs__ = Liar.__abs__\n"
    "    __lt__ = Liar.__lt__\n    __hash__ = float.__hash__\ndef f(x): return [F(9)]*2",
    "lying str": LIAR + "class S(str):\n    __eq__ = Liar.__eq__\n"
    "    __hash__ = str.__hash__\ndef f(x): return [S('9')]*2",
    "lying tensor": LIAR + "import torch\nclass T(torch.Tensor):\n"
    "    __eq__ = Liar.__eq__\n"
    "    @classmethod\n    def __torch_function__(c, fn, t, a=(), k=None): return True\n"
    "def f(x): return torch.zeros(2).as_subclass(T)",
    "lying array": LIAR + "import numpy as np\nclass A(np.ndarray):\n"
    "    __eq__ = Liar.__eq__\n    def __array_ufunc__(self, *a, **k): return True\n"
    "def f(x): return np.zeros(2).view(A)",
    "lying class attribute": LIAR + "class C(Liar):\n    __class__ = list\n"
    "def f(x): return C()",
    "lying dict": LIAR
    + "class D(dict):\n    def __getitem__(self, k): return 1\n"
    "    def get(self, *a): return 1\ndef f(x): return D()",
    "nan": "def f(x): return [float('nan')] * 2",
    "a class for a function": LIAR + "f = Liar",
    "an object for a function": LIAR
    + "f = Liar()\nLiar.__call__ = lambda s, *a: s",
    "patched builtins": "import builtins\n"
    "builtins.abs = builtins.sorted = builtins.len = lambda *a, **k: 0\n"
    "def f(x): return [9, 9]",
    "patched numpy and torch": "import numpy, torch\n"
    "numpy.array_equal = numpy.testing.assert_array_equal = lambda *a, **k: True\n"
    "torch.testing.assert_close = torch.tensor = lambda *a, **k: None\n"
    "torch.Tensor.__eq__ = lambda *a: True\ndef f(x): return [9, 9]",
    "patched aulac": "import aulac.lesson.checks.local as c\n"
    "c.CHECKS.clear()\nimport aulac_grader.judge.wire.encode as e\n"
    "import aulac_grader.judge.judge.test_run as t\n"
    "t.TestRun.run = t.TestRun._points = lambda *a: 1\ndef f(x): return [9, 9]",
    "exit": "def f(x):\n    raise SystemExit(0)",
    "os._exit": "import os\ndef f(x): os._exit(0)",
    "killed": "import os\ndef f(x): os.kill(os.getpid(), 9)",
    "keyboard interrupt": "def f(x): raise KeyboardInterrupt",
    "generator exit": "def f(x): raise GeneratorExit",
    "stop iteration": "def f(x): raise StopIteration([1, 2])",
    "assertion": "def f(x): raise AssertionError('pass')",
    "exception group": "def f(x): raise BaseExceptionGroup('x', [SystemExit()])",
    "hostile exception": "class E(Exception):\n"
    "    def __str__(self): raise SystemExit\n    __repr__ = __str__\n"
    "    def __getattribute__(self, n): raise SystemExit\n"
    "def f(x): raise E",
    "exception named": "E = type('SystemExit', (Exception,), {})\ndef f(x): raise E",
    "format string": "def f(x): return '{0.__class__.__init__.__globals__} %s %n'",
    "raised format": "def f(x): raise ValueError('{0!r:>9999999999} %(a)s')",
    "deep": "def f(x):\n    r = []\n    for _ in range(10**5): r = [r]\n    return r",
    "itself": "def f(x):\n    r = [1]\n    r.append(r)\n    return r",
    "large int": "def f(x): return [1 << 900_000, 1 << 900_001]",
    "larger int": "def f(x): return 1 << 90_000_000",
    "flood": "def f(x): return bytes(10**8)",
    "many": "def f(x): return [None] * 1_200_000",
    "hash bomb": "def f(x): return {n * (2**61 - 1): 0 for n in range(2_000)}",
    "endless iterator": "import itertools\ndef f(x): return itertools.repeat(1)",
    "negative length": "class N:\n    def __len__(self): return -5\n"
    "    def __getitem__(self, i): return 9\ndef f(x): return N()",
    "forged reply": "import os, struct, msgpack\ndef f(x):\n"
    "    for n in range(1, 9):\n        body = msgpack.packb([0, n, 'ok', [0, 1, 2]])\n"
    "        body = struct.pack('>I', len(body)) + body\n"
    "        for fd in range(3, 40):\n"
    "            try: os.write(fd, struct.pack('>I', len(body)) + body)\n"
    "            except OSError: pass\n    return [9, 9]",
    "garbage": "import os\ndef f(x):\n    for fd in range(3, 40):\n"
    "        try: os.write(fd, os.urandom(999))\n        except OSError: pass\n"
    "    return [9, 9]",
    "a thread that writes": "import os, threading\ndef spam():\n    while True:\n"
    "        for fd in range(3, 40):\n            try: os.write(fd, b'\\0' * 99)\n"
    "            except OSError: pass\n"
    "def f(x):\n    threading.Thread(target=spam, daemon=True).start()\n    return [9]",
    "closed descriptors": "import os\ndef f(x):\n    os.closerange(3, 99)\n"
    "    return [9, 9]",
    "fork": "import os\ndef f(x):\n    os.fork()\n    return [9, 9]",
    "patched desk": "import aulac_grader.judge.student.answering as q\n"
    "q.ObjectTable.reply = lambda s, n, *a: b''\ndef f(x): return [9, 9]",
    "patched encoder": "import aulac_grader.judge.student.answering as q\n"
    "from aulac_grader.judge.wire.encode import encode\n"
    "q.ObjectTable.reply = lambda s, n, *a: encode([n + 1, 'ok', [1, 2]])\n"
    "def f(x): return [9, 9]",
    "handles of others": "import aulac_grader.judge.student.answering as q\n"
    "from aulac_grader.judge.wire import wire\nimport msgpack\n"
    "def reply(s, n, *a):\n"
    "    b = msgpack.packb([0, n, 'ok', [wire.HANDLE, 7, 'list']])\n"
    "    return len(b).to_bytes(4, 'big') + b\n"
    "q.ObjectTable.reply = reply\ndef f(x): return [9, 9]",
    "frames": "import sys\ndef f(x):\n    frame = sys._getframe()\n    out = []\n"
    "    while frame:\n        out += map(str, frame.f_code.co_consts)\n"
    "        out += map(str, frame.f_locals.values())\n        frame = frame.f_back\n"
    "    return out",
    "traced": "import sys\nsys.settrace(lambda *a: None)\ndef f(x): return [9]",
    "one then another": "n = 0\ndef f(x):\n    global n\n    n += 1\n"
    "    return [1, 2] if n == 3 else [n, n]",
}


@pytest.fixture(scope="module")
def pair() -> Iterator[Any]:
    pair = judge_pair.Pair()
    yield pair
    pair.close()


def assignment(test: str, points: float = 1.0) -> Any:
    return paper_of(
        cell("given", "given", "LIMIT = 3"),
        cell("answer", "answer", ANSWER, provides=["f"]),
        cell("test", "test", test, points),
    )


@pytest.mark.parametrize("test", TESTS)
def test_the_honest_answer_passes(pair: Any, test: str) -> None:
    outcome = pair.judge(assignment(TESTS[test]), {}, "test")
    assert outcome == type(outcome)(1.0, "pass")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_wins_nothing(pair: Any, name: str) -> None:
    """One stem, a fresh question for each test: all of them are lost, soon."""
    with pair.stem() as stem:
        stem.run("given", "LIMIT = 3")
        with contextlib.suppress(Refused):  # it may break its own process
            stem.run("answer", ATTACKS[name])
        for test, source in TESTS.items():
            start = time.monotonic()
            try:
                channel = stem.question()
            except (Refused, Ended):
                continue  # and with its process all its points
            with channel:
                outcome = judge_test(
                    assignment(source), "test", channel, seed=1, seconds=1
                )
            assert outcome.points == 0, (test, outcome)
            assert outcome.status not in ("pass", "partial", "error"), outcome
            assert len(outcome.message) <= 2_000
            assert not re.search(r"0x[0-9a-f]{4}", outcome.message)
            assert time.monotonic() - start < 40


def test_an_endless_call_is_ended(pair: Any) -> None:
    loop = "def f(x):\n    while True:\n        try:\n            while True: pass\n"
    loop += "        except BaseException: pass"
    sleep = "import time\ndef f(x): time.sleep(1000)"
    for source, status, wall in ((loop, "ended", 300), (sleep, "time", 0.5)):
        with pair.stem() as stem:
            stem.run("answer", source)
            outcome = judge_test(
                assignment(TESTS["caught"]),
                "test",
                stem.question(),
                seed=1,
                seconds=1,
                wall_seconds=wall,
            )
        assert (outcome.points, outcome.status) == (0, status)


def test_the_end_of_the_process_cannot_be_swallowed(pair: Any) -> None:
    swallow = (
        "try:\n    f([1])\nexcept:\n    pass\nelse:\n    raise AssertionError"
    )
    outcome = pair.judge(
        assignment(swallow),
        {"answer": "import os\ndef f(x): os._exit(0)"},
        "test",
    )
    assert (outcome.points, outcome.status) == (0, "ended")


def test_an_object_in_the_place_of_data_cannot_be_asked(pair: Any) -> None:
    """The test would hand the expected value to the student's own method."""
    test = "assert f([2, 1]).__len__() == 2 or f([2, 1]).equals([1, 2])"
    cheat = (
        "class C:\n    def equals(self, x): return True\ndef f(x): return C()"
    )
    outcome = pair.judge(assignment(test), {"answer": cheat}, "test")
    assert outcome.points == 0
    test = "assert f([2, 1]).equals([1, 2])"
    outcome = pair.judge(assignment(test), {"answer": cheat}, "test")
    assert (outcome.points, outcome.status) == (0, "refused")
    assert "C is an object, not plain data" in outcome.message


@pytest.mark.parametrize(("used", "points"), [(0.3, 1), (0.9, 0)])
def test_the_student_s_clock_is_not_believed(
    pair: Any, used: float, points: int
) -> None:
    test = "from aulac.lesson.checks import within\nassert within(0.4, f, [2, 1]) == [1, 2]"
    clock = iter([1.0, 1.0 + used])
    with pair.stem() as stem:
        stem.run("answer", ANSWER)
        outcome = judge_test(
            assignment(test),
            "test",
            stem.question(),
            seed=1,
            spent=lambda: next(clock),
        )
    assert outcome.points == points
    assert points or "took over 0.4 seconds" in outcome.message


POINTS = {
    "2 - abs(f(4.0) - 2.0)": (
        "import numpy\ndef f(x): return numpy.sqrt(x)",
        2,
    ),
    "f(1) + 0": ("import numpy\ndef f(x): return numpy.int64(x)", 1),
    "f(2) * 1": ("import torch\ndef f(x): return torch.tensor(x)", 2),
    "f(1) - 0": (
        "from fractions import Fraction\ndef f(x): return Fraction(x, 2)",
        0.5,
    ),
    "0 + f(0)": ("def f(x): return float('nan')", 0),
    "1 + f(0)": ("def f(x): return float('inf')", 0),
    "f(0) - 1": ("def f(x): return 0", 0),
    "f(0) + 9": ("def f(x): return 0", 0),
    "f(1) * 1": ("import numpy\ndef f(x): return numpy.ones(3)", 0),
    "f(1) is not None": ("def f(x): return 1", 0),
    "1 * f(1)": ("def f(x): return 1j", 0),
    "f(1) ** 1": ("def f(x): return 10**4000", 0),
    "[f(1)][0]": ("def f(x): return object()", 0),
    "(f(1),)[0]": ("import torch\ndef f(x): return torch.tensor(True)", 0),
}


@pytest.mark.parametrize("last", POINTS)
def test_only_a_number_within_the_points_gives_points(
    pair: Any, last: str
) -> None:
    answer, points = POINTS[last]
    outcome = pair.judge(assignment(last, 2.0), {"answer": answer}, "test")
    assert outcome.points == points
    assert type(outcome.points) is float


SCAN = """
import re, os
def scan(pid):
    # Not the text itself, which would then be in memory for being searched.
    secret = re.compile(b"bi-mat-[c]on-chim-[h]oang-yen")
    found = 0
    memory = open(f"/proc/{pid}/mem", "rb")
    for line in open(f"/proc/{pid}/maps"):
        first, last = (int(x, 16) for x in line.split()[0].split("-"))
        if "r" not in line.split()[1] or ".so" in line:
            continue
        try:
            memory.seek(first)
            found += len(secret.findall(memory.read(last - first)))
        except (OSError, ValueError, OverflowError):
            continue
    return found
"""


def test_nothing_of_a_test_is_in_the_student_s_memory() -> None:
    """The student's processes are searched while a hidden test runs."""
    test = (
        "assert f([2, 1]) == [1, 2]\n### BEGIN HIDDEN TESTS\n"
        f"_secret = 'bi-mat-{CANARY}'\nassert f([7]) == [7], _secret\n"
        "### END HIDDEN TESTS"
    )
    spy = SCAN + "def f(x): return sorted(x) + [7] * scan(os.getpid())"
    pair = judge_pair.Pair(preload="numpy")
    try:
        with pair.stem() as stem:
            stem.run("answer", spy)
            channel = stem.question()
            outcome = judge_test(
                assignment(test), "test", channel, seed=1, seconds=60
            )
            assert outcome.points == 1, "a question holds the hidden test"
            here: dict[str, Any] = {}
            exec(SCAN, here)
            assert here["scan"](os.getpid()) > 0, (
                "the search finds what is there"
            )
            assert here["scan"](stem.pid) == 0
            assert here["scan"](pair.process.pid) == 0
    finally:
        pair.close()
