"""`aulac evaluate contamination`: was the test in the training text?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aulac.cli import fail
from aulac.cli.evaluate import inputs, show

if TYPE_CHECKING:
    from aulac.corpus.document import Document
    from aulac.evaluate.contamination import ItemSet, Overlap, Search

OWN = ("questions", "pairs")  # with nothing else given
FILES = ("choice", "vmlu", "xcopa", "text")


def contamination(
    corpus: Annotated[
        str,
        typer.Option(
            help="kho ngữ liệu để tìm: thư mục của `aulac corpus build` (tập huấn "
            "luyện), tệp .jsonl, .jsonl.xz, .parquet, .txt, hoặc tên nguồn / where to "
            "look: a corpus folder (its training split), a file, or a source's name"
        ),
    ],
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="questions, pairs (mặc định: cả hai / default: both), vmlu=FILE, "
            "xcopa=FILE, choice=FILE, text=FILE (mỗi văn bản là một mục / every text "
            "an item)"
        ),
    ] = None,
    size: Annotated[
        int,
        typer.Option(
            min=1, help="cửa sổ dài mấy âm tiết / syllables in a window"
        ),
    ] = 8,
    share: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1,
            help="từ tỉ lệ cửa sổ nào thì coi là đã thấy / share of its windows from "
            "which an item counts as seen",
        ),
    ] = 0.5,
    worst: Annotated[
        int,
        typer.Option(
            "--show",
            min=0,
            help="in ra mấy mục trùng nhiều nhất / print so many of the worst items",
        ),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--json", help="ghi kết quả vào tệp / also write a file"),
    ] = None,
) -> None:
    """Đề có nằm trong dữ liệu huấn luyện không? / Was the test in the training text?

    Không cần mô hình. / No model is needed.
    """
    wanted = inputs.named(task or list(OWN), OWN, FILES)
    show.writable(out)
    from aulac.evaluate.contamination import Search
    from aulac.evaluate.errors import EvaluationError

    sets = [_items(name, file) for name, file in wanted]
    try:
        search = Search([found.texts for found in sets], size)
    except EvaluationError as error:
        fail(error.vi, str(error))
    reading = _Reading(search)
    reading.all(*inputs.corpus(corpus))
    if reading.complete and not reading.bytes:
        inputs.no_text(corpus)
    if reading.documents:
        report = _Report(inputs.called(corpus), share, worst, reading)
        found = list(zip(sets, search.found(), strict=True))
        report.print(found)
        show.write([report.record(*pair) for pair in found], out)
    if not reading.complete:
        raise typer.Exit(show.STOPPED)


def _items(name: str, file: Path | None) -> ItemSet:
    """What is looked for: questions without their options, right sentences, texts."""
    from aulac.evaluate import files
    from aulac.evaluate.contamination import OWN_SETS, ItemSet

    if file is None:
        return OWN_SETS[name]()
    if name == "text":
        documents = inputs.documents(str(file), None)
        texts = [d.text for d in documents if d.text.strip()]
    else:
        texts = [
            files.premise(question) if name == "xcopa" else question.stem
            for question in inputs.questions(name, file)
        ]
    label = f"{name}: {file.name}"
    return ItemSet(name, label, label, tuple(texts))


@dataclass
class _Reading:
    """A corpus on its way through a search: how much of it has been read."""

    search: Search
    documents: int = 0
    bytes: int = 0
    complete: bool = False

    def all(self, texts: Iterator[Document], size: int | None) -> None:
        """Read every text; Ctrl-C ends it early. size: bytes to expect."""
        try:
            with show.bars() as bars:
                bar = bars.add_task("", total=size)
                for document in texts:
                    self.search.read(document.text)
                    self.documents += 1
                    self.bytes += document.bytes
                    bars.update(
                        bar,
                        completed=self.bytes,
                        description=f"đọc / read {self.bytes / 1e6:,.0f} MB",
                    )
            self.complete = True
        except KeyboardInterrupt:
            typer.echo(
                "Đã dừng: các số chỉ tính trên phần kho đã đọc. / Stopped: the numbers "
                "are over what was read of the corpus.",
                err=True,
            )


@dataclass(frozen=True)
class _Report:
    """What was found, for people and as records."""

    corpus: str
    share: float
    worst: int
    reading: _Reading

    def print(self, found: Sequence[tuple[ItemSet, Overlap]]) -> None:
        columns = ("bộ đề / set", "mục\nitems", "đã thấy\nseen", "tỉ lệ\nrate")
        rows = [self.row(*pair) for pair in found]
        show.table(self.corpus, (*columns, "95 %", "ngắn\nshort"), rows)
        size, share = found[0][1].size, round(100 * self.share)
        vi, en = self.amounts()
        typer.echo(
            f"Đã đọc {vi} của {self.corpus}. Một mục là đã thấy khi ít nhất {share} % "
            f"số cửa sổ {size} âm tiết của nó có trong kho. Mục ngắn hơn {size} âm tiết "
            "là một cửa sổ duy nhất và dễ trùng ngẫu nhiên.\n"
            f"Read {en} of {self.corpus}. An item is seen when at least {share} % of its "
            f"windows of {size} syllables stand in the corpus. A short one, of fewer "
            f"than {size}, is a single window and is easily met by chance."
        )
        for items, overlap in found:
            for text, part in _worst(items, overlap, self.worst):
                typer.echo(f"  {items.name} {part:.2f}  {text}")

    def amounts(self) -> tuple[str, str]:
        """How much was read, in Vietnamese and in English."""
        texts, size = self.reading.documents, self.reading.bytes / 1e6
        read, big = f"{texts:,}", f"{size:,.1f} MB"
        swap = str.maketrans(",.", ".,")
        vi = f"{read.translate(swap)} văn bản, {big.translate(swap)}"
        return vi, f"{read} texts, {big}"

    def row(self, items: ItemSet, found: Overlap) -> tuple[str, ...]:
        rate = found.interval(self.share)
        return (
            show.twice(items.vi, items.en),
            str(rate.n),
            str(len(found.contaminated(self.share))),
            f"{rate.value:.3f}",
            show.edges(rate),
            str(len(found.short(self.share))),
        )

    def record(self, items: ItemSet, found: Overlap) -> dict[str, Any]:
        return (
            items.record(found, self.share)
            | {"corpus": self.corpus, "share": self.share}
            | {"short": len(found.short(self.share))}
            | asdict(found.interval(self.share))
            | {
                "documents": self.reading.documents,
                "bytes": self.reading.bytes,
                "complete": self.reading.complete,
                "worst": [
                    {"text": text, "share": round(part, 4)}
                    for text, part in _worst(items, found, self.worst)
                ],
            }
        )


def _worst(
    items: ItemSet, found: Overlap, count: int
) -> list[tuple[str, float]]:
    """The `count` items with most of their windows in the corpus, worst first."""
    pairs = zip(items.texts, found.shares, strict=True)
    met = [(text, part) for text, part in pairs if part]
    return sorted(met, key=lambda pair: -pair[1])[:count]
