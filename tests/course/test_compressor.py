"""The compressor that a model stands beside: what held-out text adds, no more."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyppmd
import pytest

from aulac.corpus.document import Document

FILE = Path(__file__).parents[2] / "benchmarks" / "compressor.py"
ROOM = 2**24


@pytest.fixture(scope="module")
def compressor():
    spec = importlib.util.spec_from_file_location("compressor", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_costs_add_up_to_what_the_text_adds(compressor, sentences):
    known = [text.encode() for text in sentences[:40]]
    held = [text.encode() for text in sentences[40:]]
    costs = compressor.ppmd7(known, held, ROOM)

    def packed(texts):
        encoder = pyppmd.Ppmd7Encoder(12, ROOM)
        data = b"".join(text + b"\n" for text in texts)
        return len(encoder.encode(data)) + len(encoder.flush())

    adds = packed(known + held) - packed(known)
    assert abs(sum(bits for bits, _ in costs) / 8 - adds) <= 8  # of the flush
    assert [size for _, size in costs] == [len(text) for text in held]


def test_text_that_was_read_before_costs_next_to_nothing(
    compressor, sentences
):
    known = [text.encode() for text in sentences]
    again = sum(bits for bits, _ in compressor.ppmd7(known, known, ROOM))
    fresh = sum(bits for bits, _ in compressor.ppmd7([b"x"], known, ROOM))
    assert again < 0.6 * fresh
    ((bits, _),) = compressor.xz(known, known)
    assert bits < 0.2 * fresh


def test_few_documents_are_cut_into_sections(compressor):
    text = b"".join(
        b"%d: mot dong van ban\n" % number for number in range(900)
    )
    parts = compressor.sections([text, text])
    assert b"".join(parts) == text * 2 and len(parts) > 4
    assert all(part.endswith(b"\n") for part in parts)
    many = [b"a"] * compressor.FEW
    assert compressor.sections(many) == many


def test_each_source_has_its_row_beside_a_model(
    compressor, sentences, build, tokenizer, tmp_path
):
    from aulac.export import to_hf

    kept = [Document(text, "laws", "none") for text in sentences[:30]]
    held = [
        Document(text, ("laws", "news")[number % 2], "none")
        for number, text in enumerate(sentences[30:])
    ]
    rows = compressor.measured((kept, held), ROOM, "mine")
    assert [(row.part, row.rule.split()[0]) for row in rows] == [
        (source, name)
        for source in ("laws", "news")
        for name in ("ppmd7", "xz,")
    ]
    folder = to_hf(build(), tokenizer, tmp_path / "model")
    others = compressor.beside(folder, held, "mine")
    assert [row.part for row in others] == ["laws", "news"]
    for row in rows + others:
        assert 0 < row.interval.low <= row.interval.value <= row.interval.high
    sizes = {row.part: row.details["bytes"] for row in others}
    assert {row.part: row.details["bytes"] for row in rows} == sizes


def test_a_folder_that_is_no_corpus_is_named(compressor, tmp_path):
    with pytest.raises(SystemExit, match=r"validation\.jsonl"):
        compressor.corpus(tmp_path)
