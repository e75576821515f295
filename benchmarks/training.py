"""Training speed: our loop beside transformers, same model, batch, data and device.

Arms, step by step in turn so that other work on the machine hits all alike:

- `trainer`: `transformers.Trainer` with its default AdamW (fused), no evaluation, the
  data in memory, no workers, a record every ten steps as in ours. It owns its loop, so
  it leads: the other arms take their step when it says that one of its own has ended,
  and its clock stands still meanwhile
- `bare`: `Qwen3ForCausalLM`, its own loss, AdamW, clipping: the shortest loop
- `ours_adamw`: our model and loop with AdamW, the like-for-like comparison
- `ours`: as the course trains, with Muon

All work in the same number format. Tokens per second are medians over steps, the first
left out; a ratio above 1 means faster than the arm it is named after. `where the time
goes` is a profile of one step, taken apart from the clock (see `operators.py`).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch
from operators import KINDS, breakdown

from aulac.export import qwen3_config, qwen3_name
from aulac.model import Config, Transformer
from aulac.scale import SCALES, Scale
from aulac.scale.flops import Sizes
from aulac.scale.plan import Plan
from aulac.train.trainer import Trainer

BATCH, CONTEXT = 16, 256
WARM = 2  # steps that are not counted: they allocate
TITLE = {"vi": "Tốc độ huấn luyện", "en": "Training speed"}
MINUTES = 2.3
LABELS = {
    "tiny, as the course trains it": {
        "vi": "tiny, đúng như khóa học huấn luyện",
        "en": "tiny, as the course trains it",
    },
    "tiny, 16 x 256": {"vi": "tiny, 16 × 256", "en": "tiny, 16 × 256"},
    "laptop, 16 x 256": {"vi": "laptop, 16 × 256", "en": "laptop, 16 × 256"},
    "laptop, 16 x 256, bf16": {
        "vi": "laptop, 16 × 256, bf16",
        "en": "laptop, 16 × 256, bf16",
    },
    "parameters": {"vi": "tham số", "en": "parameters"},
    "tokens_per_second": {"vi": "token mỗi giây", "en": "tokens a second"},
    "trainer": {"vi": "transformers, Trainer", "en": "transformers, Trainer"},
    "bare": {
        "vi": "transformers, vòng lặp ngắn nhất",
        "en": "transformers, the shortest loop",
    },
    "ours_adamw": {"vi": "của khóa học, AdamW", "en": "ours, AdamW"},
    "ours": {"vi": "của khóa học, Muon", "en": "ours, Muon"},
    "where the time goes": {
        "vi": "thời gian đi đâu (mili giây mỗi bước, có máy soi)",
        "en": "where the time goes (milliseconds a step, under the profiler)",
    },
    "matrix products": {"vi": "nhân ma trận", "en": "matrix products"},
    "attention": {"vi": "chú ý", "en": "attention"},
    "softmax and loss": {
        "vi": "softmax và hàm mất mát",
        "en": "softmax and loss",
    },
    "optimiser": {"vi": "bộ tối ưu", "en": "optimiser"},
    "norms, rotary, SwiGLU, sums": {
        "vi": "chuẩn hóa, vị trí quay, SwiGLU, phép cộng",
        "en": "norms, rotary, SwiGLU, sums",
    },
    "copies": {"vi": "sao chép", "en": "copies"},
    "Python and the rest": {
        "vi": "Python và phần còn lại",
        "en": "Python and the rest",
    },
}
NOTES = {
    "vi": "Cùng mô hình, cùng lô, cùng dữ liệu nằm sẵn trong bộ nhớ, cùng định dạng "
    "số; các bên thay phiên nhau từng bước. Trainer giữ mọi cài đặt mặc định, trừ "
    "việc không lưu và không đánh giá. Số giữa của các bước.",
    "en": "The same model, batch, data held in memory and number format; the arms take "
    "turns step by step. Trainer keeps its defaults, but neither saves nor evaluates. "
    "Medians over steps.",
}
ALONE = {
    "vi": NOTES["vi"] + " Chưa cài accelerate nên chưa đo Trainer.",
    "en": NOTES["en"] + " Trainer was not timed: accelerate is not installed.",
}

Step = Callable[[], None]


class Held:
    """Batches of random tokens held in memory: speed does not depend on the words."""

    def __init__(
        self, vocab_size: int, batch: int, context: int, held: int = 8
    ):
        draw = torch.Generator().manual_seed(0)
        self.batch, self.context = batch, context
        shape = held, batch, context + 1
        self.ids = torch.randint(vocab_size, shape, generator=draw)
        self.next = 0

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
        ids = self.ids[self.next % len(self.ids)]
        self.next += 1
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()

    def state(self) -> dict[str, Any]:
        return {"next": self.next}

    def restore(self, state: dict[str, Any]) -> None:
        self.next = state["next"]


def theirs(model: Transformer) -> Any:
    """transformers' model with the same weights, on the same device."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    values = qwen3_config(model.config)
    for key in ("architectures", "model_type", "rope_theta"):
        values.pop(key)
    other = Qwen3ForCausalLM(Qwen3Config(**values))
    weights = {qwen3_name(name): w for name, w in model.state_dict().items()}
    other.load_state_dict(weights, strict=False)
    return other.to(model.embed.weight.device)


