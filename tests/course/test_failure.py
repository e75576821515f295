"""A run that fails says what happened, what is left and what to try."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.course.small_run import EVERY, PLAN, Foreign, make

from aulac.train import TrainingError, train
from aulac.train.failure import RISE, Guard


def test_divergence_ends_in_a_sentence_and_keeps_the_checkpoint(tmp_path):
    model, data = make(tmp_path)

    def poison(record):
        if record["step"] == 12:
            model.embed.weight.data[0] = float("nan")

    plan = replace(PLAN, checkpoint_every=4)
    with pytest.raises(
        TrainingError, match=r"diverged.*\(step 12\).*lower the learning"
    ) as caught:
        train(model, data, plan, tmp_path, on_step=poison)
    assert "phân kỳ" in caught.value.vi and "(bước 12)" in caught.value.vi
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(torch.isfinite(w).all() for w in saved["model"].values())


def told():
    return {"vi": "Điểm lưu X.", "en": "Checkpoint X."}


def follow(losses, plan=PLAN, **options):
    guard = Guard(plan, told)
    for number, loss in enumerate(losses):
        record = {"step": 10 * (number + 1), "loss": loss, "norm": 1.0}
        guard(record | options)


def test_a_loss_that_rises_too_far_is_divergence():
    plan = replace(PLAN, steps=1000, warmup=0.1)
    good = [6.0, 5.0, 4.0, 3.0] * 2 + [2.5] * 10
    follow([*good, 5.0, 2.5, 4.5, 2.5, 4.0])  # outliers are not
    follow([1.0, *[9.0] * 9], plan)  # nor is what happens in the warm-up
    with pytest.raises(TrainingError, match="has risen from 2") as caught:
        follow([*good, *[2.5 + RISE + 1] * 9], plan)
    said = (str(caught.value), caught.value.vi)
    assert "Checkpoint X. Try, in this order: (1)" in said[0]
    assert "Điểm lưu X. Hãy thử lần lượt: (1)" in said[1]


def test_a_run_that_goes_on_remembers_its_best_loss(tmp_path):
    model, data = make(tmp_path)
    run = train(model, data, replace(PLAN, steps=12, decay=1.0), tmp_path)
    guard = Guard(PLAN, told, run.history)
    fresh = Guard(PLAN, told)
    for record in run.history:
        fresh(record)
    assert (guard.best, guard.smoothed) == (fresh.best, fresh.smoothed)


def test_fp16_may_overflow_at_times_but_not_for_ever():
    guard = Guard(PLAN, told)
    record = {"step": 10, "loss": 3.0, "norm": float("inf")}
    guard(record, scale=32768.0)
    with pytest.raises(TrainingError, match="diverged"):
        guard(record)  # without scaling there is nothing to wait for
    with pytest.raises(TrainingError, match="fp16 overflows") as caught:
        guard(record, scale=0.5)
    assert "tràn số" in caught.value.vi


def test_a_lack_of_memory_says_what_to_try(tmp_path):
    model, data = make(tmp_path)
    train(model, data, replace(EVERY, steps=4, decay=1.0), tmp_path)

    class Greedy(Foreign):
        def __next__(self):
            return torch.empty(2**50), None

    plan = replace(EVERY, steps=8, decay=1.0)
    with pytest.raises(TrainingError, match="the machine's memory") as caught:
        train(model, Greedy(data), plan, tmp_path)
    for said in (str(caught.value), caught.value.vi):
        assert str(tmp_path / "checkpoint.pt") in said and "(1)" in said
    assert "step 4" in str(caught.value) and "accumulation 2" in str(
        caught.value
    )

    class Card(Foreign):
        def __next__(self):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(TrainingError, match="the GPU's memory is full"):
        train(model, Card(data), PLAN)
