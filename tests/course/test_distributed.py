"""Two processes under real torchrun, on the CPU with gloo: equal to one.

The file is also the script that torchrun starts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.course.toy_objectives import TOYS, new_model, toy
from typer.testing import CliRunner

from aulac.align.sft import sft
from aulac.cli import app
from aulac.export import from_hf
from aulac.model import Config, Transformer
from aulac.scale.curve import read_log
from aulac.tokenizer import Tokenizer
from aulac.train import (
    NextToken,
    Plan,
    Run,
    Trainer,
    distributed,
    schedule,
    train,
)
from aulac.train.distributed import World, split
from aulac.train.failure import TrainingError
from aulac.train.loader import Loader
from aulac.train.shards import Batches, Shards, write_shards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

SIZES = {"vocab_size": 64, "depth": 2, "width": 32, "heads": 2, "kv_heads": 1}
PLAN = Plan(steps=12, log_every=3, checkpoint_every=6, warmup=0.1)
TALKS = [  # 19: the last of an epoch do not fill a step, nor all its pieces
    [
        {"role": "user", "content": "Đếm đi."},
        {"role": "assistant", "content": "một " * (1 + number % 7)},
    ]
    for number in range(19)
]
LONG = 10**6
RUN = CliRunner()


class Uneven(Batches):
    """Batches of which a part of the targets does not count, a different one."""

    def __next__(self):
        ids, targets = super().__next__()
        return ids, targets.masked_fill(
            ids % (2 + self.position % 7) == 0, -100
        )


def make(folder: Path, batch: int = 2) -> tuple[Transformer, Uneven]:
    if not (folder / "shards").exists():
        draw = np.random.default_rng(7)
        texts = [draw.integers(1, 64, 9).tolist() for _ in range(90)]
        write_shards(texts, folder / "shards", vocab_size=64)
    torch.manual_seed(0)
    sizes = Config(**SIZES, head_dim=16, ff=64, context=16)
    data = Uneven(Shards.open(folder / "shards"), batch, 16, seed=3)
    return Transformer(sizes), data


def plan(**changes: Any) -> Plan:
    from dataclasses import replace

    return replace(PLAN, **changes)


def run(folder: Path, name: str, **options: Any) -> tuple[Transformer, Run]:
    """Train in folder/name; `stop` ends it after that step's record."""
    on_step = stopping(options.pop("stop", None))
    model, data = make(folder)
    try:
        found = train(
            model, data, plan(**options), folder / name, on_step=on_step
        )
    except KeyboardInterrupt:
        found = Run()
    return model, found


def tune(
    folder: Path,
    name: str,
    batch: int,
    stop: int | None = None,
    **changes: Any,
) -> tuple[Transformer, Run]:
    """Tune on TALKS and plain text, eight rows of either in a step.

    In fp64: in fp32 AdamW turns the last digit of a gradient near zero into 1e-5.
    """
    words = Tokenizer.load(folder / "words")
    torch.manual_seed(0)
    sizes = SIZES | {"vocab_size": words.vocab_size, "context": 64}
    model = Transformer(Config(**sizes, head_dim=16, ff=64)).double()
    text = {"mix": 0.3, "text": make(folder, batch=8)[1]}
    out, on_step = folder / name, stopping(stop)
    try:
        found = sft(
            model, words, TALKS, plan(**changes), out, on_step, batch, **text
        )
    except KeyboardInterrupt:
        found = Run()
    return model, found


def stopping(stop: int | None) -> Callable[[dict[str, Any]], None]:
    """Presses Ctrl-C at that step's record."""

    def on_step(record: dict[str, Any]) -> None:
        if record["step"] == stop:
            os.kill(os.getpid(), signal.SIGINT)

    return on_step


# --- what torchrun starts -------------------------------------------------------


