"""The steps from a training run to what ships; `aulac.cli.release.make` walks them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aulac.lesson import shipped
from aulac.scale import Scale

UNSEEN = 7919  # added to the seed of conversations that nobody trained on
TEXT_BATCH = 4  # windows of training text in a batch among the conversations
Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What was asked for; paths are absolute."""

    run: Path
    corpus: Path
    tokenizer: Path
    work: Path
    scale: Scale
    documents: int  # of each source, for bits per byte
    items: int  # sentences, probes and questions
    also: tuple[Path, ...] = ()  # texts of other domains
    others: tuple[tuple[str, Path], ...] = ()  # models to compare with
    compressor: Path | None = None  # rows that benchmarks/compressor.py wrote
    precision: str = "auto"
    mix: float = 0.2
    note: str = ""

    @property
    def base(self) -> Path:
        return self.work / "base"

    def kept(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` finds, or found for the same weights and the same `key`."""
        file = self.work / f"{name}.json"
        stamp = [shipped.sha256(self.base), key]
        if file.exists():
            old = json.loads(file.read_text("utf-8"))
            if old["key"] == json.loads(json.dumps(stamp)):
                return old["found"]
        print(f"{name} …", flush=True)
        found = make()
        text = json.dumps({"key": stamp, "found": found}, ensure_ascii=False)
        part = file.with_suffix(".part")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(file)
        return found


# the base model


def export(job: Job) -> Record:
    """Write the run's weights in fp16 to `job.base`; how they were trained."""
    import torch

    from aulac.export import from_hf, to_hf
    from aulac.model import Config, Transformer
    from aulac.tokenizer import Tokenizer

    run = job.run / "work" / "run"
    saved = sorted(
        run.glob("checkpoint*.pt"), key=lambda file: file.stat().st_mtime
    )
    state = torch.load(saved[-1], map_location="cpu", weights_only=True)
    tokenizer = Tokenizer.load(job.tokenizer)
    if (job.run / "model").is_dir():
        model, tokenizer = from_hf(job.run / "model")
    else:
        model = Transformer(Config.of(job.scale, tokenizer.vocab_size))
        model.load_state_dict(state["model"])
    to_hf(model, tokenizer, job.base, torch.float16, chat=False)
    plan = state["key"]["plan"]
    return {
        "parameters": model.count(),
        "precision": plan["precision"],
        "optimiser": "Muon, AdamW" if plan["muon"] else "AdamW",
    } | asdict(model.config)


def history(job: Job) -> Record:
    """Totals of the run's log."""
    from aulac.scale.curve import read_log

    log = read_log(job.run / "work" / "run" / "log.jsonl")
    tail = log[-max(1, len(log) // 20) :]
    last = log[-1]
    card = json.loads((job.corpus / "card.json").read_text("utf-8"))
    index = job.run / "work" / "shards" / "index.json"
    held = json.loads(index.read_text())["tokens"] if index.exists() else None
    return {
        "steps": last["step"],
        "tokens": last["tokens"],
        "epochs": last["tokens"] / held if held else None,
        "loss": sum(record["loss"] for record in tail) / len(tail),
        "seconds": round(last["seconds"]),
        "tokens_per_second": last["tokens"] / last["seconds"],
        "joules": last.get("joules"),
        "note": job.note or None,
        "data": card["train"]["sha256"],
    }


def evaluate(folder: Path, *options: str, out: Path) -> list[Record]:
    """The rows that `aulac evaluate` finds for a model's folder."""
    from aulac.cli.evaluate.command import app

    named = ["--model", str(folder), "--json", str(out)]
    app([*named, *options], standalone_mode=False)
    rows: list[Record] = json.loads(out.read_text("utf-8"))
    # a card names no folder of the machine that it was made on
    return [row | {"model": folder.name} for row in rows]


def domains(job: Job, folder: Path) -> list[Record]:
    """Bits per byte of the corpus's held-out part and of every other domain."""
    out = job.work / "rows.json"
    rows: list[Record] = []
    for text in (job.corpus, *job.also):
        options = ("--task", "bits", "--text", str(text))
        limit = ("--limit", str(job.documents))
        found = evaluate(folder, *options, *limit, out=out)
        if text != job.corpus:
            called = {"part": _domain(text)}
            found = [row | called for row in found if not row["part"]]
        rows += found
    return rows


def _domain(file: Path) -> str:
    """What the texts of one file are called: their source, or the file's name."""
    with file.open(encoding="utf-8") as lines:
        first = lines.readline()
    try:
        return str(json.loads(first)["source"])
    except (ValueError, KeyError, TypeError):
        return file.stem


def abilities(job: Job) -> list[Record]:
    """Minimal pairs and questions, all of them, and tone marks."""
    out = job.work / "rows.json"
    tests = ("--task", "pairs", "--task", "questions")
    rows = evaluate(job.base, *tests, out=out)
    few = str(
        max(1, job.items // 2)
    )  # restoring marks searches, so it is slow
    text = ("--text", str(job.corpus), "--limit", few)
    return rows + evaluate(job.base, "--task", "marks", *text, out=out)


def recites(job: Job) -> list[Record]:
    """What the model copies out of its training text."""
    from aulac.cli.release.measure import memorisation
    from aulac.export import from_hf

    return memorisation(*from_hf(job.base), job.corpus, job.items)


def compared(job: Job, tried: Any) -> dict[str, list[Record]]:
    """Rows of the compressor and of other models on the same documents."""
    found: dict[str, list[Record]] = {}
    if job.compressor:
        text = job.compressor.read_text("utf-8")
        for row in _rows(json.loads(text)):  # "ppmd7 order 12, 1024 MiB, …"
            name = row["rule"].split()[0].strip(",")
            found.setdefault(name, []).append(row)
    for name, folder in job.others:
        key = [shipped.sha256(folder), tried]
        make = partial(domains, job, folder)
        found[name] = job.kept(f"bits-{name}", key, make)
    return found


def _rows(value: Any) -> Iterator[Record]:
    """Records of a compressor's result, wherever in it they stand."""
    if isinstance(value, list):
        yield from (r for r in value if r.get("task") == "compressor")
    elif isinstance(value, dict):
        for part in value.values():
            if isinstance(part, dict | list):
                yield from _rows(part)


# the chat model


def tune(job: Job) -> Record:
    """A chat model and what it can do, in `job.work/chat`."""
    from aulac.cli.release import measure
    from aulac.export import from_hf
    from aulac.lesson import recipes
    from aulac.lesson.shipped import difference
    from aulac.train.shards import Batches, Shards

    base, tokenizer = from_hf(job.base)
    model, _ = from_hf(job.base)
    row = job.scale
    talks = recipes.talks(row)
    text: Record = {}
    if job.mix:
        shards = Shards.open(job.run / "work" / "shards")
        batches = Batches(shards, TEXT_BATCH, row.context, seed=recipes.SEED)
        text = {"mix": job.mix, "text": batches}
    identity = shipped.sha256(job.base)
    key = hashlib.sha256(f"{identity}{row}{job.mix}{job.precision}".encode())
    work = job.work / f"tuning-{key.hexdigest()[:12]}"
    changes = {"precision": job.precision}
    recipes.tune(model, tokenizer, talks, row, work, changes=changes, **text)
    chat = job.work / "chat"
    shutil.rmtree(chat, ignore_errors=True)
    chat.mkdir()
    file = chat / shipped.WEIGHTS["chat"]
    difference.save(base, model, file, identity)
    difference.add(base, file, identity)  # from here on as it will be loaded
    return {
        "training": _tuning(job, work, file, len(talks))
        | {"cost": _cost(job, tokenizer, model, base)},
        "rows": [
            measure.exam(base, tokenizer, recipes.SEED + UNSEEN, job.items),
            *_forgot(job, tokenizer, base),
        ],
    }


def _tuning(job: Job, work: Path, file: Path, talks: int) -> Record:
    from aulac.lesson.shipped import difference
    from aulac.scale.curve import read_log

    last = read_log(work / "tuning" / "log.jsonl")[-1]
    return {
        "steps": last["step"],
        "tokens": last["tokens"],
        "conversations": talks,
        "mix": job.mix,
        "seconds": round(last["seconds"]),
        "bits": difference.BITS,
        "bytes": file.stat().st_size,
    }


def _cost(job: Job, tokenizer: Any, model: Any, packed: Any) -> float:
    """Bits per byte that packing costs, on answers of held-out conversations."""
    from aulac.cli.release.measure import answers
    from aulac.lesson import recipes

    row = replace(job.scale, conversations=job.items)
    talks = recipes.talks(row, seed=recipes.SEED + UNSEEN)
    before, after = (
        answers(each, tokenizer, talks) for each in (model, packed)
    )
    return after - before


def _forgot(job: Job, tokenizer: Any, chat: Any) -> list[Record]:
    """Bits per byte of the chat model on the documents of the base's table."""
    from aulac.export import to_hf

    folder = to_hf(chat, tokenizer, job.work / "chat-whole")
    try:
        return domains(job, folder)
    finally:
        shutil.rmtree(folder)
