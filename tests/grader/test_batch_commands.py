"""`aulac grade`: what its other commands tell, and the sentences when something is off."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.grader.batch_class import (
    NAME,
    RIGHT,
    STUDENTS,
    copy_of,
    events,
    grade,
    gradebook,
    hand_in,
    make_course,
    verdicts,
)
from typer.testing import CliRunner, Result

from aulac_grader.grade.batch.audit import sample
from aulac_grader.grade.batch.batch import Options
from aulac_grader.grade.command.verbs import app
from aulac_grader.grade.verdict import verdict
from aulac_grader.grade.verdict.keys import course_key
from aulac_grader.sandbox.selfcheck import unavailable

pytestmark = pytest.mark.slow

REASON = unavailable()
needs_boxes = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def say(course: Path, *words: str | Path) -> Result:
    """`aulac grade VERB ASSIGNMENT …` in this process."""
    verb, *rest = map(str, words)
    return CliRunner().invoke(
        app, [verb, NAME, *rest, "--course", str(course)]
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def marked(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A marked class, and what `run --json` said of it."""
    course = copy_of(template, tmp_path_factory.mktemp("marked"))
    done = grade(course, "run", "--workers", "1", "--json", "--feedback")
    assert done.returncode == 0, done.stderr
    return course, json.loads(done.stdout)


@pytest.fixture
def course(marked: tuple[Path, Any], tmp_path: Path) -> Path:
    """The marked class, for a test to change."""
    return copy_of(marked[0], tmp_path)


# -- a marked class ------------------------------------------------------------


@needs_boxes
def test_run_sums_up(marked: tuple[Path, dict[str, Any]]) -> None:
    course, told = marked
    assert told["verdicts"] == told["marked_now"] == len(STUDENTS)
    assert (told["without_mark"], told["unsandboxed"]) == ({}, 0)
    assert (told["mean"], told["max_points"]) == (2, 3)
    assert len(told["environments"]) == 1
    assert all(Path(page).is_file() for page in told["pages"])
    pages = course / "feedback"
    assert len(list(pages.rglob("*.html"))) == len(STUDENTS)


@needs_boxes
def test_running_again_marks_nobody_twice(course: Path) -> None:
    before = verdicts(course)
    hand_in(course, "s00", RIGHT.format(100), "Nghĩ lại.")
    done = grade(course, "run", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "1/1 s00: 3/3" in done.stderr
    changed = verdicts(course)
    assert changed.pop("s00") != before.pop("s00")
    assert changed == before
    assert gradebook(course)["s00"].earned == 3


@needs_boxes
def test_status_show_and_audit_of_a_sound_class(course: Path) -> None:
    status = say(course, "status")
    assert f"{len(STUDENTS):>5}  marked and in the gradebook" in status.output
    shown = say(course, "show", "s00", "--lang", "en")
    assert "0/3 points by machine" in shown.output
    assert "Marked in a sandbox." in shown.output
    shown = say(course, "show", "s00", "--lang", "vi")
    assert "0/3 điểm máy chấm" in shown.output
    plain = say(course, "show", "s00", "--json")
    assert (
        verdict.canonical_bytes(json.loads(plain.output)) + b"\n"
        == (verdicts(course)["s00"])
    )
    strange = say(course, "show", "nobody")
    assert (
        strange.exit_code == 1 and "no verdict on 'nobody'" in strange.output
    )


@needs_boxes
def test_audit_names_every_difference(course: Path) -> None:
    """Signed by the course and wrong, changed by hand, or not what was handed in."""
    folder = course / "grading" / NAME
    key = course_key(course / "grading")
    wrong = verdict.read(folder, "s00")
    assert wrong is not None
    wrong["tests"][0] |= {"points": 1, "status": "pass", "message": ""}
    wrong["points"] += 1
    verdict.write(folder, verdict.sign(wrong, key))
    forged = folder / "verdicts" / "s01.json"
    forged.write_bytes(
        forged.read_bytes().replace(b'"points":3', b'"points":2')
    )
    receipts = [
        json.loads(line)
        for line in (folder / "receipts.jsonl").read_text().splitlines()
    ]
    sha = next(r["files"][0][2] for r in receipts if r["student"] == "s02")
    kept = folder / "submissions" / sha[:2] / sha[2:]
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b" ")
    log = events(course)
    done = grade(course, "audit", "s00", "s01", "s02", "s03", "--json")
    assert done.returncode == 4, done.stderr
    told = json.loads(done.stdout)
    assert {line.split(":")[0] for line in told["s00"]} == {
        "tests.p1-small.points",
        "tests.p1-small.status",
        "points",
    }
    assert "tests.p1-small.points: 1 in the verdict, 0 now" in told["s00"]
    assert len(told["s01"]) == 1 and "s01.json is damaged" in told["s01"][0]
    assert len(told["s02"]) == 1 and "not what was received" in told["s02"][0]
    assert told["s03"] == []
    assert events(course) == log


@given(st.sets(st.text()), st.integers(0, 9), st.integers())
def test_sample_of_an_audit_is_drawn_again_by_its_seed(
    students: set[str], size: int, seed: int
) -> None:
    drawn = sample(students, size, seed)
    assert drawn == sample(sorted(students), size, seed) == sorted(set(drawn))
    assert set(drawn) <= students
    assert len(drawn) == min(size, len(students))


