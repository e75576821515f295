"""The same submitted code earns the same marks: again, side by side, and on a busy machine."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aulac_grader.judge.control.marking import Marks, mark
from aulac_grader.judge.control.warm_parents import WarmParents

pytestmark = pytest.mark.slow

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
RANDOM = (
    "import random, os\n"
    "print(random.random(), hash('một'), {'b', 'a', 'c'}, object())\n"
    "print(sorted(os.environ), os.getpid(), os.listdir('.'))\n"
)
SHEETS = {
    "right": sample.code(),
    "random": sample.code(before={"a-squares": RANDOM}),
    "wrong": sample.code({"a-double": "def double(x): return object()"}),
    "dies": sample.code(
        {"a-double": "import os\ndef double(x): os._exit(1)"},
        before={"given": "import os; os._exit(1)"},
    ),
    "kills": sample.code(
        {"a-double": "import os\ndef double(x): os.kill(os.getppid(), 9)"}
    ),
    "grows": sample.code(
        {
            "a-double": "def double(x): return len([bytearray(1 << 20)] * 5 + "
            "[bytearray(1 << 20) for _ in range(400)])"
        },
        before={"given": "x = [bytearray(1 << 20) for _ in range(400)]"},
    ),
    "loops": sample.code(before={"a-double": "while True: pass"}),
}


def all_marks(parents: WarmParents) -> list[Marks]:
    return [
        mark(ASSIGNMENT, submitted, sample.SEEDS, parents)
        for submitted in SHEETS.values()
    ]


@pytest.fixture(scope="module")
def first() -> list[Marks]:
    with WarmParents(sample.LIMITS) as parents:
        return all_marks(parents)


def test_the_sheets_differ_as_they_should(first: list[Marks]) -> None:
    points = dict(zip(SHEETS, (marks.points for marks in first), strict=True))
    assert points == {
        **dict.fromkeys(("right", "random", "loops"), sample.FULL),
        **dict.fromkeys(("wrong", "dies", "kills", "grows"), 4),
    }


def test_other_parents_give_the_same_marks(first: list[Marks]) -> None:
    with WarmParents(sample.LIMITS) as parents:
        assert all_marks(parents) == first


def test_side_by_side_on_a_busy_machine(first: list[Marks]) -> None:
    def one(_: int) -> list[Marks]:
        with WarmParents(sample.LIMITS) as parents:
            return all_marks(parents)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(one, range(3))) == [first] * 3
