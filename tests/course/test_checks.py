"""What test cells may use besides assert, in the student's own process."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aulac.lesson.checks import (
    artefact,
    changed,
    close,
    listed,
    picture,
    pixels,
    printed,
    probe,
    raises,
    within,
)


def test_the_checks_need_no_torch_and_no_grader() -> None:
    code = (
        "import sys, aulac.lesson.checks\n"
        "print([m for m in ('torch', 'numpy', 'PIL', 'aulac_grader', 'matplotlib') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_listed_takes_as_many_items_as_asked_for() -> None:
    assert listed(itertools.count(), 3) == [0, 1, 2]
    assert listed(iter("ab")) == ["a", "b"]
    assert len(listed(itertools.repeat(1))) == 1000


def test_printed_is_what_a_call_prints() -> None:
    assert printed(print, "xin", "chào", sep="-") == "xin-chào\n"
    assert printed(len, "abc") == ""


def test_changed_gives_copies_of_the_arguments() -> None:
    row, table = [3, 1], {"a": [1]}

    def tidy(items: list, by: dict, *, last: int) -> None:
        items.sort()
        items.append(last)
        by["a"].clear()

    assert changed(tidy, row, table, last=9) == ([1, 3, 9], {"a": []})
    assert (row, table) == ([3, 1], {"a": [1]})
    (tensor,) = changed(lambda x: x.add_(1), torch.zeros(2))
    assert tensor.tolist() == [1, 1]


def test_raises_gives_the_message_and_wants_the_error() -> None:
    assert "invalid literal" in raises(ValueError, int, "x")
    with pytest.raises(AssertionError, match="must raise ValueError"):
        raises(ValueError, int, "3")
    with pytest.raises(TypeError):
        raises(ValueError, int, None)


def test_within_wants_an_answer_in_time() -> None:
    assert within(5, sum, [1, 2]) == 3
    assert within(5, int, "12", base=3) == 5

    def loop() -> None:
        while True:
            pass

    def stubborn() -> int:
        with contextlib.suppress(Exception):
            loop()
        return 1

    for function in (loop, stubborn):
        with pytest.raises(TimeoutError, match="took over"):
            within(0.1, function)
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_probe_runs_where_the_names_are() -> None:
    model = torch.nn.Linear(2, 1)
    code = "loss = model(x).sum()\nloss.backward()\nmodel.weight.grad"
    assert probe(code, model=model, x=torch.ones(3, 2)).tolist() == [[3, 3]]
    assert probe("x = 1") is None
    assert probe("code", code=5) == 5
    main: Any = sys.modules["__main__"]
    main.seen_by_probe = 4
    try:
        assert probe("seen_by_probe += 1; seen_by_probe") == 5
        assert main.seen_by_probe == 4, "what a probe binds is gone afterwards"
    finally:
        del main.seen_by_probe


def test_a_picture_is_the_figure_that_a_call_draws() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    def returned() -> Figure:
        figure = Figure(figsize=(2, 1), facecolor="red")
        plt.figure()
        return figure

    image = pixels(picture(returned))
    assert image.shape == (100, 200, 4)
    assert image[0, 0].tolist() == [255, 0, 0, 255]
    assert pixels(picture(plt.plot, [1, 2])).shape[2] == 4
    assert pixels(picture(lambda: plt.subplots()[1])).shape[2] == 4
    assert plt.get_fignums() == []
    with pytest.raises(AssertionError, match="draws no figure"):
        picture(len, "abc")
    with pytest.raises(ValueError, match="not a PNG"):
        pixels(b"GIF89a")


def test_an_artefact_is_read_from_the_working_folder(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", np.arange(3))
    assert artefact("p.npy").tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="no such file"):
        artefact("q.npy")
    with pytest.raises(ValueError, match="over 1e-05 MB"):
        artefact("p.npy", max_mb=0.00001)


@pytest.mark.parametrize(
    ("got", "want", "is_close"),
    [
        *((0.1 + 0.2, 0.3, True), (1, 1.0, True), (1, 1.1, False)),
        *(([1.0, 2.0], (1, 2), True), ([[1]], [1], False), ([], [1], False)),
        *((np.empty(0), 3.0, False), (np.empty((0, 4)), np.ones(4), False)),
        *((np.ones(3), np.ones((1, 3)), False), (torch.ones(2), [1, 1], True)),
        *((torch.ones(2, requires_grad=True), np.ones(2), True),),
        *((torch.ones(2, dtype=torch.bfloat16), [1, 1], True),),
        *(
            (float("nan"), float("nan"), False),
            (None, 1, False),
            ("1", 1, False),
        ),
        *(
            ([[1], [2, 3]], [[1], [2]], False),
            (float("inf"), float("inf"), True),
        ),
        *(
            (1 + 1e-9j, 1, True),
            ([NotImplemented], [1], False),
            (True, 1, True),
        ),
    ],
    ids=str,
)
def test_close_wants_the_same_shape(
    got: Any, want: Any, is_close: bool
) -> None:
    assert close(got, want) is is_close


@given(st.lists(st.floats(-1e9, 1e9), max_size=5), st.floats(-1e-7, 1e-7))
def test_close_forgives_rounding(row: list[float], error: float) -> None:
    assert close([x * (1 + error) for x in row], row)
    assert not close([*row, 1.0], row)
