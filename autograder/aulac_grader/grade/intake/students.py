"""Which student's id goes with a folder's name or a platform's person.

A mapping file is a table (CSV) with a heading: an id column, and any others that tell
people apart: names, e-mail, numbers. nbgrader's own student list (id, first_name,
last_name, email, lms_user_id), Canvas's gradebook export and Moodle's grading
worksheet all serve as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .layouts import Handed
from .names import bare, folded, printable, student_id

_ID = (
    "sis login id",
    "sis user id",
    "student_id",
    "student id",
    "username",
    "id number",
    "mã sinh viên",
    "mã số sinh viên",
    "mssv",
    "id",
    "student",
)
_LARGEST = 32 << 20


class RosterError(ValueError):
    """The mapping file cannot be used."""


@dataclass
class Roster:
    """Ids by each value that only one row has. `known` are the rows' ids."""

    known: frozenset[str] = frozenset()
    exact: dict[str, str] = field(default_factory=dict)
    squeezed: dict[str, str] = field(default_factory=dict)

    def find(self, handed: Handed) -> str:
        """The id that the table gives this student, "" for none.

        The platform's number is asked first: names are not unique and students can
        change them.
        """
        if handed.number and handed.number in self.exact:
            return self.exact[handed.number]
        # Moodle puts a group's name and a dash before the person's.
        for name in (handed.name, handed.name.split("-", 1)[-1]):
            found = self.exact.get(folded(name)) or self.squeezed.get(
                bare(name)
            )
            if found:
                return found
        return ""


def read_roster(path: Path) -> Roster:
    """Read a mapping file.

    Raises:
        RosterError: not a table, no id column, or an id that is none.
    """
    try:
        data = path.read_bytes()[: _LARGEST + 1]
    except OSError as error:
        raise RosterError(
            f"{path} cannot be read: {error.strerror}."
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RosterError(
            f"{path} is not UTF-8: save it as “CSV UTF-8”."
        ) from None
    if len(data) > _LARGEST:
        raise RosterError(f"{path} is too large for a list of students.")
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = list(csv.reader(io.StringIO(text), dialect))
    if len(rows) < 2:
        raise RosterError(
            f"{path} has no rows: the first line names the columns, one is the id."
        )
    heading = [folded(name) for name in rows[0]]
    column = next((heading.index(n) for n in _ID if n in heading), None)
    if column is None:
        raise RosterError(
            f"{path} has no column for the student's id among "
            f"{', '.join(rows[0])}: call it id."
        )
    return _roster(path, heading, column, rows[1:])


def _roster(
    path: Path, heading: Sequence[str], column: int, rows: list[list[str]]
) -> Roster:
    exact: dict[str, set[str]] = {}
    squeezed: dict[str, set[str]] = {}
    known = set()
    for number, row in enumerate(rows, 2):
        if len(row) <= column or not row[column].strip():
            continue
        name = row[column].strip()
        if student_id(name) != name:
            raise RosterError(
                f"{path}, line {number}: {printable(name)!r} cannot be a student's id; "
                f"write {student_id(name)!r}."
            )
        known.add(name)
        for value in _values(heading, row):
            exact.setdefault(folded(value), set()).add(name)
            squeezed.setdefault(bare(value), set()).add(name)
    return Roster(
        frozenset(known),
        {key: min(ids) for key, ids in exact.items() if len(ids) == 1},
        {key: min(ids) for key, ids in squeezed.items() if len(ids) == 1},
    )


def _values(heading: Sequence[str], row: Sequence[str]) -> list[str]:
    """What may stand for this person elsewhere."""
    cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
    values = [cell for cell in cells.values() if cell]
    first = cells.get("first_name") or cells.get("first name") or ""
    last = (
        cells.get("last_name")
        or cells.get("last name")
        or cells.get("surname")
        or ""
    )
    if first and last:
        values += [f"{first} {last}", f"{last} {first}"]
    mail = cells.get("email") or cells.get("email address") or ""
    if "@" in mail:
        values.append(mail.split("@", 1)[0])
    # Moodle's worksheet: "Participant 12345"
    numbered = re.match(r"^\D*(\d+)$", cells.get("identifier", ""))
    return values + ([numbered[1]] if numbered else [])


def name_students(
    people: Sequence[Handed],
    layout: str,
    roster: Roster | None,
    owners: Mapping[tuple[str, str], str] | None = None,
) -> tuple[list[str], list[str]]:
    """An id for each of `people`, all different, and what the instructor should know.

    Where several would have one id, it belongs to whoever is called exactly that:
    nobody can take another's by a name that only looks like it.

    Args:
        owners: (name, number) of earlier collections, as `shown`, and their ids,
            which they keep.
    """
    said: list[str] = []
    ids = [roster.find(handed) if roster else "" for handed in people]
    if roster is not None:
        for handed, found in zip(people, ids, strict=True):
            if not found:
                said.append(
                    f"{printable(handed.name)} is not in the list of students: an id "
                    "was made from the name."
                )
    earlier = owners or {}
    ids = [
        found
        or earlier.get((printable(handed.name, 200), handed.number))
        or _made(handed, layout)
        for handed, found in zip(people, ids, strict=True)
    ]
    times = Counter(ids)
    given: dict[str, int] = Counter()
    for index in sorted(
        range(len(ids)), key=lambda index: people[index].name != ids[index]
    ):
        handed, name = people[index], ids[index]
        given[name] += 1
        if times[name] == 1 or (given[name] == 1 and not handed.number):
            continue
        ids[index] = _other(name, handed.number or str(given[name]), ids)
        said.append(
            f"{times[name]} students would be {name!r}; {printable(handed.name)} "
            f"is {ids[index]!r} here. Give a list with an id for each (--students)."
        )
    for handed, name in zip(people, ids, strict=True):
        plain = layout in {"submitted", "folders"} and name != handed.name
        if plain and not (roster and name in roster.known):
            said.append(
                f"The folder {printable(handed.name)!r} is student {name!r} here."
            )
    return ids, said


def _made(handed: Handed, layout: str) -> str:
    name = student_id(handed.name)
    if layout == "canvas" and handed.number:
        return f"{name or 'student'}-{handed.number}"
    return name or (f"student-{handed.number}" if handed.number else "student")


def _other(name: str, ending: str, taken: Sequence[str]) -> str:
    other = f"{name}-{ending}"
    while other in taken:
        other += "-x"
    return other
