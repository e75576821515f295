"""Our BPE trainer in pure Python beside Hugging Face's in Rust: same merges, seconds.

    python benchmarks/bpe_trainer.py [TEXT] [--mb 1] [--merges 4000] [--repeat 5]

Without TEXT: the law codes and generated stories, half each. Both trainers get the same
strings, one after the other in the same process, `--repeat` times; the median counts.
Rust runs as it ships (all cores) and on one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator

from tokenizers import Tokenizer, models, trainers
from tokenizers import pre_tokenizers as pre

from aulac.corpus.sources import load
from aulac.text import normalise
from aulac.tokenizer import BPE
from aulac.tokenizer.alphabet import unspell
from aulac.tokenizer.fast import split
from aulac.tokenizer.stages import _merges

TITLE = {
    "vi": "Huấn luyện BPE bằng Python thuần",
    "en": "Training BPE in pure Python",
}
MINUTES = 0.5
LABELS = {
    "bytes": {"vi": "số byte văn bản", "en": "bytes of text"},
    "medians": {"vi": "giây, số giữa", "en": "seconds, medians"},
    "by hand": {"vi": "viết tay bằng Python", "en": "by hand, in Python"},
    "Rust": {"vi": "Rust, mọi nhân", "en": "Rust, all cores"},
    "Rust, 1 thread": {"vi": "Rust, một luồng", "en": "Rust, one thread"},
    "by_hand_over_rust": {
        "vi": "viết tay chậm hơn Rust (lần)",
        "en": "by hand slower than Rust (times)",
    },
}


def taken(source: str, size: float) -> Iterator[str]:
    """Texts of a source, about `size` bytes of them."""
    for document in load(
        source, limit=None if source != "stories" else 20_000
    ):
        if size <= 0:
            return
        yield normalise(document.text)
        size -= len(document.text.encode())


def by_hand(texts: list[str], merges: int) -> list[tuple[bytes, bytes]]:
    return BPE.train(texts, 256 + merges).merges


def in_rust(texts: list[str], merges: int) -> list[tuple[bytes, bytes]]:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = split(by_syllable=True)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=pre.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    return [
        (unspell(left), unspell(right)) for left, right in _merges(backend)[1]
    ]


def timed(run: Callable[..., list], *arguments) -> tuple[list, float]:
    start = time.perf_counter()
    result = run(*arguments)
    return result, time.perf_counter() - start


def measure(
    texts: list[str], merges: int, repeats: int
) -> dict[str, list[float]]:
    """Seconds of each trainer, `repeats` times each; raises if the merges differ."""
    seconds: dict[str, list[float]] = {
        "by hand": [],
        "Rust": [],
        "Rust, 1 thread": [],
    }
    for _ in range(repeats):
        ours, took = timed(by_hand, texts, merges)
        seconds["by hand"].append(took)
        for name, parallel in (("Rust", "true"), ("Rust, 1 thread", "false")):
            os.environ["TOKENIZERS_PARALLELISM"] = parallel
            theirs, took = timed(in_rust, texts, merges)
            seconds[name].append(took)
            if ours != theirs:
                raise AssertionError(
                    "the two trainers learnt different merges"
                )
    print(f"{len(ours):,} merges, the same in the same order\n")
    return seconds


def main(quick: bool) -> dict:
    """Laws and stories, half each: what `benchmarks/run.py` records."""
    size = 200_000 if quick else 1_000_000
    texts = [*taken("laws", size / 2), *taken("stories", size / 2)]
    seconds = measure(texts, 4000, 1 if quick else 3)
    medians = {
        name: round(statistics.median(s), 3) for name, s in seconds.items()
    }
    return {
        "bytes": sum(len(text.encode()) for text in texts),
        "medians": medians,
        "by_hand_over_rust": round(medians["by hand"] / medians["Rust"], 2),
        "notes": {
            "vi": "Python thuần và thư viện tokenizers của Hugging Face, trên cùng "
            "những chuỗi ấy: cắt văn bản, đếm và gộp. Số giữa của các lần chạy.",
            "en": "Pure Python and Hugging Face tokenizers on the same strings: both "
            "cut the text, count and merge. Medians.",
        },
    }


def command() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "source", nargs="?", help="a file, a folder, or a source"
    )
    parser.add_argument("--mb", type=float, default=1.0, help="how much text")
    parser.add_argument("--merges", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    size = asked.mb * 1_000_000
    if asked.source:
        texts = list(taken(asked.source, size))
    else:
        texts = [*taken("laws", size / 2), *taken("stories", size / 2)]
    data = sum(len(text.encode()) for text in texts)
    print(
        f"{len(texts):,} texts, {data:,} bytes, up to {asked.merges:,} merges\n"
    )
    seconds = measure(texts, asked.merges, asked.repeat)
    print(
        "| trainer | median, s | slowest, s | against ours |\n|---|---|---|---|"
    )
    base = statistics.median(seconds["by hand"])
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(
            f"| {name} | {middle:.2f} | {max(times):.2f} | {middle / base:.2f} |"
        )


if __name__ == "__main__":
    command()
