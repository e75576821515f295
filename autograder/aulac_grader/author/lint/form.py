"""The form of a lesson: headings, sections, exercises, pictures, glossary links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.links import links, outside_code
from aulac_grader.author.source import LANGUAGES, NAMES, Cell, Pair, Problem

if TYPE_CHECKING:
    from aulac_grader.author.lint.findings import Findings

_PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<to>[^)\s]+)[^)]*\)")
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(["'])(?P<alt>.*?)\1""", re.IGNORECASE)
_LEVEL = re.compile(r"^\s*\*\*(?P<number>\d+)\s*\(", re.MULTILINE)
_BREAKS = {
    "vi": re.compile(r"\bhỏng\b", re.IGNORECASE),
    "en": re.compile(r"\b(break|breaks|broke|broken)\b", re.IGNORECASE),
}


def check(
    lesson_folder: LessonFolder, lesson: Lesson, findings: Findings
) -> None:
    """Add what is wrong with the form."""
    for rule in (_headings, _sections, _exercises, _pictures):
        findings.problems.extend(rule(lesson))
    _terms(lesson_folder, lesson, findings)


def _headings(lesson: Lesson) -> Iterator[Problem]:
    """No level is skipped going down; level 1 is the generated title."""
    level = 1
    for cell in _prose(lesson, "vi"):
        for found, title in cell.headings:
            if found == 1:
                yield lesson.source.problem(
                    f"heading `# {title}` is the title's level; begin with `##`.",
                    cell,
                )
            elif found > level + 1:
                yield lesson.source.problem(
                    f"heading `{'#' * found} {title}` skips a level; use "
                    f"`{'#' * (level + 1)}`.",
                    cell,
                )
            level = max(found, 1)


def _prose(lesson: Lesson, lang: str) -> Iterator[Cell]:
    for unit in lesson.source.units:
        if isinstance(unit, Pair):
            yield unit[lang]


def _tagged(lesson: Lesson, tag: str) -> list[Cell]:
    return [cell for cell in lesson.source.code if tag in cell.tags]


def _sections(lesson: Lesson) -> Iterator[Problem]:
    """How a lesson teaches: guess, the library's code, exercises, what breaks."""
    source = lesson.source
    for tag, why in (
        ("parameters", "holds `scale = None`, first of all"),
        ("predict", "asks for a guess before a result is shown"),
        ("exercise", "the reader fills"),
        ("check", "tries the exercise with check(…)"),
    ):
        if not _tagged(lesson, tag):
            yield source.problem(
                f"no code cell is tagged `{tag}`; add one that {why}."
                if tag != "exercise"
                else "no code cell is tagged `exercise`; add one that the reader fills."
            )
    if not any(cell.library for cell in source.code):
        yield source.problem(
            "no cell shows the library's own code; add one with `:library: aulac.…`."
        )
    for lang in LANGUAGES:
        titles = [
            title
            for cell in _prose(lesson, lang)
            for _, title in cell.headings
        ]
        if not any(_BREAKS[lang].search(title) for title in titles):
            example = "Khi nó hỏng" if lang == "vi" else "When it breaks"
            yield source.problem(
                f"no {NAMES[lang]} heading says what breaks; add a section such as "
                f"`### {example}`."
            )


def _exercises(lesson: Lesson) -> Iterator[Problem]:
    """Each exercise cell is followed by its check; there are three levels."""
    code = lesson.source.code
    for cell, after in zip(code, [*code[1:], None], strict=True):
        if "exercise" in cell.tags and (
            after is None or "check" not in after.tags
        ):
            yield lesson.source.problem(
                "this exercise is not followed by a `check` cell; add one that calls "
                "check(…).",
                cell,
            )
    numbers = {
        lang: [
            int(match["number"])
            for cell in _prose(lesson, lang)
            for match in _LEVEL.finditer(cell.text)
        ]
        for lang in LANGUAGES
    }
    if numbers["vi"] != numbers["en"]:
        yield lesson.source.problem(
            f"the exercises are numbered {numbers['vi']} in Vietnamese and "
            f"{numbers['en']} in English; write `**1 (dễ).**` and `**1 (easy).**`."
        )
    elif len(numbers["vi"]) < 3:
        yield lesson.source.problem(
            f"there are {len(numbers['vi'])} exercises; give three levels, each "
            "beginning `**1 (dễ).**`."
        )


def _pictures(lesson: Lesson) -> Iterator[Problem]:
    """Every picture has alt text, and its file is there."""
    base = lesson.source.path.parent
    for cell in lesson.source.cells:
        if cell.is_code:
            continue
        text = outside_code(cell.text)
        for match in _PICTURE.finditer(text):
            if len(match["alt"].split()) < 2:
                yield lesson.source.problem(
                    f"picture {match['to']} has no alt text; say in {NAMES[cell.lang]} "
                    "what it shows.",
                    cell,
                )
            target = match["to"]
            if "://" not in target and not (base / target).is_file():
                yield lesson.source.problem(
                    f"picture {target} is not there; paths are seen from "
                    "notebooks/source.",
                    cell,
                )
        for match in _IMG.finditer(text):
            alt = _ALT.search(match[0])
            if alt is None or not alt["alt"].strip():
                yield lesson.source.problem(
                    f"an <img> has no alt text; say in {NAMES[cell.lang]} what it shows.",
                    cell,
                )


def _terms(
    lesson_folder: LessonFolder, lesson: Lesson, findings: Findings
) -> None:
    """A term is linked in both languages, and where it is first used."""
    linked = {lang: _linked(lesson, lang) for lang in LANGUAGES}
    for lang, other in (("vi", "en"), ("en", "vi")):
        for term, cell in linked[lang].items():
            if term not in linked[other]:
                findings.problems.append(
                    lesson.source.problem(
                        f"term `{term}` is linked in {NAMES[lang]} only; link it in "
                        f"{NAMES[other]} too.",
                        cell,
                    )
                )
    for lang in LANGUAGES:
        unlinked = []
        for term, entry in lesson_folder.shelf.terms.items():
            first = _first_use(lesson, lang, str(entry.get(lang, "")))
            link = linked[lang].get(term)
            if first is None:
                continue
            if link is None:
                unlinked.append(str(entry[lang]))
            elif first.number < link.number:
                findings.problems.append(
                    lesson.source.problem(
                        f"`{entry[lang]}` is used here, before its link in cell "
                        f"{link.number}; link it here: [{entry[lang]}](term:{term}).",
                        first,
                    )
                )
        if unlinked:
            findings.notes.append(
                lesson.source.problem(
                    f"glossary terms used in {NAMES[lang]} and never linked: "
                    f"{', '.join(unlinked)}."
                )
            )


def _linked(lesson: Lesson, lang: str) -> dict[str, Cell]:
    """Each term's first linking cell."""
    found: dict[str, Cell] = {}
    for cell in _prose(lesson, lang):
        for link in links(cell.text):
            if link.kind == "term":
                found.setdefault(link.id, cell)
    return found


def _first_use(lesson: Lesson, lang: str, words: str) -> Cell | None:
    if not words or (
        lang == "vi" and " " not in words and not words.isascii()
    ):
        return (
            None  # one syllable has homonyms: “từ” is a word, and also “from”
        )
    wanted = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)
    for cell in _prose(lesson, lang):
        lines = (x for x in cell.prose_lines if not x.lstrip().startswith("#"))
        if wanted.search(outside_code("\n".join(lines))):
            return cell
    return None
