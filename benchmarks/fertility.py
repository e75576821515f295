"""Tokens a syllable on held-out text: ours beside GPT-4o, GPT-4, Llama 3, Llama 4.

    python benchmarks/fertility.py TEXT [--limit-mb 100] [--held-out 0.02]
        [--sizes 16384 32768]

TEXT is a file or folder of your own (.txt, .jsonl, .parquet; .xz and .gz too), or the
name of a source (`stories`, `laws`, …). Documents are divided by the hash of their id:
2 in 100 are held out (`--held-out` changes the share), the rest is what our tokenizers learn from. Every tokenizer is
then measured on the same held-out documents, in NFC, with a 95 % bootstrap interval
over documents. The table is printed; `--json FILE` keeps it with the machine it came
from. Nothing of the text is written anywhere.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from itertools import chain
from pathlib import Path

import tokenizers

from aulac.corpus.sources import load
from aulac.corpus.split import split_of
from aulac.tokenizer import (
    REFERENCES,
    bytes_per_token,
    interval,
    reference,
    train,
)

MB = 1_000_000

TITLE = {"vi": "Token mỗi âm tiết", "en": "Tokens a syllable"}
MINUTES = 0.7
LABELS = {
    "tokens_a_syllable": {
        "vi": "trên truyện và văn bản luật để riêng ra",
        "en": "on held-out stories and laws",
    },
    "tokenizer": {"vi": "bộ tách token", "en": "tokenizer"},
    "vocabulary": {"vi": "từ vựng", "en": "vocabulary"},
    "fertility": {"vi": "token mỗi âm tiết", "en": "tokens a syllable"},
    "low": {"vi": "cận dưới", "en": "low"},
    "high": {"vi": "cận trên", "en": "high"},
    "bytes_per_token": {"vi": "byte mỗi token", "en": "bytes a token"},
    "train_seconds": {"vi": "huấn luyện (giây)", "en": "trained (s)"},
    "ours, plain BPE": {
        "vi": "của khóa học, BPE thường",
        "en": "ours, plain BPE",
    },
    "ours, superwords": {
        "vi": "của khóa học, siêu từ",
        "en": "ours, superwords",
    },
}


def divided(
    sources: list[str],
    limit_mb: float,
    held_out: float = 0.02,
    limit: int | None = None,
) -> tuple[list[str], list[str]]:
    """Texts to learn from (up to `limit_mb` of them) and texts held out."""
    kept: list[str] = []
    held: list[str] = []
    room = limit_mb * MB
    for document in chain.from_iterable(
        load(name, limit=limit) for name in sources
    ):
        if split_of(document, held_out) == "validation":
            held.append(document.text)
        elif room > 0:
            kept.append(document.text)
            room -= len(document.text.encode())
    return kept, held


def measured(
    name: str, tokenizer, held: list[str], seconds: float | None
) -> dict:
    value, low, high = interval(tokenizer, held)
    return {
        "tokenizer": name,
        "vocabulary": tokenizer.vocab_size,
        "fertility": round(value, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "bytes_per_token": round(bytes_per_token(tokenizer, held), 3),
        "train_seconds": None if seconds is None else round(seconds, 1),
    }


def contest(kept: list[str], held: list[str], sizes: list[int]) -> list[dict]:
    """A row for each tokenizer, said as soon as it is known."""
    rows = []
    for name, source in REFERENCES.items():
        rows.append(
            measured(f"{source.model} ({name})", reference(name), held, None)
        )
        say(rows[-1])
    for size in sizes:
        for kind, superwords in (("plain BPE", False), ("superwords", True)):
            start = time.perf_counter()
            made = train(kept, size, superwords=superwords, progress=False)
            seconds = time.perf_counter() - start
            rows.append(measured(f"ours, {kind}", made, held, seconds))
            say(rows[-1])
    return rows


def main(quick: bool) -> dict:
    """The embedded corpus, for `benchmarks/run.py`: held-out text of its own kind."""
    kept, held = divided(
        ["stories", "laws"], 100, 0.05, 500 if quick else 8_000
    )
    rows = contest(kept, held, [700] if quick else [2_048])
    return {
        "tokens_a_syllable": {
            f"{r['tokenizer']} {r['vocabulary']}": r for r in rows
        },
        "notes": {
            "vi": "Đo trên truyện và văn bản luật để riêng ra, cùng loại với văn bản "
            "đã học. Muốn biết với văn bản ngoài đời, hãy chạy tệp này trên kho ngữ "
            "liệu của bạn.",
            "en": "Held-out stories and laws, the same kind as was learnt from. For "
            "text of the world run this file on your own.",
        },
    }


def command() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "source", nargs="+", help="files, folders, names of sources"
    )
    parser.add_argument(
        "--limit-mb", type=float, default=100, help="text to learn from"
    )
    parser.add_argument(
        "--held-out", type=float, default=0.02, help="share of documents"
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[16_384, 32_768]
    )
    parser.add_argument("--json", type=Path, help="keep the results here")
    asked = parser.parse_args()
    from run import machine

    kept, held = divided(asked.source, asked.limit_mb, asked.held_out)
    sizes = [
        sum(len(text.encode()) for text in texts) / MB
        for texts in (kept, held)
    ]
    print(
        f"learning from {len(kept):,} documents ({sizes[0]:.1f} MB), "
        f"measuring on {len(held):,} ({sizes[1]:.2f} MB)\n"
    )
    print(
        "| tokenizer | vocabulary | tokens a syllable | bytes a token | trained, s |"
    )
    print("|---|---|---|---|---|")
    report = {
        "learned_mb": round(sizes[0], 1),
        "held_out_mb": round(sizes[1], 2),
        "held_out_documents": len(held),
        "tokenizers": tokenizers.__version__,
        "date": date.today().isoformat(),
        "machine": machine(),
        "rows": contest(kept, held, asked.sizes),
    }
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(
            json.dumps(report, indent=2) + "\n", encoding="utf8"
        )


def say(row: dict) -> None:
    seconds = (
        "" if row["train_seconds"] is None else f"{row['train_seconds']:.1f}"
    )
    print(
        f"| {row['tokenizer']} | {row['vocabulary']:,} | {row['fertility']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}] | {row['bytes_per_token']:.2f} "
        f"| {seconds} |",
        flush=True,
    )


if __name__ == "__main__":
    command()
