"""`aulac evaluate`: what a model can do, each number with its interval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aulac.model_folder import fail, find, load

if TYPE_CHECKING:
    from aulac.corpus.document import Document
    from aulac.evaluate.battery import Row, Task

app = typer.Typer(
    add_completion=False, help="Đánh giá mô hình / evaluate a model."
)

OWN = ("bits", "pairs", "questions", "marks")  # with nothing else given
FILES = ("choice", "vmlu", "xcopa")  # of a file: --task vmlu=FILE
SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]")
UNSEEN_SEED = 90_210  # of stories that no lesson trains on
FEW_TEXTS, SENTENCES, SYLLABLES = 40, 20, 12  # of a source, by default
HARNESS_TASKS = Path(__file__).with_name("evaluate") / "tasks"
HARNESS_HELP = """\
Mọi thứ viết sau `harness` được chuyển nguyên cho lm-eval / all that follows
`harness` goes to lm-eval as it is:

  aulac evaluate harness --model_args path=FOLDER --tasks aulac_questions
  aulac evaluate harness --model_args path=FOLDER --tasks xcopa_vi_local \\
      --metadata xcopa=xcopa_vi_test.jsonl
  aulac evaluate harness ls tasks
  aulac evaluate harness --where    thư mục bài đo / the folder of our tasks

Lệnh lm_eval cũng dùng được, khi bài đo được chỉ bằng đường dẫn / plain lm_eval
works too, with a task of ours given by its path:

  lm_eval --model aulac --model_args path=FOLDER \\
      --tasks "$(aulac evaluate harness --where)/aulac_questions.yaml"
"""
STOPPED = 130  # the exit status of a run ended by Ctrl-C


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    model: Annotated[
        Path | None, typer.Option(help="thư mục mô hình / a model's folder")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="bits, pairs, questions, marks (mặc định: cả bốn / default: all "
            "four), vmlu=FILE, xcopa=FILE, choice=FILE"
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="văn bản để đo bits và marks: tệp .jsonl, .txt, …, thư mục của "
            "`aulac corpus build` (tập kiểm định), hoặc tên nguồn / text for bits "
            "and marks: a file, a corpus folder (its validation split) or a "
            "source's name; mặc định / default: stories"
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="tối đa mấy mục mỗi phép đo (bits: mấy văn bản mỗi nguồn) / at "
            "most so many items a task (bits: documents of each source)",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="bits: cửa sổ trượt mấy token / tokens the window moves on; mặc "
            "định / default: nửa ngữ cảnh, half the context",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--json", help="ghi kết quả vào tệp / also write a file"),
    ] = None,
) -> None:
    """Đo mô hình, số nào cũng kèm khoảng tin cậy / measure, with intervals."""
    if context.invoked_subcommand:
        return
    wanted = _wanted(task or list(OWN))
    if out and not out.absolute().parent.is_dir():
        fail(
            f"không có thư mục {out.absolute().parent} để ghi {out.name}.",
            f"there is no folder {out.absolute().parent} to write {out.name} in.",
        )
    folder = find(model)
    loaded = load(folder)
    from aulac.evaluate import battery

    tasks = [
        (name, _task(name, file, loaded, text, limit, stride))
        for name, file in wanted
    ]
    rows: list[Row] = []
    try:
        for found in _measured(tasks):
            rows += found
    finally:
        if rows:
            _print(folder, rows)
            if out:
                battery.write(rows, str(model or folder), out)
    if not rows or not rows[-1].complete:
        raise typer.Exit(STOPPED)


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def harness(context: typer.Context) -> None:
    """Chạy lm-eval với mô hình của khóa học / lm-eval with a model of the course."""
    if context.args == ["--where"]:
        typer.echo(HARNESS_TASKS)
        return
    if not context.args:
        typer.echo(HARNESS_HELP)
        return
    try:
        from aulac.evaluate.harness import main
    except ImportError as error:
        if error.name != "lm_eval":
            raise
        fail(
            "chưa có lm-eval. Hãy cài: pip install lm-eval==0.4.13",
            "lm-eval is not installed: pip install lm-eval==0.4.13",
        )
    main(context.args)


def _wanted(tasks: list[str]) -> list[tuple[str, Path | None]]:
    """Names of tasks, each with the file it is about, once each, checked."""
    found: list[tuple[str, Path | None]] = []
    for word in dict.fromkeys(tasks):
        name, given, file = word.partition("=")
        if name not in OWN + FILES:
            known = ", ".join(OWN + FILES)
            fail(
                f"không có phép đo {name}; có: {known}.",
                f"there is no task {name}; known: {known}.",
            )
        if (name in FILES) != bool(given and file):
            say = f"--task {name}=FILE" if name in FILES else f"--task {name}"
            fail(f"hãy viết {say}.", f"write {say}.")
        found.append((name, Path(file) if file else None))
    return found


def _task(
    name: str,
    file: Path | None,
    loaded: tuple[Any, Any],
    text: str | None,
    limit: int | None,
    stride: int | None,
) -> Task:
    """A task with its items read, or a sentence why they cannot be."""
    from aulac.evaluate import battery, choice, pairs, questions

    if name == "bits":
        documents = _documents(text, limit)
        return battery.BitsTask(*loaded, documents, _called(text), stride)
    if name == "marks":
        sentences = _sentences(_documents(text, None))[: limit or SENTENCES]
        if not sentences:
            fail(
                f"không có câu nào từ 3 đến {SYLLABLES} âm tiết để thử thêm dấu.",
                f"there is no sentence of 3 to {SYLLABLES} syllables to restore.",
            )
        return battery.MarksTask(*loaded, sentences, _called(text))
    if name == "pairs":
        return battery.PairsTask(*loaded, _spread(pairs.generate(), limit))
    if file is None:
        items = _spread(questions.questions(), limit)
        return battery.ChoiceTask(*loaded, items)
    readers: dict[str, Callable[[Path], list[choice.Question]]] = {
        "choice": choice.load,
        "vmlu": choice.load_vmlu,
        "xcopa": choice.load_xcopa,
    }
    try:
        items = _spread(readers[name](file), limit)
    except choice.QuestionError as error:
        fail(f"không đọc được {file} (xem dòng dưới).", str(error))
    if not items:
        fail(f"{file} không có câu hỏi nào.", f"{file} holds no question.")
    return battery.ChoiceTask(*loaded, items, name, file.name)


def _spread(items: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """At most `limit` items, taken evenly from beginning to end."""
    if limit is None or limit >= len(items):
        return items
    return [items[place * len(items) // limit] for place in range(limit)]


def _called(text: str | None) -> str:
    """What was measured, without the path of somebody's machine."""
    return Path(text).name if text else "stories"


