"""The watch over the host sees what it is there to see."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .host import Host
from .kit import Case, canaries, hand_in, notebook, reference
from .pages_check import dangers


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(tmp_path / "outside", tmp_path / "course") as host:
        yield host


def waited(host: Host, word: str) -> bool:
    """Does the host notice, within some seconds?"""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(word in sentence for sentence in host.damage()):
            return True
    return False


def test_a_quiet_host_is_undamaged(host: Host) -> None:
    host.world("quiet")
    assert host.damage() == []


def test_a_file_that_was_written_is_seen(host: Host) -> None:
    own = Path(host.world("writer").names["OUTSIDE"])
    (own / "escaped").write_text("x")
    (own / "canary.txt").write_text("x")
    assert [s.split(" was ")[1] for s in host.damage()] == [
        "overwritten",
        "written",
    ]


def test_a_connection_is_seen(host: Host) -> None:
    names = host.world("caller").names
    socket.create_connection(("127.0.0.1", int(names["PORT"]))).close()
    room = socket.socket(socket.AF_UNIX)
    room.connect(f"\0{names['ABSTRACT']}")
    room.close()
    assert waited(host, "0.0.0.0")
    assert waited(host, names["ABSTRACT"])


def test_a_process_that_was_left_is_seen(host: Host) -> None:
    mark = host.world("daemon").names["MARK"]
    code = "import sys; print(flush=True); sys.stdin.read()"
    left = subprocess.Popen(
        [sys.executable, "-c", code, mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert left.stdout is not None
    # Popen may return before the kernel has set the new command line
    left.stdout.readline()
    try:
        assert any(mark in line for line in host.processes(seconds=0.2))
    finally:
        left.communicate()
    assert host.processes() == []


def test_a_killed_bystander_is_seen(host: Host) -> None:
    host.bystander.kill()
    host.bystander.wait()
    assert host.damage() == ["the bystander was killed"]


def test_a_submission_is_the_reference_and_what_the_case_says(
    host: Host, tmp_path: Path
) -> None:
    case = Case(
        "mine",
        "A cell of its own.",
        answers={"p9-root": "root = '@PORT@'"},
        cells=(("p1-mean", "first = 1"), ("p1-mean", "second = 2")),
    )
    world = host.world(case.name)
    sources = [cell["source"] for cell in notebook(case, world)["cells"]]
    at = sources.index(reference()["p1-mean"])
    assert sources[at + 1 : at + 3] == ["first = 1", "second = 2"]
    assert f"root = '{host.port}'" in sources
    folder = hand_in(case, world, tmp_path / "submitted")
    for path in folder.iterdir():
        assert not canaries(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "html",
    [
        "<script>told_x()</script>",
        "<img src=x onerror=told_x()>",
        "<a href=' java\nscript:told_x()'>x</a>",
        "<iframe srcdoc='&lt;script>told_x()&lt;/script>'></iframe>",
        "<style>a{background:url(//evil.example)}</style>",
        "<img src='//evil.example/x'>",
    ],
)
def test_what_a_browser_would_run_is_seen(html: str) -> None:
    assert dangers(f"<p>{html}</p>")


def test_text_is_harmless() -> None:
    assert dangers("<p>&lt;script>told_x()&lt;/script> evil.example</p>") == []
