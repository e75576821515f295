"""`aulac lessons`: list, build, lint, verify, clean, new."""

from __future__ import annotations

import errno
import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aulac import scale as scales
from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.source import LANGUAGES, Problem, shorter
from aulac_grader.checkout import BUILD

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bài học: liệt kê, dựng, soát, kiểm tra. / Lessons: list, build, lint, verify.",
)

Which = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NN]…", help="số bài, mặc định là tất cả / lesson numbers"
    ),
]


Command = TypeVar("Command", bound=Callable[..., None])


def _plainly(command: Command) -> Command:
    """A full disk or a folder one may not write ends in a sentence, not a traceback."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except OSError as error:
            if error.errno is None:
                raise
            remedy = {
                errno.ENOSPC: "free some space",
                errno.EDQUOT: "free some space",
                errno.EACCES: "allow yourself to write there",
                errno.EPERM: "allow yourself to write there",
                errno.EROFS: "use a folder that can be written",
            }.get(error.errno, "mend that")
            where = (
                f" at {shorter(Path(error.filename))}"
                if error.filename
                else ""
            )
            _console(stderr=True).print(
                f"[red]✗[/] {escape(error.strerror or str(error))}{escape(where)}; "
                f"{remedy} and run the command again: what is done is kept.",
                soft_wrap=True,
            )
            raise typer.Exit(1) from error

    return cast(Command, run)


def _house() -> LessonFolder:
    return LessonFolder()


def _console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False)


def _print_problems(problems: list[Problem]) -> None:
    console = _console(stderr=True)
    for problem in sorted(set(problems)):
        console.print(f"[red]✗[/] {escape(str(problem))}", soft_wrap=True)


def chosen(
    lesson_folder: LessonFolder, which: list[str] | None
) -> tuple[list[Lesson], list[Problem]]:
    """The lessons asked for and their problems; an unknown number ends the command."""
    numbers = {number.split("_")[0].zfill(2) for number in which or []}
    known = {path.stem[:2] for path in lesson_folder.sources}
    if unknown := sorted(numbers - known):
        _console(stderr=True).print(
            f"[red]✗[/] there is no lesson {', '.join(unknown)} in "
            f"{shorter(lesson_folder.notebooks / 'source')}; choose among "
            f"{', '.join(sorted(known)) or 'none'}."
        )
        raise typer.Exit(2)
    lessons, problems = lesson_folder.load()
    if numbers:
        lessons = [lesson for lesson in lessons if lesson.number in numbers]
        problems = [p for p in problems if p.path.stem[:2] in numbers]
    return lessons, problems


@app.command("list")
@_plainly
def list_() -> None:
    """Các bài học có ở đây / the lessons that are here."""
    lesson_folder = _house()
    lessons, problems = lesson_folder.load()
    report = _report()
    table = Table(box=None, pad_edge=False)
    for column in ("", "bài / lesson", "cần → làm ra\nneeds → makes"):
        table.add_column(column)
    table.add_column("phút\nmin", justify="right")
    table.add_column("chạy lần cuối\nlast verified")
    for lesson in lessons:
        header = lesson.header
        row = report.get(lesson.number, {})
        verified = row.get("verified_at", "")[:16].replace("T", " ")
        table.add_row(
            lesson.number,
            f"{header.title['vi']}\n[dim]{header.title['en']}[/]",
            " → ".join(
                filter(None, map(", ".join, (header.needs, header.makes)))
            ),
            f"{header.minutes['tiny']:g}",
            f"{row.get('status', '–')}\n{verified}".strip(),
        )
    _console().print(table)
    _print_problems(problems)
    raise typer.Exit(1 if problems else 0)


def _report() -> dict[str, dict[str, str]]:
    import json

    path = BUILD / "verify" / "report.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("lessons", {})
    except (OSError, ValueError):
        return {}


@app.command()
@_plainly
def build(
    which: Which = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="chỉ kiểm tra, không ghi / report what is stale"
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="thay cả bản đã sửa / replace changed copies too"
        ),
    ] = False,
) -> None:
    """Dựng notebooks/vi và notebooks/en từ notebooks/source / build both languages."""
    lesson_folder = _house()
    lessons, problems = chosen(lesson_folder, which)
    _print_problems(problems)
    console = _console()
    if check:
        stale = lesson_folder.stale(lessons)
        for sentence in stale:
            console.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
        if not stale and not problems:
            console.print(
                f"{2 * len(lessons)} notebooks are what their sources make."
            )
        raise typer.Exit(1 if stale or problems else 0)
    said = lesson_folder.write(lessons, force)
    for line in said:
        console.print(escape(line), soft_wrap=True)
    if not said and not problems:
        console.print(f"{2 * len(lessons)} notebooks were up to date.")
    raise typer.Exit(1 if problems else 0)


@app.command("lint")
@_plainly
def lint_command(
    which: Which = None,
    notes: Annotated[
        bool, typer.Option(help="cả những điều nên xem lại / show notes too")
    ] = True,
) -> None:
    """Soát hình thức, lời văn hai thứ tiếng và mã / check form, prose and code."""
    from aulac_grader.author.lint import lint

    lesson_folder = _house()
    lessons, problems = chosen(lesson_folder, which)
    console = _console()
    for findings in lint(lesson_folder, lessons):
        problems.extend(findings.problems)
        middle, high, longest = findings.cell_lines
        console.print(
            f"[bold]{findings.lesson.name}[/]: {findings.words['vi']} words vi, "
            f"{findings.words['en']} en; code cells: median {middle:g} lines, 90th "
            f"percentile {high:g}, longest {longest}; "
            f"{len(findings.problems)} problems, {len(findings.notes)} notes"
        )
        for note in findings.notes if notes else []:
            console.print(
                f"  [yellow]·[/] {escape(str(note))}", soft_wrap=True
            )
    _print_problems(problems)
    if not problems:
        console.print(f"{len(lessons)} lessons are in order.")
    raise typer.Exit(1 if problems else 0)


@app.command()
@_plainly
def verify(
    which: Which = None,
    scale: Annotated[str, typer.Option(help="tiny, laptop, t4, gpu")] = "tiny",
    jobs: Annotated[
        int,
        typer.Option(help="số nhân dùng, 0 là tất cả / cores to use, 0: all"),
    ] = 0,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="chạy lại cả bài không đổi / run all again"
        ),
    ] = False,
    lang: Annotated[
        str,
        typer.Option(
            help="bản notebook để chạy: vi, en / which edition to run"
        ),
    ] = "vi",
) -> None:
    """Chạy từng bài bằng papermill và đối chiếu kết quả / run lessons, check bands."""
    from aulac_grader.verify import verify as run

    if lang not in LANGUAGES:
        raise typer.BadParameter(
            f"there is no edition {lang!r}; choose vi or en."
        )
    try:
        scales.get(scale)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    lesson_folder = _house()
    lessons, problems = chosen(lesson_folder, which)
    _print_problems(problems)
    ok = run(
        lesson_folder,
        [lesson.number for lesson in lessons],
        scale=scale,
        jobs=jobs,
        force=force,
        lang=lang,
        console=_console(),
    )
    raise typer.Exit(0 if ok and not problems else 1)


@app.command()
@_plainly
def clean() -> None:
    """Xóa kết quả chạy kiểm tra (build/verify) / delete what verify made."""
    folder = BUILD / "verify"
    if not folder.is_dir():
        print("Không có gì để xóa. / Nothing to delete.")
        return
    shutil.rmtree(folder)
    print(f"Đã xóa {shorter(folder)}. / Deleted {shorter(folder)}.")


@app.command()
@_plainly
def new(
    name: Annotated[
        str, typer.Argument(metavar="NN_name", help="như / such as 04_lm")
    ],
) -> None:
    """Tạo nguồn của một bài mới / begin the source of a new lesson."""
    from aulac_grader.author.header import FILE_NAME

    match = FILE_NAME.match(name)
    if match is None:
        raise typer.BadParameter(
            f"{name!r} is no lesson name; two digits, then small letters: 04_language_models."
        )
    path = _house().notebooks / "source" / f"{name}.md"
    if path.exists():
        raise typer.BadParameter(f"{shorter(path)} is already there; edit it.")
    template = (
        Path(__file__).with_name("new_lesson.txt").read_text(encoding="utf-8")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        template.replace("@NN@", match["number"]), encoding="utf-8"
    )
    print(f"Đã tạo {shorter(path)}. / Wrote {shorter(path)}.")
    print("aulac lessons build && aulac lessons lint")
