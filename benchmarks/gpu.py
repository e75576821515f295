"""Everything that one graphics card can tell in a few minutes, in one file.

    python benchmarks/gpu.py [--minutes 9] [--depth 14] [--save FOLDER]

On whatever card is present; on a CPU with a model that fits it, which proves the
script and says nothing of a card. In turn, each in a process of its own that is stopped
when its share of the time is over:

- `speed`: tokens a second and MFU of the `gpu` scale, one batch size after another until
  memory is full, then the best of them compiled
- `beside`: the same step beside `transformers.Trainer` and the shortest loop
- `generation`, `quantisation`, `bpe_trainer`, `ablations`: those benchmarks, in small
- `pretraining`: a model from raw text in the time that is left, its decay by the clock;
  `--save FOLDER` keeps it, with its tokenizer, as a Hugging Face folder

AULAC_CORPUS and AULAC_TOKENIZER name text and tokenizer of one's own (see `timed.py`).
The result file is written anew after each part, so what is killed loses one part; a
part that fails leaves its `error` there and the next one begins.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import run
import torch

from aulac.model import Config, Transformer
from aulac.scale import SCALES, Scale, from_depth, get
from aulac.scale.flops import parameters, training_flops
from aulac.scale.hardware import peak
from aulac.scale.plan import Plan, precision
from aulac.train.trainer import Trainer

SHARES = {  # of the time that is left when a part begins, by weight
    "speed": 0.18,
    "beside": 0.10,
    "generation": 0.08,
    "quantisation": 0.06,
    "bpe_trainer": 0.05,
    "ablations": 0.13,
    "pretraining": 0.40,
}
OWN = ("speed", "beside", "pretraining")
SLACK = (
    0.85  # what a part plans with of its time; after all of it, it is stopped
)
GRACE = 3.0  # seconds that a part has to end when it is stopped
TITLES = {
    "speed": {
        "vi": "Tốc độ huấn luyện trên máy này",
        "en": "Training speed on this machine",
    },
    "beside": {
        "vi": "Bên cạnh transformers, cùng máy",
        "en": "Beside transformers, same machine",
    },
    "pretraining": {
        "vi": "Huấn luyện trước trong vài phút",
        "en": "A few minutes of pretraining",
    },
}
LABELS = {
    "device": {"vi": "thiết bị", "en": "device"},
    "precision": {"vi": "định dạng số", "en": "number format"},
    "peak": {"vi": "đỉnh (TFLOP/s)", "en": "peak (TFLOP/s)"},
    "batches": {"vi": "theo cỡ lô", "en": "by batch size"},
    "batch": {"vi": "lô", "en": "batch"},
    "best_batch": {"vi": "cỡ lô nhanh nhất", "en": "fastest batch"},
    "tokens_per_second": {"vi": "token mỗi giây", "en": "tokens a second"},
    "mfu": {
        "vi": "MFU (phần của đỉnh)",
        "en": "MFU (share of the peak)",
    },
    "peak_gb": {"vi": "bộ nhớ (GB)", "en": "memory (GB)"},
    "parameters": {"vi": "tham số", "en": "parameters"},
    "full": {"vi": "hết bộ nhớ ở cỡ lô", "en": "memory was full at batch"},
    "scale": {"vi": "quy mô", "en": "scale"},
    "steps": {"vi": "số bước", "en": "steps"},
    "tokens": {"vi": "số token đã học", "en": "tokens seen"},
    "training_seconds": {"vi": "giây huấn luyện", "en": "seconds of training"},
    "loss": {"vi": "hàm mất mát cuối (nat)", "en": "last loss (nats)"},
    "held_out_bits_per_byte": {
        "vi": "bit mỗi byte trên văn bản để riêng",
        "en": "bits per byte of held-out text",
    },
    "held_out_bytes": {"vi": "byte để riêng", "en": "bytes held out"},
    "text_bytes": {"vi": "byte văn bản học", "en": "bytes of text"},
    "epochs": {"vi": "số lượt qua văn bản", "en": "times through the text"},
    "seconds": {"vi": "giây", "en": "seconds"},
    "load": {"vi": "tải lúc bắt đầu", "en": "load at the start"},
    "error": {"vi": "lỗi", "en": "error"},
}

Write = Callable[[dict[str, Any]], None]


# ---- the machine


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def sizes(asked: argparse.Namespace) -> Scale:
    """The model to measure: `gpu` at a depth, or on a CPU one that it can run."""
    if device().type == "cuda":
        return from_depth(asked.depth)
    return replace(SCALES["tiny"], name="tiny", batch=8)


def card() -> dict[str, str]:
    """The device, its number format and why, in both languages."""
    name = run.cpu_name()
    if torch.cuda.is_available():
        seen = torch.cuda.get_device_properties(0)
        name = f"{seen.name}, {seen.total_memory / 2**30:.0f} GiB"
    why = precision(device())[1]
    return {lang: f"{name}; {words}" for lang, words in why.items()}


# ---- the parts of this file


def speed(asked: argparse.Namespace, write: Write) -> None:
    """Batch sizes doubled until memory is full, then the fastest one compiled."""
    scale, bits = sizes(asked), 8 * precision(device())[0].itemsize
    best = peak(device(), bits)
    rows: dict[str, dict[str, Any]] = {}
    found = {
        "device": card(),
        "peak": {
            "vi": f"{best.flops / 1e12:.3g}, {best.vi}",
            "en": f"{best.flops / 1e12:.3g}, {best.en}",
        },
        "parameters": parameters(scale),
        "batches": rows,
    }
    batch, whole = 4, scale.batch * scale.accumulation
    while batch <= whole and time.time() < asked.until:
        try:
            rows[f"batch {batch}"] = one_speed(scale, batch, best.flops)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if "memory" not in str(error):
                raise
            found["full"] = batch
            break
        write(found)
        batch *= 2
    fastest = max(rows, key=lambda name: rows[name]["tokens_per_second"])
    found["best_batch"] = int(fastest.removeprefix("batch "))
    write(found)
    if device().type == "cuda" and time.time() < asked.until:
        rows[f"compiled, {fastest}"] = one_speed(
            scale, found["best_batch"], best.flops, compiled=True
        )
        write(found)


def one_speed(
    scale: Scale, batch: int, best: float, compiled: bool = False
) -> dict[str, Any]:
    """Tokens a second of whole steps, the accumulation as the scale has it."""
    from training import Held

    config = Config.of(scale)
    torch.manual_seed(0)
    whole = scale.batch * scale.accumulation
    plan = Plan(
        steps=1000, accumulation=max(1, whole // batch), compile=compiled
    )
    data = Held(scale.vocab_size, batch, scale.context)
    trainer = Trainer(Transformer(config).to(device()), data, plan)
    trainer.step(0.01)  # allocates, compiles
    wait()
    before, began = trainer.tokens, time.perf_counter()
    while trainer.tokens == before or time.perf_counter() - began < 1.0:
        trainer.step(0.01)
        wait()
    rate = (trainer.tokens - before) / (time.perf_counter() - began)
    trainer.loader.close()
    memory = 0.0
    if torch.cuda.is_available():
        memory = torch.cuda.max_memory_allocated() / 2**30
        torch.cuda.reset_peak_memory_stats()
        del trainer
        torch.cuda.empty_cache()
    return {
        "tokens_per_second": round(rate),
        "mfu": round(training_flops(config) * rate / best, 4),
        "peak_gb": round(memory, 2) or None,
    }


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def beside(asked: argparse.Namespace, write: Write) -> None:
    """Ours beside transformers, in turn, and a profile of each."""
    import training

    scale = replace(sizes(asked), batch=8, accumulation=1)
    dtype = precision(device())[0]
    bf16 = dtype == torch.bfloat16
    words = "bf16" if bf16 else "fp32"
    arms, model, data = training.start(scale, words, device().type)
    turns = 12 if device().type == "cuda" else 4
    seconds = training.race(arms, turns, model, data, bf16)
    tokens = scale.batch * scale.context
    rate = {name: tokens / s for name, s in sorted(seconds.items())}
    found: dict[str, Any] = {"device": card(), "precision": words}
    found["batch"] = f"{scale.batch} × {scale.context}"
    found["tokens_per_second"] = {n: round(v) for n, v in rate.items()}
    found |= training.ratios(rate) | {"labels": training.LABELS}
    write(found)
    cuda = device().type == "cuda"
    found["where the time goes"] = training.where(arms, 2, cuda)
    write(found)


def pretraining(asked: argparse.Namespace, write: Write) -> None:
    """A model from raw text within the time."""
    import timed

    scale = get(asked.scale) if asked.scale else sizes(asked)
    cuda = device().type == "cuda"
    whole = asked.sequences or scale.batch * scale.accumulation
    batch = min(asked.batch or scale.batch, whole)
    scale = replace(scale, batch=batch, accumulation=max(1, whole // batch))
    with tempfile.TemporaryDirectory(prefix="aulac-gpu-") as folder:
        job = timed.Job(
            scale,
            asked.until - time.time(),
            device(),
            Path(folder),
            asked.save,
            200.0 if cuda else 1.0,
        )
        write({"device": card()} | timed.pretrain(job))


# ---- the command


def command_of(
    part: str, asked: argparse.Namespace, limit: float, batch: int
) -> list[str]:
    """How a part is started."""
    if part not in OWN:
        return run.inside(run.HERE / f"{part}.py", quick=True)
    command = [sys.executable, __file__, "--inside", part]
    until = time.time() + SLACK * limit  # its start counts too
    command += ["--until", f"{until:.1f}", "--batch", str(batch)]
    command += ["--depth", str(asked.depth)]
    command += ["--scale", asked.scale] * bool(asked.scale)
    command += ["--save", str(asked.save)] * bool(asked.save)
    command += ["--sequences", str(asked.sequences)]
    return command


def all_parts(asked: argparse.Namespace, file: Path, work: Path) -> None:
    """Every part in its share of the time; the file is written after each."""
    started = psutil.Process().create_time()  # importing torch takes time too
    end = time.monotonic() + 60 * asked.minutes - (time.time() - started)
    report: run.Report = {"date": date.today().isoformat()}
    report |= {"machine": run.machine(), "quick": True, "benchmarks": {}}
    held = report["benchmarks"]
    left = dict.fromkeys(asked.parts)
    for part in asked.parts:
        share = SHARES[part] / sum(SHARES[name] for name in left)
        del left[part]
        limit = max(1.0, (end - time.monotonic()) * share - GRACE)
        say(f"{part}: {run.clock(limit)} of {clock_left(end)} left")
        batch = held.get("gpu_speed", {}).get("best_batch", 0)
        command = command_of(part, asked, limit, batch)
        found = run.watched(
            command, work / f"{part}.json", limit, quiet, GRACE
        )
        found |= self_described(part).words(found)
        held[f"gpu_{part}" if part in OWN else part] = found
        run.save(file, report)
        say(f"  {run.clock(found['seconds'])} {found.get('error', '')}")


def self_described(part: str) -> run.Benchmark:
    """A part's title and words."""
    file = run.HERE / f"{part}.py"
    said = run.described(file) if part not in OWN and file.exists() else None
    return said or run.Benchmark(file, "", TITLES.get(part, {}), LABELS)


