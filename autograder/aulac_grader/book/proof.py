"""What must hold in the built book, whatever Sphinx thought of it.

Sphinx checks the links it understands. This reads the pages as a browser would: every
link inside the book arrives, each page has its twin and its switch leads there,
nothing is loaded from outside, pictures have a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from aulac_grader.book.places import LANGUAGES, Places
from aulac_grader.book.site import BuiltPage, read_built

_STYLE_ADDRESS = re.compile(
    r"(?:@import\s+|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)"
)
_SCRIPT_ADDRESS = re.compile(
    r"(?:src\s*=\s*|import\s*\(?\s*|fetch\s*\(\s*)[\"'`]((?:https?:)?//[^\"'`]+)"
)


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a page."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def read_site(places: Places, lang: str) -> list[BuiltPage]:
    """Every page of one edition, by name."""
    return [
        read_built(path, lang)
        for path in sorted(places.site(lang).glob("*.html"))
    ]


def check_site(
    places: Places, sites: dict[str, list[BuiltPage]] | None = None
) -> list[Flaw]:
    """Everything that does not hold, over all editions that are built."""
    if sites is None:
        sites = {
            lang: read_site(places, lang)
            for lang in LANGUAGES
            if places.site(lang).is_dir()
        }
    ids = {
        lang: {page.name: page.ids for page in pages}
        for lang, pages in sites.items()
    }
    flaws: list[Flaw] = []
    for lang, pages in sites.items():
        for page in pages:
            flaws += _page_flaws(places, lang, page, ids)
        flaws += _asset_flaws(places, lang)
    return flaws


def _page_flaws(
    places: Places,
    lang: str,
    page: BuiltPage,
    ids: dict[str, dict[str, set[str]]],
) -> list[Flaw]:
    where = f"{lang}/{page.name}.html"
    flaws = []
    if page.lang != lang:
        flaws.append(Flaw(where, f"says its language is {page.lang!r}."))
    for source in page.images_without_alt:
        flaws.append(
            Flaw(where, f"the picture {source!r} has no text; give it one.")
        )
    for address in page.loads:
        if outside(address):
            flaws.append(
                Flaw(where, f"loads {address} from outside; keep a copy.")
            )
    for address in page.links:
        if problem := _broken(places, lang, page, address, ids):
            flaws.append(Flaw(where, problem))
    flaws += _switch_flaws(lang, page, ids, where)
    return flaws


def outside(address: str) -> bool:
    """Would loading this address leave the book?"""
    return bool(re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", address, re.IGNORECASE))


def _broken(
    places: Places,
    lang: str,
    page: BuiltPage,
    address: str,
    ids: dict[str, dict[str, set[str]]],
) -> str:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return ""
    target = unquote(parts.path)
    edition, name = lang, page.name
    if target:
        path = (places.site(lang) / target).resolve()
        edition = path.parent.name
        # The other edition may not be built yet when only one was asked for.
        if edition != lang and edition in LANGUAGES and edition not in ids:
            return ""
        if not path.exists():
            return f"links to {address}, which is not there."
        if path.suffix != ".html" or edition not in ids:
            return ""
        name = path.stem
    fragment = unquote(parts.fragment)
    if fragment and fragment not in ids[edition].get(name, set()):
        return f"links to {address}, but that page has no such place."
    return ""


def _switch_flaws(
    lang: str, page: BuiltPage, ids: dict[str, dict[str, set[str]]], where: str
) -> list[Flaw]:
    other = "en" if lang == "vi" else "vi"
    if page.switch != f"../{other}/{page.name}.html":
        return [Flaw(where, f"its language switch leads to {page.switch!r}.")]
    if other not in ids:
        return []
    if page.name not in ids[other]:
        return [Flaw(where, f"has no twin in {other}.")]
    here, there = (
        {name for name in found if re.fullmatch(r"s-\d+", name)}
        for found in (page.ids, ids[other][page.name])
    )
    if here != there:
        return [
            Flaw(where, f"has {len(here)} sections, its twin {len(there)}.")
        ]
    return []


def _asset_flaws(places: Places, lang: str) -> list[Flaw]:
    """Style sheets and our own scripts must not reach outside either."""
    flaws = []
    static = places.site(lang) / "_static"
    for path in sorted(static.rglob("*.css")):
        for address in _STYLE_ADDRESS.findall(path.read_text("utf-8")):
            flaws.append(
                Flaw(f"{lang}/{path.name}", f"loads {address} from outside.")
            )
    for path in sorted(static.glob("*.js")):
        if path.name == "search-data.js":  # text, never run
            continue
        for address in _SCRIPT_ADDRESS.findall(path.read_text("utf-8")):
            flaws.append(
                Flaw(f"{lang}/{path.name}", f"loads {address} from outside.")
            )
    return flaws
