"""Quantisation: what fewer bits a weight cost in bits per byte, and what they save.

The model that comes with the course where it is there, else a small one trained on the
stories in this run; texts that it has not seen. Bits per byte with a bootstrap interval
over documents; the difference to fp32 document by document, with a sign-flip test.
Bytes are those of the file that is written; tokens a second are greedy, one text, arms
in turn.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import story_model
import torch
from generation import clocked

from aulac.evaluate.bits import interval, measure_each
from aulac.evaluate.stats import paired
from aulac.export import to_hf
from aulac.export.packed import save
from aulac.generate import generate_ids
from aulac.generate.quantize import quantize
from aulac.lesson import shipped
from aulac.model import Transformer
from aulac.tokenizer import Tokenizer

TITLE = {"vi": "Lượng tử hóa", "en": "Quantisation"}
MINUTES = 1.5
LABELS = {
    "fp32": {"vi": "fp32", "en": "fp32"},
    "fp16": {"vi": "fp16", "en": "fp16"},
    "int8": {"vi": "int8, mỗi hàng một thang", "en": "int8, a scale a row"},
    "int4, groups of 16": {"vi": "int4, nhóm 16", "en": "int4, groups of 16"},
    "int4, groups of 32": {"vi": "int4, nhóm 32", "en": "int4, groups of 32"},
    "int4, groups of 64": {"vi": "int4, nhóm 64", "en": "int4, groups of 64"},
    "bits_per_byte": {"vi": "bit mỗi byte", "en": "bits per byte"},
    "interval": {"vi": "khoảng tin cậy 95 %", "en": "95 % interval"},
    "more than fp32": {"vi": "hơn fp32", "en": "more than fp32"},
    "its interval": {
        "vi": "khoảng tin cậy của phần hơn",
        "en": "interval of what is more",
    },
    "p": {"vi": "p", "en": "p"},
    "megabytes": {"vi": "cỡ tệp (MB)", "en": "file (MB)"},
    "tokens_per_second": {"vi": "token mỗi giây", "en": "tokens a second"},
    "model": {"vi": "mô hình", "en": "model"},
    "parameters": {"vi": "tham số", "en": "parameters"},
    "documents": {"vi": "văn bản chưa thấy", "en": "unseen documents"},
    "shipped": {"vi": "mô hình đi kèm", "en": "the course's own"},
    "trained here": {
        "vi": "huấn luyện tại chỗ trên truyện",
        "en": "trained on the stories in this run",
    },
}
Arms = dict[str, Transformer]


def subject(quick: bool) -> tuple[str, Transformer, Tokenizer, list[str]]:
    """Which model, itself, its tokenizer, and unseen texts."""
    steps, stories, unseen = (8, 300, 20) if quick else (200, 4000, 200)
    if shipped.there() and not quick:
        texts = story_model.unseen(unseen, set())
        return "shipped", *shipped.load(), texts
    world = story_model.world(stories, unseen)
    model = story_model.trained(world, steps).cpu()
    return "trained here", model, world.tokenizer, world.unseen


def arms_of(model: Transformer) -> Arms:
    """The model at every precision that its sizes allow."""
    half = copy.deepcopy(model).half().float()  # stored so, computed in fp32
    arms = {"fp32": model, "fp16": half, "int8": quantize(model, 8)}
    for group in (16, 32, 64):
        arms[f"int4, groups of {group}"] = quantize(model, 4, group)
    return arms


def megabytes(name: str, model: Transformer, tokenizer: Tokenizer) -> float:
    """The file of weights that is written."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        if name.startswith("int"):
            save(model, tokenizer, out)
        else:
            kind = torch.float16 if name == "fp16" else torch.float32
            to_hf(model, tokenizer, out, kind)
        files = out.glob("*.safetensors")
        return round(sum(file.stat().st_size for file in files) / 1e6, 3)


def writer(
    model: Transformer, prompt: list[int], tokens: int
) -> Callable[[], Any]:
    return lambda: list(generate_ids(model, prompt, tokens, temperature=0))


def main(quick: bool) -> dict[str, Any]:
    """Every precision: bits per byte, difference to fp32, file, speed."""
    name, model, tokenizer, texts = subject(quick)
    arms, tokens = arms_of(model), 16 if quick else 64
    each = {
        arm: measure_each(packed, tokenizer, texts)
        for arm, packed in arms.items()
    }
    prompt = tokenizer.encode(texts[0])[:16]
    speakers = {arm: writer(m, prompt, tokens) for arm, m in arms.items()}
    seconds = clocked(speakers, 2 if quick else 5)
    costs = {
        arm: [text.bits / text.bytes for text in found]
        for arm, found in each.items()
    }
    found: dict[str, Any] = {
        "model": name,
        "parameters": model.count(),
        "documents": len(texts),
    }
    bars: dict[str, list[float]] = {}
    for arm, packed in arms.items():
        bits, worse = interval(each[arm]), paired(costs[arm], costs["fp32"])
        more = worse.difference
        bars[arm] = [bits.value, bits.low, bits.high]
        found[arm] = {
            "bits_per_byte": round(bits.value, 4),
            "interval": f"{bits.low:.4f} – {bits.high:.4f}",
            "more than fp32": round(more.value, 5),
            "its interval": f"{more.low:.5f} – {more.high:.5f}",
            "p": round(worse.p, 4),
            "megabytes": megabytes(arm, packed, tokenizer),
            "tokens_per_second": round(tokens / seconds[arm], 1),
        }
    title = {"vi": "Bit mỗi byte theo số bit", "en": "Bits per byte by width"}
    unit = LABELS["bits_per_byte"]
    return found | {
        "charts": [{"title": title, "unit": unit, "bars": bars}],
        "notes": {
            "vi": "Phần hơn là trung bình của hiệu từng văn bản; ma trận "
            "từ vựng luôn là int8 ở các dòng int4.",
            "en": "What is more is the mean difference document by document; "
            "the embedding is int8 in every int4 row.",
        },
    }
