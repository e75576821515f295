"""Attacks by the archive that a class's work comes in: none reaches the honest."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aulac_grader.author.assignment.build import build
from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import collect
from aulac_grader.grade.rebuild import rebuild

from .host import INSIDE, Host
from .kit import ASSIGNMENT, Case, assignment, canaries, hand_in

NAME = f"{ASSIGNMENT}.ipynb"
FOLDER = f"s-attacker/{ASSIGNMENT}"
Bend = Callable[[zipfile.ZipFile, dict[str, str]], None]


def entry(name: str, data: bytes = b"", mode: int = 0o100644) -> Bend:
    """A member of exactly this name and mode, whatever a zip tool would make of it."""

    def bend(room: zipfile.ZipFile, names: dict[str, str]) -> None:
        member = zipfile.ZipInfo("x")
        member.filename = name.format(**names)
        member.create_system = 3  # Unix: the mode counts
        member.external_attr = mode << 16
        room.writestr(member, data.decode().format(**names).encode())

    return bend


def bomb(room: zipfile.ZipFile, names: dict[str, str]) -> None:
    """Half a gigabyte of zeros under the name of the notebook."""
    with room.open(f"{FOLDER}/{NAME}", "w", force_zip64=True) as out:
        for _ in range(500):
            out.write(bytes(1 << 20))


def many(room: zipfile.ZipFile, names: dict[str, str]) -> None:
    for number in range(8000):
        room.writestr(f"{FOLDER}/{number}.txt", b"")


def inner(room: zipfile.ZipFile, names: dict[str, str]) -> None:
    """An archive in the archive that claims to be the honest student's."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as other:
        other.writestr(f"../../a-honest/{ASSIGNMENT}/{NAME}", b"{}")
    room.writestr(f"{FOLDER}/more.zip", data.getvalue())


LINK = stat.S_IFLNK | 0o777
BENDS: dict[str, Bend] = {
    "climbs": entry("../../../../{OUTSIDE}/escaped"),
    "climbs-inside": entry(f"s-attacker/../a-honest/{ASSIGNMENT}/{NAME}"),
    "absolute": entry("{OUTSIDE}/escaped"),
    "backslashes": entry("..\\..\\..\\escaped"),
    "drive": entry("C:\\escaped.ipynb"),
    "links-to-a-file": entry(
        f"{FOLDER}/{NAME}", b"{OUTSIDE}/canary.txt", LINK
    ),
    "links-to-a-folder": entry(f"{FOLDER}/up", b"../a-honest", LINK),
    "links-to-the-source": entry(
        f"{FOLDER}/{NAME}",
        b"{COURSE}/source/ps98_walls/ps98_walls.ipynb",
        LINK,
    ),
    "device": entry(f"{FOLDER}/{NAME}", b"", stat.S_IFCHR | 0o666),
    "pipe": entry(f"{FOLDER}/{NAME}", b"", stat.S_IFIFO | 0o666),
    "set-user-id": entry(f"{FOLDER}/{NAME}", b"", 0o104777),
    "newline": entry(f"{FOLDER}/a\nb.ipynb", b""),
    "null": entry(f"{FOLDER}/a.ipynb\0.txt", b""),
    "folder-named-like-a-file": entry(f"a-honest/{ASSIGNMENT}/{NAME}/x"),
    "case": entry(f"A-HONEST/{ASSIGNMENT}/{NAME}", b""),
    "bomb": bomb,
    "many": many,
    "inner": inner,
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("archives") / "course"
    build([assignment()], "vi", root)
    return Course.open(root)


@pytest.mark.parametrize("name", BENDS)
def test_an_archive(name: str, course: Course, tmp_path: Path) -> None:
    with Host(tmp_path / "outside", course.root) as host:
        world = host.world(name)
        honest = hand_in(
            Case("honest", "x", student="a-honest"), world, tmp_path / "tree"
        )
        mine = (honest / NAME).read_bytes()
        path = tmp_path / "class.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as room:
            room.writestr(f"a-honest/{ASSIGNMENT}/{NAME}", mine)
            room.writestr(f"b-other/{ASSIGNMENT}/{NAME}", mine)
            BENDS[name](room, dict(world.names))
        collected = collect(course, ASSIGNMENT, path)
        taken = {s.receipt.student: s for s in collected.submissions()}
        for student in ("a-honest", "b-other"):
            assert taken[student].notebook == mine
        assignment = course.assignment(ASSIGNMENT)
        for submission in taken.values():
            rebuilt = rebuild(assignment, submission)
            told = repr((rebuilt.code, rebuilt.manual))
            assert not canaries(told), submission.receipt.student
            assert INSIDE not in told
        assert host.damage() == []
    assert not list(course.root.rglob("*escaped*"))


def test_a_name_that_looks_like_anothers_takes_nothing(
    course: Course, tmp_path: Path
) -> None:
    """In a heap of notebooks a student's file name is all that says whose it is."""
    with Host(tmp_path / "outside", course.root) as host:
        case = Case("honest", "x", student="a-heap")
        honest = hand_in(case, host.world("heap"), tmp_path / "tree")
    mine = (honest / NAME).read_bytes()
    heap = tmp_path / "heap"
    heap.mkdir()
    (heap / "c-heap.ipynb").write_bytes(mine)
    for name in ("a-heap", " a-heap", "=a-heap", "a-heap.", " a-heap"):
        other = mine if name == "a-heap" else mine + b" "
        (heap / f"{name}.ipynb").write_bytes(other)
        collected = collect(course, ASSIGNMENT, heap, layout="flat")
        taken = {s.receipt.student: s for s in collected.submissions()}
        assert taken["a-heap"].notebook == mine, name
        assert taken["a-heap"].receipt.origin["name"] == "a-heap"
