"""Generation speed: ours beside transformers' `generate`, from the exported folder.

The same weights, prompts and number of new tokens, all greedy; arms in turn, so that
other work on the machine hits all alike; medians of tokens a second. `agreement` is the
share of new tokens that are transformers' own. A batch has prompts of unequal length.
Weights are random there: speed does not depend on what they say. Speculation needs a
draft that guesses well, so it is measured with two models trained on the stories.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import story_model
import torch

from aulac.export import to_hf
from aulac.generate import StaticKVCache, batch_ids, generate_ids
from aulac.generate.quantize import quantize
from aulac.generate.speculative import Tally, speculate
from aulac.model import Config, Transformer
from aulac.scale import get

TITLE = {"vi": "Tốc độ sinh văn bản", "en": "Generation speed"}
MINUTES = 2.0
LABELS = {
    "tiny": {"vi": "tiny, 1 triệu tham số", "en": "tiny, 1 M parameters"},
    "shipped": {
        "vi": "mô hình đi kèm, 8,6 triệu tham số",
        "en": "the model that ships, 8.6 M parameters",
    },
    "batch 1": {"vi": "một văn bản", "en": "one text"},
    "batch 8": {"vi": "tám văn bản một lúc", "en": "eight texts at once"},
    "tokens_per_second": {"vi": "token mỗi giây", "en": "tokens a second"},
    "agreement": {
        "vi": "tỉ lệ token giống transformers",
        "en": "share of tokens as in transformers",
    },
    "transformers": {"vi": "transformers", "en": "transformers"},
    "transformers, no cache": {
        "vi": "transformers, không bộ nhớ đệm",
        "en": "transformers, no cache",
    },
    "ours": {"vi": "của khóa học", "en": "ours"},
    "ours, no cache": {
        "vi": "của khóa học, không bộ nhớ đệm",
        "en": "ours, no cache",
    },
    "ours, static cache": {
        "vi": "của khóa học, bộ nhớ đệm cố định",
        "en": "ours, static cache",
    },
    "ours, static cache, compiled": {
        "vi": "của khóa học, bộ nhớ đệm cố định, biên dịch",
        "en": "ours, static cache, compiled",
    },
    "ours, int8": {"vi": "của khóa học, int8", "en": "ours, int8"},
    "ours / transformers": {
        "vi": "của khóa học / transformers",
        "en": "ours / transformers",
    },
    "speculation": {
        "vi": "giải mã suy đoán",
        "en": "speculative decoding",
    },
    "greedy": {"vi": "tham lam", "en": "greedy"},
    "sampled": {"vi": "lấy mẫu", "en": "sampled"},
    "acceptance": {
        "vi": "tỉ lệ token nháp được nhận",
        "en": "share of guesses accepted",
    },
    "tokens a pass": {
        "vi": "token mỗi lượt của mô hình lớn",
        "en": "tokens a pass of the target",
    },
    "speculative / plain": {
        "vi": "tốc độ so với giải mã thường",
        "en": "speed beside plain decoding",
    },
}
Ids = list[list[int]]
Arm = Callable[[], Ids]
PROMPT = 32  # tokens of the longest prompt


def random_model(name: str, device: str) -> Transformer:
    """A model of a scale's size that writes something."""
    torch.manual_seed(0)
    model = Transformer(Config.of(get(name))).eval()
    for weight in model.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.1)
    return model.to(device)


