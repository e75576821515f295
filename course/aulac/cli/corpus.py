"""`aulac corpus build | sources | show`: what students type, in both languages."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from aulac.corpus.errors import CorpusError

app = typer.Typer(
    help="Kho ngữ liệu: dựng, xem nguồn, xem nội dung. / "
    "Corpora: build one, list sources, look inside.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
DEFAULT = ["stories", "laws"]


@app.callback()
def _corpus() -> None:
    """Kho ngữ liệu. / Corpora."""


@app.command(short_help="Dựng một kho ngữ liệu. / Build a corpus.")
def build(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Tên nguồn hoặc đường dẫn (mặc định: stories laws). / "
            "Names of sources, or paths (default: stories laws)."
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Thư mục kết quả. / The folder to make."
        ),
    ] = Path("corpus"),
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            "-n",
            help="Số văn bản: '500' cho mọi nguồn, 'laws=500' cho một nguồn. / "
            "Documents: '500' for every source, 'laws=500' for one.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Hạt giống ngẫu nhiên. / Random seed.")
    ] = 0,
    validation: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Tỉ lệ tập kiểm định. / Share for validation."
        ),
    ] = 0.02,
    threshold: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=1,
            help="Độ giống (Jaccard) coi là trùng. / Similarity (Jaccard) that "
            "counts as a duplicate.",
        ),
    ] = 0.8,
    keep_pii: Annotated[
        bool,
        typer.Option(
            "--keep-pii",
            help="Không che dữ liệu cá nhân. / Do not redact personal data.",
        ),
    ] = False,
    text_field: Annotated[
        str | None,
        typer.Option(
            help="Trường chứa văn bản trong tệp của bạn. / "
            "Field that holds the text in your files."
        ),
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(
            help="Giấy phép của tệp của bạn, ghi vào phiếu dữ liệu: 'CC BY 4.0' cho "
            "mọi tệp, 'wiki=CC BY-SA 4.0' cho một nguồn. / Licence of your files, for "
            "the data card: 'CC BY 4.0' for all, 'wiki=CC BY-SA 4.0' for one."
        ),
    ] = None,
    max_chars: Annotated[
        int,
        typer.Option(
            min=1000,
            help="Văn bản dài hơn sẽ được cắt ra. / Longer texts are cut into several.",
        ),
    ] = 1_000_000,
    mirror: Annotated[
        Path | None,
        typer.Option(
            help="Bản sao cục bộ của Hugging Face. / Local copy of hub repositories."
        ),
    ] = None,
) -> None:
    """Dựng kho: nạp, làm sạch, che dữ liệu cá nhân, bỏ trùng, chia tập, ghi phiếu dữ liệu.

    Build a corpus: load, clean, redact personal data, deduplicate, split, card.

    Ví dụ / Examples:

    - `aulac corpus build`

    - `aulac corpus build stories laws -n stories=20000 -o my-corpus`

    - `aulac corpus build my-texts/ --licence "CC BY 4.0"`

    - `aulac corpus build wikipedia -n 5000`
    """
    from aulac.corpus import build as run

    # Options nobody asked for are not passed on, so a source keeps its own defaults.
    chosen = sources or DEFAULT
    given = {"text_field": text_field, "mirror": mirror}
    extra = {key: value for key, value in given.items() if value is not None}
    try:
        report = run(
            chosen,
            out,
            limits=parse_limits(limit or []),
            seed=seed,
            validation=validation,
            threshold=threshold,
            hide_pii=not keep_pii,
            max_chars=max_chars,
            options=with_licences(chosen, extra, licence or []),
        )
    except CorpusError as error:
        _fail(error)
    _show_report(report.to_dict(), out)


def parse_limits(items: list[str]) -> dict[str, int | None] | int | None:
    """["500"] → 500; ["laws=500", "stories=2000"] → {"laws": 500, …}; [] → None.

    Raises:
        CorpusError: something that is neither a number nor name=number.
    """
    limits: dict[str, int | None] = {}
    for item in items:
        name, _, number = item.rpartition("=")
        if not number.isdigit():
            raise CorpusError(
                f"--limit {item}: give a number (500) or a source and a number "
                "(laws=500).",
                f"--limit {item}: hãy ghi một số (500), hoặc tên nguồn và số "
                "(laws=500).",
            )
        if not name:
            return int(number)
        limits[name] = int(number)
    return limits or None


def with_licences(
    chosen: list[str], extra: dict[str, Any], items: list[str]
) -> dict[str, dict[str, Any]]:
    """Each source's options: `extra`, and its licence from "TERMS" or "NAME=TERMS".

    Raises:
        CorpusError: terms for a source that was not asked for.
    """
    from aulac.corpus.sources.local import source_name

    names = {name: {name, source_name(Path(name))} for name in chosen}
    options = {name: dict(extra) for name in chosen}
    for item in sorted(items, key=lambda item: "=" in item):  # for one: last
        name, equals, terms = item.partition("=")
        those = [c for c in chosen if not equals or name.strip() in names[c]]
        if not those:
            known = ", ".join(sorted(set().union(*names.values())))
            raise CorpusError(
                f"--licence {item}: there is no source {name!r} in this corpus; "
                f"there are {known}.",
                f"--licence {item}: kho này không có nguồn {name!r}; chỉ có {known}.",
            )
        for one in those:
            options[one]["licence"] = (terms if equals else item).strip()
    return options


@app.command()
def sources() -> None:
    """Các nguồn có sẵn và giấy phép. / The sources there are, and their licences."""
    from aulac.corpus.sources import SOURCES

    table = Table(
        "nguồn / source", "mô tả / description", "giấy phép / licence"
    )
    for source in SOURCES.values():
        text = f"{source.description['vi']}\n[dim]{source.description['en']}[/dim]"
        table.add_row(source.name, text, source.licence)
    table.add_row(
        "PATH",
        "Tệp hay thư mục của bạn: .txt, .jsonl, .json, .parquet (nén .xz, .gz được).\n"
        "[dim]A file or folder of yours: the same suffixes, .xz and .gz too.[/dim]",
        "--licence",
    )
    Console().print(table)


@app.command()
def show(
    path: Annotated[
        str,
        typer.Argument(
            help="Thư mục kho, tệp .jsonl, hoặc tên nguồn. / "
            "A corpus folder, a .jsonl file, or the name of a source."
        ),
    ],
    count: Annotated[
        int,
        typer.Option("--count", "-n", min=1, help="Số văn bản. / How many."),
    ] = 3,
    width: Annotated[
        int,
        typer.Option(min=40, help="Số ký tự mỗi văn bản. / Characters each."),
    ] = 400,
    seed: Annotated[
        int, typer.Option(help="Hạt giống ngẫu nhiên. / Random seed.")
    ] = 0,
) -> None:
    """Xem vài văn bản, và con số của kho. / Look at some documents, and the counts."""
    from aulac.corpus import load, read

    console = Console()
    folder = Path(path)
    try:
        made = (folder / "card.json").is_file()
        documents = (
            read(folder) if made else load(path, limit=count, seed=seed)
        )
        for document in islice(documents, count):
            console.rule(f"{document.source}: {document.title or document.id}")
            text = document.text
            console.print(
                text if len(text) <= width else text[:width] + " …",
                markup=False,
                highlight=False,
            )
    except CorpusError as error:
        _fail(error)
    if made:
        import json

        report = json.loads(
            (folder / "report.json").read_text(encoding="utf-8")
        )
        _show_report(report, folder)


def _show_report(report: dict, out: Path) -> None:
    from aulac.corpus.clean import REASONS

    console = Console()
    words = {
        "loaded": "đã nạp / loaded",
        "accepted": "đạt chất lượng / accepted",
        "unique": "sau khi bỏ trùng / unique",
        "train": "huấn luyện / train",
        "validation": "kiểm định / validation",
    }
    table = Table("bước / stage", "văn bản / documents", "MB")
    for stage, count in report["stages"].items():
        size = report["bytes"].get(stage)
        table.add_row(
            words[stage],
            f"{count:,}",
            f"{size / 1e6:.2f}" if size is not None else "",
        )
    console.print(table)
    for reason, count in Counter(report["rejected"]).most_common():
        word = REASONS.get(reason, {"vi": reason, "en": reason})
        console.print(
            f"  loại / rejected: {count:,} {word['vi']} / {word['en']}"
        )
    for kind, count in Counter(report["pii"]).most_common():
        console.print(f"  che / redacted: {count:,} {kind}")
    twins = report["duplicates"]
    console.print(
        f"  trùng / duplicates: {twins['exact_duplicates']:,} y hệt / exact, "
        f"{twins['near_duplicates']:,} gần giống / near"
    )
    for notice in report["notices"]:
        console.print(f"  chú ý / note: {notice}", markup=False)
    console.print(
        f"Xong / Done: {out} (train.jsonl, validation.jsonl, card.md, report.json)"
    )


def _fail(error: CorpusError) -> NoReturn:
    console = Console(stderr=True)
    if error.vi:
        console.print(
            f"Lỗi: {error.vi}", markup=False, highlight=False, soft_wrap=True
        )
    console.print(
        f"Error: {error}", markup=False, highlight=False, soft_wrap=True
    )
    raise typer.Exit(1)
