"""A class with attackers in it, through `aulac grade`.

`grade` makes a course directory, lets three honest students hand in and marks them;
then the attackers hand in too and everybody is marked in one batch. The honest verdicts
must be the same bytes both times. What is asserted of a case is in its `Outcome`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from aulac_grader.author.assignment.build import build
from aulac_grader.grade.command.steps import NO_MARK
from aulac_grader.grade.command.verbs import app
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import load
from aulac_grader.grade.intake.names import printable
from aulac_grader.grade.verdict import grading_folder, verdict

from .host import Host
from .kit import ASSIGNMENT, Case, assignment, hand_in, reference

# Small, so that what runs into a limit ends soon.
LIMITS = {
    "cpu_seconds": 1.2,
    "wall_seconds": 3.0,
    "memory_mb": 600,
    "processes": 40,
    "file_mb": 48,
    "output_kb": 64,
    "open_files": 128,
}
NEIGHBOUR = "CANARY-NEIGHBOUR-41d7"

HONEST = (
    Case(
        "complete",
        "Everything is right.",
        answers={
            name: f"# {NEIGHBOUR}\n{source}"
            for name, source in reference().items()
        },
        student="a-complete",
    ),
    Case(
        "partly",
        "Some answers are wrong, one raises, one prints.",
        answers={
            "p1-mean": f"def mean_length(words):\n    # {NEIGHBOUR}\n    return 3.5",
            "p5-windows": f"def windows(items, size):\n    raise KeyError('{NEIGHBOUR}')",
            "p9-root": f"print('{NEIGHBOUR}')\ndef root(x):\n    return x ** 0.49999",
        },
        student="t-partly",
    ),
    Case(
        "clumsy",
        "Scratch cells fail, print and leave.",
        cells=(("p2-names", "1 / 0"), ("p5-slides", "exit()")),
        student="z-clumsy",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    `verdict` is empty where nothing was taken in; `cell` is the case's own where it
    shared its submission; `kept` are the bytes that marking left on the disk.
    """

    student: str
    verdict: Mapping[str, Any] = field(default_factory=dict)
    cell: str = ""
    printed: str = ""
    pictures: tuple[bytes, ...] = ()
    feedback: str = ""
    kept: int = 0

    @property
    def tests(self) -> dict[str, Mapping[str, Any]]:
        return {test["id"]: test for test in self.verdict.get("tests", ())}

    @property
    def cells(self) -> dict[str, Mapping[str, Any]]:
        return {cell["id"]: cell for cell in self.verdict.get("cells", ())}

    def points(self, test: str) -> float:
        return float(self.tests[test]["points"]) if self.tests else 0.0


@dataclass
class Marked:
    """A class, marked with and without its attackers.

    `alone` and `together` are the honest students' verdicts as they lie on the disk;
    `summary` is what `run --json` says; `damage`, what was done to the host.
    """

    course: Course
    outcomes: dict[str, Outcome]
    alone: dict[str, bytes]
    together: dict[str, bytes]
    summary: dict[str, Any]
    damage: list[str]


PACK = 6  # scratch cells of different cases that share a submission


@dataclass(frozen=True)
class Pack:
    """A submission, and the cases it is made of: often one."""

    case: Case
    members: tuple[Case, ...]

    def cell(self, member: Case) -> str:
        """The id of a member's own scratch cell; "" where it has more than that."""
        if len(self.members) == 1:
            return ""
        return f"extra-{self.members.index(member) + 1}"


def packed(cases: Iterable[Case], host: Host) -> Iterator[Pack]:
    """Cases that are one scratch cell each, several to a submission."""
    waiting: dict[str, list[Case]] = {}
    for case in cases:
        if case.place:
            waiting.setdefault(case.place, []).append(case)
        else:
            yield Pack(case, (case,))
    for place, members in waiting.items():
        for first in range(0, len(members), PACK):
            some = members[first : first + PACK]
            cells = [
                (place, host.world(case.name).fill(case.cells[0][1]))
                for case in some
            ]
            names = " ".join(case.name for case in some)
            whole = Case(f"pack-{place}-{first}", names, cells=tuple(cells))
            yield Pack(whole, tuple(some))


def grade(cases: Iterable[Case], folder: Path, workers: int = 1) -> Marked:
    """Mark a class of `cases` and the three honest students, in `folder`."""
    root = folder / "course"
    build([assignment()], "vi", root)
    course = Course.open(root)
    own = course.folder(ASSIGNMENT)
    with Host(folder / "outside", root) as host:
        packs = list(packed(cases, host))
        for case in HONEST:
            hand_in(case, host.world(case.name), root / "submitted")
        _run(root, workers)
        alone = _honest(own)
        for path in (own / grading_folder.VERDICTS).iterdir():
            path.unlink()  # so that the honest are marked again, among the others
        for pack in packs:
            hand_in(pack.case, host.world(pack.case.name), root / "submitted")
        summary = _run(root, workers)
        damage = host.damage()
    aulac("results", ASSIGNMENT, "--course", str(root))
    students = {
        receipt.origin["name"]: student
        for student, receipt in load(course, ASSIGNMENT).items()
    }
    return Marked(
        course,
        {
            member.name: _outcome(
                pack,
                member,
                own,
                students.get(printable(pack.case.who, 200), ""),
            )
            for pack in packs
            for member in pack.members
        },
        alone,
        _honest(own),
        summary,
        damage,
    )


def aulac(*words: str) -> str:
    """`aulac grade WORDS`; what it prints.

    Raises:
        RuntimeError: it broke. That somebody is without a mark is no such thing.
    """
    done = CliRunner().invoke(app, list(words))
    if done.exit_code not in (0, NO_MARK):
        told = f"{done.output}\n{done.exception!r}"
        raise RuntimeError(
            f"aulac grade {words[0]}: {told}"
        ) from done.exception
    return done.stdout


def _run(root: Path, workers: int) -> dict[str, Any]:
    limits = ",".join(f"{name}={value}" for name, value in LIMITS.items())
    options = ["--limits", limits, "--workers", str(workers), "--feedback"]
    told = aulac("run", ASSIGNMENT, "--course", str(root), *options, "--json")
    return json.loads(told[told.index("{") :])


def _honest(own: Path) -> dict[str, bytes]:
    return {
        case.who: grading_folder.verdict_path(own, case.who).read_bytes()
        for case in HONEST
    }


def _outcome(pack: Pack, member: Case, own: Path, student: str) -> Outcome:
    if not student:
        return Outcome("")
    cell = pack.cell(member)
    kept = grading_folder.read_outputs(own, student)
    outputs = [out for name, out in kept.items() if cell in ("", name)]
    page = own / "feedback" / f"{student}.html"
    return Outcome(
        student,
        verdict.read(own, student) or {},
        cell,
        "\n".join(output["printed"] for output in outputs),
        tuple(p for output in outputs for p in output["pictures"]),
        page.read_text(encoding="utf-8") if page.is_file() else "",
        sum(path.stat().st_size for path in own.glob(f"*/{student}.*")),
    )
