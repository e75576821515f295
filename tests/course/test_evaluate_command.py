"""`aulac evaluate` as a user meets it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from aulac.cli.evaluate import command as evaluate_command
from aulac.corpus.document import Document, write
from aulac.evaluate import battery, likelihood
from aulac.export import to_hf
from aulac.lesson import artefacts

RUN = CliRunner()
FIELDS = {
    "model": str,
    "task": str,
    "part": str,
    "vi": str,
    "en": str,
    "data": str,
    "rule": str,
    "unit": str,
    "of": str,
    "n": int,
    "value": float,
    "low": float,
    "high": float,
    "level": float,
    "main": bool,
    "complete": bool,
    "seconds": float,
    "details": dict,
}


@pytest.fixture
def folder(tmp_path, build, tokenizer, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path / "none"))
    monkeypatch.setattr("aulac.lesson.shipped.PLACE", tmp_path / "nothing")
    return to_hf(build(context=256), tokenizer, tmp_path / "model")


@pytest.fixture
def evaluate(folder, tmp_path):
    """evaluate(*options) -> (result, rows by task, part and rule)."""

    def call(*options: str):
        out = tmp_path / "found.json"
        every = ["--model", str(folder), "--json", str(out), *options]
        result = RUN.invoke(evaluate_command.app, every)
        rows = json.loads(out.read_text()) if out.exists() else []
        return result, {(r["task"], r["part"], r["rule"]): r for r in rows}

    return call


def test_every_task_gives_rows_with_intervals(evaluate):
    result, rows = evaluate("--limit", "8")
    assert result.exit_code == 0, result.output
    tasks = {task for task, _, _ in rows}
    assert tasks == {"bits", "pairs", "questions", "marks"}
    assert ("pairs", "tone", "sum") in rows
    rules = {rule for task, _, rule in rows if task == "questions"}
    assert rules == {"byte", "token", "sum", "pmi"}
    for row in rows.values():
        assert row.keys() == FIELDS.keys() | {"chance"}
        for name, kind in FIELDS.items():
            assert isinstance(row[name], kind), (name, row[name])
        assert row["low"] <= row["value"] <= row["high"]
        assert row["complete"] and row["level"] == 0.95
    assert rows["questions", "", "byte"]["chance"] == 0.25
    assert rows["questions", "", "byte"]["n"] == 8
    assert "bits per byte" in result.output
    assert "pmi" not in result.output  # not a main row


def test_a_corpus_is_measured_source_by_source(
    evaluate, tmp_path, sentences, build, tokenizer
):
    held = tmp_path / "corpus"
    held.mkdir()
    documents = [
        Document(text, ("laws", "news")[number % 3 == 0], "none")
        for number, text in enumerate(sentences)
    ]
    write(documents, held / "validation.jsonl")
    write([Document("không được đọc", "train", "none")], held / "train.jsonl")
    result, rows = evaluate("--task", "bits", "--text", str(held))
    assert result.exit_code == 0, result.output
    found = {part: row for (_, part, _), row in rows.items()}
    assert found.keys() == {"", "laws", "news"}
    assert found[""]["n"] == 72 and found["news"]["n"] == 24
    size = sum(d.bytes for d in documents)
    assert found[""]["details"]["bytes"] == size
    assert found[""]["rule"] == "NFC bytes, context 256, stride 128"
    assert found[""]["data"] == "corpus"
    model = build(context=256)
    from aulac.evaluate import bits_per_byte

    alone = bits_per_byte(model, tokenizer, [d.text for d in documents])
    assert found[""]["value"] == pytest.approx(alone, abs=1e-4)
    _, rows = evaluate("--task", "bits", "--text", str(held), "--limit", "5")
    assert {row["n"] for row in rows.values() if row["part"]} == {5}


def test_few_long_documents_are_resampled_in_sections(
    evaluate, tmp_path, sentences
):
    file = tmp_path / "long.txt"
    file.write_text(" ".join(sentences * 3))
    result, rows = evaluate(
        "--task", "bits", "--text", str(file), "--stride", "32"
    )
    assert result.exit_code == 0, result.output
    (row,) = rows.values()
    assert row["of"] == "sections" and row["n"] > 5
    assert row["details"]["documents"] == 1
    assert row["rule"].endswith("stride 32")


def test_own_question_files_are_measured(evaluate, tmp_path):
    own = {"id": "a", "subject": "toán", "question": "1 + 1 = ?"}
    own |= {"options": ["2", "3"], "answer": 0}
    xcopa = {"premise": "Trời mưa.", "choice1": "Đường ướt.", "label": 0}
    xcopa |= {"choice2": "Đường khô.", "question": "effect"}
    for name, row in (("own", own), ("xcopa", xcopa)):
        line = json.dumps(row, ensure_ascii=False) + "\n"
        (tmp_path / f"{name}.jsonl").write_text(line)
    result, rows = evaluate(
        "--task",
        f"choice={tmp_path / 'own.jsonl'}",
        "--task",
        f"xcopa={tmp_path / 'xcopa.jsonl'}",
    )
    assert result.exit_code == 0, result.output
    assert rows["choice", "", "byte"]["data"] == "own.jsonl"
    assert rows["xcopa", "", "sum"]["chance"] == 0.5


def test_questions_too_long_for_the_model_are_counted(evaluate, tmp_path):
    """The question stands at the end: the model still answers, on less."""
    stems = ["Trời hôm nay thế nào?", "Mưa rơi trên mái nhà. " * 200]
    lines = [
        {
            "id": f"{number}",
            "question": stem,
            "choices": ["A. nắng", "B. mưa", "C. gió", "D. tuyết"],
            "answer": "B",
        }
        for number, stem in enumerate(stems)
    ]
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    result, rows = evaluate("--task", f"vmlu={path}")
    assert rows["vmlu", "", "byte"]["details"] == {"cut": 1}
    assert rows["vmlu", "", "byte"]["n"] == 2
    assert "longer than the model's context: 1" in result.output
    result, rows = evaluate("--task", "questions", "--limit", "4")
    assert rows["questions", "", "byte"]["details"] == {"cut": 0}
    assert "longer than" not in result.output


def test_a_file_of_ones_own_is_measured(evaluate, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("Con mèo ngồi dưới gốc đa. Bà ngoại kể chuyện ngày xưa.\n")
    result, rows = evaluate("--task", "bits", "--text", str(text))
    assert result.exit_code == 0, result.output
    assert "pairs" not in result.output
    assert {task for task, _, _ in rows} == {"bits"}


def test_ctrl_c_prints_what_is_done(evaluate, monkeypatch):
    from aulac.evaluate import pairs

    calls = []

    def some(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return likelihood.continuations(*arguments, **options)

    monkeypatch.setattr(pairs, "continuations", some)
    result, rows = evaluate("--task", "pairs", "--task", "marks")
    assert result.exit_code == 130
    assert {task for task, _, _ in rows} == {"pairs"}
    whole = rows["pairs", "", "sum"]
    assert whole["n"] == 2 * battery.PairsTask.chunk
    assert not whole["complete"]
    assert "minimal pairs" in result.output
    assert "Stopped in pairs" in result.output


def test_two_models_are_compared_item_by_item(
    evaluate, folder, tmp_path, build, tokenizer
):
    other = to_hf(build(seed=1, context=256), tokenizer, tmp_path / "other")
    result, _ = evaluate("--limit", "4", "--against", str(other))
    assert result.exit_code == 0, result.output
    assert "pair by pair" in result.output
    rows = json.loads((tmp_path / "found.json").read_text())
    wholes = [row for row in rows if row["main"] and not row["part"]]
    gaps = [row for row in wholes if "p" in row["details"]]
    assert [row["task"] for row in gaps] == list(evaluate_command.OWN)
    for gap in gaps:
        values = {
            row["model"]: row["value"]
            for row in wholes
            if (row["task"], row["rule"]) == (gap["task"], gap["rule"])
            and row not in gaps
        }
        assert gap["value"] == pytest.approx(
            values[str(folder)] - values[str(other)]
        )
        assert gap["low"] <= gap["value"] <= gap["high"]
        assert 0 < gap["details"]["p"] <= 1
        assert gap["details"]["minus"] == str(other)
        assert gap["n"] == 4 and gap["chance"] is None


def test_a_model_equals_itself(evaluate, folder, tmp_path):
    result, _ = evaluate(
        "--task", "pairs", "--limit", "20", "--against", str(folder)
    )
    assert result.exit_code == 0, result.output
    gap = json.loads((tmp_path / "found.json").read_text())[-1]
    assert (gap["value"], gap["details"]["p"]) == (0.0, 1.0)


def test_one_document_has_no_interval(evaluate, tmp_path):
    file = tmp_path / "one.txt"
    file.write_text("Con mèo ngồi dưới gốc đa.")
    result, rows = evaluate("--task", "bits", "--text", str(file))
    (row,) = rows.values()
    assert (row["n"], row["low"]) == (1, row["high"])
    assert f"{row['low']:.3f} – " not in result.output


@pytest.mark.parametrize("task", ["bits", "pairs"])
def test_a_broken_model_is_said(folder, task):
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = {k: v * float("nan") for k, v in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    options = ["--model", str(folder), "--task", task, "--limit", "3"]
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 1
    assert f"Lỗi: {task}: mô hình" in result.output
    assert "NaN" in result.output and "Traceback" not in result.output


def test_help_tells_the_defaults_in_both_languages():
    said = " ".join(
        RUN.invoke(evaluate_command.app, ["--help"]).output.split()
    )
    for word in ("vmlu=FILE", "stories", "half the", "ngữ cảnh", "harness"):
        assert word in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--task", "speed"], "there is no task speed"),
        (["--task", "vmlu"], "write --task vmlu=FILE"),
        (["--task", "bits=x.txt"], "write --task bits"),
        (["--text", "/nowhere.txt"], "nowhere.txt"),
        (["--task", "xcopa=/nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--json", "/nowhere/found.json"], "there is no folder /nowhere"),
        (["--json", "FOLDER"], "is a folder: name a file"),
        (
            ["--task", "bits", "--stride", "999"],
            "bits: a stride of 999 tokens",
        ),
        (["--text", "EMPTY"], "is empty (0 bytes)"),
        (["--text", "BINARY"], "is not text"),
        (["--text", "CUT"], "Line 2 of"),
        (["--text", "NUMBER"], "Line 1 of"),
        (["--text", "LATIN"], "Line 2 of"),
        (["--task", "marks", "--text", "ENGLISH"], "no sentence of 3 to 12"),
        (["--task", "choice=EMPTY"], "holds no question"),
        (["--task", "choice=BINARY"], "is not UTF-8"),
        (["--task", "choice=CUT"], "line 1: there is no 'subject'"),
        (["--task", "choice=FOLDER"], "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_done_is_said(folder, tmp_path, options, says):
    record = Document("Con mèo ngồi.", "wiki", "none").to_json()
    number = '{"text": 5, "source": "wiki", "id": "a"}'
    contents = {
        "EMPTY": b"",
        "BINARY": bytes(range(256)) * 9,
        "CUT": f"{record}\n{record[:20]}\n{record}\n".encode(),
        "NUMBER": number.encode(),
        "LATIN": f"{record}\n{record}".encode() + b'{"text": "caf\xe9"}',
        "ENGLISH": b"Strength through joyless spreadsheets.",
    }
    for word, content in contents.items():
        suffix = "jsonl" if b"source" in content else "txt"
        file = tmp_path / f"{word.lower()}.{suffix}"
        file.write_bytes(content)
        options = [o.replace(word, str(file)) for o in options]
    options = [o.replace("FOLDER", str(tmp_path)) for o in options]
    options = ["--model", str(folder), *options]
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 1
    assert says in " ".join(result.output.split())
    assert "Lỗi" in result.output and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--model", "/nowhere"], "không nạp được mô hình"),
        ([], "there is no model yet"),
    ],
)
def test_a_model_that_is_not_there(options, says, tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    monkeypatch.setattr("aulac.lesson.shipped.PLACE", tmp_path)
    result = RUN.invoke(evaluate_command.app, options)
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
