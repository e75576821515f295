"""`aulac evaluate`: what a model can do, each number with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from aulac.cli import fail
from aulac.cli.evaluate import inputs, show
from aulac.cli.evaluate.contamination import contamination
from aulac.cli.models import find, load

if TYPE_CHECKING:
    from aulac.evaluate.battery import Measured, Row, Task

    Found = tuple["_Model", Measured]

app = typer.Typer(
    add_completion=False, help="Đánh giá mô hình / evaluate a model."
)

OWN = ("bits", "pairs", "questions", "marks")  # with nothing else given
FILES = ("choice", "vmlu", "xcopa")  # of a file: --task vmlu=FILE
SENTENCES = 20  # to restore, by default
HARNESS_TASKS = Path(str(files("aulac"))) / "evaluate" / "tasks"
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
P_VALUE = """\
p: nếu hai mô hình ngang nhau thì hiệu lớn cỡ này xuất hiện với xác suất chừng ấy (kiểm
định đổi dấu từng cặp). / p: how often a difference as large as this would be seen if the
two models were equal (a sign-flip test, pair by pair)."""

app.command()(contamination)


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
    against: Annotated[
        Path | None,
        typer.Option(
            help="mô hình thứ hai: đo trên cùng các mục, rồi so từng cặp / a second "
            "model: measured on the same items, then compared pair by pair"
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
    wanted = inputs.named(task or list(OWN), OWN, FILES)
    show.writable(out)
    names = [model] if against is None else [model, against]
    models = [
        _Model(str(name or folder), *load(folder))
        for name, folder in zip(names, map(find, names), strict=True)
    ]
    tasks = [
        (name, each, _task(name, file, each, text, limit, stride))
        for name, file in wanted
        for each in models
    ]
    found: list[Found] = []
    try:
        for measured in _measured(tasks):
            found.append(measured)
    finally:
        if found:
            _report(models, found, out)
    if not found or not found[-1][1].complete:
        raise typer.Exit(show.STOPPED)


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
    from aulac.evaluate.errors import EvaluationError

    try:
        main(context.args)
    except EvaluationError as error:
        fail(error.vi, str(error))


class _Model(NamedTuple):
    """A model as it was named, and what is needed to measure it."""

    name: str
    model: Any
    tokenizer: Any


def _task(
    name: str,
    file: Path | None,
    loaded: _Model,
    text: str | None,
    limit: int | None,
    stride: int | None,
) -> Task:
    """A task with its items read, or a sentence why they cannot be."""
    from aulac.evaluate import battery, pairs, questions

    both = loaded.model, loaded.tokenizer
    if name == "bits":
        documents = inputs.documents(text, limit)
        return battery.BitsTask(*both, documents, inputs.called(text), stride)
    if name == "marks":
        documents = inputs.documents(text, None)
        sentences = inputs.sentences(documents, limit or SENTENCES)
        return battery.MarksTask(*both, sentences, inputs.called(text))
    if name == "pairs":
        some = inputs.spread(pairs.generate(), limit)
        return battery.PairsTask(*both, some)
    if file is None:
        items = inputs.spread(questions.questions(), limit)
        return battery.ChoiceTask(*both, items)
    items = inputs.spread(inputs.questions(name, file), limit)
    return battery.ChoiceTask(*both, items, name, file.name)


def _measured(tasks: list[tuple[str, _Model, Task]]) -> Iterator[Found]:
    """One task after another, up to one that is stopped."""
    from aulac.evaluate import battery

    with show.bars() as bars:
        for name, model, task in tasks:
            bar = bars.add_task(name, total=None)

            def watch(done: int, total: int, bar: Any = bar) -> None:
                bars.update(bar, completed=done, total=total)

            try:
                found = battery.measure(task, watch)
            except ValueError as error:
                vi = getattr(error, "vi", "xem dòng dưới.")
                fail(f"{name}: {vi}", f"{name}: {error}")
            yield model, found
            if not found.complete:
                typer.echo(
                    f"Đã dừng ở {name}: các số của phép đo này chỉ tính trên phần đã đo. "
                    f"/ Stopped in {name}: its numbers are over what was measured.",
                    err=True,
                )
                return


def _report(
    models: list[_Model], found: list[Found], out: Path | None
) -> None:
    """Tables of each model, and of their differences where there are two."""
    from aulac.evaluate import battery

    records = []
    for model in models:
        rows = [r for of, one in found if of is model for r in one.rows()]
        if rows:
            _print(model.name, rows)
            _warn(rows)
        records += [row.record(model.name) for row in rows]
    first, last = models[0], models[-1]
    if first is not last:
        both = zip(found[::2], found[1::2], strict=False)
        gaps = [
            battery.difference(one, two, last.name)
            for (_, one), (_, two) in both
            if one.done and two.done
        ]
        _print(f"{first.name} − {last.name}", gaps, minus=True)
        typer.echo(P_VALUE)
        records += [row.record(first.name) for row in gaps]
    show.write(records, out)


def _warn(rows: list[Row]) -> None:
    """Say so where a model was not shown the whole of a question."""
    for row in rows:
        cut = row.details.get("cut")
        if cut and row.main:
            typer.echo(
                f"{row.vi.strip()}: số câu hỏi dài hơn ngữ cảnh của mô hình: {cut}; mô "
                f"hình không thấy phần đầu. / {row.en.strip()}: questions longer than "
                f"the model's context: {cut}; it did not see their beginning.",
                err=True,
            )


def _print(title: str, rows: list[Row], minus: bool = False) -> None:
    """Main rows as a table; `minus`: they are differences, with a p-value."""
    value = "hiệu\ndifference" if minus else "kết quả\nvalue"
    last = "p" if minus else "đoán mò\nchance"
    show.table(
        title,
        ("phép đo / measure", value, "95 %", "n", last),
        [
            (
                show.twice(row.vi, row.en),
                f"{row.interval.value:{'+' if minus else ''}.3f}",
                show.edges(row.interval),
                f"{row.interval.n}" if row.complete else f"{row.interval.n}…",
                _last(row),
            )
            for row in rows
            if row.main
        ],
    )


def _last(row: Row) -> str:
    if "p" in row.details:
        return f"{row.details['p']:.4f}"
    return "" if row.chance is None else f"{row.chance:.2f}"
