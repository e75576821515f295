"""From sources to a corpus folder, in the one order that is safe.

    load → clean → judge → redact personal data → deduplicate → split → write

The order matters. Duplicates are judged on cleaned text, or two encodings of one page
would both survive; the split comes last, or a copy of a training text would sit in
validation and the measured loss would flatter the model.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aulac.corpus.card import DataCard, SourceEntry
from aulac.corpus.clean import REASONS, clean, judge
from aulac.corpus.dedup import NUM_HASHES, SHINGLE, Index
from aulac.corpus.document import Document, read
from aulac.corpus.errors import CorpusError
from aulac.corpus.pii import redact
from aulac.corpus.sources import SOURCES, Source, resolve
from aulac.corpus.sources.local import MAX_CHARS
from aulac.corpus.split import split_of
from aulac.corpus.staging import staged

Limits = int | Mapping[str, int | None] | None


@dataclass
class Report:
    """What a build did. `to_dict()` is written as report.json.

    Attributes:
        out: the corpus folder.
        loaded, accepted, unique, train, validation: documents after each stage.
        bytes: UTF-8 bytes of text in train and validation.
        rejected: reason → documents; pii: kind → findings.
        duplicates: see `dedup.Clusters.to_dict`.
        notices: sentences about what was cut, skipped or guessed.
    """

    out: Path
    loaded: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    unique: int = 0
    train: int = 0
    validation: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    pii: Counter[str] = field(default_factory=Counter)
    duplicates: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def stages(self) -> dict[str, int]:
        """Documents after each stage, in order."""
        return {
            "loaded": sum(self.loaded.values()),
            "accepted": self.accepted,
            "unique": self.unique,
            "train": self.train,
            "validation": self.validation,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values only; nothing in it depends on the clock or the machine."""
        return {
            "stages": self.stages,
            "loaded": self.loaded,
            "bytes": self.bytes,
            "rejected": dict(sorted(self.rejected.items())),
            "pii": dict(sorted(self.pii.items())),
            "duplicates": self.duplicates,
            "notices": self.notices,
        }


