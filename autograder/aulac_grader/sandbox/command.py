"""`aulac sandbox`: does this machine isolate, and a program behind the walls."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Chạy chương trình lạ sau những bức tường. / Run unknown programs behind walls.",
)


@app.command()
def check(
    as_json: Annotated[
        bool, typer.Option("--json", help="In JSON. / Print JSON.")
    ] = False,
) -> None:
    """Thử từng bức tường từ bên trong. / Try every wall from inside.

    Exit status 1 where this machine cannot isolate.
    """
    from .selfcheck import self_check

    report = self_check()
    if as_json:
        typer.echo(report.to_json())
    else:
        _show(report)
    raise typer.Exit(0 if report.usable else 1)


def _show(report: object) -> None:
    from rich.console import Console
    from rich.table import Table

    from .selfcheck import WALLS, WAYS, Report

    assert isinstance(report, Report)
    console = Console()
    table = Table("what is stopped", "by", *WAYS, title="The sandbox here")
    marks = {(c.way, c.wall): c for c in report.checks}
    for wall, (what, how) in WALLS.items():
        cells = []
        for way in WAYS:
            mark = marks.get((way, wall))
            text = "-" if mark is None else "holds" if mark.holds else "FAILS"
            cells.append(text)
        table.add_row(what, how, *cells)
    console.print(table)
    console.print(f"Limits on a whole box are held by: {report.tier}.")
    for failed in report.checks:
        if failed.wall == "box":
            console.print(f"{failed.way}: {failed.detail}", markup=False)
    for line in report.advice:
        console.print(line, markup=False)
    if report.usable:
        console.print("This machine can isolate.")
    else:
        console.print("This machine cannot isolate: nothing is run on it.")


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    }
)
def run(
    program: Annotated[
        list[str],
        typer.Argument(
            help="Chương trình và đối số. / Program and arguments."
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Chép các tệp này vào. / Copy these files in.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    memory_mb: Annotated[int, typer.Option(min=1, help="MiB.")] = 2048,
    cpu_seconds: Annotated[
        float, typer.Option(min=0.1, help="Giây CPU. / CPU seconds.")
    ] = 60.0,
    wall_seconds: Annotated[
        float, typer.Option(min=0.1, help="Giây. / Seconds.")
    ] = 360.0,
) -> None:
    """Chạy một chương trình trong hộp. / Run a program in a box.

    Exit status: the program's, 128 + the signal that ended it, 124 past a limit, 125
    where nothing can be isolated.
    """
    from .bubblewrap import command
    from .limits import Limits
    from .walls import SandboxUnavailable, Walls
    from .watchdog import Watchdog

    limits = Limits(
        memory_mb=memory_mb, cpu_seconds=cpu_seconds, wall_seconds=wall_seconds
    )
    walls = Walls(writable=folder, limits=limits)
    try:
        box = subprocess.Popen(command(walls, program))
    except SandboxUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(125) from None
    watchdog = Watchdog(box.pid, limits).start()
    try:
        status = box.wait()
    except BaseException:
        watchdog.kill("interrupted")
        box.wait()
        raise
    finally:
        watchdog.stop()
    if watchdog.why:
        typer.echo(
            f"The box was ended: it passed its limit on {watchdog.why}.",
            err=True,
        )
        raise typer.Exit(124)
    raise typer.Exit(status if status >= 0 else 128 - status)