def equal(folder: Path) -> None:
    """Fresh; from one process's checkpoint; and a checkpoint for one process."""
    packed = {"accumulation": 2, "packed": True}
    for name in ("fresh", "from_one"):
        keep(folder, name, *run(folder, name, **packed))
    run(folder, "to_one", stop=6, **packed)
    quiet = run(folder, "fresh", **packed)[1].history  # nothing left to do
    assert len(quiet) == (4 if distributed.world().lead else 0)
    with pytest.raises(TrainingError, match="do not see the same"):
        distributed.agree(distributed.world().rank, folder)


def tuning(folder: Path) -> None:
    """The same of instruction tuning: two passes of each process make a step."""
    divided = {"batch": 2, "accumulation": 4}
    for name in ("tuned", "tuned_from_one"):
        keep(folder, name, *tune(folder, name, **divided))
    tune(folder, "tuned_to_one", stop=6, **divided)


def toy_run(
    folder: Path,
    name: str,
    out: str,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    **changes: Any,
) -> tuple[Transformer, Run]:
    """Train one of TOYS in folder/out."""
    model = new_model()
    data, objective = toy(name, model)
    where = folder / out
    settings = plan(**changes)
    found = train(model, data, settings, where, on_step, objective=objective)
    return model, found


def killed(folder: Path) -> None:
    """Ctrl-C ends the pairs; the rewards end when the lead is killed."""

    def die(record: dict[str, Any]) -> None:
        if record["step"] == 9:
            os.kill(os.getpid(), signal.SIGKILL)

    with contextlib.suppress(KeyboardInterrupt):
        toy_run(folder, "pairs", "pairs_broken", stopping(3))
    toy_run(folder, "rewards", "rewards_broken", die)


def objectives(folder: Path) -> None:
    """Others than the next token's: undisturbed, and after `killed`."""
    for name in TOYS:
        for out in (name, f"{name}_broken"):
            keep(folder, out, *toy_run(folder, name, out))


def keep(folder: Path, name: str, model: Transformer, found: Run) -> None:
    """What the tests compare with one process: weights and losses."""
    if distributed.world().lead:
        torch.save(model.state_dict(), folder / f"{name}.pt")
        losses = [r["loss"] for r in found.history]
        (folder / f"{name}.json").write_text(json.dumps(losses))


def failing(folder: Path) -> None:
    """The second process runs out of memory inside step 8."""
    model, data = make(folder)
    if not distributed.world().lead:
        real, calls = NextToken.forward, iter(range(1, 100))

        def forward(self, *batch):
            if next(calls) == 8:
                raise torch.OutOfMemoryError("out of memory")
            return real(self, *batch)

        NextToken.forward = forward
    train(model, data, plan(log_every=2, checkpoint_every=2), folder / "run")


def endless(folder: Path) -> None:
    """Trains until it is interrupted; says when it has begun."""
    model, data = make(folder)

    def on_step(record: dict[str, Any]) -> None:
        if record["step"] == 2:
            print("begun", flush=True)

    long = plan(steps=LONG, log_every=2, checkpoint_every=LONG)
    train(model, data, long, folder / "run", on_step)


def main(folder: Path, *tasks: str) -> None:
    with distributed.started() as here:
        assert here.size == 2 and here.lead == (here.rank == 0)
        assert here.mean(here.rank) == 0.5 and here.any(here.rank == 1)
        try:
            for task in tasks:
                globals()[task](folder)
        except TrainingError as error:
            if distributed.speaks(error):
                print(error.vi, error, sep="\n", file=sys.stderr)
            raise SystemExit(1) from None


# --- the tests ------------------------------------------------------------------


def torchrun(*script: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", *map(str, script)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def close(model: Transformer, other: dict[str, torch.Tensor]) -> None:
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, other[name], atol=1e-5, rtol=1e-5)


