"""Bilingual sources: one MyST file, prose in twin cells, code shared.

A source is MyST notebook text (jupytext reads and writes it). It is read here line by
line rather than through jupytext, for two reasons: jupytext drops empty cells, and an
empty twin is exactly what must be found; and a message has to name the line.

    +++ {"lang": "vi"}      Vietnamese prose; its English twin follows at once
    +++ {"lang": "en"}
    ```{code-cell} ipython3 the same code in both languages
    :library: aulac.model.RMSNorm

Nothing here raises for what an author wrote: problems are collected, all of them, so
that one run shows the whole list.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("vi", "en")
NAMES = {"vi": "Vietnamese", "en": "English"}
_BREAK = re.compile(r"^\+\+\+(?:\s+(?P<meta>\{.*\})\s*|\s*)$")
_CODE = re.compile(r"^(?P<fence>`{3,})\{code-cell\}\s*(?P<lexer>\S*)\s*$")
_FENCE = re.compile(r"^\s{0,3}(?P<fence>`{3,}|~{3,})")
_OPTION = re.compile(r"^:(?P<key>[\w-]+):\s*(?P<value>.*)$")
HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<title>\S.*)$")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing an author has to mend, with the place and the remedy."""

    path: Path
    line: int
    cell: int
    """Counted from 1 in the source; 0 is the header or the file as a whole."""
    text: str

    def __str__(self) -> str:
        place = f"cell {self.cell}" if self.cell else "header"
        return f"{shorter(self.path)}:{self.line} ({place}): {self.text}"


def shorter(path: Path) -> str:
    """A path as seen from where the author stands."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class SourceError(ValueError):
    """A source that cannot be built; `problems` lists every reason."""

    def __init__(self, problems: list[Problem]):
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Cell:
    """A prose cell in one language (`lang`), or a code cell (`lang` is "")."""

    number: int
    line: int
    text: str
    lang: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_code(self) -> bool:
        return self.lang == ""

    @property
    def tags(self) -> list[str]:
        tags = self.options.get("tags", [])
        return [tags] if isinstance(tags, str) else list(tags)

    @property
    def library(self) -> list[str]:
        """The library objects whose source fills the cell."""
        names = self.options.get("library", "")
        names = names.split(",") if isinstance(names, str) else list(names)
        return [name.strip() for name in names if name.strip()]

    @cached_property
    def prose_lines(self) -> list[str]:
        """The lines outside fenced blocks."""
        return outside_fences(self.text)

    @property
    def headings(self) -> list[tuple[int, str]]:
        """(level, title) of each heading."""
        found = (HEADING.match(line) for line in self.prose_lines)
        return [(len(m["marks"]), m["title"].strip()) for m in found if m]


@dataclass(frozen=True)
class Pair:
    """The same prose in both languages."""

    vi: Cell
    en: Cell

    def __getitem__(self, lang: str) -> Cell:
        return self.vi if lang == "vi" else self.en


@dataclass
class Source:
    """A source file read: its front matter, its cells, and what is wrong with it."""

    path: Path
    front: dict[str, Any]
    cells: list[Cell]
    problems: list[Problem]

    @cached_property
    def units(self) -> list[Pair | Cell]:
        """Twin prose and code cells in order; complete only without problems."""
        units, _ = twins(self)
        return units

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    def problem(
        self, text: str, cell: Cell | None = None, line: int = 1
    ) -> Problem:
        """A problem at a cell, or in the header when no cell is given."""
        if cell is None:
            return Problem(self.path, line, 0, text)
        return Problem(self.path, cell.line, cell.number, text)


def outside_fences(text: str) -> list[str]:
    """The lines of a Markdown text that are not in a fenced block."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if (
                mark
                and mark["fence"].startswith(fence)
                and not line.strip("`~ ")
            ):
                fence = ""
            continue
        if mark:
            fence = mark["fence"]
            continue
        kept.append(line)
    return kept


