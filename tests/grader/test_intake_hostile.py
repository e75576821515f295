"""What must not be taken in: links, devices, bombs, lies, names that lead elsewhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import stat
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grader.intake_class import (
    DEVICE,
    FIFO,
    FILE,
    LINK,
    make_course,
    raw_entry,
    raw_zip,
    special,
    work,
    write_tree,
)
from tests.grader.rebuild_sample import NAME

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.intake import IntakeError, Receipt, collect
from aulac_grader.grade.intake.archives import ArchiveError, entries
from aulac_grader.grade.intake.caps import MB, Caps
from aulac_grader.grade.intake.entries import RefusedError
from aulac_grader.grade.intake.folders import walk

SECRET = b"the course's own secret"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    return make_course(tmp_path / "course")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with one honest student, `binh`, and `an`, who is about to try."""
    return write_tree(
        tmp_path / "in",
        {f"binh/{FILE}": work("binh"), f"an/{FILE}": work("an")},
    )


def codes(receipt: Receipt) -> list[str]:
    return [note.code for note in receipt.notes]


def taken(course: Course, source: Path, **options) -> tuple[Receipt, Receipt]:
    """Collect; nothing secret came in and Bình has all of hers; both receipts."""
    collected = collect(course, NAME, source, **options)
    assert sorted(collected.receipts) == ["an", "binh"]
    binh = collected.receipts["binh"]
    assert binh.notebook == FILE and binh.notes == ()
    for submission in collected.submissions():
        assert SECRET not in submission.to_bytes()
    return collected.receipts["an"], binh


# -- folders --------------------------------------------------------------------------


def test_links_are_not_followed(
    course: Course, source: Path, tmp_path: Path
) -> None:
    (source / "an" / FILE).unlink()
    (source / "an" / FILE).symlink_to(tmp_path / "secret.txt")
    (source / "an" / "all").symlink_to(tmp_path)
    (source / "an" / "dangling.py").symlink_to("/nowhere")
    (source / "an" / "round").symlink_to(source / "an")
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["no_notebook"] + ["link"] * 4
    assert receipt.files == ()


def test_a_student_whose_folder_is_a_link(
    course: Course, source: Path, tmp_path: Path
) -> None:
    (source / "chi").symlink_to(tmp_path / "course")
    collected = collect(course, NAME, source)
    assert sorted(collected.receipts) == ["an", "binh"]
    assert "chi" in collected.messages[0]


def test_a_submission_that_is_itself_a_link_or_empty(
    course: Course, source: Path
) -> None:
    write_tree(course.submitted, {f"binh/{NAME}/{FILE}": work("binh")})
    (course.submitted / "an").mkdir()
    (course.submitted / "an" / NAME).symlink_to(source)
    (course.submitted / "chi" / NAME).mkdir(parents=True)
    receipts = collect(course, NAME).receipts
    assert codes(receipts["an"]) == ["no_notebook", "link"]
    assert codes(receipts["chi"]) == ["no_notebook", "empty"]
    assert receipts["binh"].notebook == FILE


def test_devices_pipes_and_sockets(course: Course, source: Path) -> None:
    os.mkfifo(source / "an" / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "an" / "s.py"))
    count = 2
    if os.geteuid() == 0:
        os.mknod(
            source / "an" / "zero.ipynb",
            stat.S_IFCHR | 0o666,
            os.makedev(1, 5),
        )
        count = 3
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["not_a_file"] * count
    assert receipt.notebook == FILE


def test_hard_links_out_of_the_folder(
    course: Course, source: Path, tmp_path: Path
) -> None:
    os.link(tmp_path / "secret.txt", source / "an" / "notes.txt")
    os.link(source / "binh" / FILE, source / "an" / "copied.ipynb")
    (source / "binh" / FILE).rename(tmp_path / "kept")
    (source / "binh" / FILE).write_bytes(work("binh"))
    os.link(source / "an" / FILE, source / "an" / "same.txt")
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["hard_link", "hard_link"]
    assert {name for name, _, _ in receipt.files} == {FILE, "same.txt"}


