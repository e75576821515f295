"""What a run left behind: outputs grafted onto the clean notebook, records, faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aulac.lesson.exercise import CHECK_MIME
from aulac.lesson.outcome import RECORD_MIME
from aulac_grader.author.header import Band

Notebook = dict[str, Any]
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def graft(clean: Notebook, executed: Notebook) -> Notebook:
    """The notebook as it was built, with the outputs of its cells by id.

    Leaves behind what the runner added: injected parameters, times, the trace cell,
    widget state (the book shows each widget's static twin).
    """
    ran = {cell.get("id"): cell for cell in executed["cells"]}
    cells = []
    for cell in clean["cells"]:
        other = ran.get(cell["id"])
        if cell["cell_type"] == "code" and other is not None:
            cell = {
                **cell,
                "outputs": [
                    _clean_output(o) for o in other.get("outputs", [])
                ],
                "execution_count": other.get("execution_count"),
            }
        cells.append(cell)
    return {**clean, "cells": cells}


def _clean_output(output: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in output.items() if key != "transient"}


def outputs(
    notebook: Notebook,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each (cell, output) of the code cells."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            yield cell, output


def records(notebook: Notebook) -> dict[str, dict[str, Any]]:
    """What `record` handed over, the last of each name."""
    found: dict[str, dict[str, Any]] = {}
    for _, output in outputs(notebook):
        entry = output.get("data", {}).get(RECORD_MIME)
        if entry:
            found[entry["name"]] = {
                "value": entry["value"],
                "unit": entry["unit"],
            }
    return found


def judge(
    recorded: Mapping[str, dict[str, Any]],
    bands: Mapping[str, Band],
    tiny: bool,
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Each record beside its band, and a sentence for each that misses it.

    Bands hold at scale `tiny` only.
    """
    rows: dict[str, dict[str, Any]] = {}
    wrong = []
    for name, entry in recorded.items():
        band = bands.get(name)
        ok = band.holds(entry["value"]) if band and tiny else None
        rows[name] = {**entry, "band": _ends(band), "ok": ok}
        if ok is False:
            wrong.append(
                f"{name} is {entry['value']}, outside its band {band}."
            )
    for name, band in bands.items():
        if name not in recorded:
            rows[name] = {
                "value": None,
                "unit": "",
                "band": _ends(band),
                "ok": False if tiny else None,
            }
            if tiny:
                wrong.append(f"{name} has a band and was never recorded.")
    return rows, wrong


def _ends(band: Band | None) -> list[float | None] | None:
    return [band.low, band.high] if band else None


def faults(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """(cell id, sentence) for outputs a reader could not use."""
    for cell, output in outputs(notebook):
        data = output.get("data", {})
        if "image/png" in data or "image/svg+xml" in data:
            yield (
                cell["id"],
                "shows a picture without alt text; use show(figure, alt={…}).",
            )


def remarks(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """(cell id, sentence) for what is worth a look and fails nothing."""
    for cell, output in outputs(notebook):
        if output.get("name") == "stderr":
            text = " ".join(_ANSI.sub("", _joined(output["text"])).split())
            yield cell["id"], f"writes to stderr: {text[:160]}"
        check = output.get("data", {}).get(CHECK_MIME)
        if check and check["state"] == "wrong":
            yield (
                cell["id"],
                f"check({check['function']}) finds a wrong answer.",
            )


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def without_colours(text: str) -> str:
    """Terminal text without its escape sequences."""
    return _ANSI.sub("", text)


def load(path: Path) -> Notebook:
    return json.loads(path.read_text(encoding="utf-8"))
