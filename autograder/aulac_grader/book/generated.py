"""Parts of pages that are made from the project itself: the dial, the plan, results.

A page asks for one with a line `<!-- aulac: dial -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import yaml
from aulac.lesson.outcome import written

from aulac_grader.author.source import read
from aulac_grader.book.places import BookError, Places

_MARKER = re.compile(r"^<!-- aulac: (?P<name>[\w-]+) -->$", re.MULTILINE)


def fill(text: str, places: Places, lang: str, where: str) -> str:
    """Replace each marker. Raises BookError for a name nobody makes."""

    def replace(match: re.Match[str]) -> str:
        maker = MAKERS.get(match["name"])
        if maker is None:
            raise BookError(
                f"{where}: nothing makes {match['name']!r}; choose one of "
                f"{', '.join(MAKERS)}."
            )
        return maker(places, lang)

    return _MARKER.sub(replace, text)


def table(head: list[str], rows: list[list[str]], css: str = "") -> str:
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


def dial(places: Places, lang: str) -> str:
    """The table of scales, from `aulac.scale`: a column for each, to fit a phone."""
    from aulac.flops import parameters
    from aulac.scale import SCALES, Scale

    million = {"vi": "triệu", "en": "M"}[lang]

    def count(value: float) -> str:
        return f"{written(float(f'{value / 1e6:.3g}'), lang)}\u00a0{million}"

    kinds: list[tuple[str, str, Callable[[Scale], str]]] = [
        ("Máy", "Machine", lambda s: s.machine_vi if lang == "vi" else s.machine_en),
        ("Tham số", "Parameters", lambda s: count(parameters(s))),
        ("Tầng × độ rộng", "Depth × width", lambda s: f"{s.depth} × {s.width}"),
        ("Đầu chú ý (Q / KV)", "Heads (Q / KV)", lambda s: f"{s.heads} / {s.kv_heads}"),
        ("Từ vựng", "Vocabulary", lambda s: written(s.vocab_size, lang)),
        ("Ngữ cảnh (token)", "Context (tokens)", lambda s: written(s.context, lang)),
        ("Văn bản sinh ra", "Stories made", lambda s: written(s.documents, lang)),
        ("Token huấn luyện", "Training tokens", lambda s: count(s.tokens)),
        ("Phút", "Minutes", lambda s: written(s.minutes, lang)),
    ]
    head = [{"vi": "Quy mô", "en": "Scale"}[lang]]
    head += [f"<code>{name}</code>" for name in SCALES]
    rows = [
        [vi if lang == "vi" else en, *(escape(of(row)) for row in SCALES.values())]
        for vi, en, of in kinds
    ]
    return table(head, rows, "aulac-dial")


def plan(places: Places, lang: str) -> str:
    """All lessons: those that exist link to their page, the others say so."""
    words = {
        "vi": ("đã chạy kiểm tra", "có", "chưa viết"),
        "en": ("verified", "here", "not written yet"),
    }[lang]
    here = {path.stem[:2]: path.stem for path in places.lessons(lang)}
    passed = {
        number
        for number, entry in places.report().get("lessons", {}).items()
        if entry.get("status") == "passed"
    }
    path = places.sources / "plan.yml"
    rows = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["lessons"]:
        number, title = entry["lesson"], escape(entry["title"][lang])
        state, css = words[2], "planned"
        if number in here:
            title = _own_title(places, here[number], lang) or title
            title = f'<a href="{here[number]}.html">{title}</a>'
            state, css = words[number not in passed], "ready"
        ends = escape(entry["ends_with"][lang])
        mark = f'<span class="aulac-state aulac-{css}">{state}</span>'
        rows.append([number, title, ends, mark])
    head = {
        "vi": ["Bài", "Nội dung", "Học xong bạn có", "Hiện trạng"],
        "en": ["Lesson", "About", "You end with", "State"],
    }[lang]
    return table(head, rows, "aulac-plan")


def _own_title(places: Places, name: str, lang: str) -> str:
    """A lesson's title in its own header; nothing where its source is not here."""
    source = places.notebooks / "source" / f"{name}.md"
    if not source.exists():
        return ""
    return escape(read(source).front.get("aulac", {}).get("title", {}).get(lang, ""))


def results(places: Places, lang: str) -> str:
    """Measurements in `benchmarks/results/*.json`, each with its machine."""
    files = sorted(places.results.glob("*.json")) if places.results.is_dir() else []
    parts = [_result(path, lang) for path in files]
    if not parts:
        return {
            "vi": "Bản sách này được dựng khi chưa có phép đo nào được lưu. Chạy "
            "`make bench` để đo trên máy của bạn, rồi dựng lại sách.",
            "en": "This copy of the book was built with no measurements on record. Run "
            "`make bench` to measure on your machine, then build the book again.",
        }[lang]
    return "\n\n".join(parts)


def _result(path: Path, lang: str) -> str:
    """One file: {title, about, machine, measured_at, columns, rows}."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        title = _text(found["title"], lang)
        columns = [escape(_text(column, lang)) for column in found["columns"]]
        rows = [[_value(cell, lang) for cell in row] for row in found["rows"]]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise BookError(
            f"benchmarks/results/{path.name} cannot be shown ({error!r}); it needs "
            "title, columns and rows: run `make bench` again or delete it."
        ) from error
    lines = [f"## {title}"]
    if about := _text(found.get("about", ""), lang):
        lines.append(about)
    lines.append(table(columns, rows))
    machine = _text(found.get("machine", ""), lang)
    day = str(found.get("measured_at", ""))[:10]
    if machine or day:
        word = {"vi": "Đo", "en": "Measured"}[lang]
        on = {"vi": "trên", "en": "on"}[lang]
        when = f" {date(day, lang)}" if day else ""
        where = f" {on} {escape(machine)}" if machine else ""
        lines.append(f'<p class="aulac-source">{word}{when}{where}.</p>')
    return "\n\n".join(lines)


def _text(value: Any, lang: str) -> str:
    if isinstance(value, dict) and {"vi", "en"} <= value.keys():
        return str(value[lang])
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return str(value)


def _value(value: Any, lang: str) -> str:
    if isinstance(value, dict):
        return escape(_text(value, lang))
    return written(value, lang) if value is not None else "–"


def date(iso: str, lang: str) -> str:
    """2026-11-23 as each language writes it: 23-11-2026, 23 November 2026."""
    months = "January February March April May June July August September"
    names = [*months.split(), "October", "November", "December"]
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)", iso)
    if match is None:
        return escape(iso)
    year, month, day = (int(part) for part in match.groups())
    if lang == "vi":
        return f"{day:02}-{month:02}-{year}"
    return f"{day} {names[month - 1]} {year}"


MAKERS: dict[str, Callable[[Places, str], str]] = {
    "dial": dial,
    "plan": plan,
    "results": results,
}
