"""A pretraining that ends when its time does: the rate falls by the clock.

Read by `gpu.py`. Text: the corpus folder AULAC_CORPUS, or the embedded stories and
laws. Tokenizer: the folder AULAC_TOKENIZER, or one learned here. Warm-up, stable part
and decay are shares of the time and not of a number of steps, so the decay always ends
and the model can be kept, however fast the machine is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from ablation_text import corpus_folder, passages, sample

from aulac.evaluate.bits import measure
from aulac.export import to_hf
from aulac.model import Config, Transformer
from aulac.scale import Scale
from aulac.scale.flops import parameters, training_flops
from aulac.scale.hardware import peak
from aulac.scale.plan import Plan, precision
from aulac.tokenizer import Tokenizer, train
from aulac.tokenizer.stages import VocabularyError
from aulac.train.shards import Batches, Shards, write_texts
from aulac.train.trainer import Trainer

WARMUP, DECAY = 0.02, 0.4  # shares of the time
READING = 0.15  # of all the time, for encoding
ENDING = 0.12  # of all the time, for measuring and saving
RECORD = 1.0  # seconds between two looks at the loss
HELD = 100_000  # bytes of held-out text, a tenth of that on a CPU
LEARNING = 20e6  # bytes of text at most that a tokenizer is learned from
SEED = 2025


@dataclass(frozen=True)
class Job:
    """What to train, for how long, and where it goes."""

    scale: Scale
    seconds: float
    device: torch.device
    work: Path
    save: Path | None = None
    megabytes: float = 200.0  # of text at most


def factor(done: float) -> float:
    """Part of the peak rate when `done` (0 to 1) of the time is over."""
    rising, falling = max(done, 0.05 * WARMUP) / WARMUP, (1 - done) / DECAY
    return max(0.0, min(1.0, rising, falling))


def pretrain(job: Job) -> dict[str, Any]:
    """Text to model within `job.seconds`: speed, loss, bits per byte."""
    end = time.monotonic() + job.seconds
    corpus = corpus_folder(job.work, job.megabytes)
    texts = sample(corpus / "train.jsonl", job.megabytes * 1e6)
    tokenizer = words(texts, job.scale.vocab_size, job.seconds)
    until = time.monotonic() + READING * job.seconds
    index = write_texts(stopping(texts, until), tokenizer, job.work / "shards")
    shards = Shards.open(job.work / "shards")
    seconds = end - time.monotonic() - ENDING * job.seconds
    model, found = train_for(job, tokenizer, shards, max(1.0, seconds))
    size = HELD if job.device.type == "cuda" else HELD // 10
    held = [p.text for p in passages(corpus / "validation.jsonl", size)]
    bits = measure(model, tokenizer, held)
    found |= {"held_out_bits_per_byte": round(bits.bits / bits.bytes, 4)}
    found |= {"held_out_bytes": bits.bytes, "text_bytes": index.bytes}
    found["epochs"] = round(found["tokens"] / index.tokens, 2)
    if job.save:
        kept = {k: v for k, v in found.items() if k != "curves"}
        to_hf(model, tokenizer, job.save, torch.float16)
        log = json.dumps(kept | {"curve": found["curves"]["loss"]})
        (job.save / "pretraining.json").write_text(log + "\n")
    return found


def words(texts: list[str], size: int, seconds: float) -> Tokenizer:
    """The tokenizer given, or one learned from a part of the texts."""
    if given := os.environ.get("AULAC_TOKENIZER"):
        return Tokenizer.load(given)
    cores = os.cpu_count() or 1
    some, room = [], min(LEARNING, seconds * 25_000 * cores)
    for text in texts:
        some.append(text)
        room -= len(text.encode())
        if room < 0:
            break
    while True:
        try:
            return train(some, size, progress=False)
        except VocabularyError:  # little text holds few words
            if size < 600:
                raise
            size //= 2


def stopping(texts: Iterable[str], until: float) -> Iterator[str]:
    """Texts as long as there is time; always some."""
    for place, text in enumerate(texts):
        if place > 1000 and time.monotonic() > until:
            return
        yield text


def train_for(
    job: Job, tokenizer: Tokenizer, shards: Shards, seconds: float
) -> tuple[Transformer, dict[str, Any]]:
    """Train for so many seconds; where memory is short, with half the batch."""
    scale = job.scale
    while True:
        try:
            return attempt(job, scale, tokenizer, shards, seconds)
        except torch.OutOfMemoryError:
            if scale.batch == 1:
                raise
            scale = replace(
                scale,
                batch=scale.batch // 2,
                accumulation=scale.accumulation * 2,
            )
            torch.cuda.empty_cache()


def attempt(
    job: Job,
    scale: Scale,
    tokenizer: Tokenizer,
    shards: Shards,
    seconds: float,
) -> tuple[Transformer, dict[str, Any]]:
    """Train a new model by the clock."""
    torch.manual_seed(SEED)
    config = Config.of(scale, tokenizer.vocab_size)
    model = Transformer(config).to(job.device)
    plan = Plan.pretraining(scale, steps=10**6, seed=SEED)
    data = Batches(shards, scale.batch, scale.context, seed=SEED)
    trainer = Trainer(model, data, plan)
    began = time.monotonic()
    curve = [run_until(trainer, began + seconds, factor(0.0), steps=1)]
    start, first = time.monotonic(), trainer.tokens  # compiled by now
    span = began + seconds - start
    while (now := time.monotonic()) < start + span:
        pause = min(now + RECORD, start + span)
        curve.append(run_until(trainer, pause, start=start, span=span))
    took = time.monotonic() - start
    trainer.loader.close()
    model.eval()
    speed = (trainer.tokens - first) / took
    best = peak(job.device, bits_of(job.device))
    last = curve[-max(1, len(curve) // 10) :]
    found = {
        "scale": scale.name,
        "parameters": parameters(config),
        "batch": f"{scale.batch} × {scale.accumulation} × {scale.context}",
        "precision": trainer.reason,
        "steps": sum(point[2] for point in curve),
        "tokens": trainer.tokens,
        "training_seconds": round(took, 1),
        "tokens_per_second": round(speed),
        "mfu": round(training_flops(config) * speed / best.flops, 4),
        "loss": round(sum(point[1] for point in last) / len(last), 4),
        "curves": {"loss": [[p[0], round(p[1], 4)] for p in thinned(curve)]},
    }
    return model, found


def run_until(
    trainer: Trainer,
    pause: float,
    rate: float | None = None,
    start: float = 0.0,
    span: float = 1.0,
    steps: int = 0,
) -> tuple[int, float, int]:
    """Steps until `pause`, or so many `steps`: tokens so far, mean loss, steps."""
    taken = 0
    while not taken or (not steps and time.monotonic() < pause):
        done = (time.monotonic() - start) / span
        trainer.step(factor(done) if rate is None else rate)
        taken += 1
    return trainer.tokens, trainer.mean_loss(), taken


def bits_of(device: torch.device) -> int:
    """Of the number format that training uses there."""
    dtype, _ = precision(device)
    return 8 * dtype.itemsize


def thinned(curve: list[Any], size: int = 60) -> list[Any]:
    return curve[:: max(1, len(curve) // size)]
