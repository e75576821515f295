"""Training speed: our loop beside transformers, same model, batch, data and device.

Arms, interleaved step by step so that other work on the machine hits all alike:

- `bare`: `Qwen3ForCausalLM`, its own loss, AdamW, clipping: the shortest loop
- `trainer`: `transformers.Trainer` (only where `accelerate` is installed; timed as one
  piece beside the others, since it owns its loop)
- `ours_adamw`: our model and loop with AdamW, the like-for-like comparison
- `ours`: as the course trains, with Muon

Tokens per second are medians over steps; a ratio above 1 means faster than the arm it
is named after.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch

from aulac.export import qwen3_config, qwen3_name
from aulac.model import Config, Transformer
from aulac.optim import optimisers
from aulac.scale import SCALES, Scale
from aulac.train import Plan, make_scaler, set_rates, take_step

BATCH, CONTEXT = 16, 256


class Random:
    """Batches of random tokens: speed does not depend on what they say."""

    def __init__(self, vocab_size: int, batch: int, context: int):
        self.shape, self.vocab_size = (batch, context + 1), vocab_size
        self.draw = torch.Generator().manual_seed(0)

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
        ids = torch.randint(self.vocab_size, self.shape, generator=self.draw)
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        return None


def theirs(model: Transformer) -> Any:
    """transformers' model with the same weights."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    values = qwen3_config(model.config)
    for key in ("architectures", "model_type", "rope_theta"):
        values.pop(key)
    other = Qwen3ForCausalLM(Qwen3Config(**values))
    weights = {qwen3_name(name): w for name, w in model.state_dict().items()}
    other.load_state_dict(weights, strict=False)
    return other


def our_step(config: Config, data: Random, muon: bool) -> Callable[[], None]:
    """One step as `aulac.train` takes it."""
    torch.manual_seed(0)
    model, plan = Transformer(config), Plan(steps=1000, muon=muon)
    opts, scaler = optimisers(model, plan, muon=muon), make_scaler(model, plan)

    def step() -> None:
        set_rates(opts, 0.5)
        take_step(model, opts, data, plan, scaler)

    return step


def bare_step(config: Config, data: Random) -> Callable[[], None]:
    """One step of the shortest loop around transformers' model."""
    torch.manual_seed(0)
    model = theirs(Transformer(config))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        ids, _ = next(data)
        model(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def trainer_seconds(config: Config, data: Random, steps: int) -> float:
    """Seconds a step of `transformers.Trainer`, its start left out."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    rows = [
        {"input_ids": row, "labels": row}
        for _ in range(steps)
        for row in next(data)[0]
    ]
    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **options: Any) -> None:
            marks.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=data.shape[0],
            max_steps=steps,
            report_to=[],
            save_strategy="no",
            logging_steps=10,
            use_cpu=True,
            disable_tqdm=True,
        )
        torch.manual_seed(0)
        model = theirs(Transformer(config))
        Trainer(
            model, arguments, train_dataset=rows, callbacks=[Clock()]
        ).train()
    return statistics.median(b - a for a, b in itertools.pairwise(marks))


def measure(scale: Scale, steps: int) -> dict[str, Any]:
    """Tokens per second of every arm, and ratios."""
    config = Config.of(scale)
    data = Random(scale.vocab_size, scale.batch, scale.context)
    arms = {
        "bare": bare_step(config, data),
        "ours_adamw": our_step(config, data, muon=False),
        "ours": our_step(config, data, muon=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(steps + 2):
        for name, step in arms.items():
            began = time.perf_counter()
            step()
            if turn >= 2:  # the first steps allocate
                seconds[name].append(time.perf_counter() - began)
    tokens = scale.batch * scale.context
    speed = {
        name: tokens / statistics.median(s) for name, s in seconds.items()
    }
    if find_spec("accelerate"):
        speed["trainer"] = tokens / trainer_seconds(config, data, steps)
    found: dict[str, Any] = {"parameters": Transformer(config).count()}
    found["tokens_per_second"] = {
        name: round(value) for name, value in speed.items()
    }
    for other in speed.keys() & {"bare", "trainer"}:
        for ours in ("ours_adamw", "ours"):
            found[f"{ours} / {other}"] = round(speed[ours] / speed[other], 3)
    return found


def main(quick: bool) -> dict[str, Any]:
    """Scales `tiny` (its own batch), and `tiny` and `laptop` at 16 x 256."""
    steps = 6 if quick else 40
    tiny = SCALES["tiny"]
    laptop = replace(SCALES["laptop"], batch=BATCH, context=CONTEXT)
    found: dict[str, Any] = {
        "tiny, as the course trains it": measure(tiny, steps),
        "tiny, 16 x 256": measure(
            replace(tiny, batch=BATCH, context=CONTEXT), steps
        ),
    }
    if not quick:
        found["laptop, 16 x 256"] = measure(laptop, steps // 4)
    if not find_spec("accelerate"):
        found["notes"] = {
            "vi": "Chưa cài accelerate nên chưa đo Trainer.",
            "en": "accelerate is not installed, so Trainer was not timed.",
        }
    return found
