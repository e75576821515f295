"""Whose file is whose: folders, zips, nbgrader's tree, Moodle and Canvas."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from tests.grader.intake_class import (
    FILE,
    make_course,
    raw_entry,
    raw_zip,
    work,
    write_tree,
    write_zip,
)
from tests.grader.rebuild_sample import ANSWERS, NAME, answers_in

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import IntakeError, collect
from aulac_grader.grade.intake.layouts import FORMATS
from aulac_grader.grade.rebuild import rebuild


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


def students(course: Course, source: Path | None, **options) -> list[str]:
    """Collect; check that everybody's answers arrived; ids."""
    collected = collect(course, NAME, source, **options)
    assignment = course.assignment(NAME)
    for submission in collected.submissions():
        assert answers_in(rebuild(assignment, submission)) == ANSWERS
    return sorted(collected.receipts)


def test_nbgraders_submitted_tree(course: Course) -> None:
    write_tree(
        course.submitted,
        {
            f"an/{NAME}/{FILE}": work("an"),
            f"an/{NAME}/timestamp.txt": b"2026-11-20 07:00:00.000000 UTC",
            "an/ps01_other/ps01_other.ipynb": b"{}",
            f"bình/{NAME}/{FILE}": work("bình"),
        },
    )
    collected = collect(course, NAME)
    assert collected.layout == "submitted"
    assert sorted(collected.receipts) == ["an", "bình"]
    an = collected.receipts["an"]
    assert an.claimed_at == "2026-11-20T07:00:00+00:00"
    assert [name for name, _, _ in an.files] == [FILE]


