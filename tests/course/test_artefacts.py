"""Artefacts: made once, whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from aulac import scale
from aulac.cli import scale as scale_command
from aulac.export import to_hf
from aulac.lesson import artefacts, recipes
from aulac.lesson.artefacts import (
    ARTEFACTS,
    MARKER,
    exists,
    making,
    newest,
    path,
)
from aulac.lesson.recipes import need


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    """Recipes that only note that they ran."""
    calls = []

    def recipe(name):
        def run(row, out):
            calls.append(name)
            (out / "content").write_text(f"{name} {row.name}")

        return run

    fakes = {name: recipe(name) for name in ARTEFACTS}
    monkeypatch.setattr(recipes, "RECIPES", fakes)
    return calls


def test_importing_loads_no_torch():
    code = (
        "import sys, aulac.lesson.artefacts, aulac.lesson.recipes, aulac.scale, aulac.scale.flops, "
        "aulac.cli.train, aulac.cli.chat, aulac.cli.export, "
        "aulac.chat; "
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_need_makes_what_is_missing_first_and_only_once(made, capsys):
    folder = need("sft", "tiny")
    assert made == ["corpus", "tokenizer", "base", "sft"]
    assert (folder / "content").read_text() == "sft tiny"
    said = capsys.readouterr().out
    assert "Chưa có mô hình trò chuyện" in said and "(lesson 11)" in said
    need("sft", "tiny")
    assert len(made) == 4 and capsys.readouterr().out == ""


def test_a_failure_leaves_the_old_artefact(workspace):
    with making("base", "tiny") as folder:
        (folder / "content").write_text("old")
    with pytest.raises(RuntimeError), making("base", "tiny") as folder:
        (folder / "content").write_text("half")
        raise RuntimeError
    assert (path("base", "tiny") / "content").read_text() == "old"
    assert exists("base", "tiny")


def test_an_interrupted_making_goes_on_but_only_at_the_same_scale(monkeypatch):
    def attempt(resume):
        with making("base", "tiny", resume=resume) as folder:
            found = (folder / "step").exists()
            (folder / "step").write_text("")
            if not found:
                raise KeyboardInterrupt
        return found

    for resume in (True, False):
        with pytest.raises(KeyboardInterrupt):
            attempt(resume)
    assert attempt(resume=True) and exists("base", "tiny")
    with pytest.raises(KeyboardInterrupt):
        attempt(resume=True)
    monkeypatch.setattr(artefacts, "key", lambda name: "changed")
    with pytest.raises(KeyboardInterrupt):
        attempt(resume=True)


def test_an_exported_model_can_be_an_artefact(build, tokenizer):
    with making("welcome", "tiny") as folder:
        to_hf(build(), tokenizer, folder)
    assert (newest() / "model.safetensors").exists() and exists(
        "welcome", "tiny"
    )


def test_a_changed_scale_table_makes_artefacts_anew(made, monkeypatch):
    need("corpus", "tiny")
    monkeypatch.setattr(artefacts, "key", lambda name: "changed")
    assert not exists("corpus", "tiny")
    need("corpus", "tiny")
    assert made == ["corpus", "corpus"] and exists("corpus", "tiny")


def test_a_damaged_marker_is_no_artefact(made):
    folder = need("corpus", "tiny")
    (folder / MARKER).write_text("{")
    assert not exists("corpus", "tiny")


def test_two_at_once_make_it_once(made):
    threads = [
        threading.Thread(target=need, args=("corpus", "tiny")) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["corpus"] and exists("corpus", "tiny")


def test_the_newest_chat_model_is_found(made):
    assert newest() is None
    need("welcome", "tiny")
    assert newest() == path("welcome", "tiny")
    need("sft", "laptop")
    assert newest() == path("sft", "laptop") and newest("tiny") != newest()


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="there is no artefact 'x'"):
        path("x", "tiny")
    with pytest.raises(ValueError, match="choose one of tiny"):
        need("corpus", "huge")


def test_scale_is_chosen_by_name_then_environment_then_machine(monkeypatch):
    monkeypatch.setenv(scale.ENVIRONMENT, "laptop")
    assert scale.choose("t4")[0].name == "t4"
    chosen, reason = scale.choose()
    assert chosen.name == "laptop" and "AULAC_SCALE" in reason["vi"]
    monkeypatch.delenv(scale.ENVIRONMENT)
    for memory, name in ((0, "tiny"), (15, "t4"), (78, "gpu")):
        monkeypatch.setattr(
            "aulac.scale.table._gpu_memory", lambda memory=memory: memory
        )
        assert scale.choose()[0].name == name
    monkeypatch.setenv(scale.ENVIRONMENT, "huge")
    with pytest.raises(ValueError, match="no scale 'huge'"):
        scale.choose()


def test_the_table_names_every_scale_in_both_languages():
    out = (
        CliRunner()
        .invoke(scale_command.app, [], env={"COLUMNS": "200"})
        .output
    )
    for name in scale.SCALES:
        assert name in out
    assert "Máy này" in out and "This machine" in out


def test_a_key_follows_the_numbers():
    keys = {artefacts.key(name) for name in scale.SCALES}
    assert len(keys) == len(scale.SCALES)
    values = scale.get("tiny").describe()
    assert json.loads(json.dumps(values)) == values
