"""`benchmarks/results/*.json` as tables, each with the machine it came from.

Two forms are read: what `benchmarks/run.py` writes (`benchmarks`: a dictionary of
numbers for each, nested as it likes) and a single measurement (`rows`: a list of
dictionaries, as `benchmarks/fertility.py --json` keeps it).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from aulac.lesson.outcome import written
from aulac_grader.book.charts import chart
from aulac_grader.book.places import BookError, Places
from aulac_grader.book.targets import beside
from aulac_grader.book.words import date, machine_words, table

# Words that a result file need not bring along: those of `fertility.py --json`, and
# what the runner itself adds.
LABELS = {
    "error": ("lỗi", "error"),
    "seconds": ("cả phép đo (giây)", "the whole benchmark (s)"),
    "load": ("tải của máy lúc bắt đầu", "load of the machine at the start"),
    "fertility": ("độ phân mảnh", "fertility"),
    "tokenizer": ("bộ tách token", "tokenizer"),
    "vocabulary": ("từ vựng", "vocabulary"),
    "tokens_per_syllable": ("token mỗi âm tiết", "tokens a syllable"),
    "bytes_per_token": ("byte mỗi token", "bytes a token"),
    "train_seconds": ("huấn luyện (giây)", "trained (s)"),
    "low": ("cận dưới", "low"),
    "high": ("cận trên", "high"),
    "learned_mb": ("học từ (MB)", "learned from (MB)"),
    "held_out_mb": ("đo trên (MB)", "measured on (MB)"),
    "held_out_documents": ("số văn bản dùng để đo", "documents measured on"),
    "tokenizers": ("thư viện tokenizers", "tokenizers library"),
    "ours, plain BPE": ("của khóa học, BPE thường", "ours, plain BPE"),
    "ours, superwords": ("của khóa học, siêu từ", "ours, superwords"),
}
# What a benchmark writes for an interval; it stands on two lines at most.
INTERVAL = re.compile(r"[-+]?\d+\.\d+ … [-+]?\d+\.\d+")
SIDE = ("title", "labels", "notes", "charts", "curves", "picture")


@dataclass(frozen=True)
class Words:
    """What keys and texts of a result are called in the language of the page."""

    lang: str
    own: dict[str, dict[str, str]]

    def __call__(self, key: Any) -> str:
        """A key in words; `a / b` and `a 12` by their parts."""
        key = str(key)
        if key in self.own:
            return self.own[key][self.lang]
        if key in LABELS:
            return LABELS[key][self.lang != "vi"]
        if " / " in key:
            return " / ".join(map(self, key.split(" / ")))
        head, _, size = key.rpartition(" ")
        if (head in self.own or head in LABELS) and size.isdigit():
            return f"{self(head)} {written(int(size), self.lang)}"
        return key.replace("_", " ")

    def knows(self, text: str) -> bool:
        return text in self.own or text in LABELS


@dataclass(frozen=True)
class Measured:
    """One benchmark of one file."""

    name: str
    values: dict[str, Any]
    file: dict[str, Any]  # date, machine, quick


def results(places: Places, lang: str) -> str:
    """Every measurement on record, newest first, as Markdown and HTML tables.

    Of one benchmark on one machine only the newest is shown. Raises BookError for a
    file that cannot be shown.
    """
    parts = [_shown(path, one, lang) for path, one in newest(places)]
    return "\n\n".join(parts) or NOTHING[lang]


def targets(places: Places, lang: str) -> str:
    """What was aimed at beside the newest number of each kind."""
    found = [(one.name, one.values) for _, one in newest(places)]
    return beside(found, lang)


NOTHING = {
    "vi": "Bản sách này được dựng khi chưa có phép đo nào được lưu. Chạy "
    "`make bench` để đo trên máy của bạn, rồi dựng lại sách.",
    "en": "This copy of the book was built with no measurements on record. Run "
    "`make bench` to measure on your machine, then build the book again.",
}


def newest(places: Places) -> list[tuple[Path, Measured]]:
    """The newest of each benchmark and machine, with the file that it is from.

    A file that is named after its benchmark was kept on purpose (a long run) and
    counts before those of a day.
    """
    folder = places.results
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    seen: set[tuple[str, str]] = set()
    found = []
    for path in reversed(files):
        for one in opened(path):
            machine = one.file.get("machine", {})
            where = machine_words(machine, "en") or path.name
            if (one.name, where) not in seen:
                seen.add((one.name, where))
                found.append((path, one))
    return found


def opened(path: Path) -> list[Measured]:
    """The benchmarks of a file. Raises BookError."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured = found.get("benchmarks") or {path.stem: _single(found)}
        file = {k: v for k, v in found.items() if k != "benchmarks"}
        return [Measured(n, dict(v), file) for n, v in measured.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _bad(path, error) from error


def _bad(path: Path, error: Exception) -> BookError:
    return BookError(
        f"benchmarks/results/{path.name} cannot be shown ({error!r}): run "
        "`make bench` again or delete it."
    )


def _shown(path: Path, one: Measured, lang: str) -> str:
    try:
        body = _measurement(one.name, one.values, lang)
        machine = one.file.get("machine", {})
        source = _source(one.file, machine, lang)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _bad(path, error) from error
    return f"{body}\n\n{source}"


def _single(found: dict[str, Any]) -> dict[str, Any]:
    if "rows" not in found:
        raise KeyError("rows")
    about = {
        key: value
        for key, value in found.items()
        if key not in ("rows", "machine", "date")
        and not isinstance(value, dict)
    }
    return {"rows": found["rows"], **about}


def _measurement(name: str, values: dict[str, Any], lang: str) -> str:
    """One benchmark: a heading, notes, charts, tables."""
    words = Words(lang, values.get("labels", {}))
    title = values.get("title", {}).get(lang) or words(name)
    parts = [f"## {title[0].upper()}{title[1:]}"]
    if notes := _notes(values.get("notes"), lang):
        parts.append(escape(notes))
    parts += [chart(spec, words, lang) for spec in values.get("charts", [])]
    rest = {key: value for key, value in values.items() if key not in SIDE}
    single: list[list[str]] = []
    for label, value in _walked(rest, words):
        if _is_table(value):
            parts += [f"**{escape(label)}**"] * bool(label)
            parts.append(_wide(value, words))
        else:
            single.append([escape(label), _value(value, words)])
    if single:
        what = {"vi": ["Đại lượng", "Giá trị"], "en": ["Quantity", "Value"]}
        parts.append(table(what[lang], single))
    return "\n\n".join(parts)


def _notes(notes: Any, lang: str) -> str:
    """How it was measured: {"vi": …, "en": …}, or text that is in one language."""
    if isinstance(notes, dict):
        notes = notes.get(lang)
    lines = notes if isinstance(notes, list) else [notes or ""]
    return " ".join(str(line) for line in lines)


def _is_table(value: Any) -> bool:
    """A list of dictionaries, or dictionaries that share their keys."""
    rows = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list) or not rows:
        return False
    if not all(isinstance(row, dict) for row in rows):
        return False
    return len(rows) > 1 and len({tuple(row) for row in rows}) == 1