LAYOUTS = {
    "folders": {
        f"an/{FILE}": work("an"),
        "binh/bài làm.ipynb": work("binh"),
        "binh/my_helpers.py": b"x = 1\n",
        "__MACOSX/an/._x.ipynb": b"?",
        ".DS_Store": b"?",
    },
    "submitted": {
        f"an/{NAME}/{FILE}": work("an"),
        f"binh/{NAME}/{FILE}": work("binh"),
    },
    "moodle": {
        f"Nguyễn Văn An_12345_assignsubmission_file_/{FILE}": work("an"),
        "Trần Bình_12346_assignsubmission_file_/ps98 (1).ipynb": work("b"),
        "Trần Bình_12346_assignsubmission_file_/data/x.csv": b"1,2\n",
    },
    "moodle flat": {
        f"Nguyễn Văn An_12345_assignsubmission_file_{FILE}": work("an"),
        "Trần Bình_12346_assignsubmission_file_bai_lam.ipynb": work("b"),
    },
    "moodle 4": {
        f"Nguyễn Văn An_12345_assignsubmission_file/{FILE}": work("an"),
        f"Trần Bình_12346_assignsubmission_file/{FILE}": work("b"),
    },
    "canvas": {
        f"nguyễnvănan_101_9001_{FILE}": work("an"),
        f"trầnbình_LATE_102_9002_{NAME}-1.ipynb": work("binh"),
        "trầnbình_LATE_102_9003_my_helpers.py": b"x = 1\n",
    },
    "flat": {"an.ipynb": work("an"), "binh.ipynb": work("binh")},
}
IDS = {
    "moodle": ["Nguyễn-Văn-An", "Trần-Bình"],
    "canvas": ["nguyễnvănan-101", "trầnbình-102"],
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_layouts_as_folder_and_as_zip(
    course: Course, tmp_path: Path, name: str, wrapped: bool
) -> None:
    begin = "Bài nộp/" if wrapped else ""
    files = {begin + path: data for path, data in LAYOUTS[name].items()}
    kind = name.split()[0]
    expected = IDS.get(kind, ["an", "binh"])
    folder = write_tree(tmp_path / "in", files)
    # One folder of notebooks could be one student's: there it has to be said.
    layout = "flat" if wrapped and kind == "flat" else ""
    assert students(course, folder, layout=layout) == expected
    archive = write_zip(tmp_path / "in.zip", files)
    collected = collect(course, NAME, archive, layout=layout)
    assert collected.layout == kind
    assert sorted(collected.unchanged) == expected, "the same bytes again"


def test_helpers_come_along(course: Course, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "in", LAYOUTS["folders"])
    collected = collect(course, NAME, folder)
    binh = next(
        s for s in collected.submissions() if s.receipt.student == "binh"
    )
    assert binh.files == (("my_helpers.py", b"x = 1\n"),)
    assert binh.receipt.notebook == "bài làm.ipynb"
    assert [note.code for note in binh.receipt.notes] == ["renamed"]


def test_what_canvas_and_moodle_say_of_a_person(
    course: Course, tmp_path: Path
) -> None:
    canvas = collect(
        course, NAME, write_tree(tmp_path / "c", LAYOUTS["canvas"])
    )
    assert canvas.receipts["trầnbình-102"].origin == {
        "layout": "canvas",
        "name": "trầnbình",
        "number": "102",
        "late": "yes",
    }
    moodle = collect(
        course, NAME, write_tree(tmp_path / "m", LAYOUTS["moodle"])
    )
    assert moodle.receipts["Trần-Bình"].origin["number"] == "12346"


def test_canvas_text_entries_and_anonymous_students(
    course: Course, tmp_path: Path
) -> None:
    files = {
        f"anon_Xy12z_9001_{FILE}": work("x"),
        f"LATE_anon_Ab34c_9002_{FILE}": work("y"),
        "an_101_text.html": b"<p>",
    }
    collected = collect(course, NAME, write_tree(tmp_path / "in", files))
    assert sorted(collected.receipts) == ["an-101", "anon_Ab34c", "anon_Xy12z"]
    notes = collected.receipts["an-101"].notes
    assert [note.code for note in notes] == ["no_notebook"]


def test_names_as_zips_mangle_them(course: Course, tmp_path: Path) -> None:
    name = f"Nguyễn Thị Bưởi_7_assignsubmission_file_/{FILE}"
    nfd = f"Võ Ổi_8_assignsubmission_file_/{FILE}"
    path = tmp_path / "in.zip"
    path.write_bytes(
        raw_zip(
            [
                raw_entry(
                    name.encode(), work("b")
                ),  # UTF-8 that says it is 437
                raw_entry(
                    unicodedata.normalize("NFD", nfd).encode(), work("o")
                ),
                raw_entry(
                    b"Fran\x87ois_9_assignsubmission_file_\\" + FILE.encode(),
                    work("f"),
                ),
            ]
        )
    )
    assert students(course, path) == ["François", "Nguyễn-Thị-Bưởi", "Võ-Ổi"]


def test_the_format_can_be_named_and_must_exist(
    course: Course, tmp_path: Path
) -> None:
    folder = write_tree(tmp_path / "in", LAYOUTS["moodle"])
    collected = collect(course, NAME, folder, layout="folders")
    assert collected.layout == "folders"
    assert len(collected.receipts) == 2
    with pytest.raises(IntakeError, match=", ".join(FORMATS)):
        collect(course, NAME, folder, layout="blackboard")


def test_sources_that_are_none(course: Course, tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="does not exist"):
        collect(course, NAME, tmp_path / "nowhere")
    (tmp_path / "x.zip").write_bytes(b"hello")
    with pytest.raises(IntakeError, match="cannot be read as a zip"):
        collect(course, NAME, tmp_path / "x.zip")
    (tmp_path / "empty").mkdir()
    assert collect(course, NAME, tmp_path / "empty").receipts == {}


def test_one_students_folders_do_not_decide_how_others_are_read(
    course: Course, tmp_path: Path
) -> None:
    files = {
        f"an/{NAME}/{NAME}/{FILE}": work("an"),
        "an/X_1_assignsubmission_file_/x.csv": b"1",
        "an/a_1_2_b.ipynb": b"{}",
        f"binh/{FILE}": work("binh"),
        f"chi/{FILE}": work("chi"),
    }
    collected = collect(course, NAME, write_tree(tmp_path / "in", files))
    assert collected.layout == "folders"
    assert sorted(collected.receipts) == ["an", "binh", "chi"]
    assert collected.receipts["an"].notebook == f"{NAME}/{NAME}/{FILE}"


def test_a_lone_student_with_a_folder_like_the_assignments(
    course: Course,
) -> None:
    write_tree(course.submitted, {f"an/{NAME}/{NAME}/{FILE}": work("an")})
    assert students(course, None) == ["an"]


def test_an_empty_folder_is_told(course: Course, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "in", LAYOUTS["folders"])
    (folder / "chi").mkdir()
    collected = collect(course, NAME, folder)
    assert sorted(collected.receipts) == ["an", "binh"]
    assert any("chi" in message for message in collected.messages)


def files_of(course: Course, source: Path) -> dict[str, bytes]:
    return dict(next(collect(course, NAME, source).submissions()).files)


def test_what_lies_beside_the_notebook_lies_where_it_runs(
    course: Course, tmp_path: Path
) -> None:
    files = {
        f"an/bai/{FILE}": work("an"),
        "an/bai/my_helpers.py": b"x = 1",
        "an/bai/data/x.csv": b"1",
        "an/other/y.csv": b"2",
    }
    assert files_of(course, write_tree(tmp_path / "in", files)) == {
        "my_helpers.py": b"x = 1",
        "data/x.csv": b"1",
        "other/y.csv": b"2",
    }


def test_canvas_numbers_files_that_are_handed_in_again(
    course: Course, tmp_path: Path
) -> None:
    files = {
        f"an_1_11_{NAME}-2.ipynb": work("an"),
        "an_1_12_my_helpers-2.py": b"x = 1",
        "an_1_13_run-1.csv": b"1",
    }
    assert files_of(course, write_tree(tmp_path / "in", files)) == {
        "my_helpers.py": b"x = 1",
        "run-1.csv": b"1",
    }


# -- ids -----------------------------------------------------------------------------


def test_a_list_of_students_gives_the_ids(
    course: Course, tmp_path: Path
) -> None:
    roster = tmp_path / "students.csv"
    roster.write_text(
        "id,first_name,last_name,email,lms_user_id\n"
        "22520001,Văn An,Nguyễn,an@example.edu.vn,101\n"
        "22520002,Bình,Trần,binh@example.edu.vn,102\n",
        encoding="utf-8-sig",
    )
    for name in ("moodle", "canvas", "moodle flat"):
        folder = write_tree(tmp_path / name, LAYOUTS[name])
        assert students(course, folder, students=roster) == [
            "22520001",
            "22520002",
        ]


@pytest.mark.parametrize(
    "table",
    [
        "Identifier,Full name,ID number\n"
        "Participant 12345,Khác Tên,sv1\nParticipant 12346,Tên Khác,sv2\n",
        "Mã sinh viên;Họ tên\nsv1;Nguyễn Văn An\nsv2;Trần Bình\n",
        "Student\tID\tSIS Login ID\nX\t12345\tsv1\nY\t12346\tsv2\n",
    ],
)
def test_tables_as_platforms_write_them(
    course: Course, tmp_path: Path, table: str
) -> None:
    roster = tmp_path / "students.csv"
    roster.write_text(table)
    folder = write_tree(tmp_path / "in", LAYOUTS["moodle"])
    assert students(course, folder, students=roster) == ["sv1", "sv2"]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("name,mail\nAn,a@b\n", "no column for the student's id"),
        ("id,name\n=cmd,An\n", "line 2: '=cmd' cannot be"),
        ("id,name\n../x,An\n", "line 2"),
        ("", "no rows"),
    ],
)
def test_tables_that_cannot_be_used(
    course: Course, tmp_path: Path, table: str, says: str
) -> None:
    roster = tmp_path / "students.csv"
    roster.write_text(table)
    with pytest.raises(IntakeError, match=says):
        collect(course, NAME, tmp_path, students=roster)


