"""What `aulac train` does: a scale and a plan are priced, and run.

Under torchrun every process runs this alike; the lead alone speaks and writes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from aulac.corpus.errors import CorpusError
from aulac.lesson.recipes import corpus_texts, device, need, pretrain
from aulac.scale import Scale, hardware
from aulac.scale.curve import read_log
from aulac.scale.dial import rows_that_fit
from aulac.scale.meter import Forecast, Meter, table, write
from aulac.scale.plan import Plan, precision
from aulac.train import distributed
from aulac.train.checkpoint import exclusive
from aulac.train.failure import TrainingError, writing
from aulac.train.progress import say

if TYPE_CHECKING:
    from rich.table import Table

    from aulac.model import Transformer
    from aulac.tokenizer import Tokenizer

DOCUMENT_LETTERS = 4000  # of a held-out text, from its beginning
LOOKED_AT = 20_000  # held-out texts, of which a sample is spread out
MOST_ROWS = 64  # in one forward pass; more gains nothing


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for beside the scale."""

    out: Path
    corpus: Path | None = None
    tokenizer: Path | None = None
    changes: dict[str, Any] = field(default_factory=dict)  # of the plan
    accumulation: int | None = None
    validate: int = 64  # held-out texts, 0 for none
    price: float | None = None  # đồng an hour for a device
    tensorboard: bool = False
    resume: bool = True


def run(scale: Scale, wishes: Wishes) -> Path:
    """Make what is missing, say what it will take, train, say what it took.

    Returns the folder of the model. Raises TrainingError; CorpusError, ShardError or
    VocabularyError for texts that cannot be used.
    """
    from aulac.export import to_hf

    lead, work = distributed.world().lead, wishes.out / "work"
    with distributed.lead_first():
        if lead:
            begin(wishes.out, wishes.resume)
        corpus = wishes.corpus or need("corpus", scale.name)
        words = wishes.tokenizer or need("tokenizer", scale.name)
        tokenizer = loaded(words)
        if lead:
            readable(corpus)
            same_texts(work, corpus, tokenizer)
    scale = shared(replace(scale, vocab_size=tokenizer.vocab_size), wishes)
    meter = priced(scale, wishes) if lead else None
    validate = validation(corpus, tokenizer, wishes.validate) if lead else None
    model = pretrain(
        corpus_texts(corpus),
        tokenizer,
        scale,
        work,
        changes=wishes.changes,
        meter=meter,
        validate=validate,
        tensorboard=wishes.tensorboard,
    )
    if lead:
        to_hf(model, tokenizer, wishes.out / "model", chat=False)
    if meter:
        conclude(meter.forecast(), wishes.out)
    return wishes.out / "model"


def begin(out: Path, resume: bool) -> None:
    """Make the folder of a run's work, before anything that takes long.

    Raises TrainingError when it cannot be written, when the model would replace
    something else, or when what is there is to go and another process trains in it.
    """
    from aulac.files import refuse_foreign

    try:
        refuse_foreign(out / "model")
    except FileExistsError as error:
        raise TrainingError(
            str(error),
            f"{out / 'model'} đang chứa thứ khác, không phải một mô hình: hãy chọn "
            "--out khác.",
        ) from None
    work = out / "work"
    run = work / "run"
    with writing(work):
        if not resume and work.exists():
            with exclusive(run if run.exists() else None):
                shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)


def readable(corpus: Path) -> None:
    """Raise CorpusError unless there is a text to train on, and it can be read."""
    if next(corpus_texts(corpus), None) is None:
        raise CorpusError(
            f"the corpus is empty: {corpus / 'train.jsonl'} holds no text. Build it "
            "again.",
            f"kho ngữ liệu rỗng: {corpus / 'train.jsonl'} không có văn bản nào. Hãy "
            "dựng lại.",
        )


def loaded(folder: Path) -> Tokenizer:
    """The tokenizer in a folder. Raises TrainingError if there is none to be used."""
    from aulac.tokenizer import Tokenizer

    try:
        return Tokenizer.load(folder)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"the tokenizer in {folder} cannot be used: {error}.",
            f"không dùng được bộ tách token ở {folder} (không có, đã hỏng, hoặc không "
            "phải của khóa học): hãy tạo một bộ bằng `aulac tokenizer train`.",
        ) from None


def same_texts(work: Path, corpus: Path, tokenizer: Tokenizer) -> None:
    """Note what the shards in `work` are made of.

    Raises TrainingError when they were made of another corpus, or by another
    tokenizer: they would be read all the same.
    """
    train, note = corpus / "train.jsonl", work / "texts.json"
    size = train.stat().st_size
    words = sha256(tokenizer.backend.to_str().encode()).hexdigest()
    now = json.dumps({"corpus bytes": size, "tokenizer": words})
    if (work / "shards").exists() and note.exists():
        if note.read_text() != now:
            raise TrainingError(
                f"{work} holds the shards of another corpus or tokenizer: give "
                "another --out, or --no-resume to start again there.",
                f"{work} đang giữ các shard của một kho ngữ liệu hoặc bộ tách token "
                "khác: hãy chọn --out khác, hoặc --no-resume để làm lại từ đầu ở đó.",
            )
        return
    part = note.with_suffix(".part")
    with writing(note):
        part.write_text(now)
        part.replace(note)