def _documents(text: str | None, limit: int | None) -> list[Document]:
    """Documents of a file, a corpus folder or a source, `limit` of each source."""
    from aulac.corpus.errors import CorpusError

    counts: dict[str, int] = {}
    kept = []
    try:
        for document in _read(text, limit):
            seen = counts.get(document.source, 0)
            if limit is None or seen < limit:
                counts[document.source] = seen + 1
                kept.append(document)
    except CorpusError as error:
        fail(
            error.vi or f"không đọc được văn bản {text} (xem dòng dưới).",
            str(error),
        )
    if not any(document.text.strip() for document in kept):
        fail(f"{text} không có văn bản nào.", f"{text} holds no text.")
    return kept


def _read(text: str | None, limit: int | None) -> Iterator[Document]:
    """Records with a `source` keep it; anything else is one source by its name."""
    from aulac.corpus import document
    from aulac.corpus.sources import SOURCES, load

    if text is None or text in SOURCES:
        name, count = text or "stories", limit or FEW_TEXTS
        return load(name, limit=count, seed=UNSEEN_SEED)
    path = Path(text)
    split = path / "validation.jsonl"
    if split.is_file():
        return document.read(split)
    if path.suffix == ".jsonl" and _has_sources(path):
        return document.read(path)
    return load(text)


def _has_sources(path: Path) -> bool:
    """Whether a JSON lines file was written as a corpus is."""
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError):
        return False
    return '"source"' in first and '"text"' in first


def _sentences(documents: list[Document]) -> list[str]:
    """Sentences of 3 to SYLLABLES words, one a document, some of them Vietnamese."""
    from aulac.text import is_syllable
    from aulac.text.syllable import WORD

    found = []
    for document in documents:
        for sentence in SENTENCE.findall(document.text):
            words = sentence.split()
            if not 3 <= len(words) <= SYLLABLES:
                continue
            if any(is_syllable(w.lower()) for w in WORD.findall(sentence)):
                found.append(" ".join(words))
                break
    return found


def _measured(tasks: list[tuple[str, Task]]) -> Iterator[list[Row]]:
    """Rows of one task after another, up to one that is stopped."""
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from aulac.evaluate import battery

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("còn / left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True) as bars:
        for name, task in tasks:
            bar = bars.add_task(name, total=None)

            def watch(done: int, total: int, bar: Any = bar) -> None:
                bars.update(bar, completed=done, total=total)

            try:
                found = battery.run(task, watch)
            except ValueError as error:
                fail(f"phép đo {name} dừng lại (xem dòng dưới).", str(error))
            yield found
            if not found or not found[0].complete:
                typer.echo(
                    f"Đã dừng ở {name}: các số của phép đo này chỉ tính trên phần đã đo. "
                    f"/ Stopped in {name}: its numbers are over what was measured.",
                    err=True,
                )
                return


def _print(folder: Path, rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=str(folder), title_justify="left")
    table.add_column("phép đo / measure", no_wrap=True)
    for column in ("kết quả\nvalue", "95 %", "n", "đoán mò\nchance"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in (row for row in rows if row.main):
        found = row.interval
        table.add_row(
            row.vi if row.vi == row.en else f"{row.vi}\n[dim]{row.en}[/dim]",
            f"{found.value:.3f}",
            f"{found.low:.3f} – {found.high:.3f}",
            f"{found.n}" if row.complete else f"{found.n}…",
            "" if row.chance is None else f"{row.chance:.2f}",
        )
    Console().print(table)
