"""The training loop: one for pretraining and for instruction tuning.

- warm-up, stable, decay schedule (WSD), linear at both ends
- Muon and AdamW (see `aulac.optim`), gradient clipping, accumulation
- precision chosen once, from the device, with the reason
- a JSONL log anyone can plot, a progress bar in a terminal, `on_step` for notebooks
- atomic checkpoints with optimiser, random state and data position: a run killed at
  any moment and resumed ends with the same weights, bit for bit on a CPU
- divergence, a full disk or a missing permission end in a sentence, and the last good
  checkpoint stays
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from aulac.checkpoint import Checkpoint, TrainingError
from aulac.model import Transformer
from aulac.optim import optimisers
from aulac.progress import Log, bar, interrupts

if TYPE_CHECKING:
    from aulac.scale import Scale

__all__ = ["Plan", "Run", "TrainingError", "precision", "schedule", "train"]

OnStep = Callable[[dict[str, Any]], None]


class Data(Protocol):
    """Endless batches of ids and targets (B, T); their place can be kept."""

    def __next__(self) -> tuple[Tensor, Tensor]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Plan:
    """How to train. Rates are peaks; `warmup` and `decay` parts of `steps`."""

    steps: int
    muon_lr: float = 0.02
    adam_lr: float = 0.008
    weight_decay: float = 0.1
    accumulation: int = 1  # batches per step
    warmup: float = 0.02
    decay: float = 0.5
    clip: float = 1.0  # largest gradient norm
    muon: bool = True  # False: AdamW for every parameter
    precision: str = "auto"  # or fp32, bf16, fp16: see `precision`
    seed: int = 0
    log_every: int = 10  # steps
    checkpoint_every: int = 100  # steps, at the next record after so many

    @classmethod
    def pretraining(cls, scale: Scale, **changes: Any) -> Plan:
        """The plan of a scale's base model."""
        values: dict[str, Any] = {
            "steps": scale.steps,
            "muon_lr": scale.muon_lr,
            "adam_lr": scale.adam_lr,
            "weight_decay": scale.weight_decay,
            "accumulation": scale.accumulation,
            "decay": 0.3,
        }
        return cls(**values | changes)

    @classmethod
    def tuning(cls, scale: Scale, **changes: Any) -> Plan:
        """The plan of a scale's instruction tuning: gentler, mostly decay."""
        values: dict[str, Any] = {
            "steps": scale.sft_steps,
            "muon_lr": scale.muon_lr * scale.sft_lr,
            "adam_lr": scale.adam_lr * scale.sft_lr,
            "weight_decay": scale.weight_decay,
            "decay": 0.7,
        }
        return cls(**values | changes)


@dataclass
class Run:
    """What a training run left: `history` has one record per logged step."""

    history: list[dict[str, Any]] = field(default_factory=list)
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


def schedule(step: int, plan: Plan) -> float:
    """Part of the peak rate at `step` (from 0): warm up, hold, fall to zero.

    WSD, Hu et al. (2024). The stable part can be prolonged at will.
    """
    warmup = max(1, round(plan.warmup * plan.steps))
    decay = max(1, round(plan.decay * plan.steps))
    rising = (step + 1) / warmup
    falling = (plan.steps - step) / decay
    return min(1.0, rising, falling)


FORMATS = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def precision(
    device: torch.device, wanted: str = "auto"
) -> tuple[torch.dtype, str]:
    """The number format for a device, and the reason in English.

    `wanted`: a key of FORMATS, or "auto". A CPU gets fp32 unless asked: with
    AVX512-BF16 its products are two to three times faster in bf16, without it 17
    times slower, and fp32 gives the same weights on both.

    Raises ValueError for another word, and for fp16 on a CPU.
    """
    if wanted != "auto":
        if wanted not in FORMATS:
            known = ", ".join(FORMATS)
            raise ValueError(
                f"there is no precision {wanted!r}: choose auto, {known}."
            )
        if wanted == "fp16" and device.type != "cuda":
            raise ValueError(
                "fp16 is for a GPU: on a CPU choose fp32 or bf16."
            )
        return FORMATS[wanted], f"{wanted}: as asked"
    if device.type != "cuda":
        return torch.float32, "fp32: a CPU emulates 16-bit formats slowly"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16, "bf16: this GPU computes it natively"
    return torch.float16, "fp16 with loss scaling: this GPU has no bf16"


def set_rates(opts: list[Optimizer], factor: float) -> None:
    """Every group's learning rate becomes its peak times `factor`."""
    for opt in opts:
        for group in opt.param_groups:
            group["lr"] = group["peak"] * factor


