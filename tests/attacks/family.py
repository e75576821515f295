"""What is asserted of every attack, and of the class it was marked in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aulac_grader.grade.verdict import grading_folder

from .kit import ASSIGNMENT, EVERY, Case, canaries, points
from .line import Marked, Outcome
from .pages_check import dangers

MOST_KEPT = 24 << 20  # bytes of what marking leaves on the disk for a student
# Errors that say a case's own source is at fault: then it attacks nothing.
OWN_FAULTS = ("SyntaxError", "IndentationError", "NameError: name")


class Family:
    """The tests of one family of cases; a subclass says which."""

    pytestmark = pytest.mark.slow
    cases: Sequence[Case] = ()
    workers = 1

    def test_case(self, marked: Marked, case: Case) -> None:
        outcome = marked.outcomes[case.name]
        check_points(case, outcome)
        check_secrets(outcome)
        check_sources(case, outcome)
        assert outcome.kept < MOST_KEPT, f"{outcome.kept:,} bytes are kept"

    def test_the_class_went_on(self, marked: Marked) -> None:
        assert marked.summary["without_mark"] == {}

    def test_the_others_are_untouched(self, marked: Marked) -> None:
        for student, before in marked.alone.items():
            after = marked.together[student]
            assert after == before, changes(before, after)

    def test_the_gradebook_says_what_the_verdicts_say(
        self, marked: Marked
    ) -> None:
        from aulac_grader.grade.gradebook.gradebook import Gradebook

        with Gradebook(marked.course) as book:
            marks = book.marks(ASSIGNMENT)
        own = marked.course.folder(ASSIGNMENT)
        written = list((own / grading_folder.VERDICTS).glob("*.json"))
        assert len(written) == len(marks)
        for path in written:
            found = json.loads(path.read_bytes())
            cells = {c.name: c for c in marks[found["student"]].cells}
            for test in found["tests"]:
                assert cells[test["id"]].auto == test["points"]
            for name in ("p10-why", "p10-task"):
                # No machine gives points for what a person has to read; an empty
                # answer is nothing to read.
                assert cells[name].auto in (None, 0.0), found["student"]
                assert cells[name].manual is None

    def test_the_host_is_untouched(self, marked: Marked) -> None:
        assert marked.damage == []


def changes(before: bytes, after: bytes) -> dict[str, Any]:
    """The parts of a verdict that differ."""
    old, new = json.loads(before), json.loads(after)
    return {
        key: (old[key], new[key])
        for key in old
        if old[key] != new[key] and key != "signature"
    }


def check_points(case: Case, outcome: Outcome) -> None:
    """The case earns what its honest part earns, and no more."""
    lost = set(points()) if case.loses == EVERY else set(case.loses)
    if not outcome.verdict:
        assert case.ruins or lost == set(points()), "nothing was taken in"
        return
    for test, most in points().items():
        got, status = outcome.points(test), outcome.tests[test]["status"]
        if test in lost:
            assert got == 0, f"{test} gave {got} points ({status})"
        elif not case.ruins and test not in case.up_to:
            told = outcome.tests[test]["message"]
            assert got == most, f"{test}: {got} of {most} ({status}: {told})"
        assert 0 <= got <= case.up_to.get(test, most), f"{test}: {got}"
    total = sum(outcome.points(test) for test in points())
    assert outcome.verdict["points"] == pytest.approx(total)


def check_secrets(outcome: Outcome) -> None:
    """Nothing that anybody may read about the case holds a secret."""
    told = {
        "the verdict": json.dumps(public(outcome.verdict), ensure_ascii=False),
        "what it printed": outcome.printed,
        "the feedback page": outcome.feedback,
        "a picture": "".join(p.decode("latin-1") for p in outcome.pictures),
    }
    for place, text in told.items():
        assert not canaries(text), f"{place} holds {canaries(text)}"
    assert dangers(outcome.feedback) == []
    assert "ESCAPED" not in outcome.printed, outcome.printed


def public(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict without what a hidden test said: that is for the instructor."""
    tests = [
        test if test["visible_failed"] else test | {"message": ""}
        for test in verdict.get("tests", ())
    ]
    return {**verdict, "tests": tests}


def check_sources(case: Case, outcome: Outcome) -> None:
    """The case ran as it is written."""
    if case.ruins:
        return
    for cell in outcome.verdict.get("cells", ()):
        if outcome.cell and outcome.cell != cell["id"]:
            continue
        assert not cell["error"].startswith(OWN_FAULTS), cell
