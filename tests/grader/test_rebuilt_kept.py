"""What was rebuilt is kept with the verdict, used once it is proved, and made once."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.grader import graded_work
from tests.grader.batch_class import (
    STUDENTS,
    assert_same,
    copy_of,
    grading,
    make_course,
    rest,
    until,
)

from aulac_grader.grade.intake.submission import Receipt, Submission
from aulac_grader.grade.rebuild import NotRebuilt, Rebuilt, kept
from aulac_grader.grade.verdict.keys import course_key
from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.sandbox.selfcheck import unavailable

REASON = unavailable()


class Class:
    """Two students of one assignment, what was kept of them, and who was rebuilt."""

    def __init__(self, folder: Path, assignment: TrustedAssignment) -> None:
        self.folder, self.assignment = folder, assignment
        self.key = course_key(folder / "key")
        self.works = {
            "an": graded_work.Handed("an"),
            "binh": graded_work.Handed(
                "binh", {"p2-why": "Vì thế."}, extra=("x = 1",)
            ),
        }
        self.found = {
            name: graded_work.verdict(assignment, work)
            for name, work in self.works.items()
        }
        self.rebuilt: list[str] = []
        self.said: list[str] = []

    def path(self, student: str) -> Path:
        return kept.path_of(self.folder, student)

    def made(self, student: str) -> Rebuilt:
        return graded_work.rebuilt(self.assignment, self.works[student])

    def write(self, student: str) -> None:
        data = self.made(student).to_bytes()
        kept.write(self.folder, self.found[student], data, self.key)

    def load(self, student: str, sha256: str) -> Submission:
        """Asked for where it has to be rebuilt, and nowhere else."""
        self.rebuilt.append(student)
        work = self.works[student]
        receipt = Receipt(
            student, self.assignment.name, work.received_at, sha256
        )
        return Submission(receipt, graded_work.notebook(self.assignment, work))

    def of(self, student: str) -> Rebuilt:
        shelf = kept.Kept(
            self.folder, self.assignment, self.key, self.load, self.said.append
        )
        return shelf.of(self.found[student])


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> TrustedAssignment:
    course = graded_work.make_course(tmp_path_factory.mktemp("course"))
    return course.assignment(graded_work.NAME)


@pytest.fixture
def group(assignment: TrustedAssignment, tmp_path: Path) -> Class:
    return Class(tmp_path, assignment)


@pytest.mark.parametrize("student", ["an", "binh"])
def test_it_comes_back_as_it_was(group: Class, student: str) -> None:
    made = group.made(student)
    group.write(student)
    again = group.of(student)
    assert again == made and again.sha256 == made.sha256
    assert again.notebook == made.notebook
    assert again.code == made.code
    assert not group.rebuilt and not group.said


def test_half_a_character_comes_back_too(group: Class) -> None:
    made = replace(group.made("an"), manual={"p2-why": "\ud800"})
    assert Rebuilt.from_bytes(group.assignment, made.to_bytes()) == made


def test_files_are_named_and_not_kept(group: Class) -> None:
    """What was read back is for looking at: without its files it cannot be marked."""
    made = replace(
        group.made("an"), files=(("a.csv", "0" * 64),), bodies=(b"1,2",)
    )
    assert made.code.files == (("a.csv", b"1,2"),)
    assert made.sha256 != group.made("an").sha256
    again = Rebuilt.from_bytes(group.assignment, made.to_bytes())
    assert again == made
    with pytest.raises(ValueError, match="rebuild the submission"):
        _ = again.code


def test_what_is_missing_is_rebuilt_once(group: Class) -> None:
    assert group.of("an") == group.of("an") == group.made("an")
    assert group.rebuilt == ["an"]
    assert not group.said


def cut(group: Class) -> None:
    path = group.path("an")
    path.write_bytes(path.read_bytes()[:-20])


def flipped(group: Class) -> None:
    path = group.path("an")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def emptied(group: Class) -> None:
    group.path("an").write_bytes(b"")


def exchanged(group: Class) -> None:
    group.write("binh")
    shutil.copy(group.path("binh"), group.path("an"))


def signed_by_another(group: Class) -> None:
    other = course_key(group.folder / "other")
    data = group.made("an").to_bytes()
    kept.write(group.folder, group.found["an"], data, other)


def of_another_answer(group: Class) -> None:
    """Well signed, but not what the verdict is about."""
    data = group.made("binh").to_bytes()
    kept.write(group.folder, group.found["an"], data, group.key)


@pytest.mark.parametrize(
    "harm",
    [cut, flipped, emptied, exchanged, signed_by_another, of_another_answer],
)
def test_what_was_harmed_is_told_of_and_never_used(
    group: Class, harm: Callable[[Class], None]
) -> None:
    group.write("an")
    harm(group)
    with pytest.raises(NotRebuilt):
        kept.read(
            group.folder, group.found["an"], group.assignment, group.key.public
        )
    assert group.of("an") == group.made("an")
    (said,) = group.said
    assert str(group.path("an")) in said and "is rebuilt" in said
    # It was kept again, so it is not told of twice.
    assert group.of("an") == group.made("an")
    assert group.rebuilt == ["an"] and len(group.said) == 1


def test_another_version_of_the_assignment_is_not_mixed_in(
    group: Class,
) -> None:
    """The present assignment's positions mean nothing in what an older one placed."""
    group.write("an")
    older = {**group.found["an"], "source_sha256": "0" * 64}
    group.found["an"] = older
    assert group.of("an") == group.made("an")
    assert group.rebuilt == ["an"]
    with pytest.raises(NotRebuilt, match="another version"):
        Rebuilt.from_bytes(
            replace(group.assignment, sha256="0" * 64),
            group.made("an").to_bytes(),
        )


