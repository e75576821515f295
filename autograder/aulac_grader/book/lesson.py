"""A lesson as a page: its notebook with the outputs of the verify run.

The committed notebook has prose in one language and no outputs; the verify run has
outputs that serve both. Cells are matched by id, and an output counts only if the
code it came from is still the code on the page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from aulac.lesson.outcome import RECORD_MIME, written
from aulac_grader.author.build import LessonFolder, pristine
from aulac_grader.author.links import Shelf
from aulac_grader.author.source import read
from aulac_grader.book.glossary import References
from aulac_grader.book.places import BookError, Places
from aulac_grader.book.words import band_words, date, machine_words, table

WIDGET_MIMES = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)
# A run's own folders tell a reader nothing, and are another machine's anyway.
_HOME = re.compile(r"/(?:home|Users)/[^/\s\"'<>]+|/root(?=/)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-ln-z]")  # colours (m) stay


@dataclass
class Lesson:
    """One lesson of one language, ready to be written as a page."""

    name: str
    title: str
    cells: list[dict[str, Any]]
    metadata: dict[str, Any]
    state: str
    """ "verified", "stale", "failed" or "unverified"."""
    missing: list[str] = field(default_factory=list)

    def notebook(self) -> dict[str, Any]:
        return {
            "cells": self.cells,
            "metadata": self.metadata,
            "nbformat": 4,
            "nbformat_minor": 5,
        }


def read_lesson(
    path: Path,
    lang: str,
    places: Places,
    report: dict[str, Any],
    refs: References,
) -> Lesson:
    """Put a lesson together. Raises BookError when the notebook cannot be read."""
    notebook = course_notebook(path, lang, places)
    entry = report.get("lessons", {}).get(path.stem[:2], {})
    runs = (
        places.verified / path.name,
        places.verified / "failed" / path.name,
    )
    run = next((_read(run) for run in runs if run.exists()), None)
    ran = {cell.get("id"): cell for cell in (run or {}).get("cells", [])}
    cells, missing = [], []
    for cell in notebook["cells"]:
        cell = dict(cell)
        if cell["cell_type"] == "code":
            found = ran.get(cell["id"])
            if found is None or not _same(found, cell):
                missing.append(cell["id"])
                found = None
            cell["outputs"] = clean_outputs(
                found["outputs"] if found else [], places
            )
            cell["execution_count"] = None
        elif cell["cell_type"] == "markdown":
            cell["source"] = refs.link(
                _text(cell["source"]), lang, f"{lang}/{path.name}"
            )
        cells.append(cell)
    state = _state(run, entry, missing)
    title, first = _title(cells, path)
    name = path.stem
    bands = _bands(path, places)
    note = _cell(
        "aulac-verified", status(entry, report, state, lang, name, bands)
    )
    cells.insert(first + 1, note)
    return Lesson(
        name,
        title,
        [_plain(cell) for cell in cells],
        {"kernelspec": notebook["metadata"].get("kernelspec", {})},
        state,
        missing,
    )


def course_notebook(path: Path, lang: str, places: Places) -> dict[str, Any]:
    """The notebook as the course has it, even where a reader has changed the file."""
    notebook = _read(path)
    source = places.notebooks / "source" / f"{path.stem}.md"
    if pristine(path.read_bytes()) or not source.exists():
        return notebook
    lesson_folder = LessonFolder(places.notebooks, Shelf(places.sources))
    lessons, _ = lesson_folder.load()
    made = [
        lesson_folder.notebook(item, lang)
        for item in lessons
        if item.name == path.stem
    ]
    return made[0] if made else notebook


def _bands(path: Path, places: Places) -> dict[str, Any]:
    """The bands of the lesson's header, for what each outcome means."""
    source = places.notebooks / "source" / f"{path.stem}.md"
    if not source.exists():
        return {}
    return read(source).front.get("aulac", {}).get("bands", {})


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BookError(
            f"{path.parent.name}/{path.name} is not a notebook ({error}); build it "
            "again with `aulac lessons build` or `aulac lessons verify`."
        ) from error


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _same(ran: dict[str, Any], cell: dict[str, Any]) -> bool:
    # Papermill puts the scale into a cell of its own, so the cells stay as they are.
    return _text(ran["source"]).strip() == _text(cell["source"]).strip()


