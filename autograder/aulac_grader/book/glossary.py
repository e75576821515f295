"""The glossary page, and the links into it and into the bibliography.

Prose writes `[bộ tách token](term:tokenizer)` and `[Liu et al., 2025](cite:liu2025)`.
`author.links` turns these into what a notebook can show, an `<abbr>` and a link to
the work itself; here both become links inside the book.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from aulac_grader.author.links import Shelf
from aulac_grader.book.places import BookError

_ABBR = re.compile(
    r'<abbr class="aulac-term term-(?P<id>[\w-]+)" title="(?P<title>[^"]*)">'
    r"(?P<text>.*?)</abbr>",
    re.DOTALL,
)
_ADDRESS = re.compile(
    r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<url>https?://[^\s)]+)\)"
)

GROUPS = {
    "text": ("Chữ Việt", "Vietnamese text"),
    "corpus": ("Kho ngữ liệu", "The corpus"),
    "tokens": ("Token", "Tokens"),
    "model": ("Mô hình", "The model"),
    "training": ("Huấn luyện", "Training"),
    "generation": ("Sinh văn bản", "Generating text"),
    "alignment": ("Tinh chỉnh", "Alignment"),
    "evaluation": ("Đánh giá và trách nhiệm", "Evaluation and responsibility"),
    "grading": ("Chấm bài", "Grading"),
}


@dataclass(frozen=True)
class Term:
    """One entry of `book/glossary.yml`."""

    id: str
    group: str
    vi: str
    en: str
    means: dict[str, str]

    def name(self, lang: str) -> str:
        return self.vi if lang == "vi" else self.en


@dataclass(frozen=True)
class References:
    """What prose can link to: glossary terms and works of the bibliography."""

    terms: tuple[Term, ...]
    shelf: Shelf

    @cached_property
    def keys(self) -> dict[str, str]:
        """Bibliography keys by the address a notebook links to."""
        return {url: key for key, url in self.shelf.works.items()}

    def link(self, text: str, lang: str, where: str) -> str:
        """Prose, from a source or from a notebook, with its links made the book's.

        Raises BookError for a term or work that is on no shelf.
        """
        try:
            text = self.shelf.resolve(text, lang)
        except KeyError as error:
            raise BookError(
                f"{where}: {error.args[0]!r} is neither in book/glossary.yml nor in "
                "book/references.bib; add it or mend the link."
            ) from error
        return _ADDRESS.sub(self._work, _ABBR.sub(_term_link, text))

    def _work(self, match: re.Match[str]) -> str:
        key = self.keys.get(match["url"])
        if key is None:
            return match[0]
        return (
            f'<a class="aulac-cite" href="bibliography.html#cite-{key}">'
            f"{match['text']}</a>"
        )


def _term_link(match: re.Match[str]) -> str:
    return (
        f'<a class="aulac-term" href="glossary.html#term-{match["id"]}" '
        f'title="{match["title"]}">{match["text"]}</a>'
    )


def read_references(folder: Path) -> References:
    """Read `glossary.yml` and `references.bib`, and check both. Raises BookError."""
    shelf = Shelf(folder)
    terms = []
    for entry in shelf.terms.values():
        lacking = {"id", "group", "vi", "en", "means"} - entry.keys()
        if lacking:
            raise BookError(
                f"glossary.yml: {entry} lacks {', '.join(sorted(lacking))}."
            )
        if entry["group"] not in GROUPS:
            raise BookError(
                f"glossary.yml: {entry['id']} has group {entry['group']!r}; choose one "
                f"of {', '.join(GROUPS)}."
            )
        terms.append(Term(**entry))
    for url, count in Counter(shelf.works.values()).items():
        if not url or count > 1:
            raise BookError(
                f"references.bib: {count} entries have the address {url!r}; each needs "
                "a doi or url of its own, because notebooks link to it."
            )
    return References(tuple(terms), shelf)


def glossary_markdown(references: References, lang: str) -> str:
    """The glossary page: terms by group, in both languages, each with an anchor."""
    title = {"vi": "Thuật ngữ", "en": "Glossary"}[lang]
    intro = {
        "vi": "Mỗi khái niệm trong khóa học mang đúng một tên. Bên cạnh là tên tiếng "
        "Anh, để bạn đọc được tài liệu gốc.",
        "en": "In this course each idea has exactly one name. Its Vietnamese name "
        "stands beside it.",
    }[lang]
    other = "en" if lang == "vi" else "vi"
    parts = [f"# {title}", intro]
    for group, names in GROUPS.items():
        members = [term for term in references.terms if term.group == group]
        if not members:
            continue
        rows = []
        for term in sorted(
            members, key=lambda term: term.name(lang).casefold()
        ):
            rows.append(
                f'<dt id="term-{term.id}">{escape(term.name(lang))}'
                f' <span class="aulac-other" lang="{other}">{escape(term.name(other))}'
                f"</span></dt><dd>{escape(term.means[lang])}</dd>"
            )
        parts.append(f"## {names[lang == 'en']}")
        parts.append(
            '<dl class="aulac-glossary">\n' + "\n".join(rows) + "\n</dl>"
        )
    return "\n\n".join(parts) + "\n"