def read(path: Path) -> Source:
    """Read a source; every problem of form and of twins is in `.problems`.

    Raises SourceError only when the file is not text at all.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            [
                Problem(
                    path,
                    1,
                    0,
                    f"not UTF-8 text (byte {error.start}); save it as UTF-8.",
                )
            ]
        ) from error
    source = Source(path, {}, [], [])
    lines = text.splitlines()
    start = _front_matter(source, lines)
    _cells(source, lines, start)
    _, problems = twins(source)
    source.problems.extend(problems)
    return source


def _front_matter(source: Source, lines: list[str]) -> int:
    """Fill `source.front`; return the index of the first line after it."""
    if not lines or lines[0].strip() != "---":
        text = "the file has no header; begin it with `---`, the YAML header, and `---`."
        source.problems.append(source.problem(text))
        return 0
    ends = (
        i
        for i, line in enumerate(lines[1:], 1)
        if line.strip() in ("---", "...")
    )
    index = next(ends, None)
    if index is None:
        text = "the header does not end; close it with a line of `---`."
        source.problems.append(source.problem(text))
        return len(lines)
    try:
        front = yaml.load("\n".join(lines[1:index]), _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        what = getattr(error, "problem", None) or "a mistake"
        text = f"the header is not YAML: {what}; mend that line (quote texts with `:`)."
        source.problems.append(source.problem(text, line=line))
        front = {}
    if not isinstance(front, dict):
        text = "the header is not a mapping; write `key: value` lines."
        source.problems.append(source.problem(text))
        front = {}
    source.front = front
    return index + 1


# The C parser is ten times faster where PyYAML has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _cells(source: Source, lines: list[str], start: int) -> None:
    """Cut the body into cells."""
    meta: dict[str, Any] | None = None
    meta_line = start + 1
    held: list[str] = []
    index = start

    def flush() -> None:
        text = "\n".join(held).strip("\n").rstrip()
        held.clear()
        if meta is None and not text:
            return
        cell = _prose(source, meta, text, meta_line)
        if cell is not None:
            source.cells.append(cell)

    while index < len(lines):
        line = lines[index]
        if code := _CODE.match(line):
            flush()
            end = _closing(lines, index + 1, code["fence"])
            if end is None:
                number = len(source.cells) + 1
                text = f"this code cell does not end; close it with {code['fence']}."
                source.problems.append(
                    Problem(source.path, index + 1, number, text)
                )
                end = len(lines)
            _code(source, lines[index + 1 : end], index + 1)
            meta, meta_line, index = None, end + 2, end + 1
            continue
        if mark := _BREAK.match(line):
            flush()
            meta = _metadata(source, mark["meta"] or "", index + 1)
            meta_line = index + 1
            index += 1
            continue
        held.append(line)
        if fence := _FENCE.match(
            line
        ):  # a fenced block in prose may hold anything
            end = _closing(lines, index + 1, fence["fence"])
            if end is not None:
                held.extend(lines[index + 1 : end + 1])
                index = end
        index += 1
    flush()


def _closing(lines: list[str], start: int, fence: str) -> int | None:
    for index in range(start, len(lines)):
        mark = lines[index].strip()
        if mark.startswith(fence) and not mark.strip(fence[0]):
            return index
    return None


def _metadata(source: Source, text: str, line: int) -> dict[str, Any]:
    try:
        meta = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        number = len(source.cells) + 1
        what = f'`+++ {text}` is not JSON ({error.msg}); write `+++ {{"lang": "vi"}}`.'
        source.problems.append(Problem(source.path, line, number, what))
        return {"lang": "?"}
    return meta


def _prose(
    source: Source, meta: dict[str, Any] | None, text: str, line: int
) -> Cell | None:
    number = len(source.cells) + 1
    options = dict(meta or {})
    lang = options.pop("lang", None)
    if lang in LANGUAGES:
        return Cell(number, line, text, lang, options)
    if lang != "?":
        what = (
            f"prose names the language {lang!r}"
            if lang
            else "prose does not say its language"
        )
        text_ = f'{what}; begin the cell with `+++ {{"lang": "vi"}}` or "en".'
        source.problems.append(Problem(source.path, line, number, text_))
    return None


def _code(source: Source, body: list[str], line: int) -> None:
    """A code cell: `:key: value` lines, or a `---` block, then the code."""
    number = len(source.cells) + 1
    options: dict[str, Any] = {}
    body = list(body)
    if body and body[0].strip() == "---":
        end = next(
            (i for i, x in enumerate(body[1:], 1) if x.strip() == "---"), None
        )
        block, body = (
            (body[1:end], body[end + 1 :])
            if end is not None
            else (body[1:], [])
        )
        options = _option_yaml(source, "\n".join(block), line, number)
    else:
        block = []
        while body and (option := _OPTION.match(body[0])):
            block.append(f"{option['key']}: {option['value']}")
            body.pop(0)
        if block:
            options = _option_yaml(source, "\n".join(block), line, number)
    text = "\n".join(body).strip("\n").rstrip()
    source.cells.append(Cell(number, line, text, "", options))


def _option_yaml(
    source: Source, text: str, line: int, number: int
) -> dict[str, Any]:
    try:
        options = yaml.load(text, _Loader) or {}
    except yaml.YAMLError:
        options = None
    if isinstance(options, dict):
        return options
    what = "the cell's options are not YAML; write `:tags: [exercise]`, one a line."
    source.problems.append(Problem(source.path, line, number, what))
    return {}


def twins(source: Source) -> tuple[list[Pair | Cell], list[Problem]]:
    """Pair each Vietnamese prose cell with the English one right after it."""
    units: list[Pair | Cell] = []
    problems: list[Problem] = []
    cells = source.cells
    index = 0
    while index < len(cells):
        cell = cells[index]
        index += 1
        if cell.is_code:
            units.append(cell)
            continue
        if cell.lang == "en":
            text = (
                "this English prose has no Vietnamese twin before it; write it in a "
                '`+++ {"lang": "vi"}` cell just above.'
            )
            problems.append(source.problem(text, cell))
            continue
        other = cells[index] if index < len(cells) else None
        if other is None or other.lang != "en":
            text = (
                "this Vietnamese prose has no English twin; write it in a "
                '`+++ {"lang": "en"}` cell right after it.'
            )
            problems.append(source.problem(text, cell))
            continue
        index += 1
        problems.extend(_unlike(source, cell, other))
        units.append(Pair(cell, other))
    return units, problems


def _unlike(source: Source, vi: Cell, en: Cell) -> list[Problem]:
    """How a pair of twins differs in form."""
    for cell, other in ((vi, en), (en, vi)):
        if not cell.text.strip():
            text = (
                f"the {NAMES[cell.lang]} prose is empty while its twin (cell "
                f"{other.number}) is not; write it, or delete both."
            )
            return [source.problem(text, cell)]
    levels = [[level for level, _ in cell.headings] for cell in (vi, en)]
    if levels[0] != levels[1]:
        marks = [
            " ".join("#" * level for level in found) or "none"
            for found in levels
        ]
        text = (
            f"the headings differ from cell {vi.number}'s ({marks[1]} here, {marks[0]} "
            "in Vietnamese); give both the same headings in the same order."
        )
        return [source.problem(text, en)]
    return []