# -- a whole run -----------------------------------------------------------------------

# Loaded by every Python of a test, before anything else: counts calls of `rebuild`.
COUNTING = """
import importlib.abc, importlib.util, os, sys

NAME, LOG = "aulac_grader.grade.rebuild.assemble", os.environ["REBUILT_LOG"]


class Counting(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        self.loader.exec_module(module)
        rebuild = module.rebuild

        def counted(assignment, submission):
            with open(LOG, "a") as log:
                log.write(f"{os.getpid()} {submission.receipt.student}\\n")
            return rebuild(assignment, submission)

        module.rebuild = counted


sys.meta_path.insert(0, Counting())
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("template"))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "counting"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(COUNTING)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("REBUILT_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def calls(log: Path) -> list[tuple[int, str]]:
    """(process, student) of each call of `rebuild`."""
    words = [line.split() for line in log.read_text().splitlines()]
    return [(int(pid), student) for pid, student in words]


@pytest.mark.slow
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_rebuilds_each_submission_once_and_never_itself(
    template: Path, tmp_path: Path, log: Path, workers: str
) -> None:
    course = copy_of(template, tmp_path)
    words = ["run", "--workers", workers, "--feedback"]
    with grading(course, *words) as process:
        said = rest(process)
    assert process.returncode == 0, said
    done = calls(log)
    assert Counter(student for _, student in done) == Counter(STUDENTS)
    assert process.pid not in {pid for pid, _ in done}
    assert len(list((course / "feedback").iterdir())) == len(STUDENTS)


@pytest.mark.slow
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
def test_killed_and_marked_by_an_earlier_version(
    template: Path, tmp_path: Path, log: Path
) -> None:
    """What is not there is rebuilt once; the verdicts are the same bytes."""
    (tmp_path / "whole").mkdir()
    whole = copy_of(template, tmp_path / "whole")
    with grading(whole, "run", "--workers", "1") as process:
        rest(process)
    course = copy_of(template, tmp_path)
    with grading(course, "run", "--workers", "1") as process:
        until(process, 5)
        process.kill()
    marked = sorted(
        path.stem for path in (course.glob("grading/*/verdicts/*.json"))
    )
    for folder in course.glob("grading/*/rebuilt"):
        shutil.rmtree(folder)  # as before it was kept
    log.unlink()
    with grading(course, "resume", "--feedback") as process:
        said = rest(process)
    assert process.returncode == 0, said
    done = calls(log)
    assert Counter(student for _, student in done) == Counter(STUDENTS)
    mine = sorted(name for pid, name in done if pid == process.pid)
    assert mine == marked
    assert_same(course, whole)
    files = course.glob("grading/*/rebuilt/*.mp")
    assert sorted(path.stem for path in files) == sorted(STUDENTS)
