"""A student's words made safe to show: in formgrader, in feedback, in reports.

Formgrader puts Markdown through a converter that lets raw HTML through, and then
MathJax reads the page. So Markdown of a student's is turned here into HTML of a few
harmless tags without attributes, in two steps that do not trust each other: a renderer
that escapes all HTML and writes links and pictures out as text, and bleach with a list
of allowed tags. TeX stays only if every command in it is on a list of ordinary
mathematics; otherwise the whole text is shown as it was typed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

TAGS = frozenset(
    [
        "p",
        "br",
        "hr",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "blockquote",
        "h4",
        "h5",
        "h6",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
# Longer text is shown as it was typed: nothing a person would read needs more.
MARKDOWN_CAP = 20_000
TEXT_CAP = 200_000
PICTURE_BYTES = 2 * 1024 * 1024
PICTURE_SIDE = 4096
PICTURES = 12  # in one text
PICTURE_ALT = "hình / picture"

# Commands of ordinary mathematics. What is missing makes a formula appear as typed:
# \href, \style, \class, \cssId, \unicode, \require, \def, \let, \csname, … never pass.
TEX = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa
    lambda mu nu xi pi varpi rho sigma tau upsilon phi varphi chi psi omega Gamma
    Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega frac dfrac tfrac sqrt sum
    prod int iint oint lim limsup liminf sup inf max min argmax argmin log ln exp
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh det dim ker deg gcd
    Pr bmod pmod mod times cdot cdots ldots dots vdots ddots div pm mp ast star circ
    bullet oplus otimes odot cup cap setminus subset subseteq supset supseteq in
    notin ni emptyset varnothing forall exists nexists neg lnot land lor wedge vee
    to gets mapsto rightarrow leftarrow Rightarrow Leftarrow leftrightarrow
    Leftrightarrow longrightarrow longleftarrow iff implies le leq ge geq ne neq ll
    gg approx equiv sim simeq cong propto infty partial nabla hbar ell Re Im aleph
    mathbb mathbf mathcal mathfrak mathrm mathsf mathtt mathit boldsymbol bf rm it
    text textbf textit textrm texttt operatorname hat widehat bar overline underline
    tilde widetilde vec dot ddot overbrace underbrace overset underset stackrel
    binom choose left right big Big bigg Bigg bigl bigr Bigl Bigr langle rangle
    lceil rceil lfloor rfloor lvert rvert lVert rVert vert Vert mid parallel perp
    quad qquad begin end label tag displaystyle textstyle limits nolimits prime
    angle triangle therefore because checkmark not colon top bot degree
    """.split()  # noqa: SIM905  a table to be read
)
TEX_ENVIRONMENTS = frozenset(
    [
        "matrix",
        "pmatrix",
        "bmatrix",
        "vmatrix",
        "Vmatrix",
        "cases",
        "aligned",
        "align",
        "align*",
        "equation",
        "equation*",
        "gather",
        "gather*",
        "split",
        "array",
    ]
)
# ECMA-48 control sequences (colours, cursor moves) and titles of a terminal.
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*\x07?|[@-Z\\-_])"
)
_MATH = re.compile(r"\$|\\\(|\\\[|\\begin")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{([^}]*)\}")


@dataclass
class Allowance:
    """How much of what a student's cells put out one page still takes.

    Cells are capped one by one; there can be thousands.

    Attributes:
        characters: of printed text and of errors.
        pictures: bytes.
    """

    characters: int = 1_000_000
    pictures: int = 8 * 1024 * 1024

    def text(self, text: str, cap: int) -> str:
        """`terminal_text`, as far as there is room."""
        shown = terminal_text(text, max(0, min(cap, self.characters)))
        self.characters -= len(shown)
        return shown

    def takes(self, picture: bytes) -> bool:
        """Whether there is room for a picture; if so, it is taken."""
        if len(picture) > self.pictures:
            return False
        self.pictures -= len(picture)
        return True


def clean_text(text: str, cap: int = TEXT_CAP) -> str:
    """Text that any file, database or page can carry, cut at `cap` characters.

    Control characters but tab and newline go, among them those that turn the
    direction of writing (Unicode Bidi_Control), which can disguise code.
    """
    cut = text[:cap]
    cut = cut.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(
        ch
        if ch in "\t\n" or ord(ch) > 0x9F or 0x20 <= ord(ch) < 0x7F
        else "\ufffd"
        for ch in cut
        if not _turns_direction(ch)
    )
    kept = kept.encode("utf-8", "replace").decode("utf-8")
    return kept + ("\n…" if len(text) > cap else "")


def _turns_direction(ch: str) -> bool:
    return ch >= "\u200e" and unicodedata.bidirectional(ch) in (
        ["LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"]
    )


def terminal_text(text: str, cap: int = TEXT_CAP) -> str:
    """What a terminal would show: colours dropped, lines that a bar overwrote gone."""
    text = _ESCAPE.sub("", text[: 4 * cap].replace("\r\n", "\n"))
    lines = [
        line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")
    ]
    return clean_text("\n".join(lines), cap)


