"""`aulac scale`: the dial as a table, and why each of its numbers is what it is."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aulac.cli import fail
from aulac.scale import SCALES, Scale, ScaleError, choose, row
from aulac.scale.dial import Primary, explained
from aulac.scale.flops import parameters

app = typer.Typer(
    add_completion=False,
    help="Bảng quy mô: một núm chỉnh cho tất cả / the one dial.",
)


@app.command()
def show(
    scale: Annotated[
        str | None,
        typer.Argument(
            help="tiny, laptop, t4, gpu, gpu:16, shipped; mặc định theo máy / by the "
            "machine"
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="mỗi con số cùng quy tắc của nó / every number with its rule",
        ),
    ] = False,
) -> None:
    """In bảng quy mô và quy mô hợp với máy này / print the table and this machine's row."""
    try:
        chosen, reason = choose(scale)
    except ScaleError as error:
        fail(error.vi, str(error))
    console = Console()
    if explain:
        console.print(rules_table(row(full_name(chosen))))
    else:
        console.print(scales_table(chosen.name))
    console.print(f"Máy này: [bold]{chosen.name}[/] ({reason['vi']}).")
    console.print(f"This machine: [bold]{chosen.name}[/] ({reason['en']}).")


def full_name(scale: Scale) -> str:
    """What `get` takes for this scale: `gpu` with its depth."""
    return f"gpu:{scale.depth}" if scale.name == "gpu" else scale.name


def scales_table(chosen: str) -> Table:
    """All rows of the dial, the chosen one in bold."""
    table = Table(title="Quy mô / Scale", box=None, pad_edge=False)
    columns = ("", "tham số\nparameters", "tầng x rộng\ndepth x width")
    more = (
        "từ vựng\nvocabulary",
        "ngữ cảnh\ncontext",
        "token\ntokens",
        "máy\nmachine",
    )
    for column in (*columns, *more):
        table.add_column(column, overflow="fold")
    for scale in SCALES.values():
        table.add_row(
            scale.name,
            f"{parameters(scale) / 1e6:.1f} M",
            f"{scale.depth} x {scale.width}",
            f"{scale.vocab_size:,}",
            f"{scale.context:,}",
            f"{scale.tokens / 1e6:,.0f} M",
            f"{scale.machine_vi}\n{scale.machine_en}\n",
            style="bold" if scale.name == chosen else "",
        )
    return table


def rules_table(primary: Primary) -> Table:
    """Every number of one row with its rule, in both languages."""
    table = Table(title=primary.name, box=None, pad_edge=False)
    table.add_column("")
    table.add_column("giá trị\nvalue", justify="right", no_wrap=True)
    table.add_column("quy tắc / rule", overflow="fold")
    for line in explained(primary):
        value = f"{line.value:,}" if isinstance(line.value, int) else ""
        value = value or f"{line.value:.4g}"
        own = "[bold]*[/] " if line.own else ""
        text = f"{own}{line.vi}\n[dim]{line.en}[/]"
        table.add_row(line.name, value, text)
    table.caption = "* số riêng của hàng, khác quy tắc / the row's own number, not the rule's"
    return table
