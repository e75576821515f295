"""The cells of a notebook that a student handed in, whatever its bytes are.

Nothing here trusts a format: not nbformat's upgrade, not a schema, not that a list is
a list. Notebook formats 3 and 4 are read as they are written; what is no cell is left
out, and what had to be guessed is told in a repair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .notes import Repair

LARGEST = 64 << 20  # bytes of a notebook; the intake's own cap is lower
CELLS = 5_000  # read of one notebook
SOURCE = 1_000_000  # characters of one cell
VALUES = (
    400_000  # lists and objects in the file: each costs some 70 bytes to hold
)
SOURCES = 4_000_000  # characters of all cells together
ITEMS = 4_000_000  # commas in the file: each parts two values
FAILURES = 100  # tries to find a cell in broken JSON: each may read all of it
PICTURES = 16 << 20  # characters of attached pictures kept
_PICTURE_TYPES = ("image/png", "image/jpeg", "image/gif")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\n]*\Z")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.S)


@dataclass(frozen=True)
class StudentCell:
    """A cell as handed in. `type` is code, markdown or raw; ids are "" where absent."""

    index: int
    type: str
    source: str
    grade_id: str = ""
    cell_id: str = ""
    attachments: dict[str, dict[str, str]] = field(
        default_factory=dict, compare=False
    )


@dataclass(frozen=True)
class Handwriting:
    """What could be read: cells in order, what was odd, which assignment it claims."""

    cells: tuple[StudentCell, ...] = ()
    repairs: tuple[Repair, ...] = ()
    assignment: str = ""

    @property
    def readable(self) -> bool:
        return bool(self.cells)


def read_cells(data: bytes) -> Handwriting:
    """The cells in `data`. Never raises, whatever the bytes are."""
    if not data.strip():
        return Handwriting(repairs=(Repair("empty_file"),))
    if len(data) > LARGEST:
        return Handwriting(
            repairs=(Repair("too_large_notebook", {"limit": LARGEST >> 20}),)
        )
    repairs: list[Repair] = []
    text = _decoded(data, repairs)
    if _too_complex(text.encode("utf-8", "replace")):
        return Handwriting(repairs=(Repair("too_complex"),))
    found = _parsed(text, repairs)
    cells = tuple(_cells(_listed(found, repairs), repairs))
    if not cells and not repairs:
        repairs.append(Repair("no_cells"))
    return Handwriting(cells, tuple(repairs), _claimed(found))


def _too_complex(data: bytes) -> bool:
    """Whether the JSON text holds more than `VALUES` or `ITEMS`, strings left out."""
    brackets = data.count(b"[") + data.count(b"{")
    if brackets <= VALUES and data.count(b",") <= ITEMS:
        return False
    bare = _STRING.sub(b"", data)
    return (
        bare.count(b"[") + bare.count(b"{") > VALUES
        or bare.count(b",") > ITEMS
    )


# -- bytes to text -----------------------------------------------------------------


def _decoded(data: bytes, repairs: list[Repair]) -> str:
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        repairs.append(Repair("encoding", {"encoding": encoding}))
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        repairs.append(Repair("broken_text"))
        return data.decode(encoding, "replace")


# -- text to data ------------------------------------------------------------------


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 20 else 0


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_constant=lambda name: None
)


def _parsed(text: str, repairs: list[Repair]) -> Any:
    """The JSON value, or the cells that can still be found in broken JSON."""
    start = re.match(r"\s*", text).end()  # type: ignore[union-attr]
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        repairs.append(Repair("too_deep_notebook"))
        return None
    except ValueError:
        cells = list(_salvaged(text))
        repairs.append(Repair("broken_json", {"cells": len(cells)}))
        return cells
    if text[end:].strip():
        repairs.append(Repair("trailing_text"))
    return value


_CELL_START = re.compile(
    r'\{\s*"(?:cell_type|attachments|execution_count|id|metadata|source|outputs)"'
)


def _salvaged(text: str) -> Iterator[Any]:
    """Whole cells in text that is no valid JSON (cut short, a merge's marks, …)."""
    at, failures, effort = 0, 0, 0
    while failures < FAILURES and effort <= 2 * len(text):
        start = _CELL_START.search(text, at)
        if not start:
            return
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            stopped = getattr(error, "pos", start.end() + 10_000)
            effort += stopped - start.start()
            failures += 1
            at = start.start() + 1
            continue
        if isinstance(value, dict) and "cell_type" in value:
            yield value


# -- data to cells -----------------------------------------------------------------


def _claimed(found: Any) -> str:
    """`metadata.aulac.assignment`, which our own builds carry."""
    for key in ("metadata", "aulac", "assignment"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _listed(found: Any, repairs: list[Repair]) -> Iterator[Any]:
    """The things that stand where cells stand: format 4, format 3, or a bare list."""
    if isinstance(found, list):
        yield from found
        return
    if not isinstance(found, dict):
        return
    sheets = found.get("worksheets")
    if isinstance(sheets, list) and "cells" not in found:
        repairs.append(Repair("old_format"))
        for sheet in sheets:
            if isinstance(sheet, dict):
                yield from _items(sheet.get("cells"))
        return
    yield from _items(found.get("cells"))


def _items(cells: Any) -> Iterator[Any]:
    if isinstance(cells, list):
        yield from cells
    elif isinstance(cells, dict):
        yield from cells.values()


def _cells(
    things: Iterator[Any], repairs: list[Repair]
) -> Iterator[StudentCell]:
    strange, count, room, left = 0, 0, PICTURES, SOURCES
    for thing in things:
        if count >= CELLS or left < 0:
            repairs.append(Repair("too_many_cells", {"limit": count}))
            break
        cell = _cell(thing, count, room)
        if cell is None:
            strange += 1
            continue
        room -= sum(
            len(data)
            for bundle in cell.attachments.values()
            for data in bundle.values()
        )
        count += 1
        left -= len(cell.source)
        yield cell
    if strange:
        repairs.append(Repair("not_cells", {"count": strange}))


def _cell(thing: Any, index: int, room: int) -> StudentCell | None:
    if not isinstance(thing, dict):
        return None
    source = _text(thing.get("source", thing.get("input")))
    if source is None:
        return None
    kind = thing.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        kind = "code" if "input" in thing or "outputs" in thing else "markdown"
    metadata = thing.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = mark.get("grade_id") if isinstance(mark, dict) else None
    return StudentCell(
        index,
        kind,
        source,
        _identifier(grade_id),
        _identifier(thing.get("id")),
        _attachments(thing.get("attachments"), room),
    )


def _identifier(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 200 else ""


def _text(value: Any) -> str | None:
    """A source as one string of Unicode scalar values; None where there is none."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > SOURCE:
        return None
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _attachments(value: Any, room: int) -> dict[str, dict[str, str]]:
    """Pictures pasted into a text cell: of the plain types, in base64."""
    kept: dict[str, dict[str, str]] = {}
    if not isinstance(value, dict):
        return kept
    for name, bundle in value.items():
        if not isinstance(bundle, dict) or len(name) > 200:
            continue
        for kind in _PICTURE_TYPES:
            data = _text(bundle.get(kind))
            if data and len(data) <= room and _BASE64.match(data):
                kept[_text(name) or ""] = {kind: data}
                room -= len(data)
                break
    return kept
