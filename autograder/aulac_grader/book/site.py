"""Reading the pages that were built: for the search data and for checking them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
# Not text of the page, or text that a reader of this edition does not see.
SILENT = frozenset(("script", "style", "svg", "button", "math", "template"))
# Tags that do not end a word: text on both sides of them belongs together.
INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "code",
        "em",
        "i",
        "kbd",
        "mark",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
        "wbr",
    ]
)
LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
    "embed": "src",
    "object": "data",
}


@dataclass
class Section:
    """A heading with the text up to the next one."""

    anchor: str
    title: str = ""
    text: str = ""


@dataclass
class BuiltPage:
    """What a built page holds."""

    name: str
    lang: str = ""
    title: str = ""
    sections: list[Section] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    images_without_alt: list[str] = field(default_factory=list)
    switch: str = ""


def read_built(path: Path, lang: str) -> BuiltPage:
    """Parse one built page of the edition `lang`."""
    reader = _Reader(
        BuiltPage(path.stem), "aulac-en" if lang == "vi" else "aulac-vi"
    )
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    page = reader.page
    for section in page.sections:
        section.title = _tidy(section.title)
        section.text = _tidy(section.text)
    page.title = page.sections[0].title if page.sections else page.name
    return page


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


class _Reader(HTMLParser):
    def __init__(self, page: BuiltPage, hidden: str):
        super().__init__(convert_charrefs=True)
        self.page = page
        self.hidden = hidden
        self.open: list[
            tuple[str, bool, bool]
        ] = []  # tag, silent, in the article
        self.heading = ""
        self.anchor = ""

    @property
    def silent(self) -> bool:
        return bool(self.open) and self.open[-1][1]

    @property
    def inside(self) -> bool:
        return bool(self.open) and self.open[-1][2]

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        found = {name: value or "" for name, value in attrs}
        classes = found.get("class", "").split()
        self._note(tag, found, classes)
        self._space(tag)
        if tag in VOID:
            return
        silent = (
            self.silent
            or tag in SILENT
            or self.hidden in classes
            or "headerlink" in classes
            or "aulac-alt" in classes
        )
        inside = self.inside or (tag == "article" and "bd-article" in classes)
        self.open.append((tag, silent, inside))
        if inside and tag == "section":
            self.anchor = found.get("id", "")
        if inside and re.fullmatch("h[1-6]", tag):
            self.heading = tag
            self.page.sections.append(Section(self.anchor))
        elif (
            inside and tag == "dt" and found.get("id", "").startswith("term-")
        ):
            self.heading = tag  # a term of the glossary is a place to be found
            self.page.sections.append(Section(found["id"]))

    def _note(
        self, tag: str, found: dict[str, str], classes: list[str]
    ) -> None:
        page = self.page
        if tag == "html":
            page.lang = found.get("lang", "")
        if "id" in found:
            page.ids.add(found["id"])
        if tag == "a" and found.get("href"):
            page.links.append(found["href"])
            if "aulac-switch" in classes:
                page.switch = found["href"]
        if (
            tag == "img"
            and not found.get("alt")
            and found.get("role") != "presentation"
        ):
            page.images_without_alt.append(found.get("src", "")[:60])
        # hreflang marks the other edition, which is a target and not loaded
        if tag in LOADS and LOADS[tag] in found and "hreflang" not in found:
            page.loads.append(found[LOADS[tag]])

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index][0] == tag:
                del self.open[index:]
                break
        if tag == self.heading:
            self.heading = ""
        self._space(tag)

    def _space(self, tag: str) -> None:
        if self.page.sections and tag not in INLINE:
            self.page.sections[-1].text += " "

    def handle_data(self, data: str) -> None:
        if not self.inside or self.silent or not self.page.sections:
            return
        section = self.page.sections[-1]
        if self.heading:
            section.title += data
        else:
            section.text += data
