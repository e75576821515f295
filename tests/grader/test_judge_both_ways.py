"""The same test cells in the student's own process and in the judge's.

Each row is a test cell and answers to it, right and wrong: what a student sees when
they run the cell is what the grader sees.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aulac_grader.author.assignment.run import run_cells

_spec = importlib.util.spec_from_file_location(
    "judge_pair", Path(__file__).with_name("judge_pair.py")
)
assert _spec and _spec.loader
judge_pair = importlib.util.module_from_spec(_spec)
sys.modules["judge_pair"] = judge_pair
_spec.loader.exec_module(judge_pair)
cell, paper_of = judge_pair.cell, judge_pair.paper_of

GIVEN = """\
import torch
from aulac.lesson.checks import changed, listed, picture, pixels, printed, probe
from aulac.lesson.checks import raises, within
"""

# name -> (what is provided, the test, {answer: passes})
ROWS: dict[str, tuple[str, str, dict[str, bool]]] = {
    "values": (
        "mean",
        "assert abs(mean([1, 2, 3]) - 2) < 1e-9\nassert mean([5]) == 5",
        {
            "def mean(x): return sum(x) / len(x)": True,
            "import numpy as np\ndef mean(x): return np.mean(x)": True,
            "def mean(x): return torch.tensor(x).float().mean()": True,
            "mean = lambda x: sum(x) / len(x)": True,
            "from statistics import mean": True,
            "from fractions import Fraction\n"
            "def mean(x): return Fraction(sum(x), len(x))": True,
            "def mean(x): return sum(x) // 3": False,
            "def mean(x): return str(sum(x) / len(x))": False,
            "def mean(x): return None": False,
            "def mean(x): raise ValueError": False,
            "x = 1": False,
            "mean = 2": False,
        },
    ),
    "structures": (
        "count",
        "got = count('a b a')\n"
        "assert got == {'a': 2, 'b': 1}\n"
        "assert list(got) == ['a', 'b'] and got.get('c', 0) == 0\n"
        "for word, n in got.items():\n    assert n in (1, 2)",
        {
            "def count(s):\n    d = {}\n    for w in s.split():\n"
            "        d[w] = d.get(w, 0) + 1\n    return d": True,
            "from collections import Counter\n"
            "def count(s): return Counter(s.split())": True,
            "from collections import defaultdict\ndef count(s):\n"
            "    d = defaultdict(int)\n    for w in s.split(): d[w] += 1\n"
            "    return d": True,
            "def count(s): return {w: 1 for w in s.split()}": False,
            "def count(s): return list(s)": False,
        },
    ),
    "module": (
        "Attention",
        """\
torch.manual_seed(0)
x = torch.randn(2, 5, 8)
m = Attention(8)
y = m(x)
assert y.shape == (2, 5, 8)
W = m.state_dict()["q.weight"]
want = torch.softmax((x @ W.T) @ x.transpose(-1, -2) / 8 ** 0.5, -1) @ x
torch.testing.assert_close(y, want)
g = probe("m(x).sum().backward(); {n: p.grad for n, p in m.named_parameters()}",
          m=m, x=x)
assert set(g) == {"q.weight"} and g["q.weight"].shape == (8, 8)
assert g["q.weight"].abs().sum() > 0
assert sum(p.numel() for p in m.parameters()) == 64
assert torch.equal(m.q.weight, W)
loss = torch.nn.functional.mse_loss(y, x)
assert loss.item() > 0
""",
        {
            (
                right := """\