def same(folder: Path, name: str, model: Transformer, found: Run) -> None:
    """Whether two processes left what one has: weights and losses."""
    close(model, torch.load(folder / f"{name}.pt", weights_only=True))
    theirs = json.loads((folder / f"{name}.json").read_text())
    ours = [r["loss"] for r in found.history]
    assert theirs == pytest.approx(ours, abs=1e-5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer):
    """What two processes leave; the last thing they do ends with Ctrl-C."""
    torch.set_num_threads(1)  # as in those processes: sums in the same order
    made = tmp_path_factory.mktemp("two")
    tokenizer.save(made / "words")
    run(made, "from_one", accumulation=4, packed=True, stop=6)
    tune(made, "tuned_from_one", batch=8, stop=6)
    broken = torchrun(__file__, made, "killed")
    _, said = broken.communicate(timeout=400)
    assert broken.returncode != 0 and "SIGKILL" in said, said
    tasks = ("equal", "tuning", "objectives", "endless")
    started = torchrun(__file__, made, *tasks)
    assert started.stdout.readline() == "begun\n", started.stderr.read()
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    _, said = started.communicate(timeout=400)
    assert started.returncode != 0
    (made / "said").write_text(said)
    return made


def test_two_processes_equal_one(folder):
    whole, found = run(folder, "whole", accumulation=4, packed=True)
    for name in ("fresh", "from_one"):
        same(folder, name, whole, found)
    again, resumed = run(folder, "to_one", accumulation=4, packed=True)
    close(again, whole.state_dict())
    tokens = [[r["tokens"] for r in one.history] for one in (resumed, found)]
    assert tokens[0] == tokens[1]
    said = (folder / "said").read_text()
    assert "bước 6 trên 12" in said and said.count("Precision fp32") == 1


def test_instruction_tuning_shares_its_steps_too(folder):
    whole, found = tune(folder, "tuned_whole", batch=8)
    for name in ("tuned", "tuned_from_one"):
        same(folder, name, whole, found)
    again, _ = tune(folder, "tuned_to_one", batch=4, accumulation=2)
    close(again, whole.state_dict())
    with pytest.raises(TrainingError, match="8 conversations in a step, not"):
        tune(folder, "tuned", batch=4)


@pytest.mark.parametrize("name", TOYS)
def test_other_objectives_give_the_same_bits_on_two(folder, name):
    """And after kill -9, or Ctrl-C, and a resumption on two."""
    model, found = toy_run(folder, name, f"{name}_alone", accumulation=2)
    for out in (name, f"{name}_broken"):
        theirs = torch.load(folder / f"{out}.pt", weights_only=True)
        for key, weight in model.state_dict().items():
            assert torch.equal(weight, theirs[key]), (out, key)
        losses = json.loads((folder / f"{out}.json").read_text())
        assert losses == pytest.approx([r["loss"] for r in found.history])


def test_ctrl_c_ends_all_after_the_same_step(folder):
    saved = torch.load(folder / "run" / "checkpoint.pt", weights_only=True)
    model, data = make(folder)
    alone = Trainer(model, data, plan(steps=LONG, accumulation=2))
    for step in range(saved["step"]):
        alone.step(schedule(step, alone.plan))
    close(model, saved["model"])
    assert saved["data"] == data.state()


def test_a_failing_process_ends_all_with_a_sentence(tmp_path):
    make(tmp_path)
    started = torchrun(__file__, tmp_path, "failing")
    _, said = started.communicate(timeout=400)
    assert started.returncode != 0
    assert "memory is full" in said and "bộ nhớ của GPU đã đầy" in said
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 6


