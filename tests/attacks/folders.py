"""Attacks on the way in: bytes that are no notebook, and what lies in the folder."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from .kit import ASSIGNMENT, EVERY, Book, Case, World

NAME = f"{ASSIGNMENT}.ipynb"

# -- bytes that are no notebook --------------------------------------------------------

WRITTEN: dict[str, bytes | Callable[[Book], bytes]] = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "number": b"1e999",
    "words": "Em xin lỗi thầy.".encode(),
    "cut-off": lambda book: json.dumps(book).encode()[:-2000],
    "no-cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "cells-are-text": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, '
    b'"cells": "x"}',
    "cells-are-odd": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], '
    b'"cells": [1, null, "x", [], {}, {"cell_type": "code"}, '
    b'{"cell_type": [], "source": {}, "metadata": 3}]}',
    "format-of-tomorrow": b'{"nbformat": 99, "nbformat_minor": 0, "cells": []}',
    "format-of-yesterday": b'{"nbformat": 2, "worksheets": [{"cells": [{}]}]}',
    "format-is-text": b'{"nbformat": "4", "nbformat_minor": [], "cells": []}',
    "latin": "é".encode("latin-1") * 99,
    "utf-16": lambda book: json.dumps(book).encode("utf-16"),
    "nulls": bytes(9999),
    "surrogates": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": '
    b'{"\\ud800": "\\udfff"}, "cells": [{"cell_type": "markdown", '
    b'"metadata": {}, "source": "\\ud83d"}]}',
    "repeated-keys": lambda book: (
        json.dumps(book)
        .replace('"cells":', '"cells": [], "cells": [], "cells":', 1)
        .encode()
    ),
    "pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06"
    b"system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
}
BYTES = [
    Case(
        f"bytes-{name}",
        f"The notebook's bytes are no notebook: {name.replace('-', ' ')}.",
        written=what if callable(what) else (lambda book, b=what: b),
        ruins=True,
    )
    for name, what in WRITTEN.items()
]

# -- what lies in the folder -----------------------------------------------------------


def linked_notebook(folder: Path, world: World) -> None:
    """The notebook is a link to the reference."""
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(
        Path(world.names["COURSE"]) / "source" / ASSIGNMENT / NAME
    )


def hard_linked_notebook(folder: Path, world: World) -> None:
    (folder / NAME).unlink()
    source = Path(world.names["COURSE"]) / "source" / ASSIGNMENT / NAME
    os.link(source, folder / NAME)


def links(folder: Path, world: World) -> None:
    outside = Path(world.names["OUTSIDE"])
    (folder / "canary.txt").symlink_to(outside / "canary.txt")
    (folder / "folder").symlink_to(outside, target_is_directory=True)
    (folder / "loop").symlink_to("loop")
    (folder / "squares.npy").symlink_to(outside / "canary.txt")
    (folder / "up").symlink_to("../../../source", target_is_directory=True)


def linked_folder(folder: Path, world: World) -> None:
    """The whole submission is a link to the instructor's source."""
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.symlink_to(Path(world.names["COURSE"]) / "source" / ASSIGNMENT)


def devices(folder: Path, world: World) -> None:
    os.mkfifo(folder / "fifo.ipynb")
    os.mkfifo(folder / "squares.npy")
    if os.getuid() == 0:
        os.mknod(folder / "zero", 0o20666, os.makedev(1, 5))


def notebook_is_fifo(folder: Path, world: World) -> None:
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME)


def notebook_is_folder(folder: Path, world: World) -> None:
    (folder / NAME).unlink()
    (folder / NAME).mkdir()


def colliding_names(folder: Path, world: World) -> None:
    """Names that differ in case, in Unicode's form, or in what cannot be seen."""
    data = (folder / NAME).read_bytes()
    (folder / NAME.upper()).write_bytes(b"{}")
    (folder / f"{ASSIGNMENT}.IPYNB").write_bytes(b"{}")
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "bài làm.ipynb")
        (folder / name).write_bytes(data if form == "NFC" else b"{}")
    (folder / f"{ASSIGNMENT}\u200b.ipynb").write_bytes(b"{}")


