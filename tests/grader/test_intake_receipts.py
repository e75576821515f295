"""Receipts: what was received, when by our clock, kept for good."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.grader.intake_class import (
    FILE,
    make_course,
    work,
    write_tree,
    write_zip,
)
from tests.grader.rebuild_sample import NAME

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import (
    IntakeError,
    Note,
    Receipt,
    Submission,
    collect,
    load,
)
from aulac_grader.grade.intake.collect import history, submission

DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "in",
        {f"an/{FILE}": work("an"), f"binh/{FILE}": work("binh")},
    )


def lines(course: Course, name: str = "receipts.jsonl") -> list[dict]:
    text = (course.folder(NAME) / name).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_receipt_names_the_exact_bytes(course: Course, source: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    receipt = collect(course, NAME, source).receipts["an"]
    body = (source / "an" / FILE).read_bytes()
    sha = hashlib.sha256(body).hexdigest()
    assert receipt.files == ((FILE, len(body), sha),)
    received = datetime.fromisoformat(receipt.received_at)
    assert before <= received <= datetime.now(UTC)
    kept = course.folder(NAME) / "submissions" / sha[:2] / sha[2:]
    assert kept.read_bytes() == body
    assert lines(course)[0] == receipt.to_dict()


def test_the_same_bytes_again_are_no_news(
    course: Course, source: Path, tmp_path: Path
) -> None:
    first = collect(course, NAME, source)
    assert first.new == ("an", "binh")
    files = {f"{n}/{FILE}": work(n) for n in ("an", "binh")}
    again = collect(course, NAME, write_zip(tmp_path / "in.zip", files))
    assert again.new == () and again.unchanged == ("an", "binh")
    assert again.receipts == first.receipts
    assert len(lines(course)) == 2


def test_new_bytes_are_a_new_receipt_and_the_old_one_stays(
    course: Course, source: Path
) -> None:
    first = collect(course, NAME, source).receipts["an"]
    (source / "an" / FILE).write_bytes(work("an", p3_why="Nghĩ lại."))
    (source / "an" / "my_helpers.py").write_bytes(b"x = 1\n")
    second = collect(course, NAME, source)
    assert second.new == ("an",)
    assert [r.sha256 for r in history(course, NAME, "an")] == [
        first.sha256,
        second.receipts["an"].sha256,
    ]
    assert load(course, NAME)["an"] == second.receipts["an"]
    old = submission(course, first)
    assert old.notebook == work("an") and old.files == ()
    new = submission(course, second.receipts["an"])
    assert new.files == (("my_helpers.py", b"x = 1\n"),)


def test_handing_in_only_what_was_refused_is_news_too(
    course: Course, source: Path
) -> None:
    (source / "an" / FILE).unlink()
    (source / "an" / "a.ipynb").symlink_to("/etc/passwd")
    first = collect(course, NAME, source)
    assert first.receipts["an"].notebook == ""
    (source / "an" / "a.ipynb").rename(source / "an" / "b.ipynb")
    assert collect(course, NAME, source).new == ("an",)


def test_who_is_not_in_the_source_keeps_the_receipt(
    course: Course, source: Path
) -> None:
    collect(course, NAME, source)
    (source / "an" / FILE).unlink()
    (source / "an").rmdir()
    assert list(collect(course, NAME, source).receipts) == ["binh"]
    assert list(load(course, NAME)) == ["an", "binh"]


def test_a_submission_crosses_as_bytes(course: Course, source: Path) -> None:
    for one in collect(course, NAME, source).submissions():
        assert Submission.from_bytes(one.to_bytes()) == one
    noted = Receipt("an", NAME, "x", "y", notes=(Note("link", {"file": "a"}),))
    assert Submission.from_bytes(Submission(noted).to_bytes()).receipt == noted
    for junk in (b"", b"\x81\xa1a\x01", b"\xc1", b"\x93\x01\x02\x03"):
        with pytest.raises(ValueError, match="not a submission"):
            Submission.from_bytes(junk)


# -- time ----------------------------------------------------------------------------


def at(course: Course, source: Path, when: datetime, **options) -> Receipt:
    found = collect(course, NAME, source, due=DUE, now=when, **options)
    return found.receipts["an"]


def test_in_time(course: Course, source: Path) -> None:
    assert at(course, source, DUE - DAY).late_seconds == 0


def test_the_first_look_after_the_deadline_blames_nobody(
    course: Course, source: Path
) -> None:
    found = collect(course, NAME, source, due=DUE, now=DUE + DAY)
    assert {r.late_seconds for r in found.receipts.values()} == {None}
    assert "who of them was late is not known" in found.messages[0]


def test_what_is_new_after_that_is_late(course: Course, source: Path) -> None:
    at(course, source, DUE + timedelta(minutes=1))
    (source / "an" / FILE).write_bytes(work("an", p3_why="Muộn."))
    assert at(course, source, DUE + DAY).late_seconds == 86400
    write_tree(source, {f"chi/{FILE}": work("chi")})
    found = collect(course, NAME, source, due=DUE, now=DUE + 2 * DAY)
    assert found.receipts["chi"].late_seconds == 2 * 86400
    assert found.receipts["binh"].late_seconds is None


def test_another_group_collected_later_is_not_late_for_that(
    course: Course, source: Path, tmp_path: Path
) -> None:
    at(course, source, DUE + timedelta(minutes=1))
    other = write_tree(tmp_path / "group2", {f"dung/{FILE}": work("dung")})
    found = collect(course, NAME, other, due=DUE, now=DUE + DAY)
    assert found.receipts["dung"].late_seconds is None


def test_our_clock_always(course: Course, source: Path) -> None:
    receipt = at(course, source, DUE + DAY, times="received")
    assert receipt.late_seconds == 86400


def test_a_students_own_timestamp_is_not_believed_unless_said(
    course: Course,
) -> None:
    files = {
        f"an/{NAME}/{FILE}": work("an"),
        f"an/{NAME}/timestamp.txt": b"2026-11-20 13:00:00.000000 UTC",
        f"binh/{NAME}/{FILE}": work("binh"),
        f"binh/{NAME}/timestamp.txt": b"1999-01-01 yesterday\xff",
    }
    write_tree(course.submitted, files)
    found = collect(course, NAME, due=DUE, now=DUE - DAY)
    assert found.receipts["an"].late_seconds == 0
    assert found.receipts["an"].claimed_at == "2026-11-20T13:00:00+00:00"
    (course.folder(NAME) / "receipts.jsonl").unlink()
    found = collect(course, NAME, due=DUE, now=DUE + DAY, times="claimed")
    assert found.receipts["an"].late_seconds == 3600
    assert found.receipts["binh"].notebook == FILE


def test_a_timestamp_among_uploaded_files_claims_nothing(
    course: Course, tmp_path: Path
) -> None:
    begin = "Lê An_1_assignsubmission_file_/"
    files = {
        begin + FILE: work("an"),
        begin + "timestamp.txt": b"1999-01-01 00:00:00 UTC",
    }
    path = write_zip(tmp_path / "in.zip", files)
    found = collect(course, NAME, path, due=DUE - 9999 * DAY, times="claimed")
    receipt = found.receipts["Lê-An"]
    assert not receipt.claimed_at.startswith("1999")
    assert receipt.late_seconds and receipt.late_seconds > 0


def test_the_last_one_in_time_can_count(course: Course, source: Path) -> None:
    first = at(course, source, DUE - DAY)
    at(course, source, DUE + timedelta(minutes=1))
    (source / "an" / FILE).write_bytes(work("an", p3_why="Muộn."))
    late = at(course, source, DUE + DAY)
    assert load(course, NAME)["an"] == late
    assert load(course, NAME, "in-time")["an"] == first


# -- on disk -------------------------------------------------------------------------


def test_only_the_owner_can_look(course: Course, source: Path) -> None:
    collect(course, NAME, source)
    for path in (course.grading, *course.grading.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_line_that_a_crash_cut_short(course: Course, source: Path) -> None:
    collect(course, NAME, source)
    path = course.folder(NAME) / "receipts.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert list(load(course, NAME)) == ["an"]
    assert collect(course, NAME, source).new == ("binh",)
    assert len(lines(course)) == 2
    assert list(load(course, NAME)) == ["an", "binh"]


def test_damage_is_told(course: Course, source: Path) -> None:
    receipt = collect(course, NAME, source).receipts["an"]
    sha = receipt.files[0][2]
    kept = course.folder(NAME) / "submissions" / sha[:2] / sha[2:]
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes().replace(b"4", b"5", 1))
    with pytest.raises(IntakeError, match="is not what was received"):
        submission(course, receipt)
    kept.unlink()
    with pytest.raises(IntakeError, match="cannot be read"):
        submission(course, receipt)
    path = course.folder(NAME) / "receipts.jsonl"
    path.write_bytes(b"{\n" + path.read_bytes())
    with pytest.raises(IntakeError, match="line 1 is damaged"):
        load(course, NAME)
    with pytest.raises(IntakeError, match="line 1 is damaged"):
        collect(course, NAME, source)


def test_two_collections_at_once(course: Course, source: Path) -> None:
    """Two processes: whichever is second finds everything received."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from aulac_grader.grade.course.course import Course\n"
        "from aulac_grader.grade.intake import collect\n"
        f"collect(Course.open(sys.argv[1]), {NAME!r}, Path(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", program, str(course.root), str(source)]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert sorted(line["student"] for line in lines(course)) == ["an", "binh"]


