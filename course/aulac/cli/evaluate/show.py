"""What `aulac evaluate` shows and writes: a bar, a table, a JSON file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac.cli import fail

if TYPE_CHECKING:
    from rich.progress import Progress

STOPPED = 130  # the exit status of a run ended by Ctrl-C


def bars() -> Progress:
    """A bar a task with the time that is left, in a terminal; gone when all is done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("còn / left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """A table on the terminal: the first column words, the others numbers."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    found = Table(title=escape(title), title_justify="left")
    found.add_column(columns[0])
    for column in columns[1:]:
        found.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        found.add_row(*row)
    Console().print(found)


def twice(vi: str, en: str) -> str:
    """A name in both languages, one under the other, for a cell of a table."""
    from rich.markup import escape

    return escape(vi) if vi == en else f"{escape(vi)}\n[dim]{escape(en)}[/dim]"


def edges(found: Any) -> str:
    """An interval's ends; a dash where one item alone has been resampled."""
    if found.n == 1 and found.low == found.high:
        return "–"
    return f"{found.low:.3f} – {found.high:.3f}"


def writable(out: Path | None) -> None:
    """Ends the command before its work where its result could not be written."""
    if out is None:
        return
    folder = out.absolute().parent
    if not folder.is_dir():
        fail(
            f"không có thư mục {folder} để ghi {out.name}.",
            f"there is no folder {folder} to write {out.name} in.",
        )
    if out.is_dir():
        fail(
            f"{out} là một thư mục: hãy cho tên một tệp, chẳng hạn {out}/ket_qua.json.",
            f"{out} is a folder: name a file, such as {out}/found.json.",
        )


def write(records: list[dict[str, Any]], out: Path | None) -> None:
    """A JSON list with one object for each row of results."""
    if out is None:
        return
    from aulac.evaluate.battery import write_records

    try:
        write_records(records, out)
    except OSError as error:
        fail(
            f"không ghi được {out} ({error.strerror}).",
            f"{out} cannot be written ({error.strerror}).",
        )
