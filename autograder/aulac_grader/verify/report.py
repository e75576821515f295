"""report.json, and the table a person reads."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aulac_grader.author.build import replace
from aulac_grader.author.header import Band

Row = dict[str, Any]
MARKS = {
    "passed": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "skipped": "[yellow]–[/]",
}


def load(path: Path) -> dict[str, Any]:
    """The report of the last run; empty when there is none or it is broken."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"lessons": {}}
    if not isinstance(report, dict) or not isinstance(
        report.get("lessons"), dict
    ):
        return {"lessons": {}}
    return report


def save(path: Path, report: dict[str, Any]) -> None:
    """Write the report in one step."""
    text = json.dumps(report, ensure_ascii=False, indent=1)
    replace(path, (text + "\n").encode())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine(environment: dict[str, str]) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: v for name, v in environment.items() if v},
    }


def cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def table(rows: dict[str, Row], fresh: set[str]) -> Table:
    """A line for each lesson, and below it one for each outcome beside its band."""
    result = Table(box=None, pad_edge=False)
    result.add_column("")
    result.add_column("bài / lesson", overflow="fold")
    result.add_column("s · giá trị / value", justify="right")
    result.add_column("MB · khoảng / band", justify="right")
    result.add_column("")
    for number, row in sorted(rows.items()):
        mark = MARKS.get(row["status"], "?")
        name = f"[bold]{escape(row.get('name', number))}[/]"
        if row["status"] == "passed" and number not in fresh:
            name += " [dim]không đổi / unchanged[/]"
        seconds = (
            f"[bold]{row['seconds']:.1f}[/]" if row.get("seconds") else ""
        )
        peak = f"[bold]{row['peak_mb']:.0f}[/]" if row.get("peak_mb") else ""
        result.add_row(mark, name, seconds, peak, "")
        if row["status"] == "skipped":
            result.add_row(
                "", f"  {escape(row.get('error') or '')}", "", "", ""
            )
        for outcome, record in row.get("records", {}).items():
            named, value, band, ok = _outcome(outcome, record)
            result.add_row("", f"  {named}", value, band, ok)
    return result


def _outcome(name: str, record: Row) -> tuple[str, str, str, str]:
    value = record["value"]
    if value is None:
        shown = "—"
    elif isinstance(value, float):
        shown = f"{value:.5g}"
    else:
        shown = str(value)
    band = record.get("band")
    mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[
        record.get("ok")
    ]
    unit = record.get("unit") or ""
    return escape(name), escape(f"{shown} {unit}".strip()), _ends(band), mark


def _ends(band: list[float | None] | None) -> str:
    return str(Band(band[0], band[1])) if band else ""


def print_failure(console: Console, row: Row, place: str, source: str) -> None:
    """The failing cell, its code and the traceback."""
    from rich.text import Text

    console.print(f"\n[red]✗ {escape(row['name'])}[/]: {escape(row['error'])}")
    if place:
        console.print(f"  {escape(place)}")
    if source:
        for line in source.splitlines():
            console.print(Text(f"    {line}", style="dim"))
    if row.get("traceback"):
        console.print(Text.from_ansi(row["traceback"]))
