"""A class with attackers in it, through the whole line.

`grade` makes a course directory, lets three honest students hand in and marks them,
then lets the attackers hand in too and marks everybody again: the honest verdicts must
be the same bytes both times. What a case needs to know afterwards is its `Outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aulac_grader.author.assignment.build import build
from aulac_grader.grade import store, verdict
from aulac_grader.grade.batch import Options, Tally
from aulac_grader.grade.course import Course
from aulac_grader.grade.intake import collect, load
from aulac_grader.grade.intake.collect import submission
from aulac_grader.grade.intake.names import student_id
from aulac_grader.grade.session import opened

from .host import Host
from .kit import ASSIGNMENT, Case, assignment, hand_in, reference

# Small, so that what runs into a limit ends soon.
LIMITS = {
    "cpu_seconds": 2.0,
    "wall_seconds": 6.0,
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
    """What came of one submission; `verdict` is empty where nothing was taken in."""

    student: str
    verdict: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""
    pictures: tuple[bytes, ...] = ()
    feedback: str = ""

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
    """A class, marked with and without its attackers."""

    course: Course
    outcomes: dict[str, Outcome]
    """By case."""
    alone: dict[str, bytes]
    together: dict[str, bytes]
    tally: Tally
    damage: list[str]
    said: list[str]


class Quiet:
    """Listens to the batch and keeps what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def marked(self, found: Mapping[str, Any]) -> None:
        pass

    def retried(self, student: str, reason: str) -> None:
        self.said.append(f"{student} again: {reason}")

    def failed(self, student: str, reason: str) -> None:
        self.said.append(f"{student} not marked: {reason}")


def grade(cases: Iterable[Case], folder: Path) -> Marked:
    """Mark a class of `cases` and the three honest students, in `folder`."""
    root = folder / "course"
    build([assignment()], "vi", root)
    course = Course.open(root)
    quiet = Quiet()
    attackers = list(cases)
    with Host(folder / "outside", root) as host:
        _hand_in(course, HONEST, host)
        _mark(course, quiet)
        alone = _verdicts(course)
        _hand_in(course, attackers, host)
        tally = _mark(course, quiet)
        together = _verdicts(course)
        outcomes = _outcomes(course, attackers)
        damage = host.damage()
    return Marked(course, outcomes, alone, together, tally, damage, quiet.said)


def _hand_in(course: Course, cases: Iterable[Case], host: Host) -> None:
    for case in cases:
        hand_in(case, host.world(case.name), course.root / "submitted")
    collect(course, ASSIGNMENT)


def _mark(course: Course, quiet: Quiet) -> Tally:
    """Mark everybody, also who was marked before."""
    with opened(course, ASSIGNMENT, quiet) as session:
        session.look()
        return session.mark(sorted(session.receipts), Options(limits=LIMITS))


def _verdicts(course: Course) -> dict[str, bytes]:
    """The honest students' verdicts, as they lie on the disk."""
    folder = course.folder(ASSIGNMENT)
    return {
        case.who: store.verdict_path(folder, case.who).read_bytes()
        for case in HONEST
    }


def _outcomes(course: Course, cases: Iterable[Case]) -> dict[str, Outcome]:
    from aulac_grader.grade.feedback.write import write_all
    from aulac_grader.grade.rebuild import rebuild
    from aulac_grader.grade.results.build import build as build_results

    folder = course.folder(ASSIGNMENT)
    paper = course.paper(ASSIGNMENT)
    receipts = load(course, ASSIGNMENT)
    found = {
        student: verdict.read(folder, student) or {} for student in receipts
    }
    work = [
        (found[student], rebuild(paper, submission(course, receipt)))
        for student, receipt in receipts.items()
        if found[student]
    ]
    pages = write_all(course, ASSIGNMENT, work, "vi")
    html = {
        entry[0]["student"]: page.read_text(encoding="utf-8")
        for entry, page in zip(work, pages, strict=True)
    }
    build_results(course, ASSIGNMENT)
    outcomes = {}
    for case in cases:
        student = student_id(case.who)
        kept = store.read_outputs(folder, student)
        outcomes[case.name] = Outcome(
            student,
            found.get(student, {}),
            "\n".join(output["printed"] for output in kept.values()),
            tuple(p for output in kept.values() for p in output["pictures"]),
            html.get(student, ""),
        )
    return outcomes
