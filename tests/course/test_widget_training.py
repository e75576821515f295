"""Training as one watches it."""

import pytest

from aulac.lesson.widgets import training
from aulac.lesson.widgets.training import Training, loss_table, said_html


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(
        training,
        "show",
        lambda thing, **kw: seen.append((kw.get("slot"), thing, kw)),
    )
    return seen


def run(view, steps=100):
    for step in range(10, steps + 1, 10):
        view(
            {
                "step": step,
                "steps": steps,
                "loss": 8 - step / 20,
                "seconds": step / 5,
            }
        )


def test_a_verify_run_draws_once_and_keeps_every_sample(shown, monkeypatch):
    monkeypatch.setenv("AULAC_STATIC", "1")
    texts = iter(["a", "b", "<c>", "d"])
    view = Training(lambda: next(texts), moments=(0.1, 0.5, 1.0))
    view.before()
    shown.clear()
    run(view)
    slots = [slot for slot, *_ in shown]
    assert slots == ["training-curve", "training-said"]
    assert [(step, text) for step, _, text in view.said] == [
        (0, "a"),
        (10, "b"),
        (50, "<c>"),
        (100, "d"),
    ]
    assert "&lt;c&gt;" in shown[1][1]
    assert "từ 7,5 ở bước 10 đến 3" in shown[0][2]["alt"]["vi"]


def test_a_live_notebook_sees_the_curve_grow(shown, monkeypatch):
    monkeypatch.setenv("AULAC_STATIC", "0")
    view = Training(moments=(), every=5)
    run(view)
    assert [slot for slot, *_ in shown] == ["training-curve"] * 4
    assert not view.said


def test_the_table_twin_has_first_and_last_step(shown):
    view = Training()
    run(view, 500)
    table = loss_table(view.records)
    assert len(table) == 9
    assert table[1][0] == 10
    assert table[-1][0] == 500
    assert loss_table(view.records[:1])[1][0] == 10


def test_what_was_said_is_escaped():
    assert "<b>" not in said_html([(0, 0.0, "<b>")])


def test_what_the_run_measures_is_shown_where_it_is_there(shown):
    plain, full = Training(), Training()
    run(plain)
    for record in plain.records:
        more = {"tokens_per_second": 1234.5, "mfu": 0.4321}
        if record["step"] % 50 == 0:
            more["validation"] = 3 - record["step"] / 100
        full(record | more)
    assert [len(row) for row in loss_table(plain.records)] == [3] * 9
    table = loss_table(full.records)
    assert ("MFU, %", "MFU, %") in table[0] and len(table[0]) == 6
    assert table[1][2] == "" and table[-1][2] == 2.0
    assert table[-1][-2:] == [1234, 43]
    told = training.described(full.records)
    assert "2 bits per byte" in told["en"] and "bit mỗi byte" in told["vi"]
    assert "held" not in training.described(plain.records)["en"]
    figure = training.loss_figure(full.records)
    assert len(figure.axes) == 2  # the loss, and held-out text
    assert "1,234 token/s, MFU 43%" in figure.axes[0].get_title(loc="right")
    assert len(training.loss_figure(plain.records).axes) == 1
