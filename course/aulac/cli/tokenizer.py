"""`aulac tokenizer train | encode | compare | show`, in both languages."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from aulac.tokenizer.fast import Tokenizer

app = typer.Typer(
    help="Bộ tách token: huấn luyện, thử, so sánh. / "
    "Tokenizers: train one, try it, compare.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
NOT_UTF8 = re.compile("[\udc80-\udcff]")
COLOURS = [
    "on blue",
    "on dark_green",
    "on purple",
    "on orange4",
    "on dark_cyan",
]
SAMPLE = "Tiếng Việt giàu và đẹp. Nước Cộng hòa xã hội chủ nghĩa Việt Nam, năm 1945."

Wanted = Annotated[
    list[str] | None,
    typer.Option(
        "--tokenizer",
        "-t",
        help="Thư mục có tokenizer.json, hoặc o200k_base (GPT-4o), cl100k_base (GPT-4), "
        "llama3, llama4. Dùng được nhiều lần. / A folder with tokenizer.json, or one "
        "of those four names. May be repeated.",
    ),
]


@app.callback()
def _tokenizer() -> None:
    """Bộ tách token. / Tokenizers."""


@app.command()
def train(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Tệp, thư mục, hoặc tên nguồn (stories, laws, …). / "
            "Files, folders, or names of sources (stories, laws, …)."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Thư mục kết quả. / Folder to write."
        ),
    ] = Path("tokenizer"),
    vocab_size: Annotated[
        int,
        typer.Option(
            "--vocab-size", "-v", help="Số token. / How many tokens."
        ),
    ] = 8192,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="BPE thường, token không vượt dấu cách. / Plain BPE: no token "
            "crosses a space.",
        ),
    ] = False,
    stage_one: Annotated[
        int | None,
        typer.Option(
            help="Số token của giai đoạn một, trước khi được gộp qua dấu cách. / "
            "Tokens of stage one, before merges may cross spaces."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            help="Số văn bản tối đa mỗi nguồn. / "
            "At most so many documents of each source.",
        ),
    ] = None,
) -> None:
    """Huấn luyện một bộ tách token và đo nó trên văn bản để riêng.

    Train a tokenizer; measure it on documents kept apart (2 in 100, by hash).

    Ví dụ / Examples:

    - `aulac tokenizer train stories laws -n 4000 -v 2048`

    - `aulac tokenizer train my-corpus/train.jsonl -v 16384 -o my-tokenizer`
    """
    from aulac.tokenizer import VocabularyError, fertility
    from aulac.tokenizer import train as run

    kept, held = _texts(sources, limit)
    try:
        tokenizer = run(
            kept, vocab_size, superwords=not plain, stage_one=stage_one
        )
    except VocabularyError as error:
        fewer = (
            f" Thử số nhỏ hơn: -v {error.possible}." if error.possible else ""
        )
        _fail(
            f"Không đủ dữ liệu cho {vocab_size} token, hoặc số ấy không hợp lệ.{fewer}",
            str(error),
        )
    try:
        tokenizer.save(out)
    except OSError as error:
        _fail(
            f"Không ghi được vào {out} ({error.strerror}): hãy chọn một thư mục của "
            "bạn, trên đĩa còn chỗ trống.",
            f"{out} cannot be written ({error.strerror}): choose a folder of yours, "
            "on a disk with free space.",
        )
    console = Console()
    console.print(
        f"Đã ghi {out} ({tokenizer.vocab_size} token) từ {len(kept)} văn bản. / "
        f"Wrote {out} ({tokenizer.vocab_size} tokens) from {len(kept)} documents."
    )
    for vi, en, some in (
        ("đã học", "seen", kept[:1000]),
        ("để riêng", "held out", held),
    ):
        if some:
            value = f"{fertility(tokenizer, some):.3f}"
            console.print(
                f"  văn bản {vi}: {value} token mỗi âm tiết / "
                f"{en}: {value} tokens a syllable"
            )


@app.command()
def encode(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Văn bản; bỏ trống để đọc stdin. / Text; none reads stdin."
        ),
    ] = None,
    tokenizer: Wanted = None,
    ids: Annotated[
        bool,
        typer.Option("--ids", help="Chỉ in số thứ tự. / Print the ids only."),
    ] = False,
) -> None:
    """Tách một câu thành token, tô màu từng mảnh.

    Cut a sentence into tokens, each piece in its colour.

    Ví dụ / Example: `aulac tokenizer encode "Việt Nam muôn năm" -t my-tokenizer -t llama4`
    """
    line = " ".join(text) if text else _typed()
    if lone := NOT_UTF8.search(line):
        _fail(
            f"Ký tự thứ {lone.start() + 1} không phải UTF-8: hãy chuyển văn bản sang "
            "UTF-8 rồi thử lại.",
            f"Character {lone.start() + 1} is not UTF-8: convert the text to UTF-8 and "
            "try again.",
        )
    console = Console(soft_wrap=True)
    for name, one in _open(tokenizer or _ours()):
        if ids:
            print(*one.encode(line))
            continue
        pieces = one.pieces(line)
        console.print(f"[bold]{name}[/bold]: {len(pieces)} token / tokens")
        console.print(_coloured(pieces))


@app.command()
def compare(
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Văn bản để đo. / Text to measure."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "-f",
            help="Hoặc một tệp, thư mục, nguồn. / Or a file, a folder, a source.",
        ),
    ] = None,
    tokenizer: Wanted = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=1, help="Số văn bản. / Documents."),
    ] = 200,
) -> None:
    """So các bộ tách token trên cùng một văn bản, ở dạng NFC và NFD.

    Compare tokenizers on one text, in NFC and in NFD.

    Ví dụ / Example: `aulac tokenizer compare -f laws -t my-tokenizer`
    """
    from aulac.text import decompose, normalise
    from aulac.tokenizer.references import REFERENCES

    texts = [" ".join(text)] if text else None
    if texts is None:
        texts = _texts([file], limit, split=False)[0] if file else [SAMPLE]
    texts = [normalise(one) for one in texts]
    syllables = sum(len(one.split()) for one in texts)
    size = sum(len(one.encode()) for one in texts)
    if not syllables:
        _fail(
            "Văn bản không có âm tiết nào để đo.",
            "The text holds no syllable.",
        )
    table = Table(
        "",
        "từ vựng / vocabulary",
        "token",
        "token mỗi âm tiết / a syllable",
        "byte mỗi token / bytes a token",
        "NFD / NFC",
    )
    names = [*(tokenizer or _ours(quiet=True)), *REFERENCES]
    for name, one in _open(names):
        count = sum(len(one.encode(line)) for line in texts)
        loose = sum(len(one.encode(decompose(line))) for line in texts)
        table.add_row(
            name,
            f"{one.vocab_size:,}",
            f"{count:,}",
            f"{count / syllables:.3f}",
            f"{size / count:.2f}",
            f"{loose / count:.2f}",
        )
    Console().print(table)


@app.command()
def show(
    folder: Annotated[
        str | None,
        typer.Argument(help="Thư mục có tokenizer.json. / Its folder."),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=1, help="Số ví dụ. / How many examples."
        ),
    ] = 12,
) -> None:
    """Bên trong một bộ tách token: cỡ, token vượt dấu cách, token dài nhất.

    Inside a tokenizer: its size, its tokens across spaces, its longest tokens.
    """
    from aulac.tokenizer import SPECIALS

    ((name, one),) = _open([folder] if folder else _ours())
    tokens = [one.token_bytes(token) for token in range(one.vocab_size)]
    learnt = [token for token in tokens[len(SPECIALS) :] if len(token) > 1]
    words = [token for token in learnt if b" " in token.strip()]
    longest = sorted(
        set(learnt),
        key=lambda token: (-len(token.decode(errors="replace")), token),
    )
    rows = [
        ("từ vựng / vocabulary", f"{len(tokens):,}"),
        ("token đặc biệt / special", " ".join(SPECIALS)),
        ("token vượt dấu cách / across spaces", f"{len(words):,}"),
        ("phép gộp đầu tiên / first merges", _list(learnt[:count])),
        ("vượt dấu cách đầu tiên / first across", _list(words[:count])),
        ("dài nhất / longest", _list(longest[:count])),
    ]
    table = Table("", name, show_lines=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _typed() -> str:
    """Standard input; bytes that are not UTF-8 come as lone surrogates."""
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    return sys.stdin.read()


def _list(tokens: list[bytes]) -> str:
    return " ".join(f"‹{token.decode(errors='replace')}›" for token in tokens)


def _coloured(pieces: list[str | bytes]) -> Text:
    """Pieces on alternating colours; parts of characters as hexadecimal bytes."""
    line = Text()
    for place, piece in enumerate(pieces):
        shown = piece if isinstance(piece, str) else f"<{piece.hex(' ')}>"
        shown = shown.replace("\n", "⏎\n").replace(" ", "·")
        line.append(shown, style=f"white {COLOURS[place % len(COLOURS)]}")
    return line


def _texts(
    sources: list[str], limit: int | None, split: bool = True
) -> tuple[list[str], list[str]]:
    """Texts to learn from and texts held out, of files or sources."""
    from aulac.corpus.errors import CorpusError
    from aulac.corpus.sources import load
    from aulac.corpus.split import split_of

    kept: list[str] = []
    held: list[str] = []
    try:
        for source in sources:
            for document in load(source, limit=limit):
                apart = split and split_of(document) == "validation"
                (held if apart else kept).append(document.text)
    except CorpusError as error:
        _fail(getattr(error, "vi", str(error)), str(error))
    return kept, held


def _ours(quiet: bool = False) -> list[str]:
    """The tokenizer that lesson 03 made, at whichever scale there is one."""
    from aulac.lesson import artefacts
    from aulac.scale import SCALES

    for scale in SCALES:
        if artefacts.exists("tokenizer", scale):
            return [str(artefacts.path("tokenizer", scale))]
    if quiet:
        return []
    _fail(
        "Chưa có bộ tách token nào: chạy `aulac tokenizer train stories laws`, rồi thêm "
        "`-t tokenizer`, hoặc chọn một tên như `-t llama4`.",
        "There is no tokenizer yet: run `aulac tokenizer train stories laws`, then add "
        "`-t tokenizer`, or choose a name such as `-t llama4`.",
    )


def _open(names: list[str]) -> Iterator[tuple[str, Tokenizer | Any]]:
    """Each name with its tokenizer: one of ours by folder, or a reference."""
    from aulac.tokenizer.fast import Tokenizer
    from aulac.tokenizer.references import (
        REFERENCES,
        VocabularyMissingError,
        reference,
    )

    for name in names:
        try:
            if name in REFERENCES:
                yield f"{name} ({REFERENCES[name].model})", reference(name)
            else:
                yield name, Tokenizer.load(name)
        except FileNotFoundError as error:
            _fail(f"Không thấy bộ tách token ở {name}.", str(error))
        except VocabularyMissingError as error:
            print(f"  {name}: thiếu gói / {error}", file=sys.stderr)
        except ValueError as error:
            _fail(f"{name} không phải bộ tách token của khóa học.", str(error))


def _fail(vi: str, en: str) -> NoReturn:
    print(f"{vi}\n{en}", file=sys.stderr)
    raise typer.Exit(1)
