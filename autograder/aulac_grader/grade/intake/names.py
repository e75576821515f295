"""Names from outside: of files and of students."""

from __future__ import annotations

import re
import unicodedata

from .caps import Caps
from .entries import RefusedError

# What operating systems and editors leave lying about; nobody needs to hear of it.
_NOISE = re.compile(
    r"^(\.DS_Store|\._.*|\.git|\.ipynb_checkpoints|__MACOSX|__pycache__"
    r"|Thumbs\.db|desktop\.ini|Icon\r?|~\$.*|\.~.*)$",
    re.I,
)
_FORMULA = (
    "=+-@\t\r"  # a spreadsheet takes a cell that begins so for a formula
)
STUDENT = 100  # characters of a student's id


def is_noise(parts: tuple[str, ...]) -> bool:
    return any(_NOISE.match(part) for part in parts)


def leads_out(part: str) -> bool:
    """Whether this part of a path leads elsewhere than down."""
    return part in {"", ".", ".."} or bool(re.match(r"^[A-Za-z]:", part))


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether a file inside a student's folder is one that listings leave out."""
    return any(re.match(r"^\.[^.]", part) for part in parts)


def vet(parts: tuple[str, ...], caps: Caps) -> str:
    """The relative name, NFC, for a path inside a submission.

    Raises:
        RefusedError: it leads elsewhere, is too long or deep, or holds characters that
            change how it reads (control, bidirectional, invisible, not Unicode).
    """
    if not parts or len(parts) > caps.depth:
        raise RefusedError("too_deep", limit=caps.depth)
    for part in parts:
        if leads_out(part) or "/" in part or "\\" in part or "\0" in part:
            raise RefusedError("bad_path")
        if odd_characters(part):
            raise RefusedError("bad_name")
        if len(part.encode()) > caps.name:
            raise RefusedError("long_name", limit=caps.name)
    return "/".join(unicodedata.normalize("NFC", part) for part in parts)


def odd_characters(text: str) -> bool:
    """Whether `text` holds characters of no glyph: Cc, Cf, Cs, Co, Cn, Zl, Zp."""
    return any(
        unicodedata.category(ch) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for ch in text
    )


def printable(name: str | tuple[str, ...], limit: int = 80) -> str:
    """A name fit to print: NFC, odd characters escaped, cut in the middle."""
    text = name if isinstance(name, str) else "/".join(name)
    text = unicodedata.normalize("NFC", text)
    text = "".join(
        f"\\u{ord(ch):04x}" if odd_characters(ch) else ch for ch in text
    )
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def student_id(name: str) -> str:
    """`name` as a student's id: for paths, gradebooks and spreadsheets.

    Letters and digits of any script and ``_ . @ + -`` stay, the rest becomes ``-``;
    what a spreadsheet would compute and what a path would follow loses its beginning.
    Returns "" where nothing is left.
    """
    text = unicodedata.normalize("NFC", name)
    text = "".join(
        ch if unicodedata.category(ch)[0] in "LMN" or ch in "_.@+-" else "-"
        for ch in text
    )
    text = re.sub(r"-{2,}", "-", text).strip("-")
    return text.lstrip(_FORMULA + ".").rstrip(".-")[:STUDENT]


def folded(text: str) -> str:
    """For comparing people's names: NFC, no case, single spaces."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join(re.sub(r"[\s,]+", " ", plain).split())


def bare(text: str) -> str:
    """For names that a system has squeezed: letters and digits only, no marks."""
    spread = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(ch for ch in spread if ch.isalnum())
