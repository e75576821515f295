"""Marks for answers that are right, wrong, half right and clumsy."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from aulac_grader.judge.control.marking import mark
from aulac_grader.judge.control.warm_parents import WarmParents

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


def marks_of(parents: WarmParents, answers=None, **more):
    return mark(
        ASSIGNMENT, sample.code(answers, **more), sample.SEEDS, parents
    )


# -- points ----------------------------------------------------------------------------


def test_right_answers_earn_everything_in_one_box(
    parents: WarmParents,
) -> None:
    marks = marks_of(parents)
    assert marks.points == marks.max_points == sample.FULL
    assert {test.status for test in marks.tests} == {"pass"}
    assert {cell.status for cell in marks.cells} == {"ok"}
    assert [test.id for test in marks.tests] == list(sample.SEEDS)
    assert marks.measures["boxes"] == 1
    assert marks.tier["sandboxed"] is True


def test_a_wrong_answer_loses_its_tests_and_no_other(
    parents: WarmParents,
) -> None:
    marks = marks_of(parents, {"a-double": "def double(x): return x + 1"})
    assert [test.points for test in marks.tests] == [0, 0, 3, 1]
    seen = sample.part(marks, "t-visible")
    assert seen.visible_failed and "double(10) = 11" in seen.message


def test_what_a_hidden_test_says_is_not_for_the_student(
    parents: WarmParents,
) -> None:
    answer = "def double(x): return {1: 2, 10: 20}.get(x)"
    marks = marks_of(parents, {"a-double": answer})
    hidden = sample.part(marks, "t-hidden")
    assert (hidden.points, hidden.status) == (0, "fail")
    assert not hidden.visible_failed


def test_points_in_part(parents: WarmParents) -> None:
    marks = marks_of(parents, {"a-squares": "def squares(n): return [0, 1]"})
    partial = sample.part(marks, "t-partial")
    assert (partial.points, partial.status) == (1, "partial")
    assert (
        not partial.visible_failed
    )  # nobody said what the visible part can give
    assert sample.part(marks, "t-file").status == "fail"


@pytest.mark.parametrize(
    "answer",
    [
        "def double(x): raise ValueError('không được')",
        "raise ValueError('không được')",
        "def double(x) return 2 * x",
        "",
    ],
    ids=["raises", "cell-raises", "does-not-parse", "empty"],
)
def test_answers_that_fail_cost_their_own_points(
    parents: WarmParents, answer: str
) -> None:
    marks = marks_of(parents, {"a-double": answer})
    assert [test.points for test in marks.tests] == [0, 0, 3, 1]
    assert all(test.visible_failed for test in marks.tests[:2])
    broken = "a-double" if "double(x):" not in answer and answer else None
    for cell in marks.cells:
        assert cell.status == ("raised" if cell.id == broken else "ok")


# -- cells of the student's own --------------------------------------------------------


def test_scratch_cells_run_where_they_stand_and_cost_nothing(
    parents: WarmParents,
) -> None:
    extra = {
        "given": "print('đầu tiên')",
        "a-double": "exit()",
        "t-visible": "1 / 0",
        "a-squares": "print(double(4))",
        "t-file": "nonsense(",
    }
    marks = marks_of(parents, before=extra)
    assert marks.points == sample.FULL
    status = sample.statuses(marks)
    assert status["x-a-double"] == status["x-t-visible"] == "raised"
    assert "ZeroDivisionError" in sample.part(marks, "x-t-visible").error
    assert sample.part(marks, "x-given").printed == "đầu tiên\n"
    assert sample.part(marks, "x-a-squares").printed == "8\n"
    assert status["x-t-file"] == "raised"


def test_a_scratch_cell_may_change_what_comes_after_it(
    parents: WarmParents,
) -> None:
    extra = {"t-hidden": "def double(x): return 2.5 * x"}
    marks = marks_of(parents, before=extra)
    assert [test.points for test in marks.tests] == [1, 0, 3, 1]


def test_a_cell_that_forks_leaves_one_stem(parents: WarmParents) -> None:
    extra = {"a-double": "import os\npid = os.fork()"}
    assert marks_of(parents, before=extra).points == sample.FULL


def test_pictures_and_addresses(parents: WarmParents) -> None:
    drawn = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
        "print(object(), hex(31))"
    )
    marks = marks_of(parents, before={"t-file": drawn})
    cell = sample.part(marks, "x-t-file")
    assert [p[:4] for p in cell.pictures] == [b"\x89PNG"]
    assert "<object object at 0x…>" in cell.printed and "0x1f" in cell.printed


# -- files -----------------------------------------------------------------------------


def test_files_lie_in_the_working_folder(parents: WarmParents) -> None:
    files = (
        ("data/words.txt", "một hai".encode()),
        ("helper.py", b"def twice(x): return x + x"),
        ("../outside.txt", b"no"),
        ("/tmp/absolute.txt", b"no"),
    )
    source = (
        "import os\nfrom helper import twice\ndouble = twice\n"
        "print(open('data/words.txt').read(),"
        " *map(os.path.exists, ['/tmp/absolute.txt', '../outside.txt']))"
    )
    marks = marks_of(parents, {"a-double": source}, files=files)
    assert marks.points == sample.FULL
    assert sample.part(marks, "a-double").printed == ("một hai False False\n")


@pytest.mark.parametrize(
    "how",
    [
        "import os; os.mkfifo('note.txt')",
        "import os; os.symlink('/etc/passwd', 'note.txt')",
        "import os; os.mkdir('note.txt')",
        "open('note.txt', 'wb').truncate(60 << 20)",
        "open('note.txt', 'wb').write(bytes([255, 254, 0]))",
    ],
    ids=["pipe", "link", "folder", "huge", "not-text"],
)
def test_a_file_that_is_none_loses_its_test_only(
    parents: WarmParents, how: str
) -> None:
    squares = "def squares(n): return [k * k for k in range(n)]\n"
    marks = marks_of(parents, {"a-squares": squares + how})
    assert [test.points for test in marks.tests] == [1, 2, 3, 0]


def test_an_edited_file_is_read_as_it_is_at_its_test(
    parents: WarmParents,
) -> None:
    late = {"t-file": "_ = open('note.txt', 'w').write('sửa')"}
    assert marks_of(parents, before=late).points == sample.FULL - 1


# -- what does not belong together -----------------------------------------------------


def test_a_sheet_of_another_paper_is_refused(parents: WarmParents) -> None:
    other = sample.assignment(sample.CELLS[:3])
    with pytest.raises(
        ValueError, match="make the submitted code with `rebuild`"
    ):
        mark(other, sample.code(), sample.SEEDS, parents)


def test_marks_travel_as_plain_data(parents: WarmParents) -> None:
    import msgpack

    marks = marks_of(parents, before={"given": "print('x')"})
    packed = msgpack.packb(marks.to_plain())
    assert type(marks).from_plain(msgpack.unpackb(packed)) == marks
