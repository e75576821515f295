"""Marks made again from what was handed in, and held against the signed verdicts.

An audit uses what the verdict names: the submission and the assignment by their sha256,
the seeds, the limits. It writes nothing. Points and outcomes must be the same to the
last digit. Texts (what an error said) are compared too and told apart, because a
student's own text may hold the time of day.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.batch.crew import Crew
from aulac_grader.grade.batch.grade_task import NAME, pack_payload
from aulac_grader.grade.batch.rounds import Rounds
from aulac_grader.grade.batch.stopping import Interrupt
from aulac_grader.grade.course.course import CourseError
from aulac_grader.grade.verdict import verdict
from aulac_grader.grade.verdict.grading_folder import read_source
from aulac_grader.judge.submitted import Marks

if TYPE_CHECKING:
    from pathlib import Path

    from aulac_grader.grade.intake import Submission
    from aulac_grader.grade.verdict.keys import PublicKey
    from aulac_grader.judge.assignment import TrustedAssignment

TEXTS = frozenset({"message", "error"})


class _Gone(Exception):  # noqa: N818  a sentence for the instructor
    """What the verdict was made from is not there any more."""


@dataclass
class Finding:
    """What an audit found on one student. Sound when `differences` is empty.

    differences: what is not as the signed verdict says, a line each.
    notes: what differs and changes no mark: texts, the environment.
    """

    student: str
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Audit:
    """An audit of an assignment's verdicts: a job for the rounds.

    Args:
        folder: the assignment's grading folder.
        assignment: the assignment as it stands now.
        load: a student's submission with the given sha256.
        say: takes a sentence for the instructor.
        done: takes each finding when it is there.
    """

    folder: Path
    assignment: TrustedAssignment
    key: PublicKey
    load: Callable[[str, str], Submission]
    say: Callable[[str], None]
    done: Callable[[Finding], None]
    interrupt: Interrupt
    workers: int = 1
    scheduler: str = ""
    findings: dict[str, Finding] = field(default_factory=dict)
    _verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, students: Iterable[str]) -> list[Finding]:
        """Audit these students' verdicts; in the order they were done.

        Raises:
            ClusterError: there is no such scheduler, or it is gone for good.
            Stopped: there is no sandbox.
        """
        with (
            self.interrupt.caught(),
            Crew(self.workers, self.scheduler, self.say) as crew,
        ):
            Rounds(self, crew, self.interrupt).run(students)
        return list(self.findings.values())

    # -- a job for the rounds --------------------------------------------------

    @property
    def task(self) -> str:
        return NAME

    def prepare(self, student: str) -> bytes | None:
        """What the verdict was made from; None where something of it is gone."""
        try:
            found, assignment, submission = self._given(student)
        except (verdict.VerdictProblem, CourseError, _Gone) as trouble:
            self._finish(Finding(student, [str(trouble)]))
            return None
        self._verdicts[student] = found
        return pack_payload(
            assignment=assignment,
            submission=submission.to_bytes(),
            seeds=found["seeds"],
            limits=found["limits"],
            sandboxed=found["sandboxed"],
        )

    def _given(self, student: str) -> tuple[dict[str, Any], bytes, Submission]:
        found = verdict.read(self.folder, student, self.key)
        if found is None:
            raise _Gone("there is no verdict")
        sha256 = found["source_sha256"]
        if sha256 == self.assignment.sha256:
            assignment: bytes | None = self.assignment.to_bytes()
        else:
            assignment = read_source(self.folder, sha256)
        if assignment is None:
            raise _Gone(
                f"the assignment it was marked with ({sha256[:12]}) is gone: "
                "regrade with the present one"
            )
        return (
            found,
            assignment,
            self.load(student, found["submission_sha256"]),
        )

    def _finish(self, finding: Finding) -> None:
        self.findings[finding.student] = finding
        self.done(finding)

    def accept(self, student: str, answer: dict[str, Any]) -> None:
        """Hold the marks made again against the verdict."""
        found = self._verdicts.pop(student)
        again = verdict.verdict(
            **{name: found[name] for name in _GIVEN},
            environment=answer["environment"],
            rebuilt_sha256=answer["rebuilt_sha256"],
            repairs=answer["repairs"],
            marks=Marks.from_plain(answer["marks"]),
        )
        finding = Finding(student)
        compare(found, again, finding)
        self._finish(finding)

    def retried(self, student: str, reason: str, counts: bool) -> None:
        self.say(f"{student}: marking failed ({reason}); trying again.")

    def failed(self, student: str, reason: str) -> None:
        self._finish(
            Finding(student, [f"could not be marked again: {reason}"])
        )


# What a verdict was made from, and an audit takes over.
_GIVEN = (
    "assignment",
    "lang",
    "student",
    "receipt",
    "source_sha256",
    "submission_sha256",
    "seeds",
    "limits",
    "sandboxed",
)


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], finding: Finding
) -> None:
    """Name each difference between a verdict and the one made again."""
    body = {key: value for key, value in before.items() if key != "signature"}
    where = []
    for path, old, new in differences(body, after):
        room, last = path.partition(".")[0], path.rpartition(".")[2]
        line = f"{path}: {_brief(old)} in the verdict, {_brief(new)} now"
        if room == "environment":
            where.append(last)
        elif room == "tier" or last in TEXTS:
            finding.notes.append(line)
        else:
            finding.differences.append(line)
    if where:
        names = ", ".join(sorted(name for name in where if name != "digest"))
        finding.notes.append(f"marked in another environment: other {names}")


def differences(
    old: Any, new: Any, path: str = ""
) -> list[tuple[str, Any, Any]]:
    """(path, old, new) wherever two verdicts differ; items with an id go by it."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        pairs = [(key, old.get(key), new.get(key)) for key in {**old, **new}]
    elif _named(old) and _named(new):
        left, right = ({item["id"]: item for item in x} for x in (old, new))
        pairs = [
            (key, left.get(key), right.get(key)) for key in {**left, **right}
        ]
    elif (
        isinstance(old, list)
        and isinstance(new, list)
        and len(old) == len(new)
    ):
        pairs = [
            (str(at), *both)
            for at, both in enumerate(zip(old, new, strict=True))
        ]
    else:
        return [] if old == new else [(path, old, new)]
    return [
        found
        for key, one, other in pairs
        for found in differences(one, other, f"{path}.{key}" if path else key)
    ]


def _named(value: Any) -> bool:
    """Is it a list of things with different ids?"""
    if not isinstance(value, list):
        return False
    ids = [item.get("id") for item in value if isinstance(item, Mapping)]
    return len(ids) == len(value) == len(set(ids)) and None not in ids


def _brief(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 120 else text[:119] + "…"


def sample(students: Iterable[str], size: int, seed: int) -> list[str]:
    """`size` students drawn at random, the same ones for the same seed."""
    everyone = sorted(students)
    drawn = random.Random(seed).sample(everyone, min(size, len(everyone)))
    return sorted(drawn)