def exported(model: Transformer, folder: Path) -> Any:
    """What plain transformers loads from the folder that we write."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from aulac.tokenizer import train

    logging.disable_progress_bar()
    tokenizer = train(["Con mèo."], 259, progress=False)
    theirs = AutoModelForCausalLM.from_pretrained(
        to_hf(model, tokenizer, folder)
    )
    return theirs.to(model.norm.weight.device).eval()


def their_arm(theirs: Any, prompts: Ids, tokens: int, cached: bool) -> Arm:
    longest = max(map(len, prompts))
    missing = [longest - len(prompt) for prompt in prompts]
    rows = zip(prompts, missing, strict=True)
    ids = torch.tensor([[0] * pads + prompt for prompt, pads in rows])
    mask = torch.tensor([[0] * p + [1] * (longest - p) for p in missing])
    options = {"max_new_tokens": tokens, "do_sample": False}
    options |= {"use_cache": cached, "eos_token_id": None}

    def arm() -> Ids:
        with torch.inference_mode():
            out = theirs.generate(
                ids.to(theirs.device),
                attention_mask=mask.to(theirs.device),
                **options,
            )
        return out[:, longest:].tolist()

    return arm


def our_arm(model: Any, prompts: Ids, tokens: int, **options: Any) -> Arm:
    if len(prompts) > 1:
        return lambda: batch_ids(model, prompts, tokens, temperature=0)
    return lambda: [
        list(generate_ids(model, prompts[0], tokens, temperature=0, **options))
    ]


def static_arm(
    model: Transformer, prompts: Ids, tokens: int, compiled: bool = False
) -> Arm:
    """With a cache that is made once, and the step compiled for a GPU."""
    size, like = PROMPT + tokens, model.norm.weight
    cache = StaticKVCache(model.config, size, like=like)
    step = None
    if compiled:
        step = torch.compile(model, mode="reduce-overhead", dynamic=False)
    arm = our_arm(model, prompts, tokens, cache=cache, step=step)

    def fresh() -> Ids:
        cache.rewind(0)
        return arm()

    return fresh


def measure(
    model: Transformer, theirs: Any, batch: int, tokens: int, rounds: int
) -> dict[str, Any]:
    """Tokens a second of every arm, and the ratio that counts."""
    draw = torch.Generator().manual_seed(1)
    lengths = [PROMPT - 2 * row for row in range(batch)]
    prompts = [
        torch.randint(
            3, model.config.vocab_size, (n,), generator=draw
        ).tolist()
        for n in lengths
    ]
    arms = {
        "transformers": their_arm(theirs, prompts, tokens, cached=True),
        "ours": our_arm(model, prompts, tokens),
        "ours, int8": our_arm(quantize(model), prompts, tokens),
    }
    if batch == 1:
        arms["transformers, no cache"] = their_arm(
            theirs, prompts, tokens, cached=False
        )
        arms["ours, no cache"] = our_arm(model, prompts, tokens, cached=False)
        arms["ours, static cache"] = static_arm(model, prompts, tokens)
        if model.norm.weight.is_cuda:
            arms["ours, static cache, compiled"] = static_arm(
                model, prompts, tokens, compiled=True
            )
    said = {name: arm() for name, arm in arms.items()}  # also warms up
    seconds = clocked(arms, rounds)
    speed = {name: batch * tokens / s for name, s in seconds.items()}
    wanted = said["transformers"]
    agreement = {
        name: alike(got, wanted)
        for name, got in said.items()
        if name not in ("transformers", "ours, int8")
    }
    return {
        "tokens_per_second": {n: round(v, 1) for n, v in speed.items()},
        "agreement": agreement,
        "ours / transformers": round(speed["ours"] / speed["transformers"], 3),
    }


def clocked(
    arms: dict[str, Callable[[], Any]], rounds: int
) -> dict[str, float]:
    """Median seconds of each arm, which take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            began = time.perf_counter()
            arm()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


def alike(got: Ids, wanted: Ids) -> float:
    """Share of tokens that are the same at the same place."""
    pairs = [
        (a, b)
        for ours, theirs in zip(got, wanted, strict=True)
        for a, b in zip(ours, theirs, strict=True)
    ]
    return round(sum(a == b for a, b in pairs) / len(pairs), 4)


def speculation(quick: bool, tokens: int, rounds: int) -> dict[str, Any]:
    """A trained target with a trained draft of a tenth of its arithmetic."""
    texts = story_model.world(300 if quick else 3000, 8)
    small = {"depth": 1, "width": 64, "heads": 2, "kv_heads": 1, "ff": 128}
    target = story_model.trained(texts, 10 if quick else 150)
    draft = story_model.trained(texts, 10 if quick else 150, **small)
    prompts = [texts.tokenizer.encode(t)[:16] for t in texts.unseen]
    return {
        name: beside(target, draft, prompts, tokens, rounds, temperature)
        for name, temperature in (("greedy", 0.0), ("sampled", 0.8))
    }


def beside(
    target: Transformer,
    draft: Transformer,
    prompts: Ids,
    tokens: int,
    rounds: int,
    temperature: float,
) -> dict[str, float]:
    """Speculative beside plain decoding."""
    tally, made = Tally(), list[int]()

    def plain() -> None:
        for ids in prompts:
            list(generate_ids(target, ids, tokens, temperature=temperature))

    def guessed() -> None:
        how: dict[str, Any] = {"tally": tally, "temperature": temperature}
        for ids in prompts:
            made.append(
                len(list(speculate(target, draft, ids, tokens, **how)))
            )

    seconds = clocked({"plain": plain, "guessed": guessed}, rounds)
    return {
        "acceptance": round(tally.acceptance, 3),
        "tokens a pass": round(sum(made) / tally.passes, 2),
        "speculative / plain": round(seconds["plain"] / seconds["guessed"], 3),
    }


def main(quick: bool) -> dict[str, Any]:
    """Scales `tiny` and `shipped`, one text and eight; then speculation."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokens, rounds = (16, 2) if quick else (64, 4)
    found: dict[str, Any] = {}
    for name in ("tiny",) if quick else ("tiny", "shipped"):
        model = random_model(name, device)
        with tempfile.TemporaryDirectory() as folder:
            theirs = exported(model, Path(folder) / "hf")
        found[name] = {
            f"batch {batch}": measure(model, theirs, batch, tokens, rounds)
            for batch in (1, 8)
        }
    found["speculation"] = speculation(quick, tokens // 2, rounds)
    found["charts"] = [
        {
            "title": {
                "vi": f"Sinh từng token, {LABELS[name]['vi']}",
                "en": f"One token after another, {LABELS[name]['en']}",
            },
            "unit": LABELS["tokens_per_second"],
            "bars": found[name]["batch 1"]["tokens_per_second"],
        }
    ]
    found["notes"] = {
        "vi": "Tham lam, cùng trọng số và câu mở đầu; trung vị, các nhánh "
        "chạy luân phiên trong một tiến trình.",
        "en": "Greedy, the same weights and prompts; medians, arms in turn "
        "in one process.",
    }
    return found
