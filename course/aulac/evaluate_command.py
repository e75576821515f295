"""`aulac evaluate`: what a model can do, each number with its interval."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aulac.model_folder import fail, find, load

if TYPE_CHECKING:
    from aulac.evaluate.stats import Interval

app = typer.Typer(
    add_completion=False, help="Đánh giá mô hình / evaluate a model."
)

SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]")
UNSEEN_SEED = 90_210  # of stories that no lesson trains on
TEXTS, SENTENCES, SYLLABLES = 40, 20, 12


@dataclass(frozen=True)
class Row:
    """One line of the report; `chance` is what guessing gives, where it does."""

    name: str
    vi: str
    en: str
    interval: Interval
    chance: float | None = None


Task = Callable[[Any, Any, list[str], int], Iterator[Row]]


def bits(
    model: Any, tokenizer: Any, texts: list[str], _: int
) -> Iterator[Row]:
    from aulac.evaluate.bits import interval, measure_each

    each = measure_each(model, tokenizer, texts)
    yield Row("bits", "bit mỗi byte", "bits per byte", interval(each))


def pairs(
    model: Any, tokenizer: Any, _: list[str], limit: int
) -> Iterator[Row]:
    from aulac.evaluate.pairs import generate, prefer

    every = generate()
    found = prefer(model, tokenizer, every[:: max(1, len(every) // limit)])
    yield Row("pairs", "cặp tối thiểu", "minimal pairs", found.accuracy(), 0.5)
    for rule, interval in found.by_rule().items():
        yield Row(f"pairs.{rule}", f"  {rule}", f"  {rule}", interval, 0.5)


def questions(
    model: Any, tokenizer: Any, _: list[str], limit: int
) -> Iterator[Row]:
    from aulac.evaluate.choice import choose
    from aulac.evaluate.questions import questions

    every = questions()
    found = choose(model, tokenizer, every[:: max(1, len(every) // limit)])
    yield Row(
        "questions",
        "trắc nghiệm",
        "multiple choice",
        found.accuracy(),
        found.chance,
    )


def marks(
    model: Any, tokenizer: Any, texts: list[str], limit: int
) -> Iterator[Row]:
    from aulac.evaluate.diacritics import evaluate, restore

    sentences = short_sentences(texts)[: min(limit, SENTENCES)]
    if not sentences:
        fail(
            f"không có câu nào từ 3 đến {SYLLABLES} âm tiết để thử thêm dấu.",
            f"there is no sentence of 3 to {SYLLABLES} syllables to restore.",
        )
    found = evaluate(lambda bare: restore(model, tokenizer, bare), sentences)
    yield Row(
        "marks",
        "thêm dấu: âm tiết đúng",
        "marks restored: syllables",
        found.syllables,
    )
    yield Row("marks.exact", "  cả câu đúng", "  whole sentences", found.exact)


TASKS: dict[str, Task] = {
    "bits": bits,
    "pairs": pairs,
    "questions": questions,
    "marks": marks,
}


def short_sentences(texts: list[str]) -> list[str]:
    """Sentences of 3 to SYLLABLES syllables, the first of each text first."""
    found = []
    for text in texts:
        for sentence in SENTENCE.findall(text):
            words = sentence.split()
            if 3 <= len(words) <= SYLLABLES:
                found.append(" ".join(words))
                break
    return found


@app.command()
def evaluate(
    model: Annotated[
        Path | None, typer.Option(help="thư mục mô hình / a model's folder")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="bits, pairs, questions, marks; mặc định: tất cả / default: all"
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="văn bản để đo: tệp .jsonl, .txt, … hoặc tên nguồn / text to "
            "measure: a file or a source's name [stories]"
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(min=1, help="tối đa mấy mục mỗi phép đo / items a task"),
    ] = 1000,
    out: Annotated[
        Path | None,
        typer.Option("--json", help="ghi kết quả vào tệp / also write a file"),
    ] = None,
) -> None:
    """Đo mô hình, số nào cũng kèm khoảng tin cậy / measure, with intervals."""
    chosen = list(dict.fromkeys(task or TASKS))
    if unknown := sorted(set(chosen) - set(TASKS)):
        fail(
            f"không có phép đo {', '.join(unknown)}; có: {', '.join(TASKS)}.",
            f"there is no task {', '.join(unknown)}; known: {', '.join(TASKS)}.",
        )
    texts = _texts(text, limit) if {"bits", "marks"} & set(chosen) else []
    folder = find(model)
    talker, tokenizer = load(folder)
    rows = _run(talker, tokenizer, chosen, texts, limit)
    _print(folder, rows)
    if out:
        data = {"model": str(folder), "rows": [asdict(row) for row in rows]}
        out.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def _texts(text: str | None, limit: int) -> list[str]:
    from aulac.corpus.errors import CorpusError
    from aulac.corpus.sources import load as read

    count = min(TEXTS, limit)
    try:
        name = text or "stories"
        texts = [d.text for d in read(name, limit=count, seed=UNSEEN_SEED)]
    except CorpusError as error:
        fail(f"không đọc được văn bản {text} (xem dòng dưới).", str(error))
    if not texts:
        fail(f"{text} không có văn bản nào.", f"{text} holds no text.")
    return texts


def _run(
    model: Any, tokenizer: Any, chosen: list[str], texts: list[str], limit: int
) -> list[Row]:
    from rich.progress import track

    rows: list[Row] = []
    for name in track(
        chosen, description="Đang đo / measuring", transient=True
    ):
        try:
            rows += TASKS[name](model, tokenizer, texts, limit)
        except ValueError as error:
            fail(f"phép đo {name} dừng lại (xem dòng dưới).", str(error))
    return rows


def _print(folder: Path, rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=str(folder), title_justify="left")
    table.add_column("phép đo / measure", no_wrap=True)
    for column in ("kết quả\nvalue", "95 %", "n", "đoán mò\nchance"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        found = row.interval
        table.add_row(
            row.vi if row.vi == row.en else f"{row.vi}\n[dim]{row.en}[/dim]",
            f"{found.value:.3f}",
            f"{found.low:.3f} – {found.high:.3f}",
            str(found.n),
            "" if row.chance is None else f"{row.chance:.2f}",
        )
    Console().print(table)
