"""What a browser would run, load or follow on a page that students' words are on.

Two looks: at the page's own text, tag by tag, and at what a real Chromium does when it
opens the page. Payloads carry `told_NAME()` and the host `evil.example`; as text they
may stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

PAYLOAD = re.compile(r"told_\w+|evil\.example")
# Where a browser runs what stands inside, or takes it for markup of another kind.
ACTIVE = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "frame",
    "base",
    "link",
}
ADDRESSES = {
    *("href", "src", "action", "formaction", "data", "srcset", "poster"),
    *(
        "background",
        "xlink:href",
        "srcdoc",
        "style",
        "content",
        "cite",
        "ping",
    ),
}


class Dangers(HTMLParser):
    """Collects what is dangerous on a page, a sentence each."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        if tag in ("script", "style"):
            self._inside = tag
        for name, value in attrs:
            text = re.sub(r"[\s\x00-\x20]", "", value or "").lower()
            foreign = PAYLOAD.search(value or "")
            if name.startswith("on") and foreign:
                self.found.append(f"<{tag} {name}> runs {value}")
            if name in ADDRESSES and foreign:
                self.found.append(f"<{tag} {name}> leads to {value}")
            if name in ADDRESSES and text.startswith(
                ("javascript:", "vbscript:", "data:text/html")
            ):
                self.found.append(f"<{tag} {name}> is {value}")
        if tag in ACTIVE and PAYLOAD.search(self.get_starttag_text() or ""):
            self.found.append(f"<{tag}> carries a payload")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside and PAYLOAD.search(data):
            self.found.append(f"<{self._inside}> holds {data[:80]!r}")

    def handle_comment(self, data: str) -> None:
        if PAYLOAD.search(data):
            self.found.append(f"a comment holds {data[:80]!r}")


def dangers(html: str) -> list[str]:
    """What is dangerous in a page's text."""
    return Dangers(html).found


def opened(browser: Any, paths: Iterable[Path]) -> list[str]:
    """What the pages at `paths` do when a browser opens them, a sentence each."""
    found: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: found.append(f"{error} was run"))
    page.on("dialog", lambda dialog: found.append(f"dialog {dialog.message}"))
    page.on("popup", lambda other: found.append(f"{other.url} was opened"))
    page.on(
        "request",
        lambda request: (
            found.append(f"{request.url} was asked for")
            if not request.url.startswith(("file:", "data:image/"))
            else None
        ),
    )
    for path in paths:
        before = len(found)
        page.goto(path.as_uri())
        # What waits for somebody to touch it.
        page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true);"
            "document.querySelectorAll('input, a').forEach(e => e.focus())"
        )
        page.wait_for_load_state()
        if page.url.split("#")[0] != path.as_uri():
            found.append(f"led to {page.url}")
        found[before:] = [f"{path.name}: {what}" for what in found[before:]]
    page.close()
    return found
