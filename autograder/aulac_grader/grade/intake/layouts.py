"""Whose file is whose: how a class's work is laid out in a folder or a zip.

    submitted   STUDENT/ASSIGNMENT/file            nbgrader's own tree
    folders     STUDENT/file                       a folder for each student
    moodle      Name_123_assignsubmission_file_/file, or flat, with the same beginning
    canvas      lastfirst_LATE_123_456_file        "Download Submissions"
    flat        STUDENT.ipynb                      one notebook for each student

Moodle's name is made in mod/assign/locallib.php, `download_submissions` (full name,
the participant's number for this assignment, the plugin); Canvas's in
lib/content_zipper.rb, `get_filename` (sortable name in small letters without what is
no letter or digit, LATE, the user's number, the attachment's).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .entries import Entry
from .names import is_noise, leads_out

FORMATS = ("submitted", "folders", "moodle", "canvas", "flat")

_MOODLE = re.compile(
    r"^(?P<name>.*?)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z]+)"
    r"(?:_(?P<file>.*))?$",
    re.S,
)
_CANVAS = re.compile(
    r"^(?P<name>.+?)(?P<late>_LATE)?_(?P<number>\d+)_"
    r"(?P<file>\d+_.+|text\.html|link\.html)$",
    re.S,
)
# Where students are anonymous to graders.
_CANVAS_ANONYMOUS = re.compile(
    r"^(?P<late>LATE_)?(?P<name>anon_[A-Za-z0-9]+)_(?P<file>\d+_.+)$", re.S
)


@dataclass
class Handed:
    """One student's files, by their path within the student's own folder.

    Attributes:
        name: as the source has it: a folder's name or a person's.
        number: the learning platform's number for the person, "" where it has none.
        late: whether the platform itself says so.
    """

    name: str
    number: str = ""
    late: bool = False
    files: list[tuple[tuple[str, ...], Entry]] = field(default_factory=list)


Place = tuple[
    str, str, bool, tuple[str, ...]
]  # name, number, late, path inside


def _submitted(parts: tuple[str, ...], assignment: str) -> Place | None:
    if len(parts) < 2 or parts[1] != assignment:
        return None
    # Only a link or an empty folder stands there itself: its owner is told.
    return parts[0], "", False, parts[2:] or parts[1:]


def _folders(parts: tuple[str, ...], assignment: str) -> Place | None:
    return (parts[0], "", False, parts[1:]) if len(parts) > 1 else None


def _moodle(parts: tuple[str, ...], assignment: str) -> Place | None:
    match = _MOODLE.match(parts[0])
    if not match:
        return None
    file = match["file"] or ""
    inside = (file, *parts[1:]) if file else parts[1:]
    return (match["name"], match["number"], False, inside) if inside else None


def _canvas(parts: tuple[str, ...], assignment: str) -> Place | None:
    match = _CANVAS_ANONYMOUS.match(parts[0]) or _CANVAS.match(parts[0])
    if not match:
        return None
    file = re.sub(r"^\d+_", "", match["file"])
    number = match.groupdict().get("number") or ""
    return match["name"], number, bool(match["late"]), (file, *parts[1:])


def _flat(parts: tuple[str, ...], assignment: str) -> Place | None:
    if len(parts) != 1:
        return None
    stem = re.sub(r"\.ipynb(\.txt|\.json)?$", "", parts[0], flags=re.I)
    return stem, "", False, parts


_READERS: dict[str, Callable[[tuple[str, ...], str], Place | None]] = {
    "submitted": _submitted,
    "folders": _folders,
    "moodle": _moodle,
    "canvas": _canvas,
    "flat": _flat,
}


_ORDER = {name: n for n, name in enumerate(FORMATS)}


def detect(paths: Sequence[tuple[str, ...]], assignment: str) -> str:
    """The format of `paths`; "" where there is nothing to tell it by.

    The first names vote, one each: what lies below is a student's and must not decide
    how the others' work is read.
    """
    tops: dict[str, list[tuple[str, ...]]] = {}
    for parts in paths:
        tops.setdefault(parts[0], []).append(parts)
    votes = Counter(_vote(below, assignment) for below in tops.values())
    ranked = sorted(votes, key=lambda name: (-votes[name], _ORDER[name]))
    return ranked[0] if ranked else ""


def _vote(below: Sequence[tuple[str, ...]], assignment: str) -> str:
    """The format that all paths with one first name speak for."""
    for name in ("moodle", "canvas"):
        if all(_READERS[name](parts, assignment) for parts in below):
            return name
    if any(_submitted(parts, assignment) for parts in below):
        return "submitted"
    return "folders" if any(len(parts) > 1 for parts in below) else "flat"


def wrapper(
    paths: Sequence[tuple[str, ...]], assignment: str, name: str = ""
) -> int:
    """How many outer folders hold everything and are no student's (0 or 1)."""
    tops = {parts[0] for parts in paths}
    if len(tops) != 1 or any(len(parts) < 2 for parts in paths):
        return 0
    if name == "flat":
        return 1
    inner = [parts[1:] for parts in paths]
    if {parts[0] for parts in inner} == {assignment}:
        return 0  # one student of nbgrader's tree
    if detect(paths, assignment) in {"moodle", "canvas"}:
        return 0
    if detect(inner, assignment) in {"moodle", "canvas", "submitted"}:
        return 1
    folders = {p[0] for p in inner if len(p) > 1 and ".ipynb" in p[-1].lower()}
    return int(len(folders) > 1)


def notebooks_first(parts: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """The order in which a student's files are looked at, until there are too many."""
    return ".ipynb" not in parts[-1].lower(), parts


def sort_out(
    entries: Iterable[Entry],
    assignment: str,
    name: str = "",
    bare: bool = False,
) -> tuple[str, list[Handed], list[Entry]]:
    """The format, each student's files in the order of names, and what is nobody's.

    Args:
        name: one of `FORMATS`; detected where empty.
        bare: there is no outer folder round it all.
    """
    wanted = [entry for entry in entries if not is_noise(entry.parts)]
    paths = [entry.parts for entry in wanted]
    outer = 0 if bare else wrapper(paths, assignment, name)
    paths = [parts[outer:] for parts in paths]
    name = name or detect(paths, assignment)
    found: dict[tuple[str, str], Handed] = {}
    strays = []
    for parts, entry in zip(paths, wanted, strict=True):
        place = _READERS[name](parts, assignment) if name else None
        if place is None or leads_out(entry.parts[0]):
            strays.append(entry)
            continue
        who, number, late, inside = place
        handed = found.setdefault((who, number), Handed(who, number))
        handed.late = handed.late or late
        handed.files.append((inside, entry))
    for handed in found.values():
        handed.files.sort(key=lambda item: notebooks_first(item[0]))
    return name, [found[key] for key in sorted(found)], strays
