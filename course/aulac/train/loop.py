"""The training loop: one for pretraining and everything after it.

- any objective: a module whose forward pass gives the loss
- warm-up, stable, decay schedule (WSD), linear at both ends (`aulac.scale.plan`)
- Muon and AdamW (`aulac.train.optim`), gradient clipping, accumulation
- precision chosen once, from the device, with the reason; the model compiled where
  that pays
- documents packed in a row without seeing one another; batches drawn ahead and shared
  among processes (`aulac.train.loader`, `aulac.train.distributed`)
- nothing waits for a GPU between two records (`aulac.train.trainer`)
- a JSONL log anyone can plot, a progress bar in a terminal, `on_step` for notebooks,
  TensorBoard if wanted
- atomic checkpoints with optimiser, random state and data position: a run killed at
  any moment and resumed ends with the same weights, bit for bit on a CPU
- divergence, lack of memory, a full disk or a missing permission end in a sentence,
  and the last good checkpoint stays (`aulac.train.failure`, `aulac.train.checkpoint`)
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import torch
from torch import nn

from aulac.model import Transformer
from aulac.scale.plan import Plan, schedule
from aulac.train import distributed
from aulac.train.checkpoint import Checkpoint, exclusive
from aulac.train.failure import RISE, Guard, memory
from aulac.train.loader import Data
from aulac.train.log import Log
from aulac.train.progress import bar, board, interrupts, say, say_once
from aulac.train.trainer import Trainer

__all__ = ["OnStep", "Run", "train"]

Record = dict[str, Any]
OnStep = Callable[[Record], None]
Validate = Callable[[Transformer], float]


class Meter(Protocol):
    """Adds what the machine did to a record: see `aulac.scale.meter.Meter`."""

    def record(self, record: Record) -> Record: ...


@dataclass
class Run:
    """What a training run left: `history` has one record per logged step."""

    history: list[Record] = field(default_factory=list)
    out: Path | None = None

    @property
    def loss(self) -> float:
        """Mean loss of the last tenth of the logged steps, in nats per token.

        With another objective than the next token's, in whatever that gives.
        """
        last = self.history[-max(1, len(self.history) // 10) :]
        return sum(r["loss"] for r in last) / len(last) if last else math.nan

    @property
    def seconds(self) -> float:
        return self.history[-1]["seconds"] if self.history else 0.0

    @property
    def tokens(self) -> int:
        return self.history[-1]["tokens"] if self.history else 0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else math.nan


def train(
    model: Transformer,
    data: Data,
    plan: Plan,
    out: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    resume: bool = True,
    *,
    objective: nn.Module | None = None,
    meter: Meter | None = None,
    validate: Validate | None = None,
    tensorboard: bool | str | os.PathLike[str] = False,
) -> Run:
    """Train `model` in place and return the run's history.

    out: folder for the log and the checkpoints; None keeps nothing on disk.
    on_step: called with each record: step, steps, loss, lr, norm, tokens,
        seconds, tokens_per_second, and what meter and validate add.
    resume: go on from the checkpoint in `out` when there is one.
    objective: a module that holds `model` and whose `forward(*batch)` gives the
        loss, a mean over what the batch counts (see `aulac.train.loader.Batch`); None
        is the next token's cross-entropy (`aulac.train.NextToken`). It keeps nothing
        from step to step: a checkpoint holds the model, the optimisers and the place
        in the data, and the objective's class only by name. `plan.z_loss` and
        `plan.packed` are the next token's alone.
    meter: adds what the machine did to each record.
    validate: measures the model every `plan.validate_every` steps; lower is
        better. Logged as `validation`, and what `plan.best` goes by.
    tensorboard: True writes to `out`/tensorboard, or give a folder.

    Under torchrun (see `aulac.train.distributed`) every process calls this alike; only
    the lead writes, shows, validates and calls `on_step`.

    Raises InputError for an objective that does not learn the model's weights, and
    TrainingError when the loss is no longer a number or rises too far, when memory
    is full, when the checkpoint belongs to another plan, model or objective, when the
    disk is full or not writable, or when another process trains in `out`.
    After Ctrl-C or SIGTERM the step is finished and saved, then KeyboardInterrupt
    or SystemExit (143) is raised.
    """
    trainer = Trainer(model, data, plan, objective)
    checkpoint = Checkpoint(out, plan, trainer)
    torch.manual_seed(plan.seed)
    with finishing(trainer, checkpoint, out):
        with distributed.lead_first():
            done = checkpoint.load() if resume else checkpoint.clear()
        distributed.agree(done, checkpoint.path)
        log = Log(out if trainer.lead else None, done)
        run = Run(history=log.records, out=Path(out) if out else None)
        report = Report(trainer, checkpoint, log, meter, validate)
        greet(trainer, done)
        model.train()
        showing = shows(trainer, done, scalars(out, tensorboard), on_step)
        # torchrun passes on a Ctrl-C that the terminal has sent already.
        patient = trainer.world.size > 1
        with showing as show, interrupts(patient) as asked:
            clock = Clock(trainer, run)
            for step in range(done + 1, plan.steps + 1):
                factor = schedule(step - 1, plan)
                _, norm = trainer.step(factor)
                # Only here is a number asked of the device, so a GPU is never
                # waited for between two records.
                if step % plan.log_every == 0 or step == plan.steps:
                    record: Record = {"step": step, "steps": plan.steps}
                    record |= {"loss": trainer.mean_loss(), "lr": factor}
                    record |= {"norm": float(norm)} | clock.lap()
                    if trainer.lead:
                        show(report(record))
                    clock.go()  # what was shown and saved is not training time
                if trainer.world.any(asked() > 0):
                    stop(trainer, checkpoint, step, asked())
    model.eval()
    return run


def stop(
    trainer: Trainer, checkpoint: Checkpoint, step: int, number: int
) -> NoReturn:
    """End after a signal: what is sound is saved first."""
    if trainer.healthy():
        checkpoint.save(step)
    if number == signal.SIGTERM:
        raise SystemExit(128 + signal.SIGTERM)
    raise KeyboardInterrupt


class Clock:
    """Seconds and tokens per second, the time between two laps left out."""

    def __init__(self, trainer: Trainer, run: Run) -> None:
        self.trainer, self.before = trainer, run.seconds
        self.began = time.perf_counter()
        self.go()

    def go(self) -> None:
        self.since, self.tokens = time.perf_counter(), self.trainer.tokens

    def lap(self) -> Record:
        now, tokens = time.perf_counter(), self.trainer.tokens
        return {
            "tokens": tokens,
            "seconds": self.before + now - self.began,
            "tokens_per_second": (tokens - self.tokens) / (now - self.since),
        }


class Report:
    """What the lead does with a record: judge it, complete it, log it, save."""

    def __init__(
        self,
        trainer: Trainer,
        checkpoint: Checkpoint,
        log: Log,
        meter: Meter | None,
        validate: Validate | None,
    ) -> None:
        self.trainer, self.checkpoint, self.log = trainer, checkpoint, log
        self.meter, self.validate = meter, validate
        # Only of the next token is it known what a loss may do: a reward's may fall
        # below zero and rise again in a run that goes well.
        rise = RISE if trainer.next_token else math.inf
        plan, kept = trainer.plan, checkpoint.last_good
        self.guard = Guard(plan, kept, log.records, rise)
        measured = [r["step"] for r in log.records if "validation" in r]
        self.validated = measured[-1] if measured else 0

    def __call__(self, record: Record) -> Record:
        step, checkpoint = record["step"], self.checkpoint
        self.guard(record, self.trainer.scale())
        score = self.guard.smoothed if self.validate is None else math.inf
        wanted = checkpoint.due(step)
        if self.validate is not None and self._due(step):
            record["validation"] = score = self._measure(self.validate)
            self.validated = step
            wanted = wanted or checkpoint.better(score)
        if self.meter is not None:
            record = self.meter.record(record)
        self.log.write(record)
        if wanted:
            checkpoint.save(step, score)
        return record

    def _due(self, step: int) -> bool:
        plan = self.trainer.plan
        passed = step - self.validated
        return passed >= plan.validate_every or step == plan.steps

    def _measure(self, validate: Validate) -> float:
        model = self.trainer.model.eval()
        with torch.no_grad():
            found = float(validate(model))
        model.train()
        return found


def greet(trainer: Trainer, done: int) -> None:
    """Say what was chosen, and where a run goes on."""
    if not trainer.lead:
        return
    vi, en = trainer.reason["vi"], trainer.reason["en"]
    say_once(f"Độ chính xác {vi}.", f"Precision {en}.")
    steps = trainer.plan.steps
    if 0 < done < steps:
        say(
            f"Tiếp tục từ điểm lưu ở bước {done} trên {steps}.",
            f"Going on from the checkpoint at step {done} of {steps}.",
        )
    elif done >= steps:
        say(
            f"Đã huấn luyện xong từ trước ({done} bước); muốn đi tiếp thì tăng số bước.",
            f"Training had ended before ({done} steps); for more, ask for more steps.",
        )


def scalars(
    out: str | os.PathLike[str] | None,
    wanted: bool | str | os.PathLike[str],
) -> Path | None:
    """TensorBoard's folder; None when it is not wanted."""
    if wanted is True:
        return Path(out or ".") / "tensorboard"
    return Path(wanted) if wanted else None


@contextmanager
def shows(
    trainer: Trainer, done: int, folder: Path | None, on_step: OnStep | None
) -> Iterator[OnStep]:
    """Who sees a record: the bar, TensorBoard, then `on_step`; the lead's alone."""
    if not trainer.lead:
        yield lambda record: None
        return
    with bar(trainer.plan.steps, done) as on_bar, board(folder) as on_board:
        watching: Iterable[OnStep] = [on_bar, on_board]
        watching = [*watching, on_step] if on_step else watching

        def show(record: Record) -> None:
            for see in watching:
                see(record)

        yield show


@contextmanager
def finishing(
    trainer: Trainer,
    checkpoint: Checkpoint,
    out: str | os.PathLike[str] | None,
) -> Iterator[None]:
    """Hold the folder; a lack of memory becomes a sentence; end the loader."""
    try:
        with (
            exclusive(out if trainer.lead else None),
            memory(trainer.plan, checkpoint.last_good),
        ):
            yield
    finally:
        trainer.loader.close()
