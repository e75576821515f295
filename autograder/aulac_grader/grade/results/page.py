"""The results page of one assignment in one language, as one HTML file.

Everything that comes from a submission passes through the template's escaping and
through `words.shown`, which writes out invisible characters. The page runs no script
and loads nothing; its own policy forbids both.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.intake.notes import TEXTS, Note
from aulac_grader.grade.results import similarity
from aulac_grader.grade.verdict.outcomes import CELLS, TESTS, pick

from . import charts
from .marked import Entry, Marked
from .numbers import BINS, ENOUGH, FATES, Numbers, Spread, fate
from .words import LANGUAGES, duration, number, percent, visible_text, word

if TYPE_CHECKING:
    from jinja2 import Template

_CODE = re.compile(r"`([^`]+)`")
_PARTS = tuple(f"part_{n}" for n in range(4))
_STOPPED_CELLS = ("time", "memory", "output", "died")


def render(
    marked: Marked,
    numbers: Numbers,
    alike: similarity.Report,
    lang: str,
    other: str,
) -> str:
    """The page's HTML. `other` is the address of its twin."""
    say = partial(word, lang=lang)
    from markupsafe import Markup, escape

    def html_word(key: str, **values: Any) -> Markup:
        """Words of ours, with commands set as code."""
        text = str(escape(say(key, **values)))
        return Markup(_CODE.sub(r"<code>\1</code>", text))

    return _template().render(
        lang=lang,
        other=other,
        other_lang=LANGUAGES[1 - LANGUAGES.index(lang)],
        marked=marked,
        entries=marked.entries,
        listed={entry.student for entry in marked.entries},
        numbers=numbers,
        alike=alike,
        fates=FATES,
        fate_names=[f"fate_{name}" for name in FATES],
        parts=_PARTS,
        enough=ENOUGH,
        word=html_word,
        number=partial(number, lang=lang),
        percent=partial(percent, lang=lang),
        duration=partial(duration, lang=lang),
        late=[e for e in marked.entries if _late(e)],
        lateness=_late,
        repaired=[e for e in marked.entries if _mended(e)],
        repairs=_repairs(marked.entries, lang),
        mended=_mended,
        stopped=_stopped(marked.entries),
        stops=_stops,
        pick=partial(pick, lang=lang),
        how={
            "stopped_cells": {key: pick(CELLS[key], lang) for key in CELLS},
            "stopped_tests": {key: pick(TESTS[key], lang) for key in TESTS},
        },
        places=_places(marked.entries),
        tier_words=partial(_tier_words, say=say),
        timing=_timing(marked.entries),
        totals=_totals(numbers.total, lang, say),
        bar=partial(_bar, say=say),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("aulac_grader.grade", "results"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("page.html.jinja")


def _visible(value: Any) -> Any:
    """Plain text with its invisible characters written out; HTML of ours as it is."""
    return visible_text(value) if type(value) is str else value


def _late(entry: Entry) -> int:
    return entry.verdict["receipt"].get("late_seconds") or 0


def _mended(entry: Entry) -> int:
    """How many things were put right or left out; not what is only told."""
    levels = {code: level for code, (level, _, _) in TEXTS.items()}
    repairs = entry.verdict["repairs"]
    return sum(levels.get(repair["code"]) != "info" for repair in repairs)


def note_text(entry: Mapping[str, Any], lang: str) -> str:
    """A repair in words; its bare code where an older verdict holds an unknown one."""
    try:
        return Note(entry["code"], entry["params"]).text(lang)
    except (KeyError, IndexError):
        return str(entry["code"])


def _repairs(
    entries: Iterable[Entry], lang: str
) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """(code, [(student, sentences)]), the most frequent code first."""
    found: dict[str, dict[str, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for entry in entries:
        for repair in entry.verdict["repairs"]:
            text = note_text(repair, lang)
            found[repair["code"]][entry.student].append(text)
    rows = [(code, list(who.items())) for code, who in found.items()]
    return sorted(rows, key=lambda row: (-len(row[1]), row[0]))


def _stops(entry: Entry) -> int:
    """How many cells and tests of a student were stopped."""
    verdict = entry.verdict
    cells = sum(cell["status"] in _STOPPED_CELLS for cell in verdict["cells"])
    return cells + sum(fate(test) == "stopped" for test in verdict["tests"])


def _stopped(
    entries: Iterable[Entry],
) -> dict[str, list[tuple[str, str, list[str]]]]:
    """Cells and tests that were stopped: (id, status, students)."""
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    tests: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        for cell in entry.verdict["cells"]:
            if cell["status"] in _STOPPED_CELLS:
                name = "" if cell["kind"] == "extra" else cell["id"]
                if entry.student not in cells[name, cell["status"]]:
                    cells[name, cell["status"]].append(entry.student)
        for test in entry.verdict["tests"]:
            if fate(test) == "stopped":
                tests[test["id"], test["status"]].append(entry.student)
    return {"stopped_cells": _listed(cells), "stopped_tests": _listed(tests)}


def _listed(
    found: Mapping[tuple[str, str], list[str]],
) -> list[tuple[str, str, list[str]]]:
    rows = [(name, status, who) for (name, status), who in found.items()]
    return sorted(rows, key=lambda row: (-len(row[2]), row[0], row[1]))


def _places(
    entries: Iterable[Entry],
) -> list[tuple[tuple[str, str, tuple[tuple[str, str], ...], bool], int]]:
    """(environment, source, tier, sandboxed) and how many were marked so."""
    found = Counter(
        (
            e.verdict["environment"]["digest"],
            e.verdict["source_sha256"],
            tuple(_tier_rows(e.verdict["tier"])),
            bool(e.verdict["sandboxed"]),
        )
        for e in entries
    )
    return sorted(found.items(), key=lambda row: (-row[1], row[0]))


def _tier_rows(tier: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is held how, nested entries one by one; `sandboxed` has its own column."""
    rows = []
    for key, value in sorted(tier.items()):
        if isinstance(value, Mapping):
            rows += _tier_rows(value)
        elif key != "sandboxed":
            rows.append((str(key), str(value)))
    return rows


def _tier_words(
    tier: tuple[tuple[str, str], ...], say: Callable[[str], str]
) -> list[str]:
    """What the words of a tier promise."""
    text = " ".join(value for _, value in tier).lower()
    found = []
    if "cgroup" in text:
        found.append(say("tier_cgroup"))
    if "watchdog" in text or "proc" in text or "rlimit" in text:
        found.append(say("tier_watchdog"))
    return found


def _timing(
    entries: Iterable[Entry],
) -> list[tuple[str, float, float, float, float | None]]:
    """(quantity, median, 90th percentile, largest, sum) of what was measured."""
    rows = []
    for key, name in (
        ("seconds", "seconds"),
        ("peak_mb", "memory"),
        ("boxes", "boxes"),
    ):
        values = sorted(
            float(e.measures[key]) for e in entries if key in e.measures
        )
        if values:
            ninety = values[min(len(values) - 1, int(0.9 * len(values)))]
            total = sum(values) if key == "seconds" else None
            middle = statistics.median(values)
            rows.append((name, middle, ninety, values[-1], total))
    return rows


def _totals(
    spread: Spread, lang: str, say: Callable[[str], str]
) -> dict[str, Any]:
    """The distribution of totals: its chart and the rows of its table."""
    labels = [
        f"{10 * n}–{10 * (n + 1) if n == BINS - 1 else 10 * n + 9}"
        for n in range(BINS)
    ]
    chart = charts.columns(
        spread.bins,
        labels,
        alt=say("total_alt"),
        across=say("share_of_points") + " (%)",
        upward=say("students"),
    )
    rows = list(zip(labels, spread.bins, strict=True))
    return {"chart": chart, "rows": rows}


def _bar(
    counts: Iterable[int], classes: Iterable[str], say: Callable[[str], str]
) -> str:
    """A bar of shares, with its numbers as its name."""
    counts, classes = list(counts), list(classes)
    words = [
        f"{say(name)}: {value}"
        for value, name in zip(counts, classes, strict=True)
    ]
    return charts.shares(counts, classes, ", ".join(words))