def shared(scale: Scale, wishes: Wishes) -> Scale:
    """The scale with its step divided into passes as wished, or as the card allows.

    The tokens of a step stay; on a GPU a pass is as large as the free memory
    allows. Raises TrainingError for a number of passes that does not divide it.
    """
    total, passes = scale.batch * scale.accumulation, wishes.accumulation
    if passes is not None:
        if total % passes:
            fit = [n for n in range(1, total + 1) if total % n == 0]
            known = ", ".join(map(str, fit))
            raise TrainingError(
                f"a step of {total} sequences cannot be divided into {passes} equal "
                f"passes: give one of {known}.",
                f"một bước có {total} chuỗi, không chia đều được thành {passes} "
                f"lượt: hãy chọn một trong {known}.",
            )
        return replace(scale, batch=total // passes, accumulation=passes)
    place = device()
    if place == "cpu" or scale.accumulation == 1:
        return scale
    size = format_of(wishes).itemsize
    most = min(MOST_ROWS, total // distributed.world().size)
    free = hardware.free_memory(place)
    batch = rows_that_fit(scale, free, most, bytes_per_value=size)
    return replace(scale, batch=batch, accumulation=total // batch)


def format_of(wishes: Wishes) -> torch.dtype:
    """The number format wished for. Raises TrainingError if there is none such."""
    wanted = wishes.changes.get("precision", "auto")
    try:
        return precision(torch.device(device()), wanted)[0]
    except ValueError as error:
        raise TrainingError(
            str(error),
            f"không dùng được độ chính xác {wanted!r} ở đây: hãy chọn auto, fp32 "
            "hoặc bf16; fp16 chỉ dành cho GPU.",
        ) from None


def metered(scale: Scale, wishes: Wishes) -> Meter:
    """The meter of a run: what one process of it does, times all processes."""
    format_of(wishes)
    plan = Plan.pretraining(scale, **wishes.changes)
    batch, passes = distributed.split(scale.batch, plan.accumulation)
    return Meter(
        scale,
        replace(plan, accumulation=passes),
        device(),
        price=wishes.price,
        batch=batch,
        world=distributed.world().size,
    )


def priced(scale: Scale, wishes: Wishes) -> Meter:
    """Print and keep what the run will take; a word if it will not fit.

    Raises TrainingError when not even the model and its optimiser will.
    """
    meter = metered(scale, wishes)
    forecast = meter.forecast()
    screen(table(forecast))
    free = hardware.free_memory(meter.device)
    if advice := meter.advice(free):
        if forecast.memory.kept > free:
            raise TrainingError(advice.en, advice.vi)
        say(f"Coi chừng: {advice.vi}", f"Warning: {advice.en}")
    wishes.out.mkdir(parents=True, exist_ok=True)
    write(wishes.out / "forecast.json", forecast)
    return meter


def dry_run(scale: Scale, wishes: Wishes) -> None:
    """Print what the run would take. Raises TrainingError if it will not fit."""
    if wishes.tokenizer is not None:
        words = loaded(wishes.tokenizer).vocab_size
        scale = replace(scale, vocab_size=words)
    meter = metered(shared(scale, wishes), wishes)
    screen(table(meter.forecast()))
    if advice := meter.advice(hardware.free_memory(meter.device)):
        raise TrainingError(advice.en, advice.vi)


def conclude(forecast: Forecast, out: Path) -> None:
    """Print and keep what was predicted beside what was measured."""
    records = read_log(out / "work" / "run" / "log.jsonl")
    if not records:
        return
    screen(table(forecast, records[-1]))
    write(out / "forecast.json", forecast, records[-1])
    if scores := [r["validation"] for r in records if "validation" in r]:
        print(
            f"Văn bản giữ riêng: {scores[-1]:.3f} bit mỗi byte / "
            f"held-out text: {scores[-1]:.3f} bits per byte."
        )


def screen(shown: Table) -> None:
    """Print a table."""
    from rich.console import Console

    Console().print(shown)


def validation(
    corpus: Path, tokenizer: Tokenizer, count: int
) -> Callable[[Transformer], float] | None:
    """Bits per byte of `count` held-out texts, spread over the corpus's own.

    None without such texts; said once where the corpus has none. Raises CorpusError
    where they cannot be read.
    """
    from aulac.evaluate.bits import bits_per_byte

    if not count:
        return None
    texts = []
    if (corpus / "validation.jsonl").is_file():
        found = islice(corpus_texts(corpus, "validation"), LOOKED_AT)
        texts = [text for text in found if text.strip()]
    if not texts:
        say(
            "Kho ngữ liệu không có văn bản nào trong validation.jsonl nên không đo "
            "văn bản giữ riêng.",
            "The corpus has no text in validation.jsonl, so no held-out text is "
            "measured.",
        )
        return None
    sample = texts[:: max(1, len(texts) // count)][:count]
    sample = [text[:DOCUMENT_LETTERS] for text in sample]
    return lambda model: bits_per_byte(model, tokenizer, sample)