def _wide(value: Any, words: Words) -> str:
    """Dictionaries that share their keys, a row each."""
    if isinstance(value, dict):
        keys = list(next(iter(value.values())))
        head = ["", *keys]
        rows = [[words(name), *row.values()] for name, row in value.items()]
    else:
        head = list(value[0])
        rows = [list(row.values()) for row in value]
    columns = [escape(words(key)) if key else "" for key in head]
    return table(columns, [[_value(c, words) for c in row] for row in rows])


def _walked(
    values: dict[str, Any], words: Words, prefix: str = ""
) -> list[tuple[str, Any]]:
    """Tables and single values of a nested result, each with its place in words."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = "" if key == "rows" else f"{prefix}{words(key)}"
        if isinstance(value, dict) and set(value) == {"vi", "en"}:
            found.append((name, value[words.lang]))
        elif isinstance(value, dict) and not _is_table(value):
            found += _walked(value, words, f"{name} / ")
        else:
            found.append((name, value))
    return found


def _value(value: Any, words: Words) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        yes = {"vi": ("không", "có"), "en": ("no", "yes")}
        return yes[words.lang][value]
    if isinstance(value, list | dict):
        return escape(json.dumps(value, ensure_ascii=False))
    if isinstance(value, str) and INTERVAL.fullmatch(value):
        mark = "," if words.lang == "vi" else "."
        return value.replace(".", mark).replace(" …", "&nbsp;…")
    if isinstance(value, str):
        return escape(words(value) if words.knows(value) else value)
    return written(value, words.lang)


def _source(found: dict[str, Any], machine: dict[str, Any], lang: str) -> str:
    """When and on what, and whether it was only a rough look."""
    words = [{"vi": "Đo", "en": "Measured"}[lang]]
    if day := str(found.get("date", "")):
        words.append({"vi": "ngày", "en": "on"}[lang] + f" {date(day, lang)}")
    if where := escape(machine_words(machine, lang)):
        words.append({"vi": "trên máy", "en": "with"}[lang] + f" {where}")
    text = " ".join(words) + "."
    if found.get("quick"):
        text += {"vi": " Lần đo nhanh, số thô.", "en": " A quick, rough run."}[
            lang
        ]
    return f'<p class="aulac-source">{text}</p>'