def _state(run: Any, entry: dict[str, Any], missing: list[str]) -> str:
    if run is None:
        return "unverified"
    if entry.get("status", "passed") != "passed":
        return "failed"
    return "stale" if missing else "verified"


def _title(cells: list[dict[str, Any]], path: Path) -> tuple[str, int]:
    for index, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            match = re.search(
                r"^# +(.+)$", _text(cell["source"]), re.MULTILINE
            )
            if match:
                return match[1].strip(), index
    raise BookError(
        f"{path.parent.name}/{path.name} has no title (a # heading)."
    )


def _cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": name,
        "metadata": {},
        "source": source,
    }


def _plain(cell: dict[str, Any]) -> dict[str, Any]:
    """Only what the page needs: tags, source, outputs."""
    tags = cell.get("metadata", {}).get("tags", [])
    kept = {
        "cell_type": cell["cell_type"],
        "id": cell["id"],
        "metadata": {"tags": list(tags)} if tags else {},
        "source": _text(cell["source"]),
    }
    if cell["cell_type"] == "code":
        kept |= {"outputs": cell["outputs"], "execution_count": None}
    return kept


def clean_outputs(
    outputs: list[dict[str, Any]], places: Places
) -> list[dict[str, Any]]:
    """Outputs a static page can show: no widget state, no records, no folders."""
    cleaned: list[dict[str, Any]] = []
    for output in _joined(outputs):
        kind = output.get("output_type")
        if kind == "stream":
            text = _stream(_text(output["text"]), places)
            if text.strip():
                cleaned.append({**output, "text": text})
        elif kind in ("display_data", "execute_result"):
            data = _bundle(output.get("data", {}), places)
            if data:
                cleaned.append(
                    {
                        "output_type": "display_data",
                        "data": data,
                        "metadata": {},
                    }
                )
        elif kind == "error":
            cleaned.append({**output, "traceback": _traceback(output, places)})
    return cleaned


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pieces of one stream put together: a progress line may span them."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.get("output_type") == "stream":
            text = _text(output["text"])
            if (
                last.get("output_type") == "stream"
                and last["name"] == output["name"]
            ):
                last["text"] += text
                continue
            output = {**output, "text": text}
        joined.append(output)
    return joined


def _bundle(data: dict[str, Any], places: Places) -> dict[str, Any]:
    kept = {
        mime: value
        for mime, value in data.items()
        if mime not in WIDGET_MIMES
        and not mime.startswith("application/vnd.aulac.")
    }
    if not kept and RECORD_MIME in data:
        found = data[RECORD_MIME]
        unit = f" {escape(found['unit'])}" if found.get("unit") else ""
        kept["text/html"] = (
            f'<div class="aulac-record"><code>{escape(found["name"])}</code> = '
            f"<b>{written(found['value'], 'en')}</b>{unit}</div>"
        )
    if "text/html" in kept:  # the plain twin would never be shown
        kept = {mime: v for mime, v in kept.items() if mime != "text/plain"}
    return {
        mime: _scrub(_text(value), places)
        if mime.startswith("text/")
        else value
        for mime, value in kept.items()
    }


def _stream(text: str, places: Places) -> str:
    """Text as a terminal leaves it: a carriage return overwrites its line."""
    lines = []
    for line in _ESCAPES.sub("", text).split("\n"):
        parts = [part for part in line.split("\r") if part]
        lines.append(parts[-1] if parts else "")
    return _scrub("\n".join(lines), places)


def _traceback(output: dict[str, Any], places: Places) -> list[str]:
    return [_scrub(line, places) for line in output.get("traceback", [])]


def _scrub(text: str, places: Places) -> str:
    text = text.replace(f"{places.root}/", "").replace(str(places.root), ".")
    return _HOME.sub("~", text)


