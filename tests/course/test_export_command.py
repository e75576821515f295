"""`aulac export` as a user meets it."""

from __future__ import annotations

import pytest
import torch
from typer.testing import CliRunner

from aulac.cli import chat as chat_command
from aulac.cli.export import KINDS, app
from aulac.export import from_hf, packed, to_hf
from aulac.generate import quantize
from aulac.lesson.models import answers

RUN = CliRunner()
pytestmark = pytest.mark.usefixtures("bare")
CARD = "---\nlanguage:\n- vi\nlicense: cc-by-sa-3.0\n---\n\n# Phiếu mô hình\n"


@pytest.fixture
def folder(tmp_path, build, tokenizer):
    """A base model whose card says how it may be used."""
    model = build(width=64, heads=8, ff=128, context=64)
    files = {"README.md": CARD}
    return to_hf(model, tokenizer, tmp_path / "mine", chat=False, files=files)


def export(*words):
    return RUN.invoke(app, [str(word) for word in words])


def weights(model):
    return torch.cat([weight.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("kind", [k for k in KINDS if k[:2] in ("fp", "bf")])
def test_a_hugging_face_folder_with_the_card(folder, tmp_path, kind):
    result = export(tmp_path / "out", "--model", folder, "--kind", kind)
    assert result.exit_code == 0, result.output
    assert f"{tmp_path / 'out'}: {kind}, " in result.output
    model, _ = from_hf(tmp_path / "out")
    away = weights(model) - weights(from_hf(folder)[0])
    assert away.abs().max() < (1e-9 if kind == "fp32" else 5e-3)
    assert (tmp_path / "out/README.md").read_text("utf-8") == CARD
    assert not answers(tmp_path / "out")


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_packed_folder_is_evaluated_and_talked_to_like_any_other(
    folder, tmp_path, kind
):
    small = tmp_path / "small"
    result = export(small, "--model", folder, "--kind", kind)
    assert result.exit_code == 0, result.output
    assert (small / "README.md").exists() and not answers(small)
    options = ["--model", str(small), "--max-tokens", "4", "--prompt", "Bà"]
    result = RUN.invoke(chat_command.app, options)
    assert result.exit_code == 0, result.output
    assert "Âu Lạc: Bà" in result.output
    again = export(tmp_path / "dense", "--model", small)
    assert again.exit_code == 0, again.output
    dense = quantize.dequantize(packed.load(small)[0])
    found = weights(from_hf(tmp_path / "dense")[0])
    torch.testing.assert_close(found, weights(dense))


def test_a_gguf_file_says_its_licence(tmp_path, folder, monkeypatch):
    gguf = pytest.importorskip("gguf")
    from aulac.corpus import stories
    from aulac.tokenizer import train

    texts = [document.text for document in stories.generate(60, seed=1)]
    train(texts, 290, progress=False).save(folder)
    (folder / "tokenizer_config.json").write_text("{}")
    file = tmp_path / "mine.gguf"
    result = export(file, "--model", folder)
    assert result.exit_code == 0, result.output
    fields = gguf.GGUFReader(file).fields
    assert fields["general.license"].contents() == "cc-by-sa-3.0"
    assert "tokenizer.chat_template" not in fields


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["out", "--kind", "fp8"], "there is no kind 'fp8'"),
        (["out", "--kind", "gguf-f16"], "ends in .gguf"),
        (["out.gguf", "--kind", "int8"], "ends in .gguf"),
        (["full"], "holds other things than a model"),
        (["note.txt"], "is a file and a model is a folder"),
        (["note.txt/in/it"], "could not write"),
    ],
)
def test_what_cannot_be_is_two_sentences(folder, tmp_path, words, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thơ.txt").write_text("Trăm năm")
    (tmp_path / "note.txt").write_text("ghi chú")
    before = sorted(tmp_path.rglob("*"))
    out, *options = words
    result = export(tmp_path / out, "--model", folder, *options)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and en.startswith("Error: ") and said in en
    assert sorted(tmp_path.rglob("*")) == before