@needs_boxes
def test_audit_uses_the_assignment_that_was_marked_with(course: Path) -> None:
    source = course / "source" / NAME / f"{NAME}.ipynb"
    source.write_text(source.read_text().replace("70001", "70002"))
    done = grade(course, "audit", "s01", "s04")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 verdicts audited, 0 different." in done.stdout
    shutil.rmtree(course / "grading" / NAME / "sources")
    gone = say(course, "audit", "s01")
    assert gone.exit_code == 4
    assert "the assignment it was marked with" in gone.output


@needs_boxes
def test_regrade_what_changed_and_keep_what_a_person_gave(
    course: Path,
) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        notebook = book.find_submission_notebook(NAME, NAME, "s01")
        by_hand = next(g for g in notebook.grades if g.name == "p2-why")
        by_hand.manual_score, by_hand.needs_manual_grade = 1.5, False
        book.db.commit()
    before = verdicts(course)
    done = grade(course, "regrade", "--workers", "1")
    assert "Nothing is left to mark." in done.stderr, done.stderr
    source = course / "source" / NAME / f"{NAME}.ipynb"
    source.write_text(source.read_text().replace("b == 70001", "b == 70003"))
    source.write_text(source.read_text().replace("70001) == 70001", "7) == 7"))
    again = grade(course, "run", "--workers", "1")
    assert f"{len(STUDENTS)} verdicts come from an earlier" in again.stderr
    assert verdicts(course) == before
    done = grade(course, "regrade", "--workers", "1")
    assert done.returncode == 0, done.stderr
    after = verdicts(course)
    assert all(after[student] != before[student] for student in STUDENTS)
    cells = {cell.name: cell for cell in gradebook(course)["s01"].cells}
    assert (cells["p2-why"].manual, cells["p1-small"].auto) == (1.5, 1.0)
    assert sum(e["event"] == "regraded" for e in events(course)) == len(
        STUDENTS
    )


@needs_boxes
def test_unsandboxed_is_said_aloud_and_stands_in_the_verdict(
    template: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    done = grade(
        course,
        "run",
        "--unsandboxed",
        "--workers",
        "1",
        "--limits",
        "cpu_seconds=7",
    )
    assert done.returncode == 0, done.stderr
    assert "WITHOUT A SANDBOX, as you asked" in done.stderr
    assert "marked without a sandbox" in done.stdout
    for data in verdicts(course).values():
        found = json.loads(data)
        assert found["sandboxed"] is False
        assert found["limits"]["cpu_seconds"] == 7
    refused = say(course, "resume")
    assert refused.exit_code == 1 and "--unsandboxed" in refused.output


# -- sentences -----------------------------------------------------------------


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


SENTENCES = [
    (["run", "--course", "{course}/nowhere"], "nowhere is not a folder"),
    (["run", "--course", "{course}/source"], "is not a course directory"),
    (["run", "--from", "{course}/none.zip"], r"none\.zip does not exist"),
    (["run", "--format", "papyrus"], "no format 'papyrus'"),
    (["run", "--limits", "memory=3"], "'memory=3' is not NAME=NUMBER"),
    (["run", "--limits", "processes=0.5"], "above 0, without a fraction"),
    (["run", "--limits", "cpu_seconds=-1"], "cpu_seconds is a number above 0"),
    (["resume"], "nothing to go on with: aulac grade run"),
    (["regrade", "nobody"], "Nothing of nobody was collected"),
    (["audit"], "There are no verdicts in ps99_sample yet"),
    (["show", "s00"], "There is no verdict on 's00'"),
    (["export", "--to", "papyrus"], "'papyrus' is no format"),
    (["feedback", "s00"], "Nothing of s00 was collected"),
]


@pytest.mark.parametrize(
    ("words", "told"), SENTENCES, ids=[" ".join(w) for w, _ in SENTENCES]
)
def test_what_is_wrong_is_said(
    template: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    course = copy_of(template, tmp_path)
    verb, *rest = (word.format(course=course) for word in words)
    if "--course" not in rest:
        rest += ["--course", str(course)]
    done = CliRunner().invoke(app, [verb, NAME, *rest])
    assert done.exit_code == 1, done.output
    assert told.replace("\\", "") in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_no_such_assignment_lists_those_there_are(template: Path) -> None:
    words = ["run", "ps98", "--course", str(template)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert f"There are: {NAME}" in done.output


def test_nothing_submitted(template: Path, tmp_path: Path) -> None:
    course = copy_of(template, tmp_path)
    shutil.rmtree(course / "submitted")
    for name in ("receipts.jsonl", "events.jsonl"):
        (course / "grading" / NAME / name).unlink(missing_ok=True)
    done = say(course, "run")
    assert done.exit_code == 1
    assert f"Nothing was submitted for {NAME}" in done.output


def test_key_that_is_none_stops_everything(
    template: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    (course / "grading" / "course.key").write_text("no key")
    done = say(course, "run")
    assert done.exit_code == 1
    assert "course.key holds no Ed25519 key" in done.output
    assert (course / "grading" / "course.key").read_text() == "no key"


def test_wrong_address_of_a_scheduler(
    template: Path, tmp_path: Path, closed_port: int
) -> None:
    course = copy_of(template, tmp_path)
    address = f"tcp://127.0.0.1:{closed_port}"
    done = grade(course, "run", "--scheduler", address)
    assert done.returncode == 1
    assert f"No Dask scheduler answers at {address}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not verdicts(course)


def test_options_come_back_from_the_log_as_they_were() -> None:
    from dataclasses import asdict

    options = Options(
        3, "tcp://host:1", False, {"cpu_seconds": 2.5}, "in-time"
    )
    assert Options(**json.loads(json.dumps(asdict(options)))) == options
