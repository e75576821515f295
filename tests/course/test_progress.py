"""What a run shows while it works, and how it hears that it should stop."""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from dataclasses import replace

import pytest
import torch
from tests.course.small_run import PLAN, Foreign, make, step_of, weights

from aulac.scale.curve import read_log
from aulac.train import TrainingError, progress, train
from aulac.train.checkpoint import exclusive


def test_a_log_line_cut_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"step": 1}) + '\n{"step": 2, "lo')
    assert read_log(path) == [{"step": 1}]
    path.write_bytes(b'\xe3\x00\n5\n{"a": 1}\n{"step": 3}\n')
    assert read_log(path) == [{"step": 3}]  # nor is what is no record


def test_it_says_what_it_chose_once_and_where_it_goes_on(tmp_path, capsys):
    progress.say_once.cache_clear()
    train(*make(tmp_path), replace(PLAN, steps=4, decay=1.0), tmp_path)
    assert capsys.readouterr().err.splitlines() == [
        "Độ chính xác fp32: CPU phải giả lập số 16 bit nên rất chậm.",
        "Precision fp32: a CPU emulates 16-bit formats slowly.",
    ]
    train(*make(tmp_path), replace(PLAN, steps=8, decay=1.0), tmp_path)
    assert capsys.readouterr().err.splitlines() == [
        "Tiếp tục từ điểm lưu ở bước 4 trên 8.",
        "Going on from the checkpoint at step 4 of 8.",
    ]
    train(*make(tmp_path), replace(PLAN, steps=8, decay=1.0), tmp_path)
    assert capsys.readouterr().err.splitlines() == [
        "Đã huấn luyện xong từ trước (8 bước); muốn đi tiếp thì tăng số bước.",
        "Training had ended before (8 steps); for more, ask for more steps.",
    ]


def test_tensorboard_gets_every_number(tmp_path, monkeypatch, capsys):
    written = []

    class Writer:
        def __init__(self, folder):
            written.append(folder)

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def close(self):
            written.append("closed")

    name = "torch.utils.tensorboard"
    fake = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, name, fake)
    run = train(*make(tmp_path), PLAN, tmp_path, tensorboard=True)
    assert written[0] == str(tmp_path / "tensorboard")
    assert written[-1] == "closed"
    assert ("loss", run.history[-1]["loss"], 24) in written
    monkeypatch.setitem(sys.modules, name, None)
    train(*make(tmp_path), PLAN, tensorboard=tmp_path / "board")
    assert "pip install tensorboard" in capsys.readouterr().err


def test_a_folder_in_use_is_refused(tmp_path):
    model, data = make(tmp_path)
    with (
        exclusive(tmp_path),
        pytest.raises(TrainingError, match="another proc") as e,
    ):
        train(model, data, PLAN, tmp_path)
    assert "một tiến trình khác" in e.value.vi
    train(model, data, PLAN, tmp_path)


def test_ctrl_c_waits_for_the_step_and_saves_it(tmp_path):
    model, data = make(tmp_path)
    whole, other = make(tmp_path)
    train(whole, other, PLAN)

    def interrupt(record):
        if record["step"] == 8:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(model, data, PLAN, tmp_path / "run", on_step=interrupt)
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 8
    again, data = make(tmp_path, seed=4)
    train(again, data, PLAN, tmp_path / "run")
    assert weights(again) == weights(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_step_not_for_the_record(tmp_path, number):
    whole, data = make(tmp_path)
    wanted = train(whole, data, PLAN, tmp_path / "whole")

    class Signalling(Foreign):
        left = 6

        def __next__(self):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), number)
            return super().__next__()

    model, data = make(tmp_path)
    ends = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    with pytest.raises(ends) as caught:
        train(model, Signalling(data), PLAN, tmp_path / "run")
    if number == signal.SIGTERM:
        assert caught.value.code == 143
    assert step_of(tmp_path / "run" / "checkpoint.pt") == 6
    again, data = make(tmp_path, seed=4)
    run = train(again, data, PLAN, tmp_path / "run")
    assert weights(again) == weights(whole)
    kept = [
        [(r["step"], r["loss"], r["tokens"]) for r in one.history]
        for one in (run, wanted)
    ]
    assert kept[0] == kept[1]