def build(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    limits: Limits = None,
    seed: int = 0,
    progress: bool | None = None,
    validation: float = 0.02,
    threshold: float = 0.8,
    hide_pii: bool = True,
    max_chars: int = MAX_CHARS,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Report:
    """Make a corpus folder: train.jsonl, validation.jsonl, card.md/json, report.json.

    Args:
        sources: names from `SOURCES` or paths, in order of preference: of two near
            copies the one that comes first stays.
        out: the folder; replaced whole if it already is a corpus, never half.
        limits: documents to take, one number for all or {source: number}.
        seed: for sources that generate or shuffle.
        progress: show a progress bar; None: when standard error is a terminal.
        validation: share of documents for validation, by hash.
        threshold: Jaccard similarity from which two documents are "the same".
        hide_pii: redact personal data.
        max_chars: cap on one document; longer texts are cut into several.
        options: extra options for a source, {"wikipedia": {"mirror": …}}.

    Raises:
        CorpusError: what was wrong and what to do; `out` is as it was before.
    """
    named = [(str(item), resolve(item)) for item in sources]
    if not named:
        raise CorpusError(
            "No source was given. The default that needs no network: stories laws.",
            "Chưa có nguồn nào. Mặc định không cần mạng: stories laws.",
        )
    _check_limits(named, limits)
    report = Report(Path(out))
    index = Index(threshold)
    with staged(out) as part, _ticker(progress) as tick:
        documents = _load(
            named, limits, seed, max_chars, options or {}, report
        )
        spool = part / "accepted.jsonl"
        with spool.open("w", encoding="utf-8", newline="\n") as file:
            for document in _accepted(
                tick(documents, "1/2"), report, hide_pii
            ):
                index.add(document)
                file.write(document.to_json() + "\n")
                report.accepted += 1
        gone = index.drops()
        report.duplicates = index.report.to_dict()
        kept = (
            d for i, d in enumerate(tick(read(spool), "2/2")) if i not in gone
        )
        entries, parts = _write_parts(kept, part, validation, report)
        spool.unlink()
        settings = {
            "sources": " ".join(source.name for _, source in named),
            "limits": _limits_text(named, limits),
            "seed": seed,
            "validation": validation,
            "threshold": threshold,
            "minhash": f"{NUM_HASHES} hashes, {index.bands} bands × {index.rows} rows, "
            f"{SHINGLE}-syllable shingles",
            "pii": "redacted" if hide_pii else "kept",
            "max_chars": max_chars,
        }
        _write_card(part, Path(out).name, entries, parts, settings, report)
    return report


def _limit(limits: Limits, name: str, source: Source) -> int | None:
    if isinstance(limits, Mapping):
        return limits.get(name, limits.get(source.name))
    return limits


def _check_limits(named: list[tuple[str, Source]], limits: Limits) -> None:
    known = {name for name, _ in named} | {source.name for _, source in named}
    for name in limits if isinstance(limits, Mapping) else ():
        if name not in known:
            raise CorpusError(
                f"A limit is given for '{name}', which is not among the sources "
                f"({', '.join(sorted(known))}). Correct the name.",
                f"Có giới hạn cho '{name}' nhưng nguồn này không được chọn "
                f"({', '.join(sorted(known))}). Hãy sửa lại tên.",
            )


def _limits_text(named: list[tuple[str, Source]], limits: Limits) -> str:
    found = (
        (source.name, _limit(limits, name, source)) for name, source in named
    )
    return ", ".join(
        f"{name}={'all' if n is None else n}" for name, n in found
    )


def _load(
    named: list[tuple[str, Source]],
    limits: Limits,
    seed: int,
    max_chars: int,
    options: Mapping[str, Mapping[str, Any]],
    report: Report,
) -> Iterator[Document]:
    for name, source in named:
        extra = {
            "max_chars": max_chars,
            "notice": report.notices.append,
            **options.get(name, {}),
        }
        report.loaded.setdefault(source.name, 0)
        for document in source.load(
            _limit(limits, name, source), seed, **extra
        ):
            report.loaded[source.name] += 1
            yield document


def _accepted(
    documents: Iterable[Document], report: Report, hide_pii: bool
) -> Iterator[Document]:
    for document in documents:
        text = clean(document.text)
        reason = judge(text)
        if reason:
            report.rejected[reason] += 1
            continue
        if hide_pii:
            text, findings = redact(text)
            report.pii.update(finding.kind for finding in findings)
        yield replace(document, text=text, title=clean(document.title))


def _write_parts(
    documents: Iterable[Document],
    part: Path,
    validation: float,
    report: Report,
) -> tuple[list[SourceEntry], dict[str, dict[str, Any]]]:
    """Write train.jsonl and validation.jsonl; returns entries and sums for the card."""
    entries: dict[tuple[str, str], SourceEntry] = {}
    sums = {name: hashlib.sha256() for name in ("train", "validation")}
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    with (
        (part / "train.jsonl").open("wb") as train,
        (part / "validation.jsonl").open("wb") as held_out,
    ):
        files = {"train": train, "validation": held_out}
        for document in documents:
            side = split_of(document, validation)
            line = document.to_json().encode() + b"\n"
            files[side].write(line)
            sums[side].update(line)
            counts[side] += 1
            sizes[side] += document.bytes
            entry = _entry(entries, document)
            entry.documents += 1
            entry.bytes += document.bytes
    report.unique = counts.total()
    if not counts["train"] and counts and validation < 1:
        _all_to_train(part, sums, counts, sizes, report)
    report.train, report.validation = counts["train"], counts["validation"]
    report.bytes = {side: sizes[side] for side in files}
    _check_parts(report)
    for entry in entries.values():
        entry.share = entry.bytes / max(sizes.total(), 1)
    parts = {
        side: {
            "documents": counts[side],
            "bytes": sizes[side],
            "sha256": sums[side].hexdigest(),
        }
        for side in files
    }
    return list(entries.values()), parts


def _all_to_train(
    part: Path,
    sums: dict[str, Any],
    counts: Counter[str],
    sizes: Counter[str],
    report: Report,
) -> None:
    """A corpus without training text is no use: the few documents change sides."""
    (part / "validation.jsonl").replace(part / "train.jsonl")
    (part / "validation.jsonl").touch()
    for table in (counts, sizes):
        table["train"] = table.pop("validation")
    sums["train"], sums["validation"] = sums["validation"], sums["train"]
    report.notices.append(
        f"The hash sent all {report.unique} document(s) to validation; they were put "
        "into train instead, or there would be nothing to learn from."
    )


def _entry(
    entries: dict[tuple[str, str], SourceEntry], document: Document
) -> SourceEntry:
    key = (document.source, document.licence)
    if key not in entries:
        known = SOURCES.get(document.source)
        entries[key] = SourceEntry(*key, url=known.url if known else "")
    return entries[key]


def _check_parts(report: Report) -> None:
    if not report.unique:
        why = {
            lang: ", ".join(
                f"{REASONS.get(reason, {}).get(lang, reason)}: {n}"
                for reason, n in report.rejected.items()
            )
            for lang in ("vi", "en")
        }
        raise CorpusError(
            f"Nothing is left of {report.stages['loaded']} documents "
            f"({why['en'] or 'the sources were empty'}). Check the files, or give more text.",
            f"Không còn văn bản nào trong {report.stages['loaded']} văn bản đã nạp "
            f"({why['vi'] or 'nguồn rỗng'}). Hãy kiểm tra tệp hoặc đưa thêm văn bản.",
        )
    for side in ("train", "validation"):
        if not getattr(report, side):
            report.notices.append(
                f"The {side} part is empty: with {report.unique} document(s) the hash "
                "sent all to the other part. Add documents or change the share for "
                "validation."
            )


def _write_card(
    part: Path,
    name: str,
    entries: list[SourceEntry],
    parts: dict[str, dict[str, Any]],
    settings: dict[str, Any],
    report: Report,
) -> None:
    from aulac import __version__

    card = DataCard(
        name=name,
        sources=entries,
        train=parts["train"],
        validation=parts["validation"],
        stages=report.stages,
        rejected=dict(sorted(report.rejected.items())),
        pii=dict(sorted(report.pii.items())),
        settings=settings,
        version=__version__,
    )
    text = json.dumps(report.to_dict(), ensure_ascii=False, indent=2)
    (part / "report.json").write_text(text + "\n", encoding="utf-8")
    (part / "card.json").write_text(card.to_json() + "\n", encoding="utf-8")
    (part / "card.md").write_text(card.to_markdown(), encoding="utf-8")


@contextmanager
def _ticker(progress: bool | None) -> Iterator[Any]:
    """Yields tick(documents, step), which shows how many have passed."""
    from rich.console import Console
    from rich.progress import (
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    shown = console.is_terminal if progress is None else progress
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    labels = {
        "1/2": "1/2 đọc, làm sạch / read, clean",
        "2/2": "2/2 bỏ trùng, chia tập / deduplicate, split",
    }
    with Progress(*columns, console=console, disable=not shown) as bar:

        def tick(
            documents: Iterable[Document], step: str
        ) -> Iterator[Document]:
            task = bar.add_task(labels[step], total=None)
            for document in documents:
                yield document
                bar.advance(task)

        yield tick
