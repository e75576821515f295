"""The loop: it learns, repeats itself, survives a kill, and fails in sentences."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aulac.checkpoint import disk_error
from aulac.model import Config, Transformer
from aulac.progress import read_log
from aulac.shards import Batches, Shards, write_shards
from aulac.train import Plan, TrainingError, train

SIZES = {"vocab_size": 64, "depth": 2, "width": 32, "heads": 2, "kv_heads": 1}
PLAN = Plan(steps=24, log_every=4, checkpoint_every=5, warmup=0.1)


def make(
    folder: Path, seed: int = 0, batch: int = 4
) -> tuple[Transformer, Batches]:
    """A small model and its data: a repeated pattern that can be learned."""
    if not (folder / "shards").exists():
        rng = np.random.default_rng(7)
        pattern = rng.integers(1, 64, 20).tolist()
        write_shards([pattern * 4] * 30, folder / "shards", vocab_size=64)
    torch.manual_seed(seed)
    model = Transformer(Config(**SIZES, head_dim=16, ff=64, context=16))
    return model, Batches(Shards.open(folder / "shards"), batch, 16, seed=3)


def weights(model: Transformer) -> bytes:
    return b"".join(w.detach().numpy().tobytes() for w in model.parameters())


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


def test_same_seed_same_weights_other_seed_others(tmp_path):
    results = []
    for seed in (0, 0, 1):
        model, data = make(tmp_path, seed=seed)
        train(model, data, PLAN)
        results.append(weights(model))
    assert results[0] == results[1] != results[2]


class StopHereError(Exception):
    pass


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


VICTIM = """
import sys, time
from pathlib import Path
from test_train import PLAN, make
from aulac.train import train
import torch
torch.set_num_threads(1)
folder = Path(sys.argv[1])
model, data = make(folder)
def slow(record):
    print(record["step"], flush=True)
    time.sleep(0.05)
train(model, data, PLAN, folder / "run", on_step=slow)
"""


def test_killed_with_9_and_resumed_is_the_same_to_the_bit(tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, data = make(tmp_path)
        train(model, data, PLAN)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        for after in (3, 2):  # killed twice, a little further each time
            victim = subprocess.Popen(
                [sys.executable, "-c", VICTIM, str(tmp_path)],
                stdout=subprocess.PIPE,
                env=environment,
            )
            for _ in range(after):
                victim.stdout.readline()
            victim.send_signal(signal.SIGKILL)
            assert victim.wait() == -signal.SIGKILL
            victim.stdout.close()
        again, data = make(tmp_path, seed=5)
        run = train(again, data, PLAN, tmp_path / "run")
        assert weights(again) == weights(model)
        assert [r["step"] for r in run.history] == [4, 8, 12, 16, 20, 24]
    finally:
        torch.set_num_threads(threads)


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


def test_checkpoint_of_another_plan_is_refused(tmp_path):
    model, data = make(tmp_path)
    train(model, data, PLAN, tmp_path)
    with pytest.raises(
        TrainingError, match=r"adam_lr 0\.008 -> 0\.5"
    ) as caught:
        train(model, data, replace(PLAN, adam_lr=0.5), tmp_path)
    assert "thư mục khác" in caught.value.vi


def test_damaged_checkpoint_is_named(tmp_path):
    model, data = make(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        train(model, data, PLAN, tmp_path)


def test_divergence_ends_in_a_sentence_and_keeps_the_checkpoint(tmp_path):
    model, data = make(tmp_path)

    def poison(record):
        if record["step"] == 12:
            model.embed.weight.data[0] = float("nan")

    plan = replace(PLAN, checkpoint_every=4)
    with pytest.raises(
        TrainingError, match=r"diverged.*lower the learning"
    ) as caught:
        train(model, data, plan, tmp_path, on_step=poison)
    assert "phân kỳ" in caught.value.vi
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(torch.isfinite(w).all() for w in saved["model"].values())


def test_a_full_disk_and_a_closed_door_are_sentences(tmp_path, monkeypatch):
    full = disk_error(
        tmp_path, OSError(errno.ENOSPC, "No space left on device")
    )
    assert "no disk space" in str(full) and "hết chỗ" in full.vi
    (tmp_path / "file").write_text("")
    model, data = make(tmp_path)
    with pytest.raises(TrainingError, match="cannot write"):
        train(model, data, PLAN, tmp_path / "file" / "run")

    def no_space(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    train(model, data, replace(PLAN, steps=5), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    monkeypatch.setattr("aulac.checkpoint.torch.save", no_space)
    with pytest.raises(TrainingError, match="no disk space"):
        train(model, data, replace(PLAN, steps=10), tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


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


def test_a_log_line_cut_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"step": 1}) + '\n{"step": 2, "lo')
    assert read_log(path) == [{"step": 1}]


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
