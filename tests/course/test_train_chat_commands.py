"""`aulac chat` and `aulac train` as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
from typer.testing import CliRunner

from aulac.cli import chat as chat_command
from aulac.cli import train as train_command
from aulac.export import from_hf, to_hf
from aulac.lesson import artefacts, recipes
from aulac.scale import SCALES, Scale
from aulac.scale.curve import read_log
from aulac.train import progress
from aulac.train.checkpoint import exclusive

RUN = CliRunner()


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    monkeypatch.setattr("aulac.lesson.shipped.PLACE", tmp_path / "nothing")
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
    code = "from aulac.cli.chat import app; app()"
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
    with artefacts.making("corpus", "small") as folder:
        write_corpus(folder, sentences)
    with artefacts.making("tokenizer", "small") as folder:
        tokenizer.save(folder)


def write_corpus(folder, texts):
    """Texts as `aulac corpus build` leaves them, every tenth held out."""
    folder.mkdir(exist_ok=True)
    for name, some in (("train", texts), ("validation", texts[::10])):
        lines = [
            json.dumps({"text": text, "source": "x", "licence": "y"})
            for text in some
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def test_train_makes_a_model_that_loads(small, workspace):
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 0, result.output
    made = workspace / "small" / "trained"
    model, _ = from_hf(made / "model")
    assert model.config.depth == 1 and not model.training
    assert str(made / "model") in result.output
    assert "chat_template" not in "".join(
        file.read_text() for file in (made / "model").glob("tokenizer_*.json")
    )


def test_train_says_what_it_will_take_and_what_it_took(small, workspace):
    options = ["--scale", "small", "--price", "3600", "--validate", "3"]
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 0, result.output
    before, after = result.output.index("predicted"), "measured"
    assert before < result.output.index(after)
    assert "held-out text: " in result.output
    made = workspace / "small" / "trained"
    kept = json.loads((made / "forecast.json").read_text("utf-8"))
    forecast, measured = kept["forecast"], kept["measured"]
    model, _ = from_hf(made / "model")
    assert forecast["parameters"] == model.count()
    assert forecast["tokens"] == measured["tokens"] == 6 * 2 * 64
    assert measured["dong"] == pytest.approx(measured["seconds"])
    log = read_log(made / "work" / "run" / "log.jsonl")
    assert 0 < log[-1]["mfu"] < 1 and log[-1]["validation"] > 0


def test_a_step_in_passes_gives_the_same_weights(small, workspace):
    for passes in ("1", "2"):
        options = ["--scale", "small", "--accumulation", passes]
        out = str(workspace / passes)
        result = RUN.invoke(train_command.app, [*options, "--out", out])
        assert result.exit_code == 0, result.output
    one, two = (from_hf(workspace / n / "model")[0] for n in ("1", "2"))
    for ours, theirs in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_a_dry_run_predicts_and_leaves_nothing(small, workspace, monkeypatch):
    here = set(workspace.rglob("*"))
    options = ["--scale", "small", "--dry-run"]
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 0 and "predicted" in result.output
    assert set(workspace.rglob("*")) == here
    monkeypatch.setattr(
        "aulac.scale.hardware.free_memory", lambda device: 1_600_000
    )
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 1
    assert "hãy dùng --accumulation 2" in result.stderr
    assert "use --accumulation 2" in result.stderr
    monkeypatch.setattr(
        "aulac.scale.hardware.free_memory", lambda device: 1000
    )
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 1 and "a smaller scale" in result.stderr


def test_depth_builds_the_gpu_scale():
    options = ["--depth", "4", "--dry-run"]
    result = RUN.invoke(train_command.app, options)
    assert "scale gpu" in result.output and "11.3 M" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scale", "tiny", "--depth", "12"], "--depth is for scale gpu"),
        (["--depth", "5"], "give an even number"),
        (["--scale", "tiny", "--precision", "fp8"], "choose auto, fp32"),
        (["--scale", "tiny", "--precision", "fp16"], "fp16 is for a GPU"),
        (["--scale", "tiny", "--accumulation", "3"], "one of 1, 2, 5, 10"),
        (["log.jsonl"], "to draw logs, give --plot"),
        (["--plot"], "needs at least one log"),
        (["--plot", "nowhere"], "there is no log at nowhere"),
        ([], "AULAC_SCALE: there is no scale 'nonsense'"),
        (["--depth", "1000000"], "an even number from 4 to 128"),
        (["--tokenizer", "nowhere"], "no tokenizer at nowhere"),
    ],
)
def test_a_bad_option_is_two_sentences(options, said, monkeypatch):
    monkeypatch.setenv("AULAC_SCALE", "nonsense" if not options else "tiny")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = RUN.invoke(train_command.app, [*options, "--dry-run"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and en.startswith("Error: ") and said in en


def test_logs_are_drawn_in_the_terminal_and_as_a_picture(tmp_path):
    log, out = tmp_path / "log.jsonl", tmp_path / "x.png"
    lines = [
        {"step": n, "steps": 30, "loss": 9 - n / 10} for n in (10, 20, 30)
    ]
    log.write_text("\n".join(map(json.dumps, lines)))
    options = ["--plot", str(log), "--out", str(out)]
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 0, result.output
    assert "loss 6.0000" in result.output and out.stat().st_size > 1000
    assert any(0x2800 < ord(letter) <= 0x28FF for letter in result.output)
    options[-1] = str(tmp_path / "nowhere" / "x.png")
    result = RUN.invoke(train_command.app, options)
    assert (
        result.exit_code == 1 and "cannot write the picture" in result.stderr
    )


def test_what_stands_where_the_model_goes_is_seen_before_training(
    small, workspace
):
    (workspace / "run" / "model").mkdir(parents=True)
    (workspace / "run" / "model" / "thesis.txt").write_text("")
    options = ["--scale", "small", "--out", str(workspace / "run")]
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 1 and "đang chứa thứ khác" in result.stderr
    assert not (workspace / "run" / "work").exists()


def test_train_refuses_in_both_languages(small, workspace):
    result = RUN.invoke(train_command.app, ["--scale", "huge"])
    assert result.exit_code == 1 and "no scale 'huge'" in result.output
    (workspace / "file").write_text("")
    out = str(workspace / "file" / "x")
    result = RUN.invoke(train_command.app, ["--scale", "small", "--out", out])
    assert result.exit_code == 1
    assert "Lỗi:" in result.output and "Error:" in result.output


def test_base_and_chat_recipes_hand_on(small, workspace):
    folder = recipes.need("sft", "small")
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
    ("damage", "said"),
    [
        (lambda file: file.write_text(""), "the corpus is empty"),
        (lambda file: file.unlink(), "no corpus file"),
        (lambda file: file.write_bytes(b"\xca\xfe" * 99), "not a corpus rec"),
        (lambda file: file.write_text("5\n"), "Line 1"),
        (lambda file: file.write_text('{"text": "a"}\n'), "give more text"),
    ],
)
def test_train_without_texts_is_two_sentences(small, damage, said):
    damage(artefacts.path("corpus", "small") / "train.jsonl")
    options = ["--scale", "small", "--validate", "0"]
    result = RUN.invoke(train_command.app, options)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and said in en


def test_held_out_texts_that_cannot_be_read_are_named(small):
    folder = artefacts.path("corpus", "small")
    (folder / "validation.jsonl").write_bytes(b"\xca\xfe\n")
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 1 and "validation.jsonl" in result.stderr


def test_shards_of_other_texts_are_not_read_on(small, workspace, sentences):
    """The same vocabulary size, other words: nothing else would notice."""
    from aulac.tokenizer import train

    given = ["--scale", "small", "--out", str(workspace / "run")]
    assert RUN.invoke(train_command.app, given).exit_code == 0
    train(sentences[40:], 300, superwords=False, progress=False).save(
        workspace / "words"
    )
    write_corpus(workspace / "texts", sentences[:50])
    for other in ("--tokenizer", "words"), ("--corpus", "texts"):
        options = [*given, other[0], str(workspace / other[1])]
        result = RUN.invoke(train_command.app, options)
        assert result.exit_code == 1
        assert "shards of another corpus or tokenizer" in result.stderr
        assert "bộ tách token khác" in result.stderr
    anew = RUN.invoke(train_command.app, [*options, "--no-resume"])
    assert anew.exit_code == 0, anew.output


def test_a_run_that_goes_on_is_not_deleted(small, workspace):
    given = ["--scale", "small", "--out", str(workspace / "run")]
    assert RUN.invoke(train_command.app, given).exit_code == 0
    work = workspace / "run" / "work" / "run"
    with exclusive(work):
        refused = RUN.invoke(train_command.app, [*given, "--no-resume"])
    assert refused.exit_code == 1 and "another process" in refused.stderr
    assert (work / "checkpoint.pt").exists()


def test_sigterm_says_that_the_work_is_kept(small, workspace, monkeypatch):
    held = progress.interrupts

    @contextmanager
    def interrupts(patient=False):
        with held(patient) as asked:
            os.kill(os.getpid(), signal.SIGTERM)
            yield asked

    monkeypatch.setattr("aulac.train.loop.interrupts", interrupts)
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 143
    assert "phần đã xong được giữ lại" in result.stderr
    assert "finished work is kept" in result.stderr
    run = workspace / "small" / "trained" / "work" / "run"
    assert (run / "checkpoint.pt").exists()


def test_a_model_that_can_never_fit_is_refused(small, monkeypatch):
    """Begun all the same it would be killed without a word."""
    monkeypatch.setattr(
        "aulac.scale.hardware.free_memory", lambda device: 100_000
    )
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 1
    assert "quy mô nhỏ hơn" in result.stderr and "smaller sc" in result.stderr


def test_a_corpus_without_held_out_texts_trains_all_the_same(small):
    folder = artefacts.path("corpus", "small")
    (folder / "validation.jsonl").unlink()
    result = RUN.invoke(train_command.app, ["--scale", "small"])
    assert result.exit_code == 0, result.output
    assert "no held-out text is measured" in result.stderr
