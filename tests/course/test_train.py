"""The loop: it learns, repeats itself, and goes on where it was stopped."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from tests.course.small_run import PLAN, StopHereError, make, weights

from aulac.scale.curve import read_log
from aulac.train import schedule, train
from aulac.train.optim import optimisers


def test_it_learns_and_says_how(tmp_path):
    model, data = make(tmp_path)
    seen = []
    run = train(
        model, data, replace(PLAN, steps=60), tmp_path / "run", seen.append
    )
    assert run.loss < 0.5 * run.history[0]["loss"]
    assert seen == run.history == read_log(tmp_path / "run" / "log.jsonl")
    last = seen[-1]
    assert (last["step"], last["tokens"]) == (60, 60 * 4 * 16)
    assert last["tokens_per_second"] > 0 and run.seconds > 0
    assert not model.training


def test_the_loop_is_the_plain_loop_to_the_bit(tmp_path):
    """The whole of it in a dozen lines: defaults change no number."""
    model, data = make(tmp_path)
    train(model, data, PLAN)
    plain, data = make(tmp_path)
    opts = optimisers(plain, PLAN)
    for step in range(PLAN.steps):
        for group in (group for opt in opts for group in opt.param_groups):
            group["lr"] = group["peak"] * schedule(step, PLAN)
        plain.loss(*next(data)).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), PLAN.clip)
        for opt in opts:
            opt.step()
        plain.zero_grad()
    assert weights(model) == weights(plain)


def test_same_seed_same_weights_other_seed_others(tmp_path):
    results = []
    for seed in (0, 0, 1):
        model, data = make(tmp_path, seed=seed)
        train(model, data, PLAN)
        results.append(weights(model))
    assert results[0] == results[1] != results[2]


@pytest.mark.parametrize(("at", "seed"), [(4, 0), (12, 99), (20, 99)])
def test_resumed_weights_are_the_same_to_the_bit(tmp_path, at, seed):
    model, data = make(tmp_path)
    whole = train(model, data, PLAN, tmp_path / "whole")

    def crash(record):
        if record["step"] == at:
            raise StopHereError

    part, data = make(tmp_path)
    with pytest.raises(StopHereError):
        train(part, data, PLAN, tmp_path / "part", on_step=crash)
    # after the first checkpoint, at step 8, the weights come from there
    again, data = make(tmp_path, seed=seed)
    run = train(again, data, PLAN, tmp_path / "part")
    assert weights(again) == weights(model)
    assert [r["loss"] for r in run.history] == [
        r["loss"] for r in whole.history
    ]
    assert read_log(tmp_path / "part" / "log.jsonl") == run.history


def test_a_finished_run_is_not_trained_again(tmp_path):
    model, data = make(tmp_path)
    train(model, data, PLAN, tmp_path / "run")
    again, data = make(tmp_path, seed=9)
    began = time.perf_counter()
    run = train(again, data, PLAN, tmp_path / "run", on_step=pytest.fail)
    assert weights(again) == weights(model) and len(run.history) == 6
    assert run.seconds != pytest.approx(time.perf_counter() - began, rel=1e-6)


def test_resume_false_starts_again(tmp_path):
    model, data = make(tmp_path)
    train(model, data, PLAN, tmp_path / "run")
    other, data = make(tmp_path)
    seen = []
    train(other, data, PLAN, tmp_path / "run", seen.append, resume=False)
    assert [r["step"] for r in seen] == [4, 8, 12, 16, 20, 24]


def test_accumulation_changes_nothing_but_memory(tmp_path):
    model, data = make(tmp_path, batch=8)
    train(model, data, PLAN)
    other, data = make(tmp_path, batch=2)
    train(other, data, replace(PLAN, accumulation=4))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=2e-3)


def test_a_compiled_model_learns_the_same_under_the_same_names(
    tmp_path, monkeypatch
):
    """Traced whole, as on a GPU (fp64 takes its path); no compiler is asked."""
    real = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module,
        "compile",
        lambda m: real(m, backend="eager", fullgraph=True),
    )
    plain, data = make(tmp_path)
    short = replace(PLAN, steps=3, packed=True, compile=False)
    train(plain.double(), data, short, tmp_path / "plain")
    model, data = make(tmp_path)
    names = list(model.state_dict())
    plan = replace(short, compile=True)
    train(model.double(), data, plan, tmp_path / "run")
    assert list(model.state_dict()) == names
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert list(saved["model"]) == names
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


def test_validation_sees_a_model_that_is_not_training(tmp_path):
    model, data = make(tmp_path)
    seen = []

    def validate(model):
        seen.append((model.training, torch.is_grad_enabled()))
        return 1.0

    plan = replace(PLAN, validate_every=12)
    run = train(model, data, plan, validate=validate)
    assert seen == [(False, False)] * 2
    held = [r["step"] for r in run.history if "validation" in r]
    assert held == [12, 24]


def test_a_meter_adds_to_every_record(tmp_path):
    class Meter:
        def record(self, record):
            return record | {"mfu": 0.5}

    run = train(*make(tmp_path), PLAN, tmp_path, meter=Meter())
    assert all(r["mfu"] == 0.5 for r in read_log(tmp_path / "log.jsonl"))
    assert len(run.history) == 6