# -- which file ----------------------------------------------------------------------


def chosen(course: Course, tmp_path: Path, files: dict[str, bytes]) -> Receipt:
    root = write_tree(
        tmp_path / "in", {f"an/{n}": d for n, d in files.items()}
    )
    for number, name in enumerate(files):
        os.utime(root / "an" / name, (1e9 + number, 1e9 + number))
    return collect(course, NAME, root).receipts["an"]


@pytest.mark.parametrize(
    "name",
    [
        "ps98_cells (1).ipynb",
        "Bài tập 1 - An.ipynb",
        "ps98.ipynb.txt",
        "ps98_cells.IPYNB",
        "bai/ps98_cells.ipynb",
        "an.json",
    ],
)
def test_a_renamed_notebook(course: Course, tmp_path: Path, name: str) -> None:
    receipt = chosen(course, tmp_path, {name: work("an"), "x.json": b"[1]"})
    assert receipt.notebook == name
    exact = name.rsplit("/", 1)[-1].lower() == FILE
    assert [n.code for n in receipt.notes] == ([] if exact else ["renamed"])


def test_of_several_the_finished_one(course: Course, tmp_path: Path) -> None:
    from tests.grader.rebuild_sample import released

    fresh = json.dumps(released()).encode()
    receipt = chosen(course, tmp_path, {"nộp.ipynb": work("an"), FILE: fresh})
    assert receipt.notebook == "nộp.ipynb"
    assert [n.code for n in receipt.notes] == ["several"]


def test_of_several_finished_ones_the_newest(
    course: Course, tmp_path: Path
) -> None:
    files = {FILE: work("old"), "ps98_cells (1).ipynb": work("new")}
    assert chosen(course, tmp_path, files).notebook == "ps98_cells (1).ipynb"


def test_another_assignments_notebook_beside_it(
    course: Course, tmp_path: Path
) -> None:
    other = json.dumps(
        {
            "cells": [
                {"cell_type": "code", "id": "q", "source": "1", "metadata": {}}
            ]
        }
    )
    files = {"bai.ipynb": work("an"), FILE: other.encode()}
    assert chosen(course, tmp_path, files).notebook == "bai.ipynb"


def test_a_notebook_that_cannot_be_read_is_still_the_notebook(
    course: Course, tmp_path: Path
) -> None:
    receipt = chosen(course, tmp_path, {FILE: b"not json", "a.txt": b"x"})
    assert receipt.notebook == FILE


def test_nothing_but_a_text(course: Course, tmp_path: Path) -> None:
    receipt = chosen(course, tmp_path, {"bai.docx": b"x"})
    assert receipt.notebook == ""
    assert [n.code for n in receipt.notes] == ["no_notebook"]
