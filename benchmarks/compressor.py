"""Bits per byte of held-out text by a compressor that knows the training text.

    python benchmarks/compressor.py [--corpus FOLDER] [--model FOLDER] [--json FILE]

Ppmd7 (PPM of order 12, the best general compressor of text that is a package away)
reads the training text first and is then charged for the bytes that the held-out text
adds: compress(training + held out) - compress(training). It is what a language model
has to beat before one speaks of language. xz stands beside it where the training text
is small enough. In one way the compressor has it easier than the model: it goes on
learning while it reads the held-out text.

FOLDER is a corpus that `aulac corpus build` wrote, by default data/local/corpus; its
held-out text is measured by `source`, and data/local/news.jsonl, if there, is one more
of a kind that was not trained on. The model is by default the one that comes with the
course. `benchmarks/run.py` takes both from AULAC_CORPUS and AULAC_MODEL; without them
it measures 8,000 stories and six law codes, divided by hash, with no model beside: the
course's own has read those codes. Nothing of the text is written anywhere; `--json`
writes numbers in the format of `aulac evaluate`.

Intervals are bootstrapped over documents; over sections of 4,000 bytes where there are
fewer than 20 documents, as with laws, of which two long ones are held out.
"""

from __future__ import annotations

import argparse
import lzma
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import psutil
import pyppmd

from aulac.corpus.document import Document, read
from aulac.corpus.sources import load
from aulac.corpus.split import split_of
from aulac.evaluate.battery import FEW, BitsTask, Row, run, write
from aulac.evaluate.stats import bootstrap_ratio
from aulac.export import from_hf
from aulac.lesson import shipped
from aulac.text import normalise

TITLE = {
    "vi": "Bộ nén biết trước văn bản huấn luyện",
    "en": "A compressor that knows the training text",
}
MINUTES = 1.0
LABELS = {
    "bits_per_byte": {"vi": "bit mỗi byte", "en": "bits per byte"},
    "bytes": {"vi": "byte để riêng", "en": "held-out bytes"},
    "memory_mib": {
        "vi": "bộ nhớ của Ppmd7, MiB",
        "en": "memory of Ppmd7, MiB",
    },
    "ppmd7": {"vi": "Ppmd7, bậc 12", "en": "Ppmd7, order 12"},
    "xz": {"vi": "xz", "en": "xz"},
    "model": {"vi": "mô hình", "en": "the model"},
    "stories": {"vi": "truyện", "en": "stories"},
    "laws": {"vi": "luật", "en": "laws"},
    "ppmd7, stories": {"vi": "Ppmd7, truyện", "en": "Ppmd7, stories"},
    "ppmd7, laws": {"vi": "Ppmd7, luật", "en": "Ppmd7, laws"},
    "xz, stories": {"vi": "xz, truyện", "en": "xz, stories"},
    "xz, laws": {"vi": "xz, luật", "en": "xz, laws"},
    "model, stories": {"vi": "mô hình, truyện", "en": "the model, stories"},
    "model, laws": {"vi": "mô hình, luật", "en": "the model, laws"},
}
ORDER = 12
MOST = 2**32 - 2**20  # bytes: the model of Ppmd7 is addressed by 32 bits
SMALL = 20_000_000  # bytes of training text up to which xz has a turn too
SECTION = 4_000  # bytes
LOCAL = Path(__file__).resolve().parents[1] / "data" / "local"
NOTES = {
    "vi": "compress(huấn luyện + để riêng) - compress(huấn luyện); bộ nén vẫn học tiếp "
    "trong lúc đọc văn bản để riêng, mô hình thì không. Khoảng tin cậy: bootstrap theo "
    "văn bản, nguồn nào có ít hơn 20 văn bản thì theo đoạn 4.000 byte.",
    "en": "compress(training + held out) - compress(training); the compressor goes on "
    "learning while it reads held-out text, a model does not. Intervals: bootstrap over "
    "documents, over sections of 4,000 bytes where a source has fewer than 20.",
}
Divided = tuple[list[Document], list[Document]]
Costs = list[tuple[float, int]]  # bits and bytes of each text, or section


def corpus(folder: Path) -> Divided:
    """Training and held-out documents of a built corpus, and of the news."""
    if not (folder / "validation.jsonl").is_file():
        raise SystemExit(
            f"{folder} has no validation.jsonl: name a folder that `aulac corpus "
            "build` wrote."
        )
    held = [*read(folder / "validation.jsonl")]
    news = LOCAL / "news.jsonl"
    held += read(news) if news.is_file() else []
    return [*read(folder / "train.jsonl")], held


def embedded(quick: bool) -> Divided:
    """Stories and laws, 5 % of them held out."""
    limit = 400 if quick else 8_000
    kept: list[Document] = []
    held: list[Document] = []
    for found in chain(
        load("stories", limit=limit), load("laws", limit=limit)
    ):
        here = split_of(found, 0.05) == "validation"
        (held if here else kept).append(found)
    return kept, held


def memory() -> int:
    """Bytes for Ppmd7: as much as it can use, at most half of what is free.

    Where it runs out of them it forgets everything and begins anew.
    """
    free = psutil.virtual_memory().available // 2
    return max(2**26, min(MOST, free))