class Attention(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q = torch.nn.Linear(width, width, bias=False)

    def forward(self, x):
        scores = self.q(x) @ x.transpose(-1, -2) / x.shape[-1] ** 0.5
        return torch.softmax(scores, -1) @ x
"""
            ): True,
            right.replace(" / x.shape[-1] ** 0.5", ""): False,
            right.replace("bias=False", "bias=True"): False,
            right.replace("@ x\n", "@ x.detach()\n").replace(
                "self.q(x)", "self.q(x).detach()"
            ): False,
            "def Attention(width):\n    return lambda x: x": False,
        },
    ),
    "generator": (
        "evens",
        "it = evens()\nassert next(it) == 0\nassert next(it) == 2\n"
        "assert listed(evens(), 3) == [0, 2, 4]\n"
        "for n in evens():\n    if n > 8:\n        break\nassert n == 10",
        {
            "import itertools\ndef evens(): return itertools.count(0, 2)": True,
            "def evens():\n    n = 0\n    while True:\n        yield n\n"
            "        n += 2": True,
            "class E:\n    n = -2\n    def __iter__(self): return self\n"
            "    def __next__(self):\n        self.n += 2\n        return self.n\n"
            "evens = E": True,
            "def evens(): return [0, 2, 4]": False,
            "def evens(): yield from [0, 2]": False,
        },
    ),
    "ends": (
        "three",
        "assert list(three()) == [1, 2, 3]\nassert sum(three()) == 6\n"
        "assert [*map(str, three())] == ['1', '2', '3']",
        {
            "def three(): yield from [1, 2, 3]": True,
            "def three(): return [1, 2, 3]": True,
            "def three(): return (1, 2, 3)": True,
            "def three(): return range(1, 4)": True,
            "def three(): return map(int, '123')": True,
            "def three(): yield from [1, 2]": False,
        },
    ),
    "printing": (
        "greet",
        "assert printed(greet, 'An').strip() == 'Chào An!'\n"
        "assert printed(greet, name='Bình').strip() == 'Chào Bình!'",
        {
            "def greet(name): print(f'Chào {name}!')": True,
            "import sys\ndef greet(name): sys.stdout.write(f'Chào {name}!')": True,
            "def greet(name): return f'Chào {name}!'": False,
            "def greet(name): print(f'Chào, {name}!')": False,
        },
    ),
    "plotting": (
        "draw",
        "png = picture(draw, [1, 3, 2])\nimage = pixels(png)\n"
        "assert image.shape[2] == 4\nassert (image[..., :3] < 128).any()",
        {
            "import matplotlib.pyplot as plt\ndef draw(x): plt.plot(x)": True,
            "import matplotlib.pyplot as plt\ndef draw(x):\n"
            "    fig, ax = plt.subplots()\n    ax.bar(range(3), x)\n"
            "    return ax": True,
            "from matplotlib.figure import Figure\ndef draw(x):\n"
            "    f = Figure()\n    f.add_subplot().plot(x)\n    return f": True,
            "def draw(x): return x": False,
        },
    ),
    "class": (
        "Stack",
        "s = Stack()\nassert len(s) == 0 and not s\ns.push(1)\ns.push(2)\n"
        "assert len(s) == 2 and s\nassert s.top == 2\nassert s.pop() == 2\n"
        "assert s[0] == 1\nassert list(s) == [1]\n"
        "assert str(s) == 'Stack(1)' and f'{s}' == 'Stack(1)'\n"
        "assert raises(IndexError, Stack().pop) == 'empty'",
        {
            (
                stack := """\
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    @property
    def top(self): return self.items[-1]
    def pop(self):
        if not self.items: raise IndexError("empty")
        return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __repr__(self): return "Stack(" + ", ".join(map(str, self)) + ")"
"""
            ): True,
            stack.replace("    def __len__", "    def length"): False,
            stack.replace(".pop()\n", ".pop(0)\n"): False,
            stack.replace('IndexError("empty")', 'KeyError("empty")'): False,
            stack.replace("    @property\n", ""): False,
            stack.replace("self.items = []", "pass").replace(
                "class Stack:", "class Stack:\n    items = []"
            ): False,
        },
    ),
    "exceptions": (
        "half",
        "assert 'lẻ' in raises(ValueError, half, 3)\nassert half(4) == 2\n"
        "try:\n    half('a')\nexcept (TypeError, ValueError) as error:\n"
        "    assert error.args\nelse:\n    raise AssertionError('no error')",
        {
            "def half(n):\n    if n % 2: raise ValueError(f'{n} lẻ')\n"
            "    return n // 2": True,
            "class Odd(ValueError): pass\ndef half(n):\n"
            "    if n % 2: raise Odd('số lẻ')\n    return n // 2": True,
            "def half(n):\n    if n % 2: raise KeyError('lẻ')\n"
            "    return n // 2": False,
            "def half(n): return n // 2": False,
            "def half(n):\n    if n % 2: raise ValueError\n    return n // 2": False,
        },
    ),
    "in place": (
        "tidy",
        "row = [3, 1, 2]\n(after,) = changed(tidy, row)\nassert after == [1, 2, 3]\n"
        "assert row == [3, 1, 2]",
        {
            "def tidy(x): x.sort()": True,
            "def tidy(x): x[:] = sorted(x)\n": True,
            "def tidy(x): return sorted(x)": False,
        },
    ),
    "time limit": (
        "fib",
        "assert within(0.3, fib, 30) == 832040",
        {
            "def fib(n):\n    a, b = 0, 1\n    for _ in range(n): a, b = b, a + b\n"
            "    return a": True,
            "def fib(n):\n    while True: pass": False,
            "def fib(n):\n    try:\n        while True: pass\n"
            "    except Exception: return 832040": False,
        },
    ),
    "functions of functions": (
        "adder",
        "add = adder(2)\nassert add(3) == 5\nassert adder('a')('b') == 'ab'\n"
        "assert sorted([3, 1, 2], key=adder(0)) == [1, 2, 3]",
        {
            "def adder(n): return lambda m: n + m": True,
            "class adder:\n    def __init__(self, n): self.n = n\n"
            "    def __call__(self, m): return self.n + m": True,
            "def adder(n): return n": False,
        },
    ),
    "constants": (
        "TABLE",
        "assert TABLE['a'] == 1 and len(TABLE) == 2\nassert TABLE == {'a': 1, 'b': 2}",
        {
            "TABLE = {'a': 1, 'b': 2}": True,
            "TABLE = dict(zip('ab', (1, 2)))": True,
            "TABLE = {'a': 1}": False,
        },
    ),
    "dtypes": (
        "cast",
        "x = cast(torch.ones(2), torch.bfloat16)\nassert x.dtype == torch.bfloat16\n"
        "assert x.sum() == 2\nassert cast(torch.eye(2), torch.bool).sum() == 2",
        {
            "def cast(x, dtype): return x.to(dtype)": True,
            "def cast(x, dtype): return x": False,
        },
    ),
}
CASES = [
    pytest.param(name, answer, passes, id=f"{name}-{number}")
    for name, (_, _, answers) in ROWS.items()
    for number, (answer, passes) in enumerate(answers.items())
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Any]:
    pair = judge_pair.Pair()
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def verdicts_here() -> dict[tuple[str, str], bool]:
    """What each test cell says in the process where the answer is, all in one run."""
    cells = [("given", GIVEN)]
    wanted = []
    for name, (provided, test, answers) in ROWS.items():
        for answer in answers:
            cells += [
                ("forget", f"globals().pop({provided!r}, None)"),
                ("answer", answer),
                ("test", test),
            ]
            wanted.append((name, answer))
    reports = run_cells(cells, seconds=60)[3::3]
    return {
        key: report["error"] is None
        for key, report in zip(wanted, reports, strict=True)
    }


@pytest.mark.parametrize(("name", "answer", "passes"), CASES)
def test_a_test_says_the_same_here_and_there(
    pair: Any,
    verdicts_here: dict[tuple[str, str], bool],
    name: str,
    answer: str,
    passes: bool,
) -> None:
    provided, test, _ = ROWS[name]
    assert verdicts_here[name, answer] is passes
    assignment = paper_of(
        cell("given", "given", GIVEN),
        cell("answer", "answer", answer, provides=[provided]),
        cell("test", "test", test),
    )
    outcome = pair.judge(assignment, {}, "test", seconds=20)
    assert (outcome.points == 1) is passes, outcome
    assert outcome.status in ("pass", "fail", "refused")
    assert outcome.visible_failed is not passes
