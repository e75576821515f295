"""`aulac chat` and `aulac train` as a user meets them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from aulac import artefacts, chat_command, train_command
from aulac.corpus import read
from aulac.export import from_hf, to_hf
from aulac.scale import SCALES, Scale

RUN = CliRunner()


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    return tmp_path


@pytest.fixture
def folder(tmp_path, build, tokenizer):
    return to_hf(build(context=100), tokenizer, tmp_path / "model")


def test_without_a_model_it_says_how_to_get_one():
    result = RUN.invoke(chat_command.app, ["--prompt", "Chào bạn"])
    assert result.exit_code == 1
    assert (
        "chưa có mô hình" in result.output and "make course" in result.output
    )
    assert "Traceback" not in result.output


def test_a_folder_without_a_model_is_named(tmp_path):
    result = RUN.invoke(chat_command.app, ["--model", str(tmp_path / "no")])
    assert result.exit_code == 1 and "không nạp được mô hình" in result.output


def test_every_prompt_is_answered(folder):
    options = ["--model", str(folder), "--max-tokens", "5"]
    asked = ["--prompt", "Chào bạn, bạn là ai?", "--prompt", "Kể chuyện mèo."]
    result = RUN.invoke(chat_command.app, [*options, *asked])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert (
        "Bạn: Chào bạn, bạn là ai?" in lines and "Bạn: Kể chuyện mèo." in lines
    )
    assert sum(line.startswith("Âu Lạc: ") for line in lines) == 2


def test_a_conversation_ends_at_the_word_or_the_end_of_input(folder):
    options = ["--model", str(folder), "--max-tokens", "3"]
    for said in ("Chào\n\n/thoát\nthừa\n", "Chào\n"):
        result = RUN.invoke(chat_command.app, options, input=said)
        assert result.exit_code == 0 and result.output.count("Âu Lạc: ") == 1


def test_it_speaks_utf8_in_any_terminal(folder):
    code = "from aulac.chat_command import app; app()"
    options = [
        "--model",
        str(folder),
        "--max-tokens",
        "3",
        "--prompt",
        "Chào bạn ế",
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", code, *options],
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "Bạn: Chào bạn ế\nÂu Lạc: " in done.stdout.decode()


@pytest.fixture
def small(monkeypatch, workspace, tokenizer, sentences):
    """A scale that trains in a second, its corpus and tokenizer ready."""
    values = SCALES["tiny"].describe() | {
        "name": "small",
        "depth": 1,
        "width": 32,
    }
    values |= {
        "heads": 2,
        "kv_heads": 1,
        "head_dim": 16,
        "ff": 32,
        "context": 64,
    }
    values |= {"batch": 2, "steps": 6, "sft_steps": 4, "conversations": 20}
    monkeypatch.setitem(SCALES, "small", Scale(**values))
    monkeypatch.setattr("aulac.recipes.corpus_texts", lambda folder: sentences)
    with artefacts.making("corpus", "small"):
        pass
    with artefacts.making("tokenizer", "small") as folder:
        tokenizer.save(folder)


def test_train_makes_a_model_that_loads(small, workspace):
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 0, result.output
    model, _ = from_hf(workspace / "small" / "trained" / "model")
    assert model.config.depth == 1 and not model.training
    assert str(workspace / "small" / "trained" / "model") in result.output


def test_train_refuses_in_both_languages(small, workspace):
    result = RUN.invoke(train_command.app, ["--scale", "huge"])
    assert result.exit_code == 1 and "no scale 'huge'" in result.output
    (workspace / "file").write_text("")
    out = str(workspace / "file" / "x")
    result = RUN.invoke(train_command.app, ["--scale", "small", "--out", out])
    assert result.exit_code == 1
    assert "Lỗi:" in result.output and "Error:" in result.output


def test_base_and_chat_recipes_hand_on(small, workspace):
    folder = artefacts.need("sft", "small")
    model, tokenizer = from_hf(folder)
    assert model.config.vocab_size == tokenizer.vocab_size
    assert {"tuning.jsonl"} <= {file.name for file in folder.iterdir()}
    base = artefacts.path("base", "small")
    assert (base / "run.jsonl").exists() and not (base / "work").exists()


def test_the_model_of_a_scale_can_be_asked_for(small, build, tokenizer):
    options = ["--scale", "small", "--max-tokens", "3", "--prompt", "Chào"]
    result = RUN.invoke(chat_command.app, options)
    assert result.exit_code == 1 and "chưa có mô hình" in result.output
    with artefacts.making("welcome", "small") as folder:
        to_hf(build(context=100), tokenizer, folder)
    result = RUN.invoke(chat_command.app, options)
    assert result.exit_code == 0 and "Âu Lạc: " in result.output
    result = RUN.invoke(chat_command.app, ["--scale", "no"])
    assert result.exit_code == 1 and "không có quy mô 'no'" in result.output


@pytest.mark.parametrize("damage", ["cut", "other sizes", "config"])
def test_a_damaged_model_is_two_sentences(folder, damage):
    weights, config = folder / "model.safetensors", folder / "config.json"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "config":
        config.write_text("{")
    else:
        text = config.read_text().replace(
            '"hidden_size": 32', '"hidden_size": 64'
        )
        config.write_text(text)
    result = RUN.invoke(chat_command.app, ["--model", str(folder)])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and en.startswith("Error: ")
    assert "train anew" in en


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (lambda folder: [], "the corpus is empty"),
        (lambda folder: read(folder / "train.jsonl"), "no corpus file"),
    ],
)
def test_train_without_texts_is_two_sentences(small, monkeypatch, texts, said):
    monkeypatch.setattr("aulac.recipes.corpus_texts", texts)
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and said in en
