"""Pages that are not lessons: one bilingual source each, one Markdown file a language.

A source has the lessons' form: a YAML header with `title: {vi, en}`, then prose cells
`+++ {"lang": "vi"}`, each followed by its twin `+++ {"lang": "en"}`. It holds no code
cells; shell commands go into fenced blocks.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from aulac_grader.author.source import LANGUAGES, Pair, SourceError, read
from aulac_grader.book.places import BookError


@dataclass(frozen=True)
class Page:
    """A page in both languages: its file name, titles and Markdown bodies."""

    name: str
    title: dict[str, str]
    body: dict[str, str]

    def markdown(self, lang: str) -> str:
        return f"# {self.title[lang]}\n\n{self.body[lang].strip()}\n"


def read_page(path: Path) -> Page:
    """Parse one source. Raises BookError with every problem, file and line."""
    try:
        source = read(path)
    except SourceError as error:
        raise BookError(str(error)) from error
    problems = list(source.problems)
    title = source.front.get("title")
    title = title if isinstance(title, dict) else {}
    if not all(title.get(lang) for lang in LANGUAGES):
        problems.append(
            source.problem("the header needs title: {vi: …, en: …}.")
        )
    for cell in source.code:
        problems.append(
            source.problem("a page runs no code; fence it instead.", cell)
        )
    for cell in source.cells:
        if not unicodedata.is_normalized("NFC", cell.text):
            problems.append(
                source.problem("text not in NFC; save it in NFC.", cell)
            )
    if problems:
        raise BookError("\n".join(str(problem) for problem in problems))
    pairs = [unit for unit in source.units if isinstance(unit, Pair)]
    return Page(
        name=path.stem,
        title={lang: str(title[lang]) for lang in LANGUAGES},
        body={
            lang: "\n\n".join(pair[lang].text for pair in pairs)
            for lang in LANGUAGES
        },
    )


def read_pages(folder: Path) -> dict[str, Page]:
    """Every page in `folder`, by name. Raises BookError."""
    return {path.stem: read_page(path) for path in sorted(folder.glob("*.md"))}
