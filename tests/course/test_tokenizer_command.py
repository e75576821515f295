"""`aulac tokenizer`, as typed."""

import pytest
from typer.testing import CliRunner

from aulac.cli.tokenizer import app
from aulac.tokenizer import Tokenizer

runner = CliRunner()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("AULAC_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    done = run(
        "train", "stories", "laws", "-n", "150", "-v", "700", "-o", str(out)
    )
    assert done.exit_code == 0, done.output
    assert "token mỗi âm tiết" in done.output and "held out" in done.output
    return str(out)


def run(*words, **options):
    return runner.invoke(app, [str(word) for word in words], **options)


def test_train_writes_a_tokenizer_that_loads(folder):
    assert Tokenizer.load(folder).vocab_size == 700


def test_encode_shows_pieces_or_ids(folder):
    text = "Việt Nam năm 1945"
    shown = run("encode", text, "-t", folder, "-t", "cl100k_base")
    assert shown.exit_code == 0 and "(GPT-4)" in shown.output
    plain = run("encode", "--ids", "-t", folder, input=text)
    ids = [int(word) for word in plain.output.split()]
    assert Tokenizer.load(folder).decode(ids) == text


def test_compare_has_a_row_for_each(folder):
    done = run("compare", "Cả nhà đều vui.", "-t", folder)
    assert done.exit_code == 0
    for name in ("GPT-4o", "GPT-4", "Llama 3", "Llama 4", "NFD / NFC"):
        assert name in done.output
    assert run("compare").exit_code == 0
    assert run("compare", "-f", "laws", "-n", "2", "-t", folder).exit_code == 0


def test_show_looks_inside(folder):
    done = run("show", folder)
    assert done.exit_code == 0
    assert "700" in done.output and "across spaces" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "laws", "-n", "3", "-v", "90000"), "or fewer"),
        (("train", "no-such-source"), "no-such-source"),
        (
            ("encode", "x", "-t", "no-such-folder"),
            "no tokenizer at no-such-folder",
        ),
        (("encode", "x"), "There is no tokenizer yet"),
        (("compare", " "), "no syllable"),
    ],
)
def test_mistakes_are_two_sentences(words, said):
    done = run(*words)
    assert done.exit_code == 1
    assert said in done.stderr and len(done.stderr.splitlines()) >= 2
    assert "Traceback" not in done.stderr


def test_help_is_in_both_languages():
    for words in (["--help"], ["train", "--help"], ["compare", "--help"]):
        done = run(*words)
        assert done.exit_code == 0
        assert "token" in done.output and "ộ tách token" in done.output


def test_text_that_is_not_utf8_is_two_sentences(folder):
    done = run("encode", "-t", folder, input=b"Vi\xff\xfe")
    assert done.exit_code == 1
    vi, en = done.stderr.splitlines()
    assert "Ký tự thứ 3" in vi and "not UTF-8" in en


def test_a_place_that_cannot_be_written_is_two_sentences(tmp_path):
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file"
    done = run("train", "stories", "-n", "40", "-v", "300", "-o", out)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert (
        "Không ghi được" in done.stderr and "cannot be written" in done.stderr
    )
    assert out.read_text() == "mine"
