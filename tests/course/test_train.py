"""The loop: it learns, repeats itself, survives a kill, and fails in sentences."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
import time
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aulac import progress
from aulac.checkpoint import disk_error
from aulac.failure import RISE, Guard
from aulac.feed import Feed
from aulac.model import Config, Transformer
from aulac.optim import optimisers
from aulac.progress import alone, read_log
from aulac.shards import Batches, Shards, documents, write_shards
from aulac.train import Engine, Plan, TrainingError, schedule, train

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


# --- documents in one row -------------------------------------------------------


def test_a_packed_row_has_the_gradient_of_its_documents_alone(build):
    texts = [[5, 6, 7, 8], [9], [10, 11, 12, 13, 14, 15], [16, 17]]
    row = [token for text in texts for token in [*text, 0]]
    ids, targets = torch.tensor([row[:-1]]), torch.tensor([row[1:]])
    together, alone = build(), build()
    where = documents(ids, 0)
    loss = together.loss(ids, targets, documents=where)
    (loss * targets.numel()).backward()
    for number, text in enumerate(texts):
        # an end-of-text token begins every document but the first of the row
        whole = [*([0] if number else []), *text, 0]
        one = torch.tensor([whole])
        part = alone.loss(one[:, :-1], one[:, 1:]) * (len(whole) - 1)
        part.backward()
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    crossing = build()
    (crossing.loss(ids, targets) * targets.numel()).backward()
    moved = (crossing.embed.weight.grad - together.embed.weight.grad).norm()
    assert moved > 0.01


def test_the_loop_packs_by_the_shards_own_token(tmp_path):
    texts = [[5, 6, 7], [8, 9]] * 20
    write_shards(texts, tmp_path / "s", vocab_size=64, eos_id=3)
    model, _ = make(tmp_path)
    data = Batches(Shards.open(tmp_path / "s"), 2, 16)
    plan = replace(PLAN, steps=3, packed=True)
    batch = next(Engine(model, data, plan).feed).batches[0]
    assert torch.equal(batch.documents, documents(batch.ids, 3))
    assert batch.documents.max() > 3
    train(model, data, plan)
    index = tmp_path / "s" / "index.json"
    old = json.loads(index.read_text())
    del old["eos_id"]  # as shards were written before
    index.write_text(json.dumps(old))
    assert Batches(Shards.open(tmp_path / "s"), 2, 16).eos_id == 0


class Foreign:
    """Data of a user's own: only what is asked of it."""

    def __init__(self, data):
        self.data, self.state, self.restore = data, data.state, data.restore

    def __next__(self):
        return next(self.data)


def test_packed_needs_to_know_where_documents_end(tmp_path):
    model, data = make(tmp_path)
    with pytest.raises(TrainingError, match="Foreign does not") as caught:
        train(model, Foreign(data), replace(PLAN, packed=True))
    assert "Foreign thì không" in caught.value.vi
    train(model, Foreign(data), PLAN)


# --- batches drawn ahead --------------------------------------------------------


@pytest.mark.parametrize("used", [0, 1, 5])
def test_a_feed_drawn_ahead_stops_where_it_was_used(tmp_path, used):
    plain = Feed(make(tmp_path)[1], 2)
    feed = Feed(data := make(tmp_path)[1], 2, ahead=3)
    for _ in range(used):
        assert torch.equal(
            next(feed).batches[1].ids, next(plain).batches[1].ids
        )
    assert feed.state() == plain.state()
    feed.close()
    assert data.state() == plain.state()
    again = Feed(make(tmp_path)[1], 2, ahead=1)
    again.restore(feed.state())
    assert torch.equal(next(again).batches[0].ids, next(plain).batches[0].ids)
    again.close()


def test_drawn_ahead_the_run_ends_the_same_resumed_or_not(
    tmp_path, monkeypatch
):
    model, data = make(tmp_path)
    train(model, data, PLAN)
    place = data.state()
    drawing = lambda *args: Feed(*args[:-1], 3)  # noqa: E731
    monkeypatch.setattr("aulac.engine.Feed", drawing)

    def stop(record):
        if record["step"] == 12:
            raise StopHereError

    other, data = make(tmp_path)
    with pytest.raises(StopHereError):
        train(other, data, PLAN, tmp_path / "run", on_step=stop)
    again, data = make(tmp_path, seed=5)
    train(again, data, PLAN, tmp_path / "run")
    assert weights(again) == weights(model) and data.state() == place


class Asked(TorchDispatchMode):
    """Notes every operation that must know a tensor's values to go on."""

    names = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in self.names:
            self.found.append(func)
        return func(*args, **kwargs or {})


def test_no_step_asks_for_a_value(tmp_path):
    """So a GPU is never waited for. In fp64 the output layer is the GPU's path."""
    model, data = make(tmp_path)
    plan = replace(PLAN, packed=True, accumulation=2)
    engine = Engine(model.double(), data, plan)
    engine.feed.ahead = 1  # counts are taken by the thread, on the CPU
    with Asked() as asked:
        for _ in range(3):
            engine.step(1.0)
    assert asked.found == []
    with asked:
        engine.mean_loss()
    assert len(asked.found) == 1
    engine.feed.close()


def test_an_error_of_the_data_reaches_the_caller(tmp_path):
    _, data = make(tmp_path)

    class Broken(Foreign):
        def __next__(self):
            raise OSError("the disk is gone")

    for ahead in (0, 2):
        feed = Feed(Broken(data), ahead=ahead)
        with pytest.raises(OSError, match="the disk is gone"):
            next(feed)
        feed.close()


# --- compile --------------------------------------------------------------------


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


# --- checkpoints ----------------------------------------------------------------

EVERY = replace(PLAN, checkpoint_every=4)


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["step"]


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


def test_a_folder_in_use_is_refused(tmp_path):
    model, data = make(tmp_path)
    with (
        alone(tmp_path),
        pytest.raises(TrainingError, match="another proc") as e,
    ):
        train(model, data, PLAN, tmp_path)
    assert "một tiến trình khác" in e.value.vi
    train(model, data, PLAN, tmp_path)


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


# --- failure --------------------------------------------------------------------


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


# --- what is said and shown -----------------------------------------------------


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


def test_a_meter_adds_to_every_record(tmp_path):
    class Meter:
        def record(self, record):
            return record | {"mfu": 0.5}

    run = train(*make(tmp_path), PLAN, tmp_path, meter=Meter())
    assert all(r["mfu"] == 0.5 for r in read_log(tmp_path / "log.jsonl"))
    assert len(run.history) == 6


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
