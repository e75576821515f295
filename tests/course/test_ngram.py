"""A table of counts, and that it is measured as every other model is."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.course.small_run import SIZES
from typer.testing import CliRunner

from aulac.cli import app
from aulac.errors import InputError
from aulac.evaluate import bits_per_byte
from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.likelihood import Window, nats, windows
from aulac.export import counts
from aulac.lesson.models import ModelError, load, load_transformer
from aulac.model import Config, Ngram, Transformer
from aulac.tokenizer import Tokenizer
from aulac.tokenizer.stages import SMALLEST, plain

RUN = CliRunner()


@pytest.fixture(scope="module")
def letters() -> Tokenizer:
    """A tokenizer whose tokens are single bytes."""
    return Tokenizer(plain(["ab"], SMALLEST))


@pytest.fixture
def table(letters: Tokenizer) -> Ngram:
    """Bigrams of "abab" and "aab", add-one."""
    found = Ngram(2, letters.vocab_size)
    for text in ("abab", "aab"):
        found.add([letters.eos_id, *letters.encode(text)])
    return found


# Behind the beginning a 2 of 2, behind a b 3 and a 1 of 4, behind b a 1 of 1.
def by_hand(text: str, size: int) -> float:
    """Bits of a text of a and b under `table`."""
    seen = {
        "^": {"a": 2},
        "a": {"b": 3, "a": 1},
        "b": {"a": 1},
    }
    total = 0.0
    for before, letter in zip("^" + text, text, strict=False):
        behind = seen[before]
        p = (behind.get(letter, 0) + 1) / (sum(behind.values()) + size)
        total -= math.log2(p)
    return total


def test_bits_of_ten_bytes_are_what_one_gets_by_hand(
    letters: Tokenizer, table: Ngram, tmp_path: Path
) -> None:
    text = "abababbaab"
    assert len(text.encode()) == 10 == len(letters.encode(text))
    wanted = by_hand(text, letters.vocab_size) / 10
    folder = counts.save(table, letters, tmp_path / "counts")
    (tmp_path / "ten.txt").write_text(text)
    asked = ["evaluate", "--model", str(folder), "--task", "bits"]
    asked += ["--text", str(tmp_path / "ten.txt")]
    done = RUN.invoke(app, [*asked, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    (record,) = json.loads((tmp_path / "out.json").read_text())
    assert record["value"] == pytest.approx(wanted, abs=1e-12)
    assert f"{wanted:.3f}" in done.output


@given(
    order=st.integers(1, 4),
    text=st.lists(st.integers(0, 5), min_size=2, max_size=40),
    held=st.lists(st.integers(0, 5), min_size=2, max_size=12),
    k=st.sampled_from([0.1, 1.0]),
)
def test_probabilities_are_the_counts_and_sum_to_one(order, text, held, k):
    table = Ngram(order, 6, k)
    table.add(text)
    found = table.log_probabilities(torch.tensor([held]))[0].exp()  # (T, V)
    torch.testing.assert_close(found.sum(-1), torch.ones(len(held)).double())
    for place in range(len(held)):
        size = min(order - 1, place + 1)
        before = held[place + 1 - size : place + 1]
        behind = Counter(
            text[i]
            for i in range(1, len(text))
            if i >= size and text[i - size : i] == before
        )
        for token in range(6):
            wanted = (behind[token] + k) / (behind.total() + 6 * k)
            assert found[place, token].item() == pytest.approx(wanted)


def test_cut_into_windows_nothing_is_lost(letters: Tokenizer) -> None:
    text = "ab" * 400
    table = Ngram(3, letters.vocab_size)
    ids = [letters.eos_id, *letters.encode(text)]
    table.add(ids)
    whole = nats(table, [(ids[:-1], ids[1:])])[0]
    cut: list[Window] = list(windows(ids, table.context, 128))
    assert len(cut) > 3
    assert sum(nats(table, cut)) == pytest.approx(whole)


def test_the_transformers_fast_path_is_its_log_probabilities() -> None:
    torch.manual_seed(0)
    model = Transformer(Config(**SIZES, head_dim=16, ff=64, context=16))

    class Slow:
        context = model.context
        log_probabilities = model.log_probabilities

    pieces = [([3, 5, 7], [5, 7, 9]), ([1], [2]), ([4, 4], [-100, 8])]
    assert nats(Slow(), pieces) == pytest.approx(nats(model, pieces), abs=1e-5)
    compiled = torch.compile(model, backend="eager")
    assert nats(compiled, pieces) == nats(model, pieces)


def test_what_was_never_seen_is_impossible_without_smoothing(letters) -> None:
    table = Ngram(2, letters.vocab_size, k=0)
    table.add([letters.eos_id, *letters.encode("ab")])
    assert bits_per_byte(table, letters, ["ab"]) == 0
    with pytest.raises(EvaluationError, match="infinitely improbable"):
        bits_per_byte(table, letters, ["ba"])


@pytest.mark.parametrize(
    "wrong", [(0, 9, 1), (2, 0, 1), (2, 9, -1), (200, 9, 1)]
)
def test_a_table_that_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(InputError, match="give an order") as said:
        Ngram(*wrong)
    assert "hãy cho bậc" in said.value.vi


def test_a_folder_gives_back_the_same_table(letters, table, tmp_path) -> None:
    folder = counts.save(table, letters, tmp_path / "counts")
    again, tokenizer = load(folder)
    assert isinstance(again, Ngram) and again.counts == table.counts
    assert (again.order, again.k) == (table.order, table.k)
    assert tokenizer.encode("ab") == letters.encode("ab")


@pytest.mark.parametrize("name", [counts.WEIGHTS, "config.json"])
def test_a_damaged_folder_is_said_in_both_languages(
    letters, table, tmp_path, name
) -> None:
    folder = counts.save(table, letters, tmp_path / "counts")
    (folder / name).write_bytes((folder / name).read_bytes()[:20])
    with pytest.raises(ModelError, match="cut short or does not fit") as said:
        load(folder)
    assert "bị cụt" in said.value.vi


@pytest.mark.parametrize(
    ("name", "value"),
    [("vocab_size", 50), ("order", 1), ("order", 3), ("model_type", "qwen3")],
)
def test_a_config_of_another_table_is_refused(
    letters, table, tmp_path, name, value
) -> None:
    folder = counts.save(table, letters, tmp_path / "counts")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {name: value}))
    with pytest.raises(ModelError, match="does not fit") as said:
        load(folder)
    assert "không khớp" in said.value.vi


def test_counts_neither_talk_nor_are_exported(
    letters, table, tmp_path
) -> None:
    folder = counts.save(table, letters, tmp_path / "counts")
    with pytest.raises(ModelError, match="a table of counts"):
        load_transformer(folder)
    for asked in (["chat"], ["export", str(tmp_path / "out")]):
        done = RUN.invoke(app, [*asked, "--model", str(folder)])
        assert done.exit_code == 1, done.output
        assert "Bảng đếm chỉ dùng để đánh giá" in done.output
    assert not (tmp_path / "out").exists()


def test_finding_a_model_raises_and_does_not_exit(
    tmp_path, monkeypatch
) -> None:
    from aulac.lesson import artefacts, models, shipped
    from aulac.scale import ScaleError

    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path))
    monkeypatch.setattr(shipped, "PLACE", tmp_path / "nothing")
    with pytest.raises(ModelError, match="there is no model yet"):
        models.find(None)
    with pytest.raises(shipped.NotShippedError):
        models.find(Path("shipped"))
    with pytest.raises(ScaleError):
        models.find(None, "huge")
    with pytest.raises(ModelError) as said:
        models.load(tmp_path)
    assert "không nạp được mô hình" in said.value.vi
