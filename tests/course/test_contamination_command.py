"""`aulac evaluate contamination` as a user meets it."""

from __future__ import annotations

import json
import lzma

import pytest
from typer.testing import CliRunner

from aulac.cli.evaluate import command as evaluate_command
from aulac.corpus.document import Document, write
from aulac.evaluate import contamination
from aulac.evaluate.pairs import generate
from aulac.evaluate.questions import questions

RUN = CliRunner()
ITEM = "Sông nào dài nhất chảy qua thành phố Cần Thơ ở miền Tây?"
OTHER = "Đỉnh núi nào cao nhất nước ta và nằm ở dãy Hoàng Liên Sơn?"


def lines(file, *rows):
    text = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(text), encoding="utf-8")
    return file


@pytest.fixture
def corpus(tmp_path):
    """A corpus folder: three texts of the training split hold something of ours."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = [
        questions()[4].stem,
        generate()[7].right,
        f"Lời dẫn. {ITEM.upper()} Lời kết.",
        "Không có gì ở đây cả.",
    ]
    write([Document(t, "wiki", "none") for t in texts], folder / "train.jsonl")
    held = [Document(OTHER, "wiki", "none")]
    write(held, folder / "validation.jsonl")
    return folder


@pytest.fixture
def check(corpus, tmp_path):
    """check(*options) -> (result, records by name)."""

    def call(*options: str, of=corpus):
        out = tmp_path / "found.json"
        every = ["contamination", "--corpus", str(of), "--json", str(out)]
        result = RUN.invoke(evaluate_command.app, [*every, *options])
        rows = json.loads(out.read_text()) if out.exists() else []
        return result, {row["name"]: row for row in rows}

    return call


def test_our_own_sets_against_a_corpus_folder(check):
    result, rows = check("--show", "3")
    assert result.exit_code == 0, result.output
    assert (rows["questions"]["n"], rows["questions"]["seen"]) == (325, 1)
    assert (rows["pairs"]["n"], rows["pairs"]["seen"]) == (621, 1)
    for row in rows.values():
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert row["complete"] and row["documents"] == 4
        assert (row["size"], row["share"]) == (8, 0.5)
        assert row["worst"][0]["share"] == 1.0
    assert questions()[4].stem in result.output
    assert "325" in result.output and "Read 4 texts" in result.output
    assert "Đã đọc 4 văn bản" in result.output


def test_the_defaults_are_the_librarys(check):
    _, rows = check()
    (row, _) = rows.values()
    assert (row["size"], row["share"]) == (
        contamination.SIZE,
        contamination.SHARE,
    )


def test_files_of_ones_own_are_looked_for(check, tmp_path):
    own = {"id": 1, "subject": "địa", "question": ITEM, "answer": 0}
    vmlu = {"id": "1-1", "question": OTHER, "answer": "A"}
    xcopa = {"premise": ITEM, "choice1": "Có.", "choice2": "Không."}
    files = {
        "choice": own | {"options": ["a", "b"]},
        "vmlu": vmlu | {"choices": ["A. a", "B. b"]},
        "xcopa": xcopa | {"question": "cause", "label": 0},
        "text": {"text": ITEM},
    }
    tasks = []
    for name, row in files.items():
        file = lines(tmp_path / f"{name}.jsonl", row)
        tasks += ["--task", f"{name}={file}"]
    result, rows = check(*tasks)
    assert result.exit_code == 0, result.output
    seen = {name: row["seen"] for name, row in rows.items()}
    assert seen == {"choice": 1, "vmlu": 0, "xcopa": 1, "text": 1}
    assert rows["vmlu"]["value"] == 0 and rows["vmlu"]["high"] > 0.5
    assert rows["choice"]["en"] == "choice: choice.jsonl"


def test_size_and_share_decide(check, tmp_path):
    part = tmp_path / "part.txt"
    part.write_text(" ".join(ITEM.rstrip("?").split()[:8]))  # 8 of 13
    text = ["--task", f"text={lines(tmp_path / 'i.jsonl', {'text': ITEM})}"]
    for options, seen in (
        (["--size", "8"], 0),
        (["--size", "8", "--share", "0.1"], 1),
        (["--size", "2"], 1),
        (["--size", "2", "--share", "0.9"], 0),
    ):
        _, rows = check(*text, *options, of=part)
        assert rows["text"]["seen"] == seen, options


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".jsonl.xz", ".parquet"])
def test_any_file_can_be_the_corpus(check, tmp_path, suffix):
    file = tmp_path / f"mine{suffix}"
    if suffix == ".txt":
        file.write_text(ITEM)
    elif suffix == ".parquet":
        table = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(table.table({"text": [ITEM]}), file)
    else:
        lines(file, {"text": ITEM})
        if suffix == ".jsonl.xz":
            file.write_bytes(lzma.compress(file.read_bytes()))
    items = tmp_path / "items.txt"
    items.write_text(ITEM)
    result, rows = check("--task", f"text={items}", of=file)
    assert result.exit_code == 0, result.output
    assert rows["text"]["seen"] == 1
    assert rows["text"]["corpus"] == file.name


def test_a_source_can_be_the_corpus(check, tmp_path):
    items = tmp_path / "items.txt"
    items.write_text(ITEM)
    result, rows = check("--task", f"text={items}", of="laws")
    assert result.exit_code == 0, result.output
    assert rows["text"]["documents"] > 1000


def test_ctrl_c_says_what_was_read(check, monkeypatch):
    read = contamination.Search.read

    def some(search, text):
        if "Không có gì" in text:
            raise KeyboardInterrupt
        read(search, text)

    monkeypatch.setattr(contamination.Search, "read", some)
    result, rows = check()
    assert result.exit_code == 130
    assert "Stopped" in result.output and "Read 3 texts" in result.output
    assert not rows["pairs"]["complete"]
    assert rows["pairs"]["seen"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--task", "bits"], "there is no task bits"),
        (["--task", "text"], "write --task text=FILE"),
        (["--task", "vmlu=/nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--task", "text=/nowhere.txt"], "nowhere.txt"),
        (["--corpus", "/nowhere"], "neither a source nor a path"),
        (["--corpus", "EMPTY"], "is empty (0 bytes)"),
        (["--corpus", "BINARY"], "is not text"),
        (["--corpus", "CUT"], "Line 2 of"),
        (["--task", "text=MARKS"], "no word in it"),
        (["--json", "/nowhere/found.json"], "there is no folder /nowhere"),
        (["--json", "FOLDER"], "is a folder"),
    ],
)
def test_what_cannot_be_done_is_said(corpus, tmp_path, options, says):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "noise.txt").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "marks.txt").write_text("?! …")
    record = Document(ITEM, "wiki", "none").to_json()
    (tmp_path / "cut.jsonl").write_text(f"{record}\n{record[:20]}\n{record}\n")
    for word, name in (
        ("EMPTY", "empty.txt"),
        ("BINARY", "noise.txt"),
        ("CUT", "cut.jsonl"),
        ("MARKS", "marks.txt"),
        ("FOLDER", "."),
    ):
        options = [o.replace(word, str(tmp_path / name)) for o in options]
    every = ["contamination", "--corpus", str(corpus), *options]
    result = RUN.invoke(evaluate_command.app, every)
    assert result.exit_code == 1, result.output
    assert says in " ".join(result.output.split())
    assert "Lỗi" in result.output and "Traceback" not in result.output
