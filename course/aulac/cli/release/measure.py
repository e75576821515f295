"""What a card says beside `aulac evaluate`: seen tests, recited text, right answers."""

from __future__ import annotations

import json
import math
import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from aulac.align.sft import IGNORE, collate
from aulac.model import Transformer
from aulac.tokenizer.template import encode

Record = dict[str, Any]


def sources(corpus: Path, split: str) -> dict[str, list[str]]:
    """The texts of one split of a corpus folder, by source."""
    found: dict[str, list[str]] = {}
    for record in _records(corpus / f"{split}.jsonl"):
        found.setdefault(record["source"], []).append(record["text"])
    return found


def _records(file: Path) -> Iterator[Record]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def contamination(corpus: Path) -> list[Record]:
    """How many items of our own tests stand in the training part."""
    from aulac.evaluate.contamination import OWN_SETS, Search

    sets = [items() for items in OWN_SETS.values()]
    search = Search([items.texts for items in sets])
    for record in _records(corpus / "train.jsonl"):
        search.read(record["text"])
    found = search.found()
    return [one.record(seen) for one, seen in zip(sets, found, strict=True)]


def memorisation(
    model: Transformer, tokenizer: Any, corpus: Path, limit: int
) -> list[Record]:
    """The share of documents recited, by source, trained on and held out.

    Sources without a document of 100 tokens have no row.
    """
    from aulac.evaluate.memorisation import recited

    rows = []
    for split, name in (("train", "train"), ("validation", "held-out")):
        for part, texts in sources(corpus, split).items():
            some = _spread(texts, 3 * limit)
            try:
                found = recited(model, tokenizer, some, limit=limit)
            except ValueError:
                continue
            rows.append({"part": part, "split": name} | asdict(found))
    return sorted(rows, key=lambda row: row["part"])


def _spread(items: list[str], limit: int) -> Iterable[str]:
    return items[:: max(1, len(items) // limit)]


def exam(model: Transformer, tokenizer: Any, seed: int, count: int) -> Record:
    """The share of short answers right to the letter, as in lesson 00.

    Questions of the stories' conversations, drawn with a seed of their own.
    """
    from aulac.chat import Conversation
    from aulac.corpus.stories import conversations
    from aulac.evaluate.stats import bootstrap

    asked = [
        (talk[0]["content"], talk[1]["content"])
        for talk in conversations(10 * count, seed=seed)
        if [turn["role"] for turn in talk] == ["user", "assistant"]
        and len(talk[1]["content"]) < 60
    ][:count]
    options: dict[str, Any] = {"max_tokens": 60, "temperature": 0}
    right = [
        Conversation(model, tokenizer, **options).say(question) == wanted
        for question, wanted in asked
    ]
    row = {"task": "exam", "part": "", "rule": "greedy", "unit": "share"}
    row |= {"vi": "câu trả lời đúng từng chữ", "of": "questions"}
    row |= {"en": "answers right to the letter", "data": "stories"}
    return row | {"chance": None, "main": True} | asdict(bootstrap(right))


@torch.inference_mode()
def answers(model: Transformer, tokenizer: Any, talks: list[Any]) -> float:
    """Bits per byte of what the assistant says in conversations."""
    nats, size = 0.0, 0
    for talk in talks:
        ids, targets = collate([encode(talk, tokenizer)])  # (1, T)
        counted = int((targets != IGNORE).sum())
        nats += float(model.loss(ids, targets)) * counted
        said = (m["content"] for m in talk if m["role"] == "assistant")
        size += sum(len(text.encode()) for text in said)
    return nats / math.log(2) / size


def machine() -> Record:
    """The processor, its cores, the GPU if one is there, and torch's version."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    named = re.search(r"model name\s*: (.+)", text)
    found: Record = {
        "cpu": named[1] if named else platform.processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name(0)
    return found
