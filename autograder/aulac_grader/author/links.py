"""Links that only the course understands: `term:` (glossary) and `cite:` (works).

    [bộ tách token](term:tokenizer)          a term of book/glossary.yml
    [Liu et al., 2025](cite:liu2025superbpe) an entry of book/references.bib

In a notebook a term becomes an `<abbr>` whose tooltip explains it (its classes,
`aulac-term term-ID`, tell the book which entry to link), and a citation becomes a
link to the work's DOI or address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import yaml

from aulac_grader.author.source import _Loader
from aulac_grader.checkout import BOOK

LINK = re.compile(
    r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<kind>term|cite):(?P<id>[^()\s]+)\)"
)
# Code in prose is shown as it stands: no links are made inside it.
_CODE = re.compile(
    r"(?ms)^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)`*\s*$|(?P<tick>`+).+?(?P=tick)"
)


@dataclass(frozen=True)
class Link:
    """One course link in prose."""

    kind: str
    id: str
    text: str


def links(text: str) -> list[Link]:
    """The course links of a prose cell, code left out, in order."""
    found: list[Link] = []
    for part, is_code in _parts(text):
        if not is_code:
            found += [
                Link(m["kind"], m["id"], m["text"])
                for m in LINK.finditer(part)
            ]
    return found


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in stretches that are code and stretches that are not."""
    place = 0
    for match in _CODE.finditer(text):
        yield text[place : match.start()], False
        yield match[0], True
        place = match.end()
    yield text[place:], False


def outside_code(text: str) -> str:
    """The text with code blocks and code spans left out."""
    return "".join(" " if is_code else part for part, is_code in _parts(text))


@dataclass(frozen=True)
class Shelf:
    """The glossary and the bibliography that links point into."""

    book: Path = BOOK

    @cached_property
    def terms(self) -> dict[str, dict[str, Any]]:
        """The glossary's entries by id; empty where there is no glossary yet."""
        path = self.book / "glossary.yml"
        if not path.is_file():
            return {}
        entries = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
        return {entry["id"]: entry for entry in entries.get("terms", [])}

    @cached_property
    def works(self) -> dict[str, str]:
        """Address of each work in the bibliography: its DOI, else its URL."""
        path = self.book / "references.bib"
        if not path.is_file():
            return {}
        from pybtex.database import parse_file

        works = {}
        for key, entry in parse_file(str(path)).entries.items():
            doi = entry.fields.get("doi", "")
            url = entry.fields.get("url", "")
            works[key] = f"https://doi.org/{doi}" if doi else url
        return works

    def resolve(self, text: str, lang: str) -> str:
        """Prose with its course links turned into what a notebook shows.

        Raises KeyError for an id that is on no shelf (the lint says so first).
        """
        makers: dict[str, Callable[[re.Match[str]], str]] = {
            "term": lambda match: self._term(match, lang),
            "cite": self._cite,
        }
        return "".join(
            part if is_code else LINK.sub(lambda m: makers[m["kind"]](m), part)
            for part, is_code in _parts(text)
        )

    def _term(self, match: re.Match[str], lang: str) -> str:
        means = self.terms[match["id"]].get("means", {}).get(lang, "")
        title = escape(" ".join(str(means).split()), quote=True)
        classes = f"aulac-term term-{match['id']}"
        return (
            f'<abbr class="{classes}" title="{title}">{match["text"]}</abbr>'
        )

    def _cite(self, match: re.Match[str]) -> str:
        return f"[{match['text']}]({self.works[match['id']]})"