def our_step(
    config: Config, data: Held, plan: Plan, device: str = "cpu"
) -> Step:
    """One step as `aulac.train` takes it."""
    torch.manual_seed(0)
    trainer = Trainer(Transformer(config).to(device), data, plan)

    def step() -> None:
        trainer.step(0.5)

    return step


def bare_step(
    config: Config, data: Held, plan: Plan, device: str = "cpu"
) -> Step:
    """One step of the shortest loop around transformers' model."""
    torch.manual_seed(0)
    model = theirs(Transformer(config).to(device))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    bf16 = plan.precision == "bf16"
    cast = torch.autocast(device, torch.bfloat16) if bf16 else nullcontext()

    def step() -> None:
        ids = next(data)[0].to(device)
        with cast:
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def take_turns(arms: dict[str, Step], seconds: dict[str, list[float]]) -> None:
    """One step of every arm; what each took goes to `seconds`."""
    for name, step in arms.items():
        began = time.perf_counter()
        step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds[name].append(time.perf_counter() - began)


def race(
    arms: dict[str, Step],
    turns: int,
    model: Any,
    data: Held,
    bf16: bool = False,
) -> dict[str, float]:
    """Median seconds a step of every arm, and of Trainer with `model` if it is given.

    A Trainer's step lasts from the end of its last one, or of the other arms' turn,
    until it reports the next: the loader, the loss, the update and its book-keeping.
    """
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    if model is None:
        for _ in range(turns + WARM):
            take_turns(arms, seconds)
    else:
        seconds["trainer"] = []
        lead(model, data, turns + WARM, arms, seconds, bf16)
    return {name: statistics.median(s[WARM:]) for name, s in seconds.items()}


