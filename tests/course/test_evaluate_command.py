"""`aulac evaluate` as a user meets it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from aulac import artefacts, evaluate_command
from aulac.export import to_hf

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path, build, tokenizer, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path / "none"))
    return to_hf(build(context=256), tokenizer, tmp_path / "model")


def test_every_task_gives_rows_with_intervals(folder, tmp_path):
    out = tmp_path / "found.json"
    options = ["--model", str(folder), "--limit", "8", "--json", str(out)]
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(out.read_text())["rows"]}
    assert {"bits", "pairs", "pairs.tone", "questions", "marks"} <= set(rows)
    for row in rows.values():
        found = row["interval"]
        assert found["low"] <= found["value"] <= found["high"]
    assert rows["questions"]["chance"] == 0.25
    assert "bits per byte" in result.output


def test_a_file_of_ones_own_is_measured(folder, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("Con mèo ngồi dưới gốc đa. Bà ngoại kể chuyện ngày xưa.\n")
    options = ["--model", str(folder), "--task", "bits", "--text", str(text)]
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 0, result.output
    assert "pairs" not in result.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--task", "speed"], "there is no task speed"),
        (["--text", "/nowhere.txt"], "nowhere.txt"),
        (["--model", "/nowhere"], "không nạp được mô hình"),
        ([], "there is no model yet"),
    ],
)
def test_what_cannot_be_done_is_said(options, says, tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
