"""The training loop: one for pretraining and for instruction tuning.

- warm-up, stable, decay schedule (WSD), linear at both ends (`aulac.plan`)
- Muon and AdamW (`aulac.optim`), gradient clipping, accumulation
- precision chosen once, from the device, with the reason; the model compiled where
  that pays
- documents packed in a row without seeing one another; batches drawn ahead and shared
  among processes (`aulac.feed`, `aulac.distributed`)
- nothing waits for a GPU between two records; only fp16 asks it once a step whether a
  gradient overflowed
- a JSONL log anyone can plot, a progress bar in a terminal, `on_step` for notebooks,
  TensorBoard if wanted
- atomic checkpoints with optimiser, random state and data position: a run killed at
  any moment and resumed ends with the same weights, bit for bit on a CPU
- divergence, lack of memory, a full disk or a missing permission end in a sentence,
  and the last good checkpoint stays (`aulac.failure`, `aulac.checkpoint`)
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aulac import distributed
from aulac.checkpoint import Checkpoint, TrainingError
from aulac.failure import Guard, memory
from aulac.feed import AHEAD, Data, Feed, Step, eos_of
from aulac.model import Transformer
from aulac.optim import optimisers
from aulac.plan import Plan, compiles, precision, schedule
from aulac.progress import (
    Log,
    alone,
    bar,
    board,
    interrupts,
    say,
    say_once,
)

__all__ = [
    "Data",
    "Engine",
    "Plan",
    "Run",
    "TrainingError",
    "precision",
    "schedule",
    "train",
]

Record = dict[str, Any]
OnStep = Callable[[Record], None]
Validate = Callable[[Transformer], float]


class Meter(Protocol):
    """Adds what the machine did to a record: see `aulac.meter.Meter`."""

    def record(self, record: Record) -> Record: ...


@dataclass
class Run:
    """What a training run left: `history` has one record per logged step."""

    history: list[Record] = field(default_factory=list)
    out: Path | None = None

    @property
    def loss(self) -> float:
        """Mean loss (nats per token) of the last tenth of the logged steps."""
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


class Objective(nn.Module):
    """The loss as a module's forward pass, which is what DDP and compile take."""

    def __init__(self, model: Transformer, z_loss: float):
        super().__init__()
        self.model, self.z_loss = model, z_loss

    def forward(
        self, ids: Tensor, targets: Tensor, documents: Tensor | None
    ) -> Tensor:
        return self.model.loss(
            ids, targets, documents=documents, z_loss=self.z_loss
        )


def make_scaler(model: Transformer, plan: Plan) -> torch.amp.GradScaler:
    """Scales the loss in fp16, where small gradients vanish; else idle."""
    device = model.embed.weight.device
    dtype, _ = precision(device, plan.precision)
    return torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)


def set_rates(opts: list[Optimizer], factor: float) -> None:
    """Every group's learning rate becomes its peak times `factor`."""
    for opt in opts:
        for group in opt.param_groups:
            group["lr"] = group["peak"] * factor