def quiet(seconds: float) -> None:
    """A part says nothing while it runs."""


def clock_left(end: float) -> str:
    return run.clock(max(0.0, end - time.monotonic()))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = made.add_argument
    add("--minutes", type=float, default=9.0, help="for everything")
    add("--depth", type=int, default=14, help="of the model on a card")
    add("--scale", help="what pretraining trains instead, as `shipped`")
    add(
        "--sequences",
        type=int,
        default=0,
        help="of one step of pretraining, by default the scale's own number",
    )
    add("--out", type=Path, help="the result file")
    add("--save", type=Path, help="where the pretrained model goes")
    add(
        "--parts",
        nargs="+",
        choices=[*SHARES],
        default=[*SHARES],
        metavar="PART",
        help=f"of {', '.join(SHARES)}",
    )
    add("--batch", type=int, default=0, help=argparse.SUPPRESS)
    add("--inside", choices=OWN, help=argparse.SUPPRESS)
    add("--until", type=float, help=argparse.SUPPRESS)
    add("--to", type=Path, help=argparse.SUPPRESS)
    return made


def main() -> None:
    asked = parser().parse_args()
    if asked.inside:
        part: Any = globals()[asked.inside]
        part(asked, lambda found: write_whole(asked.to, found))
        return
    for line in card().values():
        say(line)
    name = f"{date.today().isoformat()}-{run.place(run.machine())}-gpu.json"
    file = asked.out or run.RESULTS / name
    os.environ.setdefault("AULAC_ABLATION_MINUTES", "1")
    try:
        all_parts(asked, file, run.BUILD / "gpu")
    except KeyboardInterrupt:
        say("stopped; the parts before this one are kept")
        raise SystemExit(130) from None
    finally:
        say(str(file))


def write_whole(to: Path, found: dict[str, Any]) -> None:
    """So that a part that is killed leaves what it had."""
    part = to.with_suffix(".part")
    part.write_text(json.dumps(found, ensure_ascii=False))
    part.replace(to)


if __name__ == "__main__":
    main()