def test_a_file_that_changes_between_listing_and_reading(
    source: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    listed = {e.parts: e for e in walk(source, Caps())}
    own = source / "an" / FILE
    own.unlink()
    own.symlink_to(tmp_path / "secret.txt")
    with pytest.raises(RefusedError, match="changed"):
        listed["an", FILE].read(MB)
    own.unlink()
    own.write_bytes(work("another inode"))
    (source / "an" / "x").write_bytes(b"keeps the old inode busy")
    own.rename(source / "an" / "moved")
    (tmp_path / "secret.txt").rename(own)
    with pytest.raises(RefusedError, match="changed"):
        listed["an", FILE].read(MB)
    (source / "binh").rename(source / "gone")
    (source / "binh").symlink_to(source / "gone")
    with pytest.raises(RefusedError, match="changed"):
        listed["binh", FILE].read(MB)


def test_sparse_and_giant_files(course: Course, source: Path) -> None:
    for name in (FILE, "data.npy"):
        with (source / "an" / name).open("wb") as file:
            file.truncate(1 << 40)
    start = time.process_time()
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["no_notebook", "too_large", "too_large"]
    assert receipt.notes[1].params == {"file": FILE, "limit": "32"}
    assert time.process_time() - start < 5


def test_too_much_in_all(course: Course, source: Path) -> None:
    for name in "abc":
        (source / "an" / f"{name}.csv").write_bytes(bytes(MB))
    caps = Caps(total=2 * MB + 200_000)
    receipt, _ = taken(course, source, caps=caps)
    assert [n for n, _, _ in receipt.files] == ["a.csv", "b.csv", FILE]
    assert [n.to_dict() for n in receipt.notes] == [
        {"code": "no_room", "params": {"file": "c.csv", "limit": 2}}
    ]


def test_too_many_files_and_folders(course: Course, source: Path) -> None:
    for number in range(300):
        (source / "an" / f"f{number:03}.txt").touch()
    deep = source / "an" / Path(*"abcdefghijklmnopq")
    deep.mkdir(parents=True)
    (deep / "x.py").touch()
    receipt, _ = taken(course, source, caps=Caps(seen=250, files=20))
    assert receipt.notebook == FILE
    assert len(receipt.files) == 20
    assert receipt.notes[-1].code == "more_files"
    assert len(receipt.notes) == 21


def test_folders_too_deep(course: Course, source: Path) -> None:
    deep = source / "an" / Path(*["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "x.py").touch()
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["too_deep"]


def test_names_that_are_no_text(course: Course, source: Path) -> None:
    folder = os.fsencode(source / "an")
    for name in (
        b"\xff\xfe.py",
        "gi\u202eyp.py".encode(),
        b"a\nb.py",
        b"\x1b[2J",
    ):
        os.mknod(folder + b"/" + name)
    os.mknod(folder + b"/C:x.py")
    os.mknod(folder + b"/a\\b")
    receipt, _ = taken(course, source)
    assert sorted(codes(receipt)) == ["bad_name"] * 4 + ["bad_path"] * 2
    for note in receipt.notes:
        for lang in ("vi", "en"):
            assert note.text(lang).isprintable()


def test_names_that_differ_only_in_case(course: Course, source: Path) -> None:
    (source / "an" / "Data.csv").write_bytes(b"1")
    (source / "an" / "data.csv").write_bytes(b"2")
    receipt, _ = taken(course, source)
    assert codes(receipt) == ["case"]
    assert {name for name, _, _ in receipt.files} == {FILE, "Data.csv"}


# -- zips -----------------------------------------------------------------------------


def in_zip(path: Path, *more) -> Path:
    """A zip of the two honest notebooks and `more` entries of `an`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"binh/{FILE}", work("binh"))
        archive.writestr(f"an/{FILE}", work("an"))
        for name, data in more:
            archive.writestr(name, data)
    return path


def raw(path: Path, *more) -> Path:
    own = [raw_entry(f"binh/{FILE}".encode(), work("binh"))]
    own.append(raw_entry(f"an/{FILE}".encode(), work("an")))
    path.write_bytes(raw_zip([*own, *more]))
    return path


def test_links_and_devices_in_a_zip(course: Course, tmp_path: Path) -> None:
    path = in_zip(
        tmp_path / "in.zip",
        special("an/link.ipynb", LINK, b"/etc/passwd"),
        special("an/up", LINK, b"../../.."),
        special("an/pipe", FIFO, b""),
        special("an/null", DEVICE, b""),
    )
    receipt, _ = taken(course, path)
    assert codes(receipt) == ["link", "not_a_file", "not_a_file", "link"]


@pytest.mark.parametrize(
    "name",
    [
        "an/../../../evil.py",
        "an/..\\..\\evil.py",
        "an/C:\\evil.py",
        "an/a\0b.py",
        "an/" + "x" * 256,
        "an/\x07bell",
        "an/a//b",
        "an/./b",
        "an/" + "d/" * 20 + "x",
    ],
)
def test_names_in_a_zip(course: Course, tmp_path: Path, name: str) -> None:
    path = raw(tmp_path / "in.zip", raw_entry(name.encode(), b"x"))
    receipt, _ = taken(course, path)
    assert len(receipt.notes) == 1
    assert receipt.notes[0].code in {
        "bad_path",
        "bad_name",
        "long_name",
        "too_deep",
    }
    assert [n for n, _, _ in receipt.files] == [FILE]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../evil", "..", "", "\\\\host\\share\\x", "C:\\x"]
)
def test_names_that_are_nobodys(
    course: Course, tmp_path: Path, name: str
) -> None:
    path = raw(tmp_path / "in.zip", raw_entry(name.encode(), SECRET))
    collected = collect(course, NAME, path, layout="folders")
    for submission in collected.submissions():
        assert submission.receipt.student in {"an", "binh"} or (
            submission.notebook is None and not submission.files
        )
    assert {"an", "binh"} <= set(collected.receipts)
    assert not (tmp_path / "evil").exists()


def test_a_bomb_by_its_ratio(course: Course, tmp_path: Path) -> None:
    path = in_zip(tmp_path / "in.zip", ("an/zeros.npy", bytes(64 * MB)))
    receipt, _ = taken(course, path)
    assert codes(receipt) == ["bomb"]


def test_a_bomb_that_lies_about_its_size(
    course: Course, tmp_path: Path
) -> None:
    body = bytes(80 * MB)
    path = raw(
        tmp_path / "in.zip",
        raw_entry(b"an/a.bin", body, size=1000, crc=1),
        raw_entry(b"an/b.bin", b"abc", size=3 * MB),
        raw_entry(b"an/c.bin", b"abc", local={"size": 999}),
        raw_entry(b"an/d.bin", b"abc", crc=5),
        raw_entry(b"an/e.bin", b"abc" * 9, method=0, size=3),
    )
    del body
    tracemalloc.start()
    receipt, _ = taken(course, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes(receipt) == ["damaged"] * 5
    assert peak < 30 * MB


def test_a_bomb_of_overlapping_entries(course: Course, tmp_path: Path) -> None:
    """As in Fifield, A better zip bomb (WOOT 2019): many entries, one kernel."""
    kernel = raw_entry(b"an/k.bin", bytes(4 * MB))
    shared = [
        kernel | {"name": f"an/{i:04}.bin".encode(), "at": 0}
        for i in range(2000)
    ]
    honest = raw_entry(f"binh/{FILE}".encode(), work("binh"))
    path = tmp_path / "in.zip"
    path.write_bytes(raw_zip([kernel, *shared, honest]))
    receipt, _ = taken(course, path)
    assert receipt.files == ()
    assert set(codes(receipt)) == {"bomb", "more_files", "no_notebook"}


def test_a_bomb_of_zips_in_zips_is_never_opened(
    course: Course, tmp_path: Path
) -> None:
    inner = bytes(10 * MB)
    for level in range(6):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(1 if level == 0 else 16):
                archive.writestr(f"{number}.zip", inner)
        inner = packed.getvalue()
    path = in_zip(
        tmp_path / "in.zip", ("an/42.zip", inner), ("an/b.RAR", b"x")
    )
    receipt, _ = taken(course, path)
    assert codes(receipt) == ["archive", "archive"]


def test_encrypted_and_oddly_packed_entries(
    course: Course, tmp_path: Path
) -> None:
    path = raw(
        tmp_path / "in.zip",
        raw_entry(b"an/secret.py", b"abc", flags=1),
        raw_entry(b"an/odd.py", b"abc", method=97),
    )
    receipt, _ = taken(course, path)
    assert sorted(codes(receipt)) == ["encrypted", "method"]


def test_the_same_name_twice(course: Course, tmp_path: Path) -> None:
    path = raw(
        tmp_path / "in.zip",
        raw_entry(b"an/x.csv", b"first"),
        raw_entry(b"an/x.csv", b"last"),
    )
    collected = collect(course, NAME, path)
    an = next(s for s in collected.submissions() if s.receipt.student == "an")
    assert an.files == (("x.csv", b"last"),)
    assert codes(an.receipt) == ["same_name"]


def test_entries_that_point_outside_the_archive(
    course: Course, tmp_path: Path
) -> None:
    entry = raw_entry(b"an/x.bin", b"abc")
    path = raw(
        tmp_path / "in.zip",
        entry | {"at": 10**9},
        entry | {"claim": 10**9, "name": b"an/y.bin"},
    )
    receipt, _ = taken(course, path)
    assert codes(receipt) == ["damaged", "damaged"]


@pytest.mark.parametrize("keep", [0, 10, 200, -1, -30])
def test_a_zip_cut_short(course: Course, tmp_path: Path, keep: int) -> None:
    path = in_zip(tmp_path / "whole.zip")
    (tmp_path / "in.zip").write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntakeError, match="Download it again"):
        collect(course, NAME, tmp_path / "in.zip")
    assert not (course.grading / NAME / "receipts.jsonl").exists()


def test_caps_on_the_archive_as_a_whole(tmp_path: Path) -> None:
    path = in_zip(tmp_path / "in.zip", *[(f"an/{i}", b"") for i in range(9)])
    for caps in (Caps(entries=10), Caps(directory=200), Caps(archive=500)):
        with path.open("rb") as file, pytest.raises(ArchiveError):
            entries(file, caps)


def test_a_comment_that_looks_like_an_end(
    course: Course, tmp_path: Path
) -> None:
    path = tmp_path / "in.zip"
    own = [
        raw_entry(f"binh/{FILE}".encode(), work("binh")),
        raw_entry(f"an/{FILE}".encode(), work("an")),
    ]
    path.write_bytes(raw_zip(own, comment=raw_zip([])[:20] + b"!!"))
    taken(course, path)


def test_our_reader_agrees_with_pythons(tmp_path: Path) -> None:
    bodies = {f"s{i}/tệp {i}.bin": os.urandom(i * 997) for i in range(40)}
    path = tmp_path / "in.zip"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in bodies.items():
                with archive.open(name, "w", force_zip64=True) as out:
                    out.write(data)
        with path.open("rb") as file:
            found = {
                "/".join(e.parts): e.read(MB) for e in entries(file, Caps())
            }
        assert found == bodies


def test_a_zip_written_to_a_pipe_has_descriptors(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("an/a.txt", b"abc" * 100)
    found = entries(io.BytesIO(pipe.getvalue()), Caps())
    assert [entry.read(MB) for entry in found] == [b"abc" * 100]


@settings(max_examples=150)
@given(st.data())
def test_a_zip_with_bytes_changed_never_breaks_the_reader(
    data: st.DataObject,
) -> None:
    body = bytearray(
        raw_zip([raw_entry(b"an/a", b"a" * 99), raw_entry(b"b/b", b"bcd")])
    )
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    try:
        found = entries(io.BytesIO(bytes(body)), Caps())
    except ArchiveError:
        return
    for entry in found:
        with contextlib.suppress(RefusedError):
            assert len(entry.read(MB)) <= MB


NAMES = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."})


@settings(max_examples=25)
@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=5))
def test_any_names_and_bytes_of_one_student_leave_the_other_alone(
    files: list[tuple[str, bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        course = make_course(root / "course")
        source = write_tree(root / "in", {f"binh/{FILE}": work("binh")})
        (source / "an").mkdir()
        (source / "an" / "x.txt").touch()
        for name, data in files:
            if len(name.encode()) <= 255:
                (source / "an" / name).write_bytes(data)
        receipt, _ = taken(course, source)
        json.dumps(receipt.to_dict())
        assert Receipt.from_dict(receipt.to_dict()) == receipt
