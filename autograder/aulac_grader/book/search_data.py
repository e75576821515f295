"""The text that the search page looks through.

Sphinx's own index splits into words, drops short ones and knows no neighbours; a
Vietnamese word is several short syllables side by side. So the book carries its text
section by section (a few hundred kilobytes, loaded on the search page alone, also
from a file on disk) and `book/_static/search.js` looks for phrases in it, first as
typed, then without marks.
"""

from __future__ import annotations

import json
from pathlib import Path

from aulac_grader.book.site import BuiltPage

FILE = "_static/search-data.js"


def write_search_data(pages: list[BuiltPage], site: Path) -> int:
    """Write the search data of one edition; returns the number of sections."""
    entries = [
        [page.name, page.title, section.title, section.anchor, section.text]
        for page in pages
        for section in page.sections
        if section.title or section.text
    ]
    data = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    # "</script" cannot end a file of its own, but U+2028 ends a line in old engines.
    data = data.replace("\u2028", " ").replace("\u2029", " ")
    path = site / FILE
    path.write_text(f"window.aulacSections={data};\n", encoding="utf-8")
    return len(entries)