def gradients(
    model: Transformer, data: Data, plan: Plan, scaler: torch.amp.GradScaler
) -> tuple[Tensor, int]:
    """Add up gradients over `plan.accumulation` batches: loss, tokens read.

    Each batch weighs as many targets as it has, so accumulation changes
    nothing but memory.
    """
    device = model.embed.weight.device
    dtype, _ = precision(device, plan.precision)
    mixed = dtype != torch.float32
    cast = torch.autocast(device.type, dtype) if mixed else nullcontext()
    pairs = [next(data) for _ in range(plan.accumulation)]
    counts = [int((targets != -100).sum()) for _, targets in pairs]
    total = torch.zeros((), device=device)
    for (ids, targets), count in zip(pairs, counts, strict=True):
        with cast:
            loss = model.loss(ids.to(device), targets.to(device))
        share = loss * (count / max(1, sum(counts)))
        scaler.scale(share).backward()
        total += share.detach()
    return total, sum(ids.numel() for ids, _ in pairs)


def take_step(
    model: Transformer,
    opts: list[Optimizer],
    data: Data,
    plan: Plan,
    scaler: Any,
) -> tuple[Tensor, Tensor, int]:
    """One optimiser step: loss and gradient norm before it, tokens read."""
    loss, tokens = gradients(model, data, plan, scaler)
    for opt in opts:
        scaler.unscale_(opt)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    for opt in opts:
        scaler.step(opt)
    scaler.update()
    model.zero_grad(set_to_none=True)
    return loss, norm, tokens


def train(
    model: Transformer,
    data: Data,
    plan: Plan,
    out: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    resume: bool = True,
) -> Run:
    """Train `model` in place and return the run's history.

    out: folder for the log and the checkpoint; None keeps nothing on disk.
    on_step: called with each record: step, steps, loss, lr, norm, tokens,
        seconds, tokens_per_second.
    resume: go on from the checkpoint in `out` when there is one.

    Raises TrainingError when the loss is no longer a number, when the
    checkpoint belongs to another plan or model, and when the disk is full or
    not writable.
    """
    dtype, _ = precision(model.embed.weight.device, plan.precision)
    opts = optimisers(model, plan, plan.muon, dtype)
    scaler = make_scaler(model, plan)
    parts: dict[str, Any] = {"opts": opts, "scaler": scaler, "data": data}
    checkpoint = Checkpoint(out, model, plan, **parts)
    torch.manual_seed(plan.seed)
    done = checkpoint.load() if resume else checkpoint.clear()
    log = Log(out, done)
    run = Run(history=log.records, out=Path(out) if out else None)
    model.train()
    with bar(plan.steps, done) as show, interrupts() as interrupted:
        for record in steps(model, opts, data, plan, scaler, run, done):
            log.write(record)
            step = record["step"]
            if checkpoint.due(step) or interrupted() or step == plan.steps:
                checkpoint.save(step)
            show(record)
            if on_step:
                on_step(record)
            if interrupted():
                checkpoint.save(step)
                raise KeyboardInterrupt
    model.eval()
    return run


def steps(
    model: Transformer,
    opts: list[Optimizer],
    data: Data,
    plan: Plan,
    scaler: Any,
    run: Run,
    done: int,
) -> Iterator[dict[str, Any]]:
    """Take the steps after `done`; yield a record every `log_every` of them.

    The loss stays on the device in between, so a GPU is never made to wait.
    """
    tokens, before, began = run.tokens, run.seconds, time.perf_counter()
    losses: list[Tensor] = []
    seen, since = 0, began
    for step in range(done + 1, plan.steps + 1):
        set_rates(opts, factor := schedule(step - 1, plan))
        loss, norm, read = take_step(model, opts, data, plan, scaler)
        losses.append(loss)
        seen += read
        if step % plan.log_every and step != plan.steps:
            continue
        mean = float(torch.stack(losses).mean())
        check(mean, 0.0 if scaler.is_enabled() else float(norm), step)
        now, tokens = time.perf_counter(), tokens + seen
        record = {"step": step, "steps": plan.steps, "loss": mean}
        record |= {"lr": factor, "norm": float(norm), "tokens": tokens}
        record |= {"seconds": before + now - began}
        yield record | {"tokens_per_second": seen / (now - since)}
        losses, seen, since = [], 0, time.perf_counter()


def check(loss: float, norm: float, step: int) -> None:
    """Raise TrainingError when loss or gradient is not a number any more."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingError(
        f"the loss became {loss} (gradient {norm}) by step {step}: training "
        "diverged. The last good checkpoint is kept; lower the learning rates "
        "(half is a good try) or lengthen the warm-up, and run in a new folder.",
        f"hàm mất mát thành {loss} (gradient {norm}) ở bước {step}: quá trình "
        "huấn luyện đã phân kỳ. Điểm lưu tốt gần nhất vẫn còn; hãy giảm tốc "
        "độ học (thử một nửa) hoặc kéo dài phần khởi động, rồi chạy lại trong "
        "một thư mục mới.",
    )


def make_scaler(model: Transformer, plan: Plan) -> torch.amp.GradScaler:
    """Scales the loss in fp16, where small gradients vanish; else idle."""
    device = model.embed.weight.device
    dtype, _ = precision(device, plan.precision)
    return torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