def harmless_math(text: str) -> bool:
    """Whether MathJax may read `text`: it has no formula, or only ordinary ones."""
    if not _MATH.search(text):
        return True
    commands = set(_COMMAND.findall(text))
    environments = {name.strip() for name in _ENVIRONMENT.findall(text)}
    return commands <= TEX and environments <= TEX_ENVIRONMENTS


Attachments = Mapping[str, Mapping[str, str]]


def markdown_html(text: str, attachments: Attachments | None = None) -> str:
    """A student's Markdown as HTML of the tags `TAGS`, without any attribute.

    Whatever cannot be rendered quickly and safely comes back as `text_html`.

    Args:
        attachments: name → {media type: base64}, as notebooks keep pasted pictures.
            Those that are pictures (`picture`) stand where the text shows them.
    """
    import bleach

    text = clean_text(text)
    pictures = _pictures(attachments or {})
    if len(text) > MARKDOWN_CAP or not harmless_math(text):
        return text_html(text) + "".join(pictures.values())
    # Marks a place in the text; nobody can write it, for it depends on the text.
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    names = {name: f"[{mark}-{n}]" for n, name in enumerate(pictures)}
    try:
        rendered = str(_render(text, names))
    except (RecursionError, ValueError, KeyError, IndexError):
        return text_html(text) + "".join(pictures.values())
    safe = bleach.clean(
        rendered, tags=TAGS, attributes={}, protocols=[], strip=True
    )
    for name, place in names.items():
        safe = safe.replace(place, pictures[name])
    return safe


def text_html(text: str) -> str:
    """Text as it was typed, in a `<pre>`; MathJax leaves that alone."""
    return f"<pre>{html.escape(clean_text(text))}</pre>"


def _pictures(attachments: Attachments) -> dict[str, str]:
    """Name → `<img>` of those attachments that are pictures."""
    found = {}
    for name, bundle in list(attachments.items())[:PICTURES]:
        for encoded in bundle.values():
            try:
                data = base64.b64decode(encoded, validate=False)
            except ValueError:
                continue
            if tag := picture_html(data):
                found[name] = tag
    return found


def _render(text: str, pictures: Mapping[str, str]) -> Any:
    import mistune

    class Plain(mistune.HTMLRenderer):
        """Links and pictures as text; headings below those of the page."""

        def link(self, text: str, url: str, title: str | None = None) -> str:
            shown = html.escape(url)
            return text if text == shown else f"{text} ({shown})"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            name = unquote(url.removeprefix("attachment:"))
            return pictures.get(name, f"[{text}]")

        def heading(self, text: str, level: int, **attrs: Any) -> str:
            level = min(level + 3, 6)
            return f"<h{level}>{text}</h{level}>\n"

    convert = mistune.create_markdown(
        renderer=Plain(escape=True), plugins=["table", "strikethrough"]
    )
    return convert(text)


def markdown_source(text: str, attachments: Attachments | None = None) -> str:
    """A student's Markdown as the source of a Markdown cell in formgrader.

    It is one HTML block on one line, so that no part of it is Markdown again
    (CommonMark 0.31, section 4.6: a `<div>` block ends at a blank line).
    """
    rendered = markdown_html(text, attachments)
    pieces = re.split(r"(<pre>.*?</pre>)", rendered, flags=re.S)
    for number, piece in enumerate(pieces):
        line = "&#10;" if piece.startswith("<pre>") else " "
        pieces[number] = piece.replace("\n", line)
    line = "".join(pieces).replace("\\", "&#92;").replace("$", "&#36;")
    return f"<div>{line.strip()}</div>"


def picture_html(data: bytes) -> str:
    """An `<img>` that carries `data`, "" where it is no picture to show."""
    kind = picture(data)
    if kind is None:
        return ""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img alt="{PICTURE_ALT}" src="data:{kind};base64,{encoded}">'


def picture(data: bytes) -> str | None:
    """The media type of a PNG, JPEG or GIF picture that a browser can show.

    None for anything else, and for pictures that are too large: a small file can name
    a huge canvas, so the header decides, not the number of bytes (PNG specification
    11.2.2; JPEG ITU-T T.81 B.2.2; GIF89a 18).
    """
    if not 24 <= len(data) <= PICTURE_BYTES:
        return None
    if data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        kind, size = "image/png", struct.unpack(">II", data[16:24])
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        kind, size = "image/gif", struct.unpack("<HH", data[6:10])
    elif data.startswith(b"\xff\xd8\xff"):
        kind, size = "image/jpeg", _jpeg_size(data)
    else:
        return None
    return kind if all(0 < side <= PICTURE_SIDE for side in size) else None


def _jpeg_size(data: bytes) -> tuple[int, ...]:
    """(height, width) from the frame header; (0, 0) where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack(">HH", data[place + 5 : place + 9])
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return 0, 0
