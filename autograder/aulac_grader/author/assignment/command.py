"""`aulac assignment`: list the assignments, prove them, build an nbgrader course."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .document import (
    LANGUAGES,
    Assignment,
    AssignmentError,
    find,
    parse,
    source_root,
)

if TYPE_CHECKING:
    from .check import Report

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Bài tập chấm điểm: liệt kê, kiểm chứng, dựng khóa học nbgrader. / Graded "
    "assignments: list them, prove them, build an nbgrader course.",
)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[psNN]...", help="ps01 or a full name; all if left out"
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--source",
        help="folder that holds psNN_name/ [default: assignments/source]",
    ),
]


def _load(names: list[str] | None, source: Path | None) -> list[Assignment]:
    """The assignments asked for; on faults, say every one of them and exit with 1."""
    try:
        folders = find(names, source or source_root())
    except AssignmentError as error:
        raise _failed(error.problems) from None
    assignments, faults = [], []
    for folder in folders:
        try:
            assignments.append(parse(folder))
        except AssignmentError as error:
            faults += error.problems
    if faults:
        raise _failed(faults)
    return assignments


def _failed(faults: list[str]) -> typer.Exit:
    for fault in faults:
        typer.secho(fault, fg="red", err=True)
    return typer.Exit(1)


@app.command("list")
def list_(source: Root = None) -> None:
    """The assignments with points, minutes and what they need."""
    for item in _load(None, source):
        lessons = ", ".join(item.prerequisites) or "none"
        typer.echo(
            f"{item.name}: {item.points:g} points, {item.minutes} minutes, "
            f"after lesson {lessons}\n  {item.title['vi']}\n  {item.title['en']}"
        )
        for problem in item.problems:
            typer.echo(
                f"  {problem.id}  {problem.points:>4g} points  {problem.minutes:>3} min  "
                f"{problem.title['vi']} / {problem.title['en']}"
            )


@app.command()
def build(
    course_dir: Annotated[
        Path,
        typer.Argument(
            help="new or earlier built folder, outside the repository"
        ),
    ],
    names: Names = None,
    lang: Annotated[
        str, typer.Option(help="vi or en: the language of the notebooks")
    ] = "vi",
    force: Annotated[
        bool,
        typer.Option(help="also replace files changed by hand (kept as .bak)"),
    ] = False,
    source: Root = None,
) -> None:
    """Write an ordinary nbgrader course directory, or refresh one.

    Submissions, grades and feedback in it are never touched. Afterwards, in that
    folder: nbgrader generate_assignment psNN_name.
    """
    from .build import build as build_course

    if lang not in LANGUAGES:
        raise _failed([f"--lang must be vi or en, not {lang!r}."])
    assignments = _load(names, source)
    try:
        built = build_course(assignments, lang, course_dir, force=force)
    except AssignmentError as error:
        raise _failed(error.problems) from None
    except OSError as error:
        raise _failed(
            [
                f"{course_dir} cannot be written ({error.strerror}): check its "
                "rights and the free space of its disk."
            ]
        ) from None
    for path in built.written:
        typer.echo(f"written    {path}")
    for path in built.unchanged:
        typer.echo(f"unchanged  {path}")
    for path in built.kept:
        typer.secho(
            f"kept       {path}: changed by hand (--force replaces)",
            fg="yellow",
        )
    for name in built.released:
        typer.secho(
            f"{name} was released before: run nbgrader generate_assignment {name} "
            "--force and tell your students what changed.",
            fg="yellow",
        )
    typer.echo(
        f"Next: cd {built.course} && nbgrader generate_assignment {assignments[0].name}"
    )


@app.command()
def check(
    names: Names = None,
    workers: Annotated[
        int, typer.Option(min=1, help="runs at the same time")
    ] = 2,
    source: Root = None,
) -> None:
    """Prove: reference full, release nothing, wrong variants lose, right ones keep."""
    from .check import check as prove

    failed = False
    for assignment in _load(names, source):
        try:
            report = prove(assignment, workers=workers)
        except AssignmentError as error:
            raise _failed(error.problems) from None
        _print_report(report)
        failed = failed or bool(report.faults)
    if failed:
        raise typer.Exit(1)


def _print_report(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    assignment = report.assignment
    by_hand = assignment.points - assignment.automatic_points
    table = Table(
        title=f"{assignment.name}: {assignment.points:g} points, {by_hand:g} by hand",
        title_justify="left",
    )
    table.add_column("run")
    for name in ("points", "s"):
        table.add_column(name, justify="right")
    table.add_column("loses (v: the visible tests show it)", overflow="fold")
    for outcome in report.outcomes:
        lost = [
            f"{test}{' v' if test in outcome.shown else ''}"
            for test in outcome.reasons
            if test in outcome.points
        ]
        total = f"{outcome.total:g}/{assignment.automatic_points:g}"
        what = (
            "everything"
            if len(lost) == len(outcome.points)
            else ", ".join(lost)
        )
        table.add_row(outcome.name, total, f"{outcome.seconds:.2f}", what)
    if report.outcomes:
        Console().print(table)
    for fault in report.faults:
        typer.secho(f"{assignment.name}: {fault}", fg="red", err=True)
    wrong = sum(v.wrong for v in report.variants)
    verdict = "FAILED" if report.faults else "proved"
    typer.echo(
        f"{assignment.name} {verdict}: {wrong} wrong variants, "
        f"{len(report.variants) - wrong} right, {report.seconds:.1f} s"
        + (f"; {report.judged}" if report.judged else "")
    )
