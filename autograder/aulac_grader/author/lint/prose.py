"""The prose: Unicode form, tone marks, the right language in each twin, length."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aulac.text import decompose, is_syllable, tone_styles
from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.links import outside_code
from aulac_grader.author.source import LANGUAGES, NAMES, Cell, Problem

if TYPE_CHECKING:
    from aulac_grader.author.lint.findings import Findings

SHORTEST, LONGEST = 1500, 3000
LEAST_MARKED = 0.35
"""Of running Vietnamese, two words in three carry a mark; one in three is no accident
of vocabulary but text typed without marks."""
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(
    r"“[^”]*”|\"[^\"\n]*\"|‘[^’]*’|\*[^*\n]+\*|\$[^$\n]+\$|\$\$.*?\$\$"
)
_TARGET = re.compile(r"\]\([^)]*\)|<[^>]+>|https?://\S+")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u26ff\u2705\u274c\u274e\u2728\u2b50\ufe0f]"
)


def check(
    lesson_folder: LessonFolder, lesson: Lesson, findings: Findings
) -> None:
    """Add what is wrong with the prose."""
    findings.problems.extend(_unicode(lesson))
    for cell in lesson.source.cells:
        if cell.lang == "vi":
            findings.problems.extend(_vietnamese(lesson, cell))
            findings.notes.extend(_typos(lesson, cell))
        elif cell.lang == "en":
            findings.problems.extend(_english(lesson, cell))
    findings.problems.extend(_tone_placement(lesson))
    for lang in LANGUAGES:
        count = sum(
            words(cell.text)
            for cell in lesson.source.cells
            if cell.lang == lang
        )
        findings.words[lang] = count
        if not SHORTEST <= count <= LONGEST:
            findings.notes.append(
                lesson.source.problem(
                    f"{count} words in {NAMES[lang]}; a lesson has {SHORTEST} to "
                    f"{LONGEST}."
                )
            )


def running(text: str) -> str:
    """The running text: no code, no addresses, no markup."""
    return _TARGET.sub(" ", outside_code(text))


def words(text: str) -> int:
    """Words of running text (Vietnamese: syllables)."""
    return len(_WORD.findall(running(text)))


def _marked(word: str) -> bool:
    return (
        any(unicodedata.combining(c) for c in decompose(word))
        or "đ" in word.lower()
    )


def _unicode(lesson: Lesson) -> Iterator[Problem]:
    for cell in lesson.source.cells:
        text = cell.text
        if not unicodedata.is_normalized("NFC", text):
            wrong = next(
                (
                    word
                    for word in text.split()
                    if not unicodedata.is_normalized("NFC", word)
                ),
                "",
            )
            yield lesson.source.problem(
                f"{wrong!r} is not in Unicode form NFC; retype it, or in code make it "
                'with unicodedata.normalize("NFD", …).',
                cell,
            )
        if emoji := _EMOJI.search(text):
            yield lesson.source.problem(
                f"the emoji U+{ord(emoji[0]):04X} does not belong in a lesson; use a word.",
                cell,
            )


def _vietnamese(lesson: Lesson, cell: Cell) -> Iterator[Problem]:
    """Vietnamese typed without its marks, or English in the Vietnamese twin."""
    found = _WORD.findall(_QUOTED.sub(" ", running(cell.text)))
    if len(found) < 12:
        return
    share = sum(map(_marked, found)) / len(found)
    if share < LEAST_MARKED:
        yield lesson.source.problem(
            f"only {share:.0%} of the words carry a mark; write Vietnamese with all its "
            "marks here.",
            cell,
        )


def _english(lesson: Lesson, cell: Cell) -> Iterator[Problem]:
    """Vietnamese prose that slipped into the English twin."""
    for paragraph in re.split(r"\n\s*\n", running(cell.text)):
        found = _WORD.findall(_QUOTED.sub(" ", paragraph))
        marked = [word for word in found if _marked(word)]
        if len(marked) >= 8 and len(marked) > 0.4 * len(found):
            yield lesson.source.problem(
                f"“{' '.join(found[:6])} …” is Vietnamese in the English twin; translate "
                "it, or quote it if it is an example.",
                cell,
            )


def _tone_placement(lesson: Lesson) -> Iterator[Problem]:
    """hòa and hoà in one lesson: the readers' model would learn both."""
    styles: Counter[str] = Counter()
    where: dict[str, list[tuple[Cell, str]]] = {"old": [], "new": []}
    for cell in lesson.source.cells:
        if cell.lang != "vi":
            continue
        for word in _WORD.findall(_QUOTED.sub(" ", running(cell.text))):
            if not _marked(word):
                continue
            for style in tone_styles(word):
                styles[style] += 1
                where.setdefault(style, []).append((cell, word))
    for cell, word in where.get("misplaced", []):
        yield lesson.source.problem(
            f"`{word}` carries its tone mark on the wrong letter; retype it.",
            cell,
        )
    if styles["old"] and styles["new"]:
        rare = "new" if styles["new"] <= styles["old"] else "old"
        cell, word = where[rare][0]
        listed = ", ".join(sorted({word for _, word in where[rare]})[:5])
        other = where["old" if rare == "new" else "new"][0][1]
        yield lesson.source.problem(
            f"`{listed}` places its tone mark unlike `{other}` elsewhere in this "
            "lesson; use one style (quote examples in backticks).",
            cell,
        )


def _typos(lesson: Lesson, cell: Cell) -> Iterator[Problem]:
    """Words with Vietnamese marks that no Vietnamese syllable can be."""
    seen = set()
    for word in _WORD.findall(_QUOTED.sub(" ", running(cell.text))):
        if len(word) < 3 or word in seen or not _marked(word):
            continue
        if not is_syllable(word.lower()):
            seen.add(word)
            yield lesson.source.problem(
                f"`{word}` is no Vietnamese syllable; correct it if it is a slip.",
                cell,
            )
