"""How the book writes tables, dates, machines and bands in each language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from aulac.lesson.outcome import written

MONTHS = (
    *(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
    ),
    *("September", "October", "November", "December"),
)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], css: str = ""
) -> str:
    """An HTML table that scrolls sideways on a phone; cells are HTML already."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="aulac-scroll" tabindex="0"><table class="table {css}">\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def date(iso: str, lang: str) -> str:
    """2026-11-23 as each language writes it: 23-11-2026, 23 November 2026."""
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)", iso)
    if match is None:
        return escape(iso)
    year, month, day = (int(part) for part in match.groups())
    if lang == "vi":
        return f"{day:02}-{month:02}-{year}"
    return f"{day} {MONTHS[month - 1]} {year}"


def machine_words(machine: dict[str, Any], lang: str) -> str:
    """The machine of a run in a few words: processor, cores, memory, card."""
    words = []
    if name := machine.get("cpu") or machine.get("processor"):
        words.append(str(name))
    if cores := machine.get("cores"):
        words.append(f"{cores} {'nhân' if lang == 'vi' else 'cores'}")
    if memory := machine.get("memory_gb"):
        words.append(f"{written(round(float(memory)), lang)} GB")
    if gpu := machine.get("gpu"):
        words.append(str(gpu))
    return ", ".join(words)


def band_words(band: Any, lang: str) -> str:
    """A band as a range: 4 – 9, ≥ 4, ≤ 9."""
    if isinstance(band, list | tuple) and len(band) == 2:
        low, high = band
    elif isinstance(band, dict):
        low, high = band.get("min"), band.get("max")
    else:
        return escape(str(band)) if band else "–"
    if low is None and high is None:
        return "–"
    if low is None:
        return f"≤ {written(high, lang)}"
    if high is None:
        return f"≥ {written(low, lang)}"
    if low == high:
        return written(low, lang)
    return f"{written(low, lang)} – {written(high, lang)}"
