"""What late work costs: the policy's arithmetic, and where its result is seen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.grader.graded_work import (
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)
from tests.grader.test_gradebook_database import nbgrader_book, person

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.gradebook.late import DAY, METHODS, Policy

PERCENT = st.floats(0, 100)
POLICIES = st.builds(
    Policy,
    method=st.sampled_from(METHODS),
    percent_per_day=PERCENT,
    cap_percent=PERCENT,
    grace_minutes=st.floats(0, 600),
    zero_after_days=st.sampled_from([0, 1, 7]),
)
SECONDS = st.floats(0, 40 * DAY)


@given(POLICIES, st.floats(0, 200), SECONDS, SECONDS)
def test_a_penalty_lies_within_the_points_and_never_falls_with_lateness(
    policy: Policy, points: float, one: float, other: float
) -> None:
    sooner, later = sorted((one, other))
    first = policy.penalty(points, sooner) or 0
    second = policy.penalty(points, later) or 0
    assert 0 <= first <= second <= points


@given(POLICIES, st.floats(0, 200))
def test_in_time_and_within_the_grace_nothing_is_taken(
    policy: Policy, points: float
) -> None:
    assert policy.penalty(points, 0) is None
    assert policy.penalty(points, 60 * policy.grace_minutes) is None


@pytest.mark.parametrize(
    ("policy", "seconds", "taken"),
    [
        (Policy("none"), 9 * DAY, None),
        (Policy("zero"), 1, 20),
        (Policy("zero", grace_minutes=30), 1800, None),
        (Policy("daily"), 1, 2),
        (Policy("daily"), DAY, 2),
        (Policy("daily"), DAY + 1, 4),
        (Policy("daily", grace_minutes=30), DAY + 1800, 2),
        (Policy("daily", cap_percent=50), 30 * DAY, 10),
        (Policy("daily", 10, 50, zero_after_days=7), 7 * DAY, 10),
        (Policy("daily", 10, 50, zero_after_days=7), 7 * DAY + 1, 20),
        (Policy("daily", 7.5), DAY, 1.5),
    ],
)
def test_the_policies_in_numbers(
    policy: Policy, seconds: float, taken: float | None
) -> None:
    assert policy.penalty(20, seconds) == taken


# -- in a course -----------------------------------------------------------------------

POLICY = """
c.AssignLatePenalties.plugin_class = "aulac_grader.grade.gradebook.late_plugin.LatePolicy"
c.LatePolicy.penalty_method = "daily"
c.LatePolicy.percent_per_day = 20
c.LatePolicy.grace_minutes = 10
"""
ZERO = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


def course_with(folder: Path, settings: str) -> Course:
    made = make_course(folder)
    with (made.root / "nbgrader_config.py").open("a") as file:
        file.write(settings)
    return Course.open(made.root)


def record(course: Course, *works: Handed) -> None:
    assignment = course.assignment(NAME)
    with Gradebook(course) as book:
        for work in works:
            book.record(
                NAME, verdict(assignment, work), rebuilt(assignment, work)
            )


def due(course: Course, moment: str) -> None:
    """The instructor sets a deadline in formgrader."""
    with nbgrader_book(course) as book:
        assignment = book.find_assignment(NAME)
        assignment.duedate = datetime.fromisoformat(moment)
        book.db.commit()


def test_the_penalty_follows_deadline_extension_and_manual_marks(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, POLICY)
    record(course, Handed("first"))
    due(course, "2026-11-22T20:00:00")
    half_a_day = DAY // 2
    works = [Handed(s, late_seconds=half_a_day) for s in ("an", "binh")]
    record(course, *works)
    with Gradebook(course) as book:
        marks = book.marks(NAME)
        assert {s: m.penalty for s, m in marks.items()} == {
            "an": 0.6,
            "binh": 0.6,
            "first": 0,
        }
        assert marks["an"].late_seconds == half_a_day
        assert marks["an"].points == 2.4

        person(course, "p2-why", score=2)
        with nbgrader_book(course) as other:
            other.grant_extension(NAME, "binh", days=1)
        assert book.settle(NAME) == 3
        marks = book.marks(NAME)
    assert (marks["an"].penalty, marks["an"].points) == (1, 4)
    assert (marks["binh"].penalty, marks["binh"].points) == (0, 3)
    with nbgrader_book(course) as book:
        submission = book.find_submission(NAME, "an")
        assert submission.late_submission_penalty == 1, "formgrader's number"
        assert submission.notebooks[0].late_submission_penalty == 1

    due(course, "2026-11-24T00:00:00")  # the whole class gets a day more
    record(course, *works)
    with Gradebook(course) as book:
        assert book.marks(NAME)["an"].penalty == 0


def test_work_collected_after_the_deadline_is_late_only_if_its_receipt_says_so(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, POLICY)
    record(course, Handed("an"))
    due(course, "2026-11-20T00:00:00")
    record(course, Handed("an"), Handed("binh", late_seconds=0))
    with Gradebook(course) as book:
        marks = book.marks(NAME)
    assert [marks[s].late_seconds for s in ("an", "binh")] == [0, 0]
    assert marks["an"].submitted_at == datetime(2026, 11, 20)


def test_within_the_grace_nothing_is_taken_in_a_course(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, POLICY)
    record(course, Handed("an"))
    due(course, "2026-11-23T07:50:00")
    record(course, Handed("an", late_seconds=600))
    with Gradebook(course) as book:
        assert book.marks(NAME)["an"].penalty == 0
        assert book.marks(NAME)["an"].late_seconds == 600


def test_a_deadline_named_at_intake_counts_without_one_in_nbgrader(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, POLICY)
    record(course, Handed("an", late_seconds=2 * DAY), Handed("binh"))
    with Gradebook(course) as book:
        marks = book.marks(NAME)
    assert marks["an"].penalty == 1.2
    assert marks["an"].late_seconds == 2 * DAY
    assert marks["binh"].penalty == 0


def test_nbgraders_own_policy_is_kept_where_the_course_chose_it(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, ZERO)
    record(course, Handed("an", late_seconds=60))
    with Gradebook(course) as book:
        assert book.marks(NAME)["an"].points == 0


def test_by_default_late_work_costs_nothing(tmp_path: Path) -> None:
    course = course_with(tmp_path, "")
    record(course, Handed("an", late_seconds=9 * DAY))
    with Gradebook(course) as book:
        assert book.marks(NAME)["an"].points == 3


def test_an_extension_without_a_deadline_is_no_trouble(
    tmp_path: Path,
) -> None:
    course = course_with(tmp_path, POLICY)
    record(course, Handed("an"))
    with nbgrader_book(course) as book:
        book.grant_extension(NAME, "an", hours=2)
    record(course, Handed("an"))
    with Gradebook(course) as book:
        assert book.marks(NAME)["an"].points == 3
