"""The class that `benchmarks/grading.py` makes: the same each time, and gradable."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import nbformat
import pytest

from aulac_grader.grade.course.course import Course

_path = Path(__file__).parents[2] / "benchmarks" / "grading.py"
_spec = importlib.util.spec_from_file_location("benchmarks_grading", _path)
assert _spec and _spec.loader
bench = importlib.util.module_from_spec(_spec)
sys.modules["benchmarks_grading"] = bench  # its dataclasses look themselves up
_spec.loader.exec_module(bench)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    return bench.torch_class(tmp_path_factory.mktemp("bench") / "class", 40)


def test_the_class_has_its_shares_and_a_sample_has_them_too(made) -> None:
    assert bench.kinds(300) == bench.kinds(300)
    counted = {k: bench.kinds(300).count(k) for k in bench.SHARES}
    assert counted == {"right": 180, "wrong": 75, "slow": 30, "crashing": 15}
    chosen = bench.sample(made, 20)
    assert len(set(chosen)) == 20
    kind = dict(zip(made.students(), bench.kinds(40), strict=True))
    assert sorted(kind[s] for s in chosen) == sorted(bench.kinds(20))


def test_the_assignment_can_be_marked_by_us(made) -> None:
    assignment = Course.open(made.root).assignment(made.assignment)
    assert [test.id for test in assignment.tests] == list(bench.TESTS)
    assert [a.provides for a in assignment.answers] == [
        (name,) for name, _, _ in bench.ANSWERS.values()
    ]
    assert all("HIDDEN" not in test.visible for test in assignment.tests)


def test_right_answers_pass_the_tests_and_wrong_ones_do_not(made) -> None:
    def passed(student: str) -> bool:
        path = made.root / "submitted" / student / made.assignment
        book = nbformat.read(path / f"{made.assignment}.ipynb", 4)
        names: dict = {}
        try:
            for cell in book.cells:
                exec(cell.source, names)
        except AssertionError:
            return False
        return True

    kind = dict(zip(made.students(), bench.kinds(40), strict=True))
    first = {k: next(s for s in kind if kind[s] == k) for k in bench.SHARES}
    assert passed(first["right"]) and passed(first["slow"])
    assert not passed(first["wrong"])
