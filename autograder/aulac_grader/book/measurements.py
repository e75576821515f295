"""`benchmarks/results/*.json` as tables, each with the machine it came from.

Two forms are read: what `benchmarks/run.py` writes (`benchmarks`: a dictionary of
numbers for each, nested as it likes) and a single measurement (`rows`: a list of
dictionaries, as `benchmarks/fertility.py --json` keeps it).
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from aulac.lesson.outcome import written
from aulac_grader.book.places import BookError, Places
from aulac_grader.book.words import date, machine_words, table

# Words of the results in Vietnamese and English; others are shown as they are.
LABELS = {
    "bpe_trainer": ("huấn luyện BPE bằng tay", "BPE trained by hand"),
    "fertility": ("độ phân mảnh", "fertility"),
    "generation": ("tốc độ sinh văn bản", "generation speed"),
    "grading": ("chấm một lớp", "grading a class"),
    "training": ("tốc độ huấn luyện", "training speed"),
    "error": ("lỗi", "error"),
    "ours": ("của khóa học", "ours"),
    "ratio": ("tỉ lệ", "ratio"),
    "seconds": ("giây", "seconds"),
    # ---- tokenizers
    "tokenizer": ("bộ tách token", "tokenizer"),
    "vocabulary": ("từ vựng", "vocabulary"),
    "tokens_a_syllable": ("token mỗi âm tiết", "tokens a syllable"),
    "tokens_per_syllable": ("token mỗi âm tiết", "tokens a syllable"),
    "bytes_per_token": ("byte mỗi token", "bytes a token"),
    "train_seconds": ("huấn luyện (giây)", "trained (s)"),
    "low": ("cận dưới", "low"),
    "high": ("cận trên", "high"),
    "learned_mb": ("học từ (MB)", "learned from (MB)"),
    "held_out_mb": ("đo trên (MB)", "measured on (MB)"),
    "held_out_documents": ("số văn bản dùng để đo", "documents measured on"),
    "processor": ("bộ xử lý", "processor"),
    "python": ("Python", "Python"),
    "tokenizers": ("thư viện tokenizers", "tokenizers library"),
    "ours, plain BPE": ("của khóa học, BPE thường", "ours, plain BPE"),
    "ours, superwords": ("của khóa học, siêu từ", "ours, superwords"),
    "bytes": ("byte", "bytes"),
    "by hand": ("viết tay bằng Python", "by hand, in Python"),
    "Rust": ("Rust, mọi nhân", "Rust, all cores"),
    "Rust, 1 thread": ("Rust, một luồng", "Rust, one thread"),
    "by_hand_over_rust": (
        "viết tay chậm hơn Rust (lần)",
        "by hand slower than Rust (times)",
    ),
    # ---- training
    "parameters": ("tham số", "parameters"),
    "tokens_per_second": ("token mỗi giây", "tokens a second"),
    "bare": (
        "transformers, vòng lặp ngắn nhất",
        "transformers, the shortest loop",
    ),
    "trainer": ("transformers, Trainer", "transformers, Trainer"),
    "ours_adamw": ("của khóa học, AdamW", "ours, AdamW"),
    "tiny, as the course trains it": (
        "tiny, đúng như khóa học huấn luyện",
        "tiny, as the course trains it",
    ),
    # ---- grading
    "runs": ("các lần chấm", "runs"),
    "nbgrader autograde": ("nbgrader autograde", "nbgrader autograde"),
    "ours, 1 worker": ("của khóa học, 1 tiến trình chấm", "ours, 1 worker"),
    "ours, 2 workers": ("của khóa học, 2 tiến trình chấm", "ours, 2 workers"),
    "ours, 4 workers": ("của khóa học, 4 tiến trình chấm", "ours, 4 workers"),
    "submissions": ("số bài nộp", "submissions"),
    "seconds_each": ("giây mỗi bài", "seconds each"),
    "minutes_for_class": ("phút cho cả lớp", "minutes for the class"),
    "times_nbgrader": ("nhanh gấp nbgrader (lần)", "times nbgrader"),
    "peak_mb": ("bộ nhớ cao nhất (MB)", "peak memory (MB)"),
    "start_seconds": ("khởi động (giây)", "start-up (s)"),
    "trivial_seconds": (
        "thêm một bài rất nhẹ (giây)",
        "one more trivial submission (s)",
    ),
    "worker_mb": (
        "bộ nhớ mỗi tiến trình chấm, trang dùng chung chia đều (PSS, MB)",
        "memory of a worker, shared pages by share (PSS, MB)",
    ),
    "class_size": ("số bài của lớp", "submissions in the class"),
    "kinds": ("lớp gồm", "the class"),
    "right": ("bài đúng", "right"),
    "wrong": ("bài sai", "wrong"),
    "crashing": ("bài làm chết tiến trình", "crashing"),
    "slow": ("bài chạy chậm", "slow"),
    "same_bytes": (
        "1, 2, 4 tiến trình chấm cho kết quả giống nhau từng byte",
        "any number of workers gives the same bytes",
    ),
    "same_points": (
        "điểm bằng điểm của nbgrader",
        "points equal nbgrader's",
    ),
}


def results(places: Places, lang: str) -> str:
    """Every measurement on record, newest first, as Markdown and HTML tables."""
    files = (
        sorted(places.results.glob("*.json"))
        if places.results.is_dir()
        else []
    )
    parts = [_file(path, lang) for path in reversed(files)]
    if not parts:
        return {
            "vi": "Bản sách này được dựng khi chưa có phép đo nào được lưu. Chạy "
            "`make bench` để đo trên máy của bạn, rồi dựng lại sách.",
            "en": "This copy of the book was built with no measurements on record. Run "
            "`make bench` to measure on your machine, then build the book again.",
        }[lang]
    return "\n\n".join(parts)


def _file(path: Path, lang: str) -> str:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured = found.get("benchmarks") or {path.stem: _single(found)}
        parts = [
            _measurement(name, value, lang) for name, value in measured.items()
        ]
        machine = found.get("machine", {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BookError(
            f"benchmarks/results/{path.name} cannot be shown ({error!r}): run "
            "`make bench` again or delete it."
        ) from error
    return "\n\n".join([*parts, _source(found, machine, lang)])


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
    """One benchmark: a heading, its tables, its notes."""
    title = label(name, lang)
    parts = [f"## {title[0].upper()}{title[1:]}"]
    if notes := _notes(values.get("notes"), lang):
        parts.append(escape(notes))
    rest = {key: value for key, value in values.items() if key != "notes"}
    tables = {key: value for key, value in rest.items() if _is_table(value)}
    for key, value in tables.items():
        if key != "rows":
            parts.append(f"**{escape(label(key, lang))}**")
        parts.append(_wide(value, lang))
    plain = [
        [escape(key), _value(value, lang)]
        for key, value in _flat(
            {k: v for k, v in rest.items() if k not in tables}, lang
        )
    ]
    if plain:
        what = {"vi": ["Đại lượng", "Giá trị"], "en": ["Quantity", "Value"]}[
            lang
        ]
        parts.append(table(what, plain))
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


def _wide(value: Any, lang: str) -> str:
    if isinstance(value, dict):
        keys = list(next(iter(value.values())))
        head = ["", *keys]
        rows = [
            [label(name, lang), *row.values()] for name, row in value.items()
        ]
    else:
        head = list(value[0])
        rows = [list(row.values()) for row in value]
    columns = [escape(label(key, lang)) for key in head]
    return table(
        columns, [[_value(cell, lang) for cell in row] for row in rows]
    )


def _flat(
    values: dict[str, Any], lang: str, prefix: str = ""
) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{label(key, lang)}"
        if isinstance(value, dict):
            flat += _flat(value, lang, f"{name} / ")
        else:
            flat.append((name, value))
    return flat


def label(key: str, lang: str) -> str:
    """A key of the results in words; `a / b` and `a 12` by their parts."""
    key = str(key)
    if key in LABELS:
        return LABELS[key][lang != "vi"]
    if " / " in key:
        return " / ".join(label(part, lang) for part in key.split(" / "))
    head, _, size = key.rpartition(" ")
    if head in LABELS and size.isdigit():
        return f"{label(head, lang)} {written(int(size), lang)}"
    return key.replace("_", " ")


def _value(value: Any, lang: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return {"vi": ("không", "có"), "en": ("no", "yes")}[lang][value]
    if isinstance(value, list | dict):
        return escape(json.dumps(value, ensure_ascii=False))
    if isinstance(value, str):
        return escape(
            LABELS[value][lang != "vi"] if value in LABELS else value
        )
    return written(value, lang)


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
