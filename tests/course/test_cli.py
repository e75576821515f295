"""The `aulac` command as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
import typer

from aulac.cli import GROUP, doctor

VERBS = sorted(entry.name for entry in entry_points(group=GROUP))


def aulac(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aulac.cli", *arguments],
        capture_output=True,
        text=True,
    )


def test_help_lists_every_verb_in_both_languages():
    done = aulac("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert f" {verb} " in done.stdout
    assert "tiếng Việt" in done.stdout and "Vietnamese" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_loads_without_torch(verb):
    code = (
        "import sys; from importlib.metadata import entry_points;"
        f"next(e for e in entry_points(group={GROUP!r}) if e.name == {verb!r}).load();"
        "sys.exit(','.join(n for n in ('torch', 'transformers') if n in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stderr.strip() == ""
    assert done.returncode == 0


def test_unknown_verb_is_named():
    done = aulac("no-such-verb")
    assert done.returncode == 2
    assert "no-such-verb" in done.stderr


def test_doctor_reports_one_json_object_per_check():
    done = aulac("doctor", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding["name"] for finding in findings][:3] == [
        "Python",
        "packages",
        "torch",
    ]
    assert done.returncode == int(any(f["status"] == "bad" for f in findings))
    for finding in findings:
        # Whoever is told that something is not right is told what to do, twice.
        if finding["status"] == "bad":
            assert finding["vi"] and finding["en"]


def test_doctor_says_what_to_do_when_a_check_breaks(monkeypatch):
    def check_broken() -> doctor.Finding:
        raise OSError("no such device")

    monkeypatch.setattr(doctor, "CHECKS", (check_broken,))
    (finding,) = doctor.examine()
    assert finding.status == "bad" and finding.name == "broken"
    assert "no such device" in finding.found


def test_doctor_on_a_folder_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = doctor.check_disk()
    assert finding.status == "bad" and "AULAC_WORKSPACE" in finding.en


def test_doctor_with_little_memory(monkeypatch):
    import psutil

    class Memory:
        available, total = 2**30, 4 * 2**30

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    finding = doctor.check_memory()
    assert finding.status == "note" and "--jobs 1" in finding.en


@pytest.mark.parametrize(
    "words",
    [["scale", "--nope"], ["chat", "--nope"], ["corpus", "build", "-x"]],
)
def test_a_wrong_command_line_is_explained_in_both_languages(words):
    done = aulac(*words)
    assert done.returncode == 2 and "Error" in done.stderr
    said = f"xem `aulac {' '.join(w for w in words if w.isalpha() and w != 'nope')}"
    assert "Câu lệnh chưa đúng" in done.stderr and said in done.stderr


def test_a_verb_alone_shows_its_help_and_no_mistake():
    done = aulac("corpus")
    assert "build" in done.stdout and "chưa đúng" not in done.stderr


def test_no_verb_offers_to_install_completion():
    for entry in entry_points(group=GROUP):
        command = typer.main.get_command(entry.load())
        options = {word for param in command.params for word in param.opts}
        assert "--install-completion" not in options, entry.name


def test_a_scale_that_is_not_there_is_two_sentences(monkeypatch):
    monkeypatch.setenv("AULAC_SCALE", "huge")
    done = aulac("scale")
    assert done.returncode == 1
    vi, en = done.stderr.splitlines()
    assert vi.startswith("Lỗi: AULAC_SCALE") and "tiny, laptop, t4, gpu" in vi
    assert en.startswith("Error: AULAC_SCALE") and "'huge'" in en