class Engine:
    """Takes optimiser steps; the same ones on any number of processes.

    `losses` are those since the last record, still on the device; `tokens` were read
    by all processes so far.
    """

    def __init__(self, model: Transformer, data: Data, plan: Plan) -> None:
        self.model, self.plan = model, plan
        self.world = distributed.world()
        self.device = device = model.embed.weight.device
        dtype, self.reason = precision(device, plan.precision)
        mixed = dtype != torch.float32
        self.cast = (
            torch.autocast(device.type, dtype) if mixed else nullcontext()
        )
        self.opts = optimisers(model, plan, plan.muon, dtype)
        self.scaler = make_scaler(model, plan)
        objective = Objective(model, plan.z_loss)
        if compiles(device, plan):
            objective.compile()  # in place: the names of the weights stay
        self.objective = distributed.parallel(objective, self.world)
        self.feed = Feed(
            data,
            plan.accumulation,
            self.world,
            eos_of(data) if plan.packed else None,
            AHEAD if device.type == "cuda" else 0,
        )
        self.losses: list[Tensor] = []
        self.tokens = 0

    def step(self, factor: float) -> tuple[Tensor, Tensor]:
        """One step at `factor` of the peak rates: loss and gradient norm before it.

        The loss is this process's part of it: their mean is the loss.
        """
        set_rates(self.opts, factor)
        with distributed.connected():
            loss = self.gradients(step := next(self.feed))
        for opt in self.opts:
            self.scaler.unscale_(opt)
        parameters = self.model.parameters()
        norm = nn.utils.clip_grad_norm_(parameters, self.plan.clip)
        for opt in self.opts:
            self.scaler.step(opt)
        self.scaler.update()
        self.model.zero_grad(set_to_none=True)
        self.losses.append(loss)
        self.tokens += step.tokens
        return loss, norm

    def gradients(self, step: Step) -> Tensor:
        """Add up the gradients of a step's batches; returns the loss.

        Each batch weighs as many targets as it has, so neither accumulation nor
        the number of processes changes anything but memory and time.
        """
        total = torch.zeros((), device=self.device)
        last = step.batches[-1]
        for batch in step.batches:
            more = batch is not last
            apart = (
                distributed.apart(self.objective) if more else nullcontext()
            )
            with apart:
                with self.cast:
                    loss = self.objective(*batch.to(self.device))
                # DDP takes the mean over processes, so each gives size x its part
                weight = batch.count * self.world.size / max(1, step.count)
                share = loss * weight
                self.scaler.scale(share).backward()
            total += share.detach()
        return total

    def mean_loss(self) -> float:
        """Of the steps since the last record, over all processes."""
        mean = self.world.mean(float(torch.stack(self.losses).mean()))
        self.losses = []
        return mean

    def scale(self) -> float | None:
        """What fp16's loss is multiplied by now; None without scaling."""
        return self.scaler.get_scale() if self.scaler.is_enabled() else None

    @property
    def lead(self) -> bool:
        return self.world.lead

    @property
    def config(self) -> Any:
        return self.model.config

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, and what the next record needs."""
        return {
            "model": self.model.state_dict(),
            "optimisers": [opt.state_dict() for opt in self.opts],
            "scaler": self.scaler.state_dict(),
            "data": self.feed.state(),
            "losses": [float(loss) for loss in self.losses],
            "tokens": self.tokens,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, on any device and number of processes."""
        self.model.load_state_dict(state["model"])
        for opt, saved in zip(self.opts, state["optimisers"], strict=True):
            opt.load_state_dict(saved)
        self.scaler.load_state_dict(state["scaler"])
        self.feed.restore(state["data"])
        losses = state.get("losses", [])
        self.losses = [torch.tensor(x, device=self.device) for x in losses]
        self.tokens = state.get("tokens", 0)

    def healthy(self) -> bool:
        """Whether no loss since the last record is NaN or infinite."""
        return all(math.isfinite(float(loss)) for loss in self.losses)


def train(
    model: Transformer,
    data: Data,
    plan: Plan,
    out: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    resume: bool = True,
    *,
    meter: Meter | None = None,
    validate: Validate | None = None,
    tensorboard: bool | str | os.PathLike[str] = False,
) -> Run:
    """Train `model` in place and return the run's history.

    out: folder for the log and the checkpoints; None keeps nothing on disk.
    on_step: called with each record: step, steps, loss, lr, norm, tokens,
        seconds, tokens_per_second, and what meter and validate add.
    resume: go on from the checkpoint in `out` when there is one.
    meter: adds what the machine did to each record.
    validate: measures the model every `plan.validate_every` steps; lower is
        better. Logged as `validation`, and what `plan.best` goes by.
    tensorboard: True writes to `out`/tensorboard, or give a folder.

    Under torchrun (see `aulac.distributed`) every process calls this alike; only
    the lead writes, shows, validates and calls `on_step`.

    Raises TrainingError when the loss is no longer a number or rises too far,
    when memory is full, when the checkpoint belongs to another plan or model, and
    when the disk is full or not writable, when another process trains in `out`.
    After Ctrl-C or SIGTERM the step is finished and saved, then KeyboardInterrupt
    or SystemExit (143) is raised.
    """
    engine = Engine(model, data, plan)
    checkpoint = Checkpoint(out, plan, engine)
    torch.manual_seed(plan.seed)
    with finishing(engine, checkpoint, out):
        with distributed.lead_first():
            done = checkpoint.load() if resume else checkpoint.clear()
        distributed.agree(done, checkpoint.path)
        log = Log(out if engine.lead else None, done)
        run = Run(history=log.records, out=Path(out) if out else None)
        report = Report(engine, checkpoint, log, meter, validate)
        greet(engine, done)
        model.train()
        with shows(engine, done, scalars(out, tensorboard), on_step) as show:
            walk(engine, run, done, checkpoint, lambda r: show(report(r)))
    model.eval()
    return run