def test_aulac_train_under_torchrun_is_aulac_train(
    tmp_path, tokenizer, sentences
):
    """The lead alone speaks, of all devices; weights and log are the same."""
    tokenizer.save(tmp_path / "tokenizer")
    (tmp_path / "corpus").mkdir()
    texts = {"train": sentences, "validation": sentences[::20]}
    for split_name, some in texts.items():
        rows = [{"text": text, "source": "t", "licence": "t"} for text in some]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "corpus" / f"{split_name}.jsonl").write_text(lines)
    options = ["train", "--scale", "tiny", "--steps", "4"]
    options += ["--corpus", str(tmp_path / "corpus")]
    options += ["--tokenizer", str(tmp_path / "tokenizer"), "--out"]
    one = RUN.invoke(app, [*options, str(tmp_path / "one")])
    assert one.exit_code == 0, one.output
    both = torchrun("-m", "aulac.cli", *options, tmp_path / "two")
    said, complained = both.communicate(timeout=400)
    assert both.returncode == 0, complained
    for told in (one.output, said):
        assert told.count("Xong: mô hình ở") == 1
        assert told.count("done: the model is in") == 1
    assert "2 x " in said  # the peak of two devices
    alone = from_hf(tmp_path / "one" / "model")[0]
    close(from_hf(tmp_path / "two" / "model")[0], alone.state_dict())
    logs = [
        read_log(tmp_path / name / "work" / "run" / "log.jsonl")
        for name in ("one", "two")
    ]
    for a, b in zip(*logs, strict=True):
        assert (a["step"], a["tokens"]) == (b["step"], b["tokens"])
        assert a["loss"] == pytest.approx(b["loss"], abs=1e-5)
        assert a["validation"] == pytest.approx(b["validation"], abs=1e-4)


def windows(loader: Loader, steps: int) -> list[list[list[int]]]:
    return [
        [row for batch in step.batches for row in batch.tensors[0].tolist()]
        for step in (next(loader) for _ in range(steps))
    ]


@settings(max_examples=15)
@given(
    before=st.sampled_from([1, 2, 4]),
    after=st.sampled_from([1, 2, 4]),
    at=st.integers(0, 6),
    ahead=st.integers(0, 3),
)
def test_the_tokens_of_a_step_do_not_depend_on_the_processes(
    tmp_path_factory, before, after, at, ahead
):
    """(accumulation 4, 1 process), (2, 2), (1, 4); and from one to another."""
    folder = tmp_path_factory.getbasetemp() / "loader"
    folder.mkdir(exist_ok=True)

    def steps(size: int, count: int, state: dict) -> tuple[list, dict]:
        found, places = [], []
        for rank in range(size):
            loader = Loader(
                make(folder)[1], 4 // size, World(rank, size), ahead=ahead
            )
            loader.restore(state)
            found.append(windows(loader, count))
            places.append(loader.state())
            loader.close()
        assert all(place == places[0] for place in places)
        joined = [
            sorted(row for rows in each for row in rows)
            for each in zip(*found, strict=True)
        ]
        return joined, places[0]

    start = {"epoch": 0, "position": 0}
    wanted, end = steps(1, 8, start)
    first, place = steps(before, at, start)
    second, last = steps(after, 8 - at, place)
    assert first + second == wanted and last == end


@pytest.mark.parametrize(
    ("size", "batch", "accumulation", "wanted"),
    [
        (1, 10, 1, (10, 1)),
        (2, 32, 2, (32, 1)),
        (8, 32, 8, (32, 1)),
        (4, 10, 2, (5, 1)),
        (2, 10, 3, (5, 3)),
    ],
)
def test_processes_share_the_global_batch(
    monkeypatch, size, batch, accumulation, wanted
):
    monkeypatch.setattr(distributed, "world", lambda: World(0, size))
    assert split(batch, accumulation) == wanted
    assert wanted[0] * wanted[1] * size == batch * accumulation


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: World(0, 3))
    with pytest.raises(TrainingError, match="3 processes cannot") as caught:
        split(10, 1)
    assert "không chia đều" in caught.value.vi


def test_alone_nothing_is_started():
    with distributed.started() as here:
        assert here == World() == distributed.world() and here.lead
        with distributed.lead_first():
            assert not torch.distributed.is_initialized()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), *sys.argv[2:])