def ppmd7(known: list[bytes], held: list[bytes], room: int) -> Costs:
    """What each held-out text adds after all of `known` and those before it."""
    encoder = pyppmd.Ppmd7Encoder(ORDER, room)
    for text in known:
        encoder.encode(text + b"\n")
    # The coder holds back a few bytes: what a text is spared the next one pays.
    sizes = [len(encoder.encode(text + b"\n")) for text in held]
    sizes[-1] += len(encoder.flush())
    lengths = map(len, held)
    return [(8.0 * size, n) for size, n in zip(sizes, lengths, strict=True)]


def xz(known: list[bytes], held: list[bytes]) -> Costs:
    """The same by two passes of LZMA: one number for all texts."""
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": 9 | lzma.PRESET_EXTREME,
            "dict_size": 2**26,
        }
    ]
    sizes = [
        len(lzma.compress(b"\n".join(part), lzma.FORMAT_RAW, filters=filters))
        for part in (known, known + held)
    ]
    return [(8.0 * (sizes[1] - sizes[0]), sum(map(len, held)))]


def sections(held: list[bytes]) -> list[bytes]:
    """Texts as they are, or cut at line ends every SECTION bytes where they are few."""
    if len(held) >= FEW:
        return held
    return [part for text in held for part in _cut(text)]


def _cut(text: bytes) -> Iterator[bytes]:
    part = b""
    for line in text.splitlines(keepends=True):
        part += line
        if len(part) >= SECTION:
            yield part
            part = b""
    if part:
        yield part


def measured(divided: Divided, room: int, data: str) -> list[Row]:
    """A row for each source and compressor."""
    kept, held = divided
    known = [normalise(found.text).encode() for found in kept]
    size = sum(map(len, known))
    primed = f"primed with {size / 1e6:.1f} MB"
    sources = defaultdict(list)
    for found in held:
        sources[found.source].append(normalise(found.text).encode())
    rows = []
    for source, whole in sources.items():
        rule = f"ppmd7 order {ORDER}, {room >> 20} MiB, {primed}"
        of = "documents" if len(whole) >= FEW else "sections"
        # Primed anew for each source: after 2 MB of encyclopaedia law costs 1 % more.
        own = ppmd7(known, sections(whole), room)
        rows.append(row("ppmd7", source, own, data, rule, of))
        if size <= SMALL:
            both = xz(known, whole)
            rows.append(
                row("xz", source, both, data, f"xz, {primed}", "corpora")
            )
    return rows


def row(
    name: str, source: str, costs: Costs, data: str, rule: str, of: str
) -> Row:
    """One compressor's bits per byte of one source."""
    bits, sizes = zip(*costs, strict=True)
    return Row(
        task="compressor",
        part=source,
        vi=f"{name}: {source}",
        en=f"{name}: {source}",
        data=data,
        rule=rule,
        unit="bits/byte",
        of=of,
        interval=bootstrap_ratio(bits, sizes),
        details={"bytes": sum(sizes)},
    )


def beside(folder: Path | None, held: list[Document], data: str) -> list[Row]:
    """The model's rows, a source each."""
    if folder is None:
        return []
    found = run(BitsTask(*from_hf(folder), held, data))
    return [row for row in found if row.part] or found


def main(quick: bool) -> dict:
    """Bits per byte of each source, for `benchmarks/run.py`."""
    given, model = (
        os.environ.get("AULAC_CORPUS"),
        os.environ.get("AULAC_MODEL"),
    )
    divided = corpus(Path(given)) if given else embedded(quick)
    data = "corpus" if given else "stories and laws"
    room = 2**26 if quick else memory()
    rows = measured(divided, room, data)
    rows += beside(Path(model) if model else None, divided[1], data)
    table: dict[str, dict[str, float]] = defaultdict(dict)
    bars = {}
    for row in rows:
        name = "model" if row.task == "bits" else row.en.partition(":")[0]
        found = row.interval
        table[row.part][name] = round(found.value, 4)
        table[row.part]["bytes"] = row.details["bytes"]
        bars[f"{name}, {row.part}"] = [found.value, found.low, found.high]
    return {
        "bits_per_byte": dict(table),
        "memory_mib": room >> 20,
        "notes": NOTES,
        "charts": [
            {"title": TITLE, "unit": LABELS["bits_per_byte"], "bars": bars}
        ],
    }


def command() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--corpus", type=Path, default=LOCAL / "corpus")
    parser.add_argument("--model", type=Path, help="a model to stand beside")
    parser.add_argument("--json", type=Path, help="also write the rows")
    asked = parser.parse_args()
    own = shipped.folder() if shipped.there() else None
    model, data = asked.model or own, asked.corpus.name
    divided = corpus(asked.corpus)
    rows = measured(divided, memory(), data)
    rows += beside(model, divided[1], data)
    for row in rows:
        print(
            row.part, row.interval, f"n = {row.interval.n} {row.of}", row.rule
        )
    if asked.json:
        write(rows, model.name if model else "", asked.json)


if __name__ == "__main__":
    command()