def lead(
    model: Any,
    data: Held,
    turns: int,
    arms: dict[str, Step],
    seconds: dict[str, list[float]],
    bf16: bool,
) -> None:
    """Trainer takes `turns` steps, the other arms one after each of them."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    began = 0.0

    class Clock(TrainerCallback):
        def on_train_begin(self, *args: Any, **options: Any) -> None:
            nonlocal began
            began = time.perf_counter()

        def on_step_end(self, *args: Any, **options: Any) -> None:
            nonlocal began
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds["trainer"].append(time.perf_counter() - began)
            take_turns(arms, seconds)
            began = time.perf_counter()

    rows = [
        {"input_ids": row, "labels": row}
        for row in data.ids[:, :, :-1].flatten(0, 1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=data.batch,
            max_steps=turns,
            report_to=[],
            save_strategy="no",
            logging_steps=10,
            bf16=bf16,
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
        )
        Trainer(
            model, arguments, train_dataset=rows, callbacks=[Clock()]
        ).train()


def start(
    scale: Scale, precision: str, device: str = "cpu"
) -> tuple[dict[str, Step], Any, Held]:
    """The arms of a scale, the model for Trainer (None without accelerate), data."""
    config = Config.of(scale)
    data = Held(scale.vocab_size, scale.batch, scale.context)
    plan = Plan(steps=1000, precision=precision)
    arms = {
        "bare": bare_step(config, data, plan, device),
        "ours_adamw": our_step(
            config, data, replace(plan, muon=False), device
        ),
        "ours": our_step(config, data, plan, device),
    }
    model = None
    if find_spec("accelerate"):
        model = theirs(Transformer(config).to(device))
    return arms, model, data


def measure(
    scale: Scale, turns: int, precision: str = "fp32", profiled: int = 0
) -> dict[str, Any]:
    """Tokens per second of every arm, ratios, a profile over `profiled` steps."""
    arms, model, data = start(scale, precision)
    seconds = race(arms, turns, model, data, precision == "bf16")
    tokens = scale.batch * scale.context
    speed = {name: tokens / s for name, s in sorted(seconds.items())}
    found: dict[str, Any] = {"parameters": parameters(scale)}
    found["tokens_per_second"] = {n: round(v) for n, v in speed.items()}
    found |= ratios(speed)
    if profiled:
        found["where the time goes"] = where(arms, profiled)
    return found


def parameters(scale: Sizes) -> int:
    """Of the scale's model."""
    from aulac.scale import flops

    return flops.parameters(scale)


def ratios(speed: dict[str, float]) -> dict[str, float]:
    """Ours beside each of theirs."""
    return {
        f"{ours} / {other}": round(speed[ours] / speed[other], 3)
        for other in ("trainer", "bare")
        for ours in ("ours_adamw", "ours")
        if other in speed and ours in speed
    }


def where(
    arms: dict[str, Step], steps: int, cuda: bool = False
) -> dict[str, dict[str, float]]:
    """A row for each kind of work: milliseconds a step of theirs and of ours."""
    columns = {
        name: breakdown(step, steps, cuda) for name, step in arms.items()
    }
    return {
        kind: {name: column[kind] for name, column in columns.items()}
        for kind in KINDS
    }


def main(quick: bool) -> dict[str, Any]:
    """Scale `tiny` as it trains, `tiny` and `laptop` at 16 x 256, `laptop` in bf16."""
    turns, profiled = (4, 1) if quick else (24, 4)
    tiny = SCALES["tiny"]
    same = replace(tiny, batch=BATCH, context=CONTEXT)
    found: dict[str, Any] = {
        "tiny, as the course trains it": measure(
            tiny, turns, profiled=profiled
        )
    }
    if not quick:
        laptop = replace(SCALES["laptop"], batch=BATCH, context=CONTEXT)
        found["tiny, 16 x 256"] = measure(same, turns // 3)
        found["laptop, 16 x 256"] = measure(laptop, turns // 4, profiled=2)
        if native_bf16():
            found["laptop, 16 x 256, bf16"] = measure(
                laptop, turns // 4, "bf16"
            )
    found["charts"] = [chart(found)]
    found["notes"] = NOTES if find_spec("accelerate") else ALONE
    return found


def native_bf16() -> bool:
    """Whether this CPU multiplies in bf16, rather than emulating it slowly."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def chart(found: dict[str, Any]) -> dict[str, Any]:
    """Ours beside Trainer, or beside the shortest loop where there is no Trainer."""
    other = "trainer" if find_spec("accelerate") else "bare"
    name = {"trainer": "transformers.Trainer", "bare": "transformers"}[other]
    return {
        "title": {
            "vi": f"Huấn luyện nhanh gấp mấy lần {name}",
            "en": f"Training: times as fast as {name}",
        },
        "unit": {"vi": "lần", "en": "times"},
        "bars": {
            f"{setting} / {arm}": values[f"{arm} / {other}"]
            for setting, values in found.items()
            for arm in ("ours_adamw", "ours")
        },
        "line": 1.0,
    }