def status(
    entry: dict[str, Any],
    report: dict[str, Any],
    state: str,
    lang: str,
    name: str,
    bands: dict[str, Any],
) -> str:
    """The lines under a lesson's title: last verified, the outcomes, the download."""
    words = _WORDS[lang]
    parts = [f'<div class="aulac-status aulac-{state}">']
    if state in ("verified", "stale") and entry:
        parts.append(f"<p>{_ran(entry, report, lang)}</p>")
    if state != "verified":
        parts.append(f"<p><strong>{words[state]}</strong></p>")
    if records := _records(entry, bands, lang):
        parts.append(records)
    parts.append(
        f'<p class="aulac-get"><a href="notebooks/{name}.ipynb" download>'
        f"{words['download']}</a></p></div>"
    )
    return "\n".join(parts)


_WORDS: dict[str, dict[str, Any]] = {
    "vi": {
        "unverified": "Bài này chưa được chạy kiểm tra cho bản sách này, nên các ô "
        "chưa có kết quả. Chạy <code>aulac lessons verify</code> rồi dựng lại sách.",
        "stale": "Một số ô đã đổi sau lần chạy kiểm tra và chưa có kết quả. Chạy lại "
        "<code>aulac lessons verify</code>.",
        "failed": "Lần chạy kiểm tra gần nhất của bài này không đạt; kết quả dưới đây có "
        "thể dở dang.",
        "download": "Tải sổ tay bài này (.ipynb)",
        "outcomes": "Các kết quả đo được",
        "head": ["Kết quả", "Đo được", "Khoảng cho phép", "Đạt"],
        "yes": "đạt",
        "no": "không đạt",
    },
    "en": {
        "unverified": "This lesson has not been verified for this copy of the book, so "
        "its cells show no results. Run <code>aulac lessons verify</code>, then build "
        "the book again.",
        "stale": "Some cells changed after the last verified run and show no results. "
        "Run <code>aulac lessons verify</code> again.",
        "failed": "The last verified run of this lesson failed; what is shown may be "
        "incomplete.",
        "download": "Download this notebook (.ipynb)",
        "outcomes": "What it measured",
        "head": ["Outcome", "Measured", "Band", "Held"],
        "yes": "yes",
        "no": "no",
    },
}


def _ran(entry: dict[str, Any], report: dict[str, Any], lang: str) -> str:
    day = date(str(entry.get("verified_at", "")), lang)
    scale = escape(str(entry.get("scale", report.get("scale", "tiny"))))
    seconds = written(round(float(entry.get("seconds", 0)), 1), lang)
    memory = written(round(float(entry.get("peak_mb", 0))), lang)
    machine = escape(machine_words(report.get("machine", {}), lang))
    on = (
        {"vi": f" trên {machine}", "en": f" on {machine}"}[lang]
        if machine
        else ""
    )
    if lang == "vi":
        return (
            f"Chạy kiểm tra lần cuối ngày {day}, quy mô <code>{scale}</code>: "
            f"{seconds} giây, nhiều nhất {memory} MB bộ nhớ{on}."
        )
    return (
        f"Last verified {day} at scale <code>{scale}</code>: {seconds} seconds, "
        f"at most {memory} MB of memory{on}."
    )


def _records(entry: dict[str, Any], bands: dict[str, Any], lang: str) -> str:
    records = entry.get("records", {})
    if not records:
        return ""
    words = _WORDS[lang]
    rows = []
    for name, found in records.items():
        band = found.get("band") or bands.get(name)
        means = (bands.get(name) or {}).get("means", {}).get(lang, "")
        label = f"<code>{escape(name)}</code>" + (
            f"<br>{escape(means)}" if means else ""
        )
        unit = f" {escape(str(found['unit']))}" if found.get("unit") else ""
        held = found.get("ok")
        mark = (
            "–" if held is None or not band else words["yes" if held else "no"]
        )
        value = found.get("value")
        shown = written(value, lang) if value is not None else "–"
        rows.append([label, shown + unit, band_words(band, lang), mark])
    inner = table(words["head"], rows, "aulac-outcomes")
    return (
        f"<details><summary>{words['outcomes']}</summary>\n{inner}\n</details>"
    )