def test_two_people_of_one_name_are_two_students(
    course: Course, tmp_path: Path
) -> None:
    files = {
        f"Lê An_1_assignsubmission_file_/{FILE}": work("one"),
        f"Lê An_2_assignsubmission_file_/{FILE}": work("two"),
    }
    collected = collect(course, NAME, write_tree(tmp_path / "in", files))
    assert sorted(collected.receipts) == ["Lê-An-1", "Lê-An-2"]
    assert any("2 students would be" in m for m in collected.messages)


def test_folders_that_differ_only_in_form_are_two_students(
    course: Course, tmp_path: Path
) -> None:
    spread = unicodedata.normalize("NFD", "bình")
    files = {f"bình/{FILE}": work("1"), f"{spread}/{FILE}": work("2")}
    collected = collect(course, NAME, write_tree(tmp_path / "in", files))
    assert sorted(collected.receipts) == ["bình", "bình-2"]
    assert collected.messages


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("=cmd|'calc'!A1", "cmd-calc-A1"),
        ("+84901", "84901"),
        ("@an", "an"),
        ("a\u202eb", "a-b"),
        ("..an", "an"),
        ("x" * 180, "x" * 100),
        ("\u200b", "student"),
        ("-rf", "rf"),
    ],
)
def test_folders_whose_names_are_no_ids(
    course: Course, tmp_path: Path, name: str, expected: str
) -> None:
    files = {f"{name}/{FILE}": work("x"), f"an/{FILE}": work("y")}
    collected = collect(course, NAME, write_tree(tmp_path / "in", files))
    expected = "an-2" if expected == "an" else expected
    assert {"an", expected} & set(collected.receipts)
    assert len(collected.receipts) == 2
    for student in collected.receipts:
        assert not student.startswith(tuple("=+-@.")) and "/" not in student