def odd_names(folder: Path, world: World) -> None:
    for name in (
        "-rf",
        "a\nb.txt",
        "=cmd|' C calc'!A0.csv",
        "<img src=x onerror=told()>.txt",
        "\u202egnp.exe",
        "%2e%2e%2fescaped",
        "..\\..\\escaped",
        "CON.txt",
        "x" * 240,
        "\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1"),
    ):
        (folder / name).write_text("x")
    raw = os.fsencode(folder) + b"/\xff\xfe.txt"
    Path(os.fsdecode(raw)).write_text("x")


def shadowing_modules(folder: Path, world: World) -> None:
    """Files named like modules, found first by whoever runs in that folder."""
    evil = f"open({world.names['OUTSIDE'] + '/escaped'!r}, 'w').write('x')\n"
    for name in (
        "numpy",
        "torch",
        "msgpack",
        "sitecustomize",
        "json",
        "aulac",
    ):
        (folder / f"{name}.py").write_text(evil)
    for name in ("conftest.py", "nbgrader_config.py", "x.pth", "kernel.json"):
        (folder / name).write_text(evil)
    ipython = folder / ".ipython" / "profile_default" / "startup"
    ipython.mkdir(parents=True)
    (ipython / "00.py").write_text(evil)


def own_timestamp(folder: Path, world: World) -> None:
    (folder / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    os.utime(folder / NAME, (0, 0))


def unreadable(folder: Path, world: World) -> None:
    (folder / "closed.txt").write_text("x")
    (folder / "closed.txt").chmod(0)
    (folder / "set-user-id").write_text("#!/bin/sh\nid\n")
    (folder / "set-user-id").chmod(0o6777)


FOLDERS = [
    Case(
        "linked-notebook",
        "The notebook is a link to the reference.",
        lay=linked_notebook,
        loses=EVERY,
    ),
    Case(
        "hard-linked-notebook",
        "The notebook is the reference, by a hard link.",
        lay=hard_linked_notebook,
        ruins=True,
    ),
    Case("links", "Links to files and folders of the host.", lay=links),
    Case(
        "linked-folder",
        "The submission's folder is a link to the source.",
        lay=linked_folder,
        loses=EVERY,
    ),
    Case("devices", "Pipes and devices that nobody may open.", lay=devices),
    Case(
        "notebook-is-fifo",
        "The notebook is a pipe.",
        lay=notebook_is_fifo,
        loses=EVERY,
    ),
    Case(
        "notebook-is-folder",
        "The notebook is a folder.",
        lay=notebook_is_folder,
        loses=EVERY,
    ),
    Case(
        "colliding-names",
        "Names that differ in what the eye cannot see.",
        lay=colliding_names,
        ruins=True,
    ),
    Case(
        "odd-names",
        "Names that are options, formulas, paths, scripts, no text.",
        lay=odd_names,
    ),
    Case(
        "shadowing-modules",
        "Files named like the modules that the grader imports.",
        lay=shadowing_modules,
        ruins=True,
    ),
    Case(
        "own-timestamp",
        "A time of submission written by the student.",
        lay=own_timestamp,
    ),
    Case(
        "unreadable",
        "A file that may not be read, one that would run as another.",
        lay=unreadable,
    ),
]
STUDENTS = [
    Case(
        f"student-{label}",
        "The student is named like something else.",
        student=name,
        ruins=True,
    )
    for label, name in {
        "formula": "=HYPERLINK(1)",
        "script": "<script>told()<",
        "option": "--help",
        "quote": "o'; drop table student; --",
        "dots": "...",
        "spaces": " an ",
        "vietnamese": "Nguyễn Văn Ẩn",
        "spread": unicodedata.normalize("NFD", "ẩn"),
        "newline": "a\nb",
        "long": "x" * 200,
        "database": "gradebook.db",
        "percent": "%2e%2e",
        "template": "{{7*7}}{%x%}",
        "like-another-space": " a-complete",
        "like-another-dot": "a-complete.",
        "like-another-formula": "=a-complete",
        "like-another-capital": "A-complete",
    }.items()
]

CASES = [*BYTES, *FOLDERS, *STUDENTS]
