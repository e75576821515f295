"""Parts of pages that are made from the project itself: the dial, the plan, results.

A page asks for one with a line `<!-- aulac: dial -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import yaml

from aulac.lesson.outcome import written
from aulac_grader.author.source import read
from aulac_grader.book.measurements import results, targets
from aulac_grader.book.places import BookError, Places
from aulac_grader.book.words import table

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


def dial(places: Places, lang: str) -> str:
    """The table of scales, from `aulac.scale`: a column for each, to fit a phone."""
    from aulac.scale import SCALES, Scale
    from aulac.scale.flops import parameters

    million = {"vi": "triệu", "en": "M"}[lang]

    def count(value: float) -> str:
        return f"{written(float(f'{value / 1e6:.3g}'), lang)}\u00a0{million}"

    kinds: list[tuple[str, str, Callable[[Scale], str]]] = [
        (
            "Máy",
            "Machine",
            lambda s: s.machine_vi if lang == "vi" else s.machine_en,
        ),
        ("Tham số", "Parameters", lambda s: count(parameters(s))),
        (
            "Tầng × độ rộng",
            "Depth × width",
            lambda s: f"{s.depth} × {s.width}",
        ),
        (
            "Đầu chú ý (Q / KV)",
            "Heads (Q / KV)",
            lambda s: f"{s.heads} / {s.kv_heads}",
        ),
        ("Từ vựng", "Vocabulary", lambda s: written(s.vocab_size, lang)),
        (
            "Ngữ cảnh (token)",
            "Context (tokens)",
            lambda s: written(s.context, lang),
        ),
        (
            "Văn bản sinh ra",
            "Stories made",
            lambda s: written(s.documents, lang),
        ),
        ("Token huấn luyện", "Training tokens", lambda s: count(s.tokens)),
        ("Phút", "Minutes", lambda s: written(s.minutes, lang)),
    ]
    head = [{"vi": "Quy mô", "en": "Scale"}[lang]]
    head += [f"<code>{name}</code>" for name in SCALES]
    rows = [
        [
            vi if lang == "vi" else en,
            *(escape(of(row)) for row in SCALES.values()),
        ]
        for vi, en, of in kinds
    ]
    return table(head, rows, "aulac-dial")


def dial_rules(places: Places, lang: str) -> str:
    """Every number of every scale, and its rule; a row's own reason under it."""
    from aulac.scale import ROWS
    from aulac.scale.dial import RULES, explained

    lines = {name: explained(row) for name, row in ROWS.items()}
    head = {
        "vi": ["Số", *ROWS, "Quy tắc"],
        "en": ["Number", *ROWS, "Rule"],
    }[lang]
    rows = []
    for place, (number, rule) in enumerate(RULES.items()):
        told = [escape(getattr(rule, lang))]
        values = []
        for name, row in lines.items():
            line = row[place]
            own = "*" if line.own else ""
            exact = isinstance(line.value, int)
            value = line.value if exact else float(f"{line.value:.4g}")
            values.append(written(value, lang) + own)
            said = getattr(line, lang)
            if said != getattr(rule, lang):
                told.append(f"<code>{name}</code>{own}: {escape(said)}")
        rows.append([f"<code>{number}</code>", *values, "<br>".join(told)])
    return table(head, rows, "aulac-rules")


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
    return escape(
        read(source).front.get("aulac", {}).get("title", {}).get(lang, "")
    )


MAKERS: dict[str, Callable[[Places, str], str]] = {
    "dial": dial,
    "dial-rules": dial_rules,
    "plan": plan,
    "results": results,
    "targets": targets,
}
