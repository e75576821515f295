"""What an attack is made of, and the submission it hands in.

A case says how a submission differs from a complete and honest one: answers by
`grade_id`, extra cells, a function that bends the notebook's JSON, another way to
write it down, files laid beside it. Everything that is not named stays honest, so a
case also says that the rest keeps its points.

Sources may use names of the world they run in (`World.names`): `@OUTSIDE@`, a folder
of the host; `@PORT@`, a port that is listened on; and so on.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from aulac_grader.author.assignment import Assignment, parse
from aulac_grader.author.assignment.check import release

ASSIGNMENT = "ps98_walls"
FOLDER = Path(__file__).parent / "source" / ASSIGNMENT
CANARY = re.compile(r"CANARY-([A-Z]+)-([0-9a-f]{4})")
# For sources that look for canaries: a submission must not hold one by itself.
HUNT = '"CANARY" + "-[A-Z]+-[0-9a-f]{4}"'
# Before a source that would harm a machine without walls: nothing runs there.
GUARD = """
import os
for kind in ("pid", "mnt", "net", "user"):
    if os.readlink(f"/proc/self/ns/{kind}") in "@NAMESPACES@".split():
        print("ESCAPED: no walls round", kind)
        raise SystemExit
"""
EVERY = "every test"

Book = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One submission, what it tries, and what must come of it.

    Args:
        name: the student's too, with a prefix; letters, digits and dashes.
        tries: what it does, in a sentence.
        answers: sources by the answer cell's `grade_id`.
        cells: (after, source): extra code cells after the cell `after`, a grade_id;
            "" puts one first.
        bend: changes the notebook's JSON in place.
        written: how the notebook's JSON becomes bytes.
        lay: lays other things into the submission's folder.
        student: the folder's name in submitted/, where that is the point.
        loses: test cells that must give 0 points.
        up_to: test cells that may give up to so many points (others: all of them).
        ruins: what else it loses is not said (it took the whole notebook apart).
        says: texts that the student must find in the feedback.
    """

    name: str
    tries: str
    answers: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[tuple[str, str], ...] = ()
    bend: Callable[[Book], None] | None = None
    written: Callable[[Book], bytes] | None = None
    lay: Callable[[Path, World], None] | None = None
    student: str = ""
    loses: tuple[str, ...] | str = ()
    up_to: Mapping[str, float] = field(default_factory=dict)
    ruins: bool = False
    says: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        return self.student or f"s-{self.name[:80]}"

    @property
    def place(self) -> str:
        """Where its one scratch cell stands, if it is nothing but such a cell."""
        alone = Case(self.name, self.tries, cells=self.cells)
        return (
            self.cells[0][0] if self == alone and len(self.cells) == 1 else ""
        )


@dataclass(frozen=True)
class World:
    """The host around a submission; see `host.py` for how it is watched."""

    names: Mapping[str, str]

    def fill(self, source: str) -> str:
        for name, value in self.names.items():
            source = source.replace(f"@{name}@", value)
        return source


@cache
def assignment() -> Assignment:
    return parse(FOLDER)


@cache
def points() -> dict[str, float]:
    """The points of each test cell."""
    return {name: cell.points for name, cell in assignment().tests.items()}


@cache
def reference() -> dict[str, str]:
    """Right answers by `grade_id`, with no canary in them."""
    return {
        name: CANARY.sub("a canary", cell.code)
        .replace("### BEGIN SOLUTION", "#")
        .replace("### END SOLUTION", "#")
        for name, cell in assignment().answers.items()
    }


@cache
def _released() -> str:
    return json.dumps(release(assignment(), "vi"))


def grade_id(cell: Book) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def find(book: Book, name: str) -> Book:
    """The cell with this `grade_id`."""
    return next(cell for cell in book["cells"] if grade_id(cell) == name)


def code_cell(source: str, **metadata: Any) -> Book:
    return {
        "cell_type": "code",
        "id": f"x{crc32(source.encode())}",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def notebook(case: Case, world: World) -> Book:
    """The submission's notebook as JSON, before it is written down."""
    book: Book = json.loads(_released())
    answers = reference() | {"p10-why": "Vì thế."} | dict(case.answers)
    for cell in book["cells"]:
        if grade_id(cell) in answers:
            cell["source"] = world.fill(answers[grade_id(cell)])
    for after, source in reversed(case.cells):
        ids = [grade_id(cell) for cell in book["cells"]]
        place = ids.index(after) + 1 if after else 0
        book["cells"].insert(place, code_cell(world.fill(source)))
    if case.bend:
        case.bend(book)
    return book


def hand_in(case: Case, world: World, submitted: Path) -> Path:
    """Write the submission into nbgrader's tree; returns its folder."""
    folder = submitted / case.who / ASSIGNMENT
    folder.mkdir(parents=True)
    book = notebook(case, world)
    written = case.written or (lambda b: json.dumps(b, indent=1).encode())
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(written(copy.deepcopy(book)))
    if case.lay:
        case.lay(folder, world)
    return folder


def canaries(text: str) -> set[str]:
    """The kinds of secrets that stand in `text`."""
    return {found[1] for found in CANARY.finditer(text)}
