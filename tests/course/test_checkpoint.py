"""Checkpoints: which are kept, what they carry, what a bad one says."""

from __future__ import annotations

import errno
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.course.small_run import (
    EVERY,
    PLAN,
    StopHereError,
    make,
    step_of,
    weights,
)

from aulac.train import TrainingError, train
from aulac.train.failure import disk_error


def test_the_last_checkpoints_and_the_best_are_kept(tmp_path):
    model, data = make(tmp_path)
    measured = iter([3.0, 1.0, 2.0, 0.5, 0.7, 0.6])
    plan = replace(EVERY, keep=3, best=True, validate_every=4)
    run = train(model, data, plan, tmp_path, validate=lambda m: next(measured))
    names = sorted(path.name for path in tmp_path.glob("*.pt"))
    wanted = [
        "best",
        "checkpoint-00000016",
        "checkpoint-00000020",
        "checkpoint",
    ]
    assert names == sorted(f"{name}.pt" for name in wanted)
    assert step_of(tmp_path / "best.pt") == 16
    assert [step_of(tmp_path / f"{name}.pt") for name in wanted[1:]] == [
        16,
        20,
        24,
    ]
    assert [r["validation"] for r in run.history] == [
        3.0,
        1.0,
        2.0,
        0.5,
        0.7,
        0.6,
    ]


def test_without_validation_the_smoothed_loss_is_the_score(tmp_path):
    model, data = make(tmp_path)
    train(model, data, replace(EVERY, best=True), tmp_path)
    assert step_of(tmp_path / "best.pt") == 24  # it fell all the way


def test_the_best_is_remembered_over_a_stop(tmp_path):
    plan = replace(EVERY, best=True, validate_every=8)
    model, data = make(tmp_path)
    train(
        model, data, replace(plan, steps=8), tmp_path, validate=lambda m: 1.0
    )
    train(*make(tmp_path), plan, tmp_path, validate=lambda m: 2.0)
    assert step_of(tmp_path / "best.pt") == 8
    assert step_of(tmp_path / "checkpoint.pt") == 24


def test_random_numbers_of_the_users_own_go_on_too(tmp_path):
    drawn: dict[str, list] = {"whole": [], "part": []}

    def draw(name, stop=None):
        def on_step(record):
            if record["step"] == stop:
                raise StopHereError
            numbers = (random.random(), float(np.random.rand()))
            drawn[name].append((*numbers, float(torch.rand(()))))

        random.seed(1)
        np.random.seed(1)
        return on_step

    train(*make(tmp_path), EVERY, tmp_path / "a", on_step=draw("whole"))
    with pytest.raises(StopHereError):
        train(*make(tmp_path), EVERY, tmp_path / "b", draw("part", stop=12))
    train(*make(tmp_path), EVERY, tmp_path / "b", draw("part"))
    # saved before on_step 12 drew, and that one is not called again
    assert drawn["part"][-3:] == drawn["whole"][2:5]


def test_checkpoint_of_another_plan_is_refused(tmp_path):
    model, data = make(tmp_path)
    train(model, data, PLAN, tmp_path)
    with pytest.raises(
        TrainingError, match=r"adam_lr 0\.008 -> 0\.5"
    ) as caught:
        train(model, data, replace(PLAN, adam_lr=0.5), tmp_path)
    assert "thư mục khác" in caught.value.vi


def test_a_setting_that_is_newer_than_the_checkpoint_has_its_default(tmp_path):
    model, data = make(tmp_path)
    train(model, data, replace(PLAN, steps=4, decay=1.0), tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del saved["key"]["plan"]["packed"], saved["key"]["model"]["tied"]
    torch.save(saved, tmp_path / "checkpoint.pt")
    train(model, data, replace(PLAN, steps=8, decay=1.0), tmp_path)
    plan = replace(PLAN, steps=8, decay=1.0, packed=True)
    with pytest.raises(TrainingError, match="packed False -> True"):
        train(model, data, plan, tmp_path)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, capsys):
    whole, data = make(tmp_path)
    train(whole, data, EVERY)
    model, data = make(tmp_path)
    train(model, data, replace(EVERY, steps=16, decay=0.75, keep=2), tmp_path)
    newest = tmp_path / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:-200])
    again, data = make(tmp_path, seed=5)
    capsys.readouterr()
    plan = replace(EVERY, steps=16, decay=0.75, keep=2)
    run = train(again, data, plan, tmp_path)
    said = capsys.readouterr().err
    assert "checkpoint.pt is not a checkpoint, or was damaged" in said
    assert "bước 12 trên 16" in said and "at step 12 of 16" in said
    assert weights(again) == weights(model)
    assert [r["step"] for r in run.history] == [4, 8, 12, 16]
    assert step_of(tmp_path / "checkpoint-00000012.pt") == 12
    for path in tmp_path.glob("*.pt"):
        path.write_bytes(b"no")
    with pytest.raises(TrainingError, match="delete it to go on") as caught:
        train(again, data, plan, tmp_path)
    assert "đã hỏng" in caught.value.vi


def test_a_full_disk_and_a_closed_door_are_sentences(tmp_path, monkeypatch):
    full = disk_error(
        tmp_path, OSError(errno.ENOSPC, "No space left on device")
    )
    assert "no disk space" in str(full) and "hết chỗ" in full.vi
    words = OSError("No space left on device (os error 28)")  # no number
    assert str(disk_error(tmp_path, words)) == str(full)
    large = disk_error(tmp_path, OSError(errno.EFBIG, "File too large"))
    assert "larger than a file may be" in str(large) and "cỡ tệp" in large.vi
    (tmp_path / "file").write_text("")
    model, data = make(tmp_path)
    with pytest.raises(TrainingError, match="cannot write"):
        train(model, data, PLAN, tmp_path / "file" / "run")

    def no_space(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    train(model, data, replace(PLAN, steps=5), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    monkeypatch.setattr("aulac.train.checkpoint.torch.save", no_space)
    with pytest.raises(TrainingError, match="no disk space"):
        train(model, data, replace(PLAN, steps=10), tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_disk_that_fills_inside_a_checkpoint_is_a_sentence(
    tmp_path, monkeypatch
):
    """As torch tells it: from its archive, not as an OSError."""
    model, data = make(tmp_path)
    train(model, data, replace(PLAN, steps=5), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()

    def half(state, file):
        file.write(b"half")
        raise RuntimeError("[enforce fail] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(TrainingError, match="no disk space left"):
        train(model, data, PLAN, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before
    assert not list((tmp_path / "run").glob("*.part"))