def walk(
    engine: Engine,
    run: Run,
    done: int,
    checkpoint: Checkpoint,
    report: OnStep,
) -> None:
    """Take the steps after `done`; the lead reports every `log_every` of them."""
    plan, world, clock = engine.plan, engine.world, Clock(engine, run)
    with interrupts(patient=world.size > 1) as asked:
        for step in range(done + 1, plan.steps + 1):
            factor = schedule(step - 1, plan)
            _, norm = engine.step(factor)
            if step % plan.log_every == 0 or step == plan.steps:
                record: Record = {"step": step, "steps": plan.steps}
                record |= {"loss": engine.mean_loss(), "lr": factor}
                record |= {"norm": float(norm)} | clock.lap()
                if engine.lead:
                    report(record)
                clock.go()
            if world.any(asked() > 0):
                if engine.healthy():
                    checkpoint.save(step)
                if asked() == signal.SIGTERM:
                    raise SystemExit(128 + signal.SIGTERM)
                raise KeyboardInterrupt


class Clock:
    """Seconds and tokens per second, the time between two laps left out."""

    def __init__(self, engine: Engine, run: Run) -> None:
        self.engine, self.before = engine, run.seconds
        self.began = time.perf_counter()
        self.go()

    def go(self) -> None:
        self.since, self.tokens = time.perf_counter(), self.engine.tokens

    def lap(self) -> Record:
        now, tokens = time.perf_counter(), self.engine.tokens
        return {
            "tokens": tokens,
            "seconds": self.before + now - self.began,
            "tokens_per_second": (tokens - self.tokens) / (now - self.since),
        }


class Report:
    """What the lead does with a record: judge it, complete it, log it, save."""

    def __init__(
        self,
        engine: Engine,
        checkpoint: Checkpoint,
        log: Log,
        meter: Meter | None,
        validate: Validate | None,
    ) -> None:
        self.engine, self.checkpoint, self.log = engine, checkpoint, log
        self.meter, self.validate = meter, validate
        self.guard = Guard(engine.plan, checkpoint.told, log.records)
        measured = [r["step"] for r in log.records if "validation" in r]
        self.validated = measured[-1] if measured else 0

    def __call__(self, record: Record) -> Record:
        step, checkpoint = record["step"], self.checkpoint
        self.guard(record, self.engine.scale())
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
        plan = self.engine.plan
        passed = step - self.validated
        return passed >= plan.validate_every or step == plan.steps

    def _measure(self, validate: Validate) -> float:
        model = self.engine.model.eval()
        with torch.no_grad():
            found = float(validate(model))
        model.train()
        return found


def greet(engine: Engine, done: int) -> None:
    """Say what was chosen, and where a run goes on."""
    if not engine.lead:
        return
    vi, en = engine.reason["vi"], engine.reason["en"]
    say_once(f"Độ chính xác {vi}.", f"Precision {en}.")
    if 0 < done < engine.plan.steps:
        say(
            f"Tiếp tục từ điểm lưu ở bước {done} trên {engine.plan.steps}.",
            f"Going on from the checkpoint at step {done} of "
            f"{engine.plan.steps}.",
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
    engine: Engine, done: int, folder: Path | None, on_step: OnStep | None
) -> Iterator[OnStep]:
    """Who sees a record: the bar, TensorBoard, then `on_step`; the lead's alone."""
    if not engine.lead:
        yield lambda record: None
        return
    with bar(engine.plan.steps, done) as on_bar, board(folder) as on_board:
        watching: Iterable[OnStep] = [on_bar, on_board]
        watching = [*watching, on_step] if on_step else watching

        def show(record: Record) -> None:
            for see in watching:
                see(record)

        yield show


@contextmanager
def finishing(
    engine: Engine, checkpoint: Checkpoint, out: str | os.PathLike[str] | None
) -> Iterator[None]:
    """Hold the folder; a lack of memory becomes a sentence; end the feed."""
    try:
        with (
            alone(out if engine.lead else None),
            memory(engine.plan, checkpoint.told),
        ):
            yield
    finally:
        engine.feed.close()
