"""From one bilingual source to two notebooks.

The code cells of both notebooks are byte-identical and carry the same ids; an id
comes from what the cell says, so it stays when cells are added around it (the book
puts outputs to cells by id). The bytes written depend on the sources alone.

A notebook that a reader has run or changed is not overwritten while its source stays
as it was; when the source did change, the reader's copy is kept beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aulac.lesson.artefacts import ARTEFACTS
from aulac_grader.author.header import SCALES, Header, header_of
from aulac_grader.author.library import COURSE, LibraryError, piece
from aulac_grader.author.links import Shelf, links
from aulac_grader.author.source import (
    LANGUAGES,
    Cell,
    Pair,
    Problem,
    Source,
    SourceError,
    read,
    shorter,
)
from aulac_grader.checkout import NOTEBOOKS

Notebook = dict[str, Any]

WORDS = {
    "vi": {
        "objectives": "Học xong bài này, bạn có thể",
        "before": "Học trước",
        "time": "Thời gian chạy",
        "needs": "Dùng",
        "makes": "Làm ra",
        "missing": "chưa có thì bài học tự làm",
        "none": "không cần bài nào",
    },
    "en": {
        "objectives": "By the end of this lesson you can",
        "before": "Do first",
        "time": "Running time",
        "needs": "Uses",
        "makes": "Makes",
        "missing": "made on the spot when missing",
        "none": "nothing",
    },
}


@dataclass(frozen=True)
class Lesson:
    """A lesson whose source is in order."""

    source: Source
    header: Header

    @property
    def number(self) -> str:
        return self.header.lesson

    @property
    def name(self) -> str:
        return self.header.name


class LessonFolder:
    """The lessons of one folder: `source/`, and `vi/` and `en/` made from it."""

    def __init__(
        self,
        notebooks: Path = NOTEBOOKS,
        shelf: Shelf | None = None,
        course: Path = COURSE,
    ):
        self.notebooks = notebooks
        self.shelf = shelf or Shelf()
        self.course = course

    @property
    def sources(self) -> list[Path]:
        """Every lesson source, in order."""
        return sorted((self.notebooks / "source").glob("*.md"))

    def load(self) -> tuple[list[Lesson], list[Problem]]:
        """The lessons in order, and everything that keeps the others from building."""
        lessons: list[Lesson] = []
        problems: list[Problem] = []
        for path in self.sources:
            try:
                source = read(path)
            except SourceError as error:
                problems.extend(error.problems)
                continue
            header, wrong = header_of(source)
            wrong = source.problems + wrong
            if header is not None and not wrong:
                lesson = Lesson(source, header)
                wrong = self._unbuildable(lesson)
                if not wrong:
                    lessons.append(lesson)
            problems.extend(wrong)
        problems.extend(_together(lessons))
        return lessons, problems

    def _unbuildable(self, lesson: Lesson) -> list[Problem]:
        """Names that lead nowhere: library objects, terms, works."""
        problems = [
            lesson.source.problem(
                f"`{name}` is no artefact of the course; correct `needs` or `makes`, or "
                "add it to course/aulac/lesson/artefacts.py."
            )
            for name in lesson.header.needs + lesson.header.makes
            if name not in ARTEFACTS
        ]
        for cell in lesson.source.cells:
            if not cell.is_code:
                for link in links(cell.text):
                    known = (
                        self.shelf.terms
                        if link.kind == "term"
                        else self.shelf.works
                    )
                    if link.id not in known:
                        file = (
                            "glossary.yml"
                            if link.kind == "term"
                            else "references.bib"
                        )
                        text = (
                            f"[{link.text}]({link.kind}:{link.id}) names nothing in "
                            f"book/{file}; add it there or correct the name."
                        )
                        problems.append(lesson.source.problem(text, cell))
                continue
            try:
                self.code(cell)
            except LibraryError as error:
                text = f"{error}; correct `:library:`."
                problems.append(lesson.source.problem(text, cell))
            if cell.library and cell.text:
                text = "a `:library:` cell is filled from the library; empty its body."
                problems.append(lesson.source.problem(text, cell))
        return problems

    def code(self, cell: Cell) -> str:
        """A code cell's text, filled from the library where it names one.

        Raises LibraryError for a name that leads nowhere.
        """
        if not cell.library:
            return cell.text
        docstring = cell.options.get("docstring", True) is not False
        pieces = [piece(name, self.course, docstring) for name in cell.library]
        return "\n\n\n".join(f"{p.comment}\n{p.text}" for p in pieces)

    def notebook(self, lesson: Lesson, lang: str) -> Notebook:
        """One lesson in one language, without outputs."""
        cells = [_title(lesson, lang, self)]
        ids: dict[str, int] = {}
        for unit in lesson.source.units:
            if isinstance(unit, Pair):
                text = self.shelf.resolve(unit[lang].text, lang)
                cells.append(_markdown(_id("p", unit.vi.text, ids), text))
            else:
                cells.append(_code(unit, self.code(unit), ids))
        notebook: Notebook = {
            "cells": cells,
            "metadata": {
                "aulac": {
                    "lang": lang,
                    "lesson": lesson.number,
                    "name": lesson.name,
                },
                "kernelspec": {
                    "display_name": "Python 3",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {
                    "file_extension": ".py",
                    "mimetype": "text/x-python",
                    "name": "python",
                    "pygments_lexer": "ipython3",
                },
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        notebook["metadata"]["aulac"]["built"] = _seal(notebook)
        return notebook

    def path(self, lesson: Lesson, lang: str) -> Path:
        return self.notebooks / lang / f"{lesson.name}.ipynb"

    def built(self, lessons: Iterable[Lesson]) -> dict[Path, bytes]:
        """Every notebook that should lie in `vi/` and `en/`, as bytes."""
        return {
            self.path(lesson, lang): dump(self.notebook(lesson, lang))
            for lesson in lessons
            for lang in LANGUAGES
        }

    def stale(self, lessons: Iterable[Lesson]) -> list[str]:
        """One sentence for each notebook that differs from what its source makes."""
        wanted = self.built(lessons)
        found = []
        for path, data in wanted.items():
            if not path.is_file():
                found.append(
                    f"{shorter(path)} is missing; run `aulac lessons build` and commit it."
                )
            elif (old := path.read_bytes()) != data:
                touched = not pristine(old) and seal_of(old) == seal_of(data)
                force = " --force" if touched else ""
                found.append(
                    f"{shorter(path)} is not what its source makes; run `aulac lessons "
                    f"build{force}` and commit it."
                )
        for path in self.orphans():
            found.append(
                f"{shorter(path)} has no source any more; run `aulac lessons build`."
            )
        return found

    def orphans(self) -> list[Path]:
        """Untouched notebooks of lessons that are gone."""
        names = {path.stem for path in self.sources}
        return [
            path
            for lang in LANGUAGES
            for path in sorted((self.notebooks / lang).glob("*.ipynb"))
            if path.stem not in names and pristine(path.read_bytes())
        ]

    def write(
        self, lessons: Iterable[Lesson], force: bool = False
    ) -> list[str]:
        """Write what changed; return a line for each notebook written, kept or removed.

        A reader's changed copy stays in place while the source is unchanged (unless
        `force`), and is renamed to `….mine.ipynb` before a new one is written.
        """
        said = []
        for path, data in self.built(lessons).items():
            old = path.read_bytes() if path.is_file() else b""
            if old == data:
                continue
            if old and not pristine(old):
                if not force and seal_of(old) == seal_of(data):
                    said.append(
                        f"kept {shorter(path)}: you have changed or run it"
                    )
                    continue
                mine = _free(path)
                path.rename(mine)
                said.append(f"kept your copy as {shorter(mine)}")
            replace(path, data)
            said.append(f"wrote {shorter(path)}")
        for path in self.orphans():
            path.unlink()
            said.append(f"removed {shorter(path)}: its source is gone")
        return said


def _together(lessons: list[Lesson]) -> list[Problem]:
    """What is wrong only when lessons are seen together."""
    problems = []
    makers: dict[str, Lesson] = {}
    numbers: dict[str, Lesson] = {}
    for lesson in lessons:
        other = numbers.setdefault(lesson.number, lesson)
        if other is not lesson:
            text = f"lesson {lesson.number} is also {other.name}.md; renumber one."
            problems.append(lesson.source.problem(text))
        for name in lesson.header.makes:
            maker = makers.setdefault(name, lesson)
            if maker is not lesson:
                text = (
                    f"artefact `{name}` is made by lesson {maker.number} too; let one "
                    "lesson make it."
                )
                problems.append(lesson.source.problem(text))
    for lesson in lessons:
        for number in lesson.header.prerequisites:
            if number >= lesson.number:
                text = (
                    f"prerequisite {number} does not come before this lesson."
                )
                problems.append(lesson.source.problem(text))
        for name in lesson.header.needs:
            maker = makers.get(name, lesson)
            if maker.number > lesson.number:
                text = (
                    f"needs `{name}`, which lesson {maker.number} makes later; change "
                    "the order."
                )
                problems.append(lesson.source.problem(text))
    return problems


def _title(
    lesson: Lesson, lang: str, lesson_folder: LessonFolder
) -> dict[str, Any]:
    """The generated first cell: title, what it is for, and the box."""
    header, words = lesson.header, WORDS[lang]
    lines = [
        f"# {header.lesson} · {header.title[lang]}",
        "",
        header.summary[lang],
        "",
    ]
    lines += [f"> **{words['objectives']}**", ">"]
    lines += [f"> - {objective}" for objective in header.objectives[lang]]
    lines += [
        ">",
        f"> **{words['before']}:** {_before(header, lang, lesson_folder)}  ",
    ]
    times = " · ".join(
        f"`{s}` {_duration(header.minutes[s], lang)}" for s in SCALES
    )
    lines += [f"> **{words['time']}:** {times}  "]
    for key, names in (("needs", header.needs), ("makes", header.makes)):
        if names:
            listed = ", ".join(
                f"{getattr(ARTEFACTS[name], lang)} (`{name}`)"
                for name in names
            )
            after = f" ({words['missing']})" if key == "needs" else ""
            lines += [f"> **{words[key]}:** {listed}{after}  "]
    text = lesson_folder.shelf.resolve("\n".join(lines).rstrip(), lang)
    cell = _markdown("title", text)
    cell["metadata"] = {"aulac": {"role": "title"}}
    return cell


def _before(header: Header, lang: str, lesson_folder: LessonFolder) -> str:
    if not header.prerequisites:
        return WORDS[lang]["none"]
    names = {path.stem[:2]: path.stem for path in lesson_folder.sources}
    return ", ".join(
        f"[{number}]({names[number]}.ipynb)" if number in names else number
        for number in header.prerequisites
    )


def _duration(minutes: float, lang: str) -> str:
    units = {"vi": ("giây", "phút", "giờ"), "en": ("s", "min", "h")}[lang]
    if minutes < 1:
        return f"{round(minutes * 60)} {units[0]}"
    value, unit = (
        (minutes, units[1]) if minutes < 90 else (minutes / 60, units[2])
    )
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',') if lang == 'vi' else text} {unit}"


def _markdown(id_: str, text: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": id_,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }


def _code(cell: Cell, text: str, ids: dict[str, int]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        key: value
        for key, value in cell.options.items()
        if key not in ("library", "docstring", "tags")
    }
    tags = cell.tags
    if cell.library:
        metadata["aulac"] = {"library": cell.library}
        tags = [*tags, "library"] if "library" not in tags else tags
    if tags:
        metadata["tags"] = tags
    if "hide-input" in tags or "hide-cell" in tags:
        metadata["jupyter"] = {"source_hidden": True}
    seed = "\x00".join([text, *cell.tags])
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": _id("c", seed, ids),
        "metadata": metadata,
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }


def _id(prefix: str, text: str, used: dict[str, int]) -> str:
    """An id from the cell's content; the second of two equal cells ends in `-2`."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    used[digest] = used.get(digest, 0) + 1
    tail = f"-{used[digest]}" if used[digest] > 1 else ""
    return f"{prefix}{digest}{tail}"


def dump(notebook: Notebook) -> bytes:
    """A notebook as nbformat writes it: sorted keys, one space, a line feed."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
    return (text + "\n").encode()


def _seal(notebook: Notebook) -> str:
    """A digest of the notebook without its seal: tells a reader's copy from ours."""
    metadata = dict(notebook["metadata"])
    metadata["aulac"] = {
        k: v for k, v in metadata["aulac"].items() if k != "built"
    }
    data = dump({**notebook, "metadata": metadata})
    return hashlib.sha256(data).hexdigest()[:16]


def seal_of(data: bytes) -> str:
    """The seal that a notebook carries; "" for one that was not built here."""
    try:
        return str(json.loads(data)["metadata"]["aulac"]["built"])
    except (ValueError, KeyError, TypeError):
        return ""


def pristine(data: bytes) -> bool:
    """Is this a notebook that was built here and not touched since?"""
    seal = seal_of(data)
    return bool(seal) and _seal(json.loads(data)) == seal


def _free(path: Path) -> Path:
    """A name for a reader's copy that is not taken."""
    candidate = path.with_name(f"{path.stem}.mine.ipynb")
    number = 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}.mine-{number}.ipynb")
        number += 1
    return candidate


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step: nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
