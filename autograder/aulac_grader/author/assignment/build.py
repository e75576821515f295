"""An ordinary nbgrader course directory, written from the assignments' sources.

    COURSE_DIR/nbgrader_config.py
    COURSE_DIR/source/psNN_name/psNN_name.ipynb
    COURSE_DIR/.aulac-course.json       what was built, so that a change is noticed

Building again refreshes what this command wrote and leaves everything else alone:
release/, submitted/, autograded/, feedback/, gradebook.db are the instructor's and
the students'. A file that somebody changed by hand is kept and reported.
"""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aulac_grader.judge.assignment import TEXT_STUB

from .document import Assignment, AssignmentError
from .notebook import notebook

RECORD = ".aulac-course.json"


@dataclass
class Built:
    """What a build did: paths relative to the course directory."""

    course: Path
    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


def build(
    assignments: list[Assignment],
    lang: str,
    course: Path,
    *,
    force: bool = False,
) -> Built:
    """Write `assignments` in `lang` into the nbgrader course directory `course`.

    `force` also replaces source files that were changed by hand; what they held goes
    to a file of the same name with `.bak` at the end.

    Raises:
        AssignmentError: `course` lies inside a checkout of this repository, is not a
            folder, holds foreign things, or was built in the other language.
    """
    course = course.expanduser().resolve()
    record = _open_course(assignments, lang, course)
    built = Built(course)
    wanted = {"nbgrader_config.py": config_text(lang, course.name)}
    for assignment in assignments:
        path = f"source/{assignment.name}/{assignment.name}.ipynb"
        wanted[path] = notebook_text(assignment, lang)
    for path, text in wanted.items():
        _refresh(built, record, path, text, force)
    for assignment in assignments:
        source = f"source/{assignment.name}/{assignment.name}.ipynb"
        if (
            source in built.written
            and (course / "release" / assignment.name).is_dir()
        ):
            built.released.append(assignment.name)
    _write(
        course / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n"
    )
    return built


def config_text(lang: str, name: str) -> str:
    """The course's `nbgrader_config.py`."""
    template = (Path(__file__).with_name("nbgrader_config.txt")).read_text(
        encoding="utf-8"
    )
    course_id = "".join(
        ch if ch.isalnum() and ch.isascii() else "_" for ch in name
    )
    return string.Template(template).substitute(
        course_id=course_id.strip("_") or "aulac", text_stub=TEXT_STUB[lang]
    )


def notebook_text(assignment: Assignment, lang: str) -> str:
    """The source notebook as it stands on disk: the same bytes at every build."""
    import nbformat

    return nbformat.writes(notebook(assignment, lang)) + "\n"


def _open_course(
    assignments: list[Assignment], lang: str, course: Path
) -> dict[str, Any]:
    """The course's record of what was built, after checking that we may write there."""
    for assignment in assignments:
        repository = assignment.folder.resolve().parents[2]
        if course.is_relative_to(repository):
            raise AssignmentError(
                [
                    f"{course} lies inside the repository {repository}, where "
                    "students' work could be committed by accident: name a folder "
                    "outside it."
                ]
            )
    if course.exists() and not course.is_dir():
        raise AssignmentError([f"{course} is not a folder: name one."])
    record_path = course / RECORD
    if record_path.is_file():
        return _read_record(record_path, lang)
    if course.is_dir() and any(course.iterdir()):
        found = ", ".join(sorted(p.name for p in course.iterdir())[:4])
        raise AssignmentError(
            [
                f"{course} is not empty and was not made by this command ({found}): "
                "name a new or empty folder, then copy source/psNN_name from it."
            ]
        )
    return {"lang": lang, "files": {}}


def _read_record(path: Path, lang: str) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        files, built_in = record["files"], record["lang"]
    except (ValueError, KeyError, TypeError) as error:
        raise AssignmentError(
            [
                f"{path} cannot be read ({error}): restore it, or name a new folder."
            ]
        ) from error
    if built_in != lang:
        raise AssignmentError(
            [
                f"{path.parent} is a course in {built_in!r}, not {lang!r}: its "
                "gradebook belongs to those notebooks. Name another folder, or pass "
                f"--lang {built_in}."
            ]
        )
    return {"lang": lang, "files": dict(files)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refresh(
    built: Built, record: dict[str, Any], path: str, text: str, force: bool
) -> None:
    """Write one file unless it is up to date or somebody changed it."""
    target = built.course / path
    new = _digest(text.encode())
    if target.is_file():
        data = target.read_bytes()
        old = _digest(data)
        if old == new:
            record["files"][path] = new
            built.unchanged.append(path)
            return
        if old != record["files"].get(path):
            if not force:
                built.kept.append(path)
                return
            target.with_name(target.name + ".bak").write_bytes(data)
    _write(target, text)
    record["files"][path] = new
    built.written.append(path)


def _write(target: Path, text: str) -> None:
    """Write whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(target)
