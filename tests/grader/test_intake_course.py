"""A course directory: what is found in it, and what is said of one that is none."""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.grader.assignment_sample import write_sample
from tests.grader.intake_class import FILE, make_course
from tests.grader.rebuild_sample import NAME, source_book

from aulac_grader.author.assignment import parse
from aulac_grader.author.assignment.build import build
from aulac_grader.grade.course.course import Course, CourseError
from aulac_grader.judge.assignment import TrustedAssignment


def test_a_course_as_built(tmp_path: Path) -> None:
    assignment = parse(write_sample(tmp_path / "repository"))
    build([assignment], "en", tmp_path / "Lớp AI 01")
    course = Course.open(tmp_path / "Lớp AI 01")
    assert course.assignments() == ["ps99_sample"]
    assert course.lang == "en"
    assert course.db_url == f"sqlite:///{course.root}/gradebook.db"
    assert course.submitted == course.root / "submitted"
    assert course.due("ps99_sample") is None
    assert not (course.root / "gradebook.db").exists(), "only looked"
    assert course.late_penalty == "none"
    trusted = course.assignment("ps99_sample")
    assert trusted.by_id["p1-add"].provides == ("add",)


def test_settings_are_read_without_nbgrader(tmp_path: Path) -> None:
    """The configuration that we write imports nbgrader, which takes seconds."""
    assignment = parse(write_sample(tmp_path / "repository"))
    build([assignment], "vi", tmp_path / "course")
    import subprocess

    program = (
        "import sys\n"
        "from aulac_grader.grade.course.course import Course\n"
        "course = Course.open(sys.argv[1])\n"
        "course.assignment('ps99_sample'), course.db_url, course.late_penalty\n"
        "heavy = {'nbgrader', 'nbconvert', 'torch', 'sqlalchemy', 'nbformat'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "course")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


PLAIN = """
c = get_config()
c.CourseDirectory.course_id = "ai01"
c.CourseDirectory.db_url = "postgresql://an@db/marks"
c.CourseDirectory.submitted_directory = "in"
c.LateSubmissionPlugin.penalty_method = "zero"
c.AssignLatePenalties.plugin_class = "my.Plugin"
c.Exchange.root = "/srv/exchange"
"""
PROGRAM = """
import os
c = get_config()
if os.sep:
    c.CourseDirectory.db_url = "postgresql://" + "an@db/marks"
for name, value in [("course_id", "ai01"), ("submitted_directory", "in")]:
    setattr(c.CourseDirectory, name, value)
late = c.LateSubmissionPlugin
late.penalty_method = "zero"
c.AssignLatePenalties.plugin_class = "my.Plugin"
"""
MERGED = """
c = get_config()
load_subconfig("more.py")
"""


@pytest.mark.parametrize("config", [PLAIN, PROGRAM, MERGED])
def test_settings(tmp_path: Path, config: str) -> None:
    course = make_course(tmp_path / "course", config)
    (course.root / "more.py").write_text(PLAIN)
    assert course.id == "ai01"
    assert course.db_url == "postgresql://an@db/marks"
    assert course.submitted == course.root / "in"
    assert course.late_penalty == "zero"
    assert course.late_plugin == "my.Plugin"


def test_folders_named_elsewhere(tmp_path: Path) -> None:
    config = (
        "from pathlib import Path\n"
        "c = get_config()\n"
        "c.CourseDirectory.root = str(Path(__file__).resolve().parent)\n"
        "c.CourseDirectory.source_directory = "
        "str(Path(__file__).resolve().parent / 'nguồn')\n"
    )
    course = make_course(tmp_path / "course", config)
    (course.root / "source").rename(course.root / "nguồn")
    assert course.assignments() == [NAME]
    assert course.assignment(NAME).name == NAME


def test_no_students_module_is_imported_for_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = "import planted_module\nc = get_config()\nc.update({})\n"
    course = make_course(tmp_path / "course", config)
    folder = course.root / "submitted" / "an" / NAME
    folder.mkdir(parents=True)
    (folder / "planted_module.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    )
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend("")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(CourseError, match="No module named 'planted_module'"):
        course.db_url  # noqa: B018 (reading it runs the configuration)
    assert not (tmp_path / "ran").exists()
    assert str(folder) in sys.path, "put back"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("c = = 1", "is not valid Python"),
        ("c = get_config()\nc.setdefault(1/0)", "ZeroDivisionError"),
    ],
)
def test_settings_that_cannot_be_read(
    tmp_path: Path, config: str, says: str
) -> None:
    course = Course(tmp_path)
    (tmp_path / "nbgrader_config.py").write_text(config)
    with pytest.raises(CourseError, match=says):
        course.settings  # noqa: B018


def test_what_is_no_course(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="is not a folder"):
        Course.open(tmp_path / "nowhere")
    with pytest.raises(CourseError, match="aulac assignment build"):
        Course.open(tmp_path)


def test_what_is_no_assignment(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    with pytest.raises(CourseError, match=f"There are: {NAME}"):
        course.assignment("ps77")
    with pytest.raises(CourseError, match=f"There are: {NAME}"):
        course.folder("../../etc")
    folder = course.source / "two"
    folder.mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_text("{}")
    with pytest.raises(CourseError, match="give the one to mark that name"):
        course.assignment("two")
    (folder / "a.ipynb").unlink()
    with pytest.raises(CourseError, match="cannot be used as an assignment"):
        course.assignment("two")


def test_a_source_with_one_id_twice(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    book = source_book()
    book["cells"][4]["metadata"]["nbgrader"]["grade_id"] = "p1-upper"
    (course.source / NAME / FILE).write_text(json.dumps(book))
    with pytest.raises(CourseError, match="p1-upper"):
        course.assignment(NAME)


def test_an_ordinary_nbgrader_source_provides_what_its_stubs_define(
    tmp_path: Path,
) -> None:
    course = make_course(tmp_path / "course")
    book = source_book()
    del book["metadata"]["aulac"]
    for cell in book["cells"]:
        cell["metadata"].pop("aulac", None)
    (course.source / NAME / FILE).write_text(json.dumps(book))
    assignment = course.assignment(NAME)
    assert assignment.by_id["p2-pair"].provides == ("ways", "first")
    crossed = TrustedAssignment.from_bytes(assignment.to_bytes())
    assert crossed.by_id["p2-pair"].provides == ("ways", "first")


def test_the_deadline_in_nbgraders_database(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    with sqlite3.connect(course.root / "gradebook.db") as database:
        assert course.due(NAME) is None, "a database without tables"
        database.execute(
            "create table assignment (name text, duedate datetime)"
        )
        database.execute(
            "insert into assignment values (?, '2026-11-20 17:00:00.000000')",
            [NAME],
        )
        database.execute("insert into assignment values ('other', null)")
        database.commit()
    assert course.due(NAME) == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert course.due("other") is None
    (course.root / "gradebook.db").write_bytes(b"no database" * 100)
    with pytest.raises(CourseError, match="--due"):
        course.due(NAME)


def test_gradings_own_folder_is_private_and_no_link(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    (course.root / "grading").mkdir(mode=0o755)
    assert course.folder(NAME) == course.root / "grading" / NAME
    assert course.grading.stat().st_mode & 0o777 == 0o700
    assert course.folder(NAME).stat().st_mode & 0o777 == 0o700
    course.folder(NAME).rmdir()
    (course.grading / NAME).symlink_to(tmp_path)
    with pytest.raises(CourseError, match="not a plain folder"):
        course.folder(NAME)
