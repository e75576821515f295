"""The one dial: rows, rules, and how they are shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from aulac import scale
from aulac.cli import scale as scale_command
from aulac.scale import ROWS, SCALES, SHIPPED, Scale, dial
from aulac.scale.flops import matrices, memory, parameters, training_flops

RUN = CliRunner()
ALL = [*SCALES, "shipped", "gpu:4", "gpu:20"]

# Bands of the lessons and the weights that ship depend on these two rows.
TINY = {
    "depth": 4,
    "width": 128,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 32,
    "ff": 384,
    "vocab_size": 2048,
    "context": 192,
    "batch": 10,
    "accumulation": 1,
    "steps": 340,
    "muon_lr": 0.02,
    "adam_lr": 0.008,
    "weight_decay": 0.1,
    "warmup": 0.02,
    "decay": 0.3,
    "documents": 12_000,
    "laws": 200,
    "conversations": 8000,
    "sft_batch": 16,
    "sft_steps": 500,
    "sft_lr": 1.0,
}
OURS = {
    "depth": 6,
    "width": 256,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 64,
    "ff": 704,
    "vocab_size": 16_384,
    "context": 256,
    "batch": 32,
    "accumulation": 1,
    "muon_lr": 0.02,
    "adam_lr": 0.005,
    "weight_decay": 0.1,
}


@pytest.mark.parametrize(
    ("row", "wanted"), [("tiny", TINY), ("shipped", OURS)]
)
def test_rows_that_others_depend_on_stay(row, wanted):
    have = scale.get(row).describe()
    assert {name: have[name] for name in wanted} == wanted


@pytest.mark.parametrize("name", ALL)
def test_every_number_has_a_rule_or_a_reason(name):
    row, values = scale.row(name), scale.get(name).describe()
    lines = dial.explained(row)
    named = {line.name for line in lines}
    assert named == set(values) - {"name", "machine_vi", "machine_en"}
    assert {line.name: line.value for line in lines} == {
        key: values[key] for key in named
    }
    assert {line.name for line in lines if line.own} == set(row.own)
    for line in lines:
        assert len(line.vi) > 8 and len(line.en) > 8 and line.vi != line.en


@pytest.mark.parametrize("name", ALL)
def test_numbers_follow_their_rules(name):
    row, s = scale.row(name), scale.get(name)
    own = row.own
    assert s.heads * s.head_dim == s.width and s.heads % s.kv_heads == 0
    assert 8 / 3 * s.width <= s.ff < 8 / 3 * s.width + 64 and s.ff % 64 == 0
    if "adam_lr" not in own:
        assert s.adam_lr == pytest.approx(0.08 / math.sqrt(s.width))
    if "steps" not in own:
        ratio = s.tokens / parameters(s)
        assert ratio == pytest.approx(row.tokens_per_parameter, rel=0.03)
    if "batch" not in own:
        step = s.batch * s.accumulation * s.context
        law = 0.292 * (training_flops(s) * s.tokens) ** 0.3271
        assert 2**-0.6 < step / law < 2**0.6
        need = memory(s, s.batch, 2, cuda=True).total
        assert need <= 0.8 * row.card
    if name in (*SCALES, "shipped"):
        assert s.vocab_size * s.width <= matrices(s)
    assert s.conversations >= s.sft_batch * s.sft_steps


@given(st.integers(2, 16))
def test_a_deeper_model_is_larger_in_everything(half):
    small, large = scale.from_depth(2 * half), scale.from_depth(2 * half + 2)
    for count in (parameters, training_flops, lambda s: s.tokens):
        assert count(small) < count(large)
    assert small.adam_lr > large.adam_lr
    assert small.minutes <= large.minutes and large.batch <= small.batch


def test_row_and_scale_are_found_by_the_same_names():
    assert scale.get("gpu:14") == scale.get("gpu") == SCALES["gpu"]
    assert scale.get("shipped") == SHIPPED
    assert [scale.row(name) for name in ROWS] == list(ROWS.values())
    for name in ("huge", "gpu:7", "gpu:2", "gpu:", "gpu:²"):
        for door in (scale.get, scale.row):
            with pytest.raises(scale.ScaleError) as refused:
                door(name)
            assert refused.value.vi != str(refused.value)


def test_the_first_lesson_is_small_on_every_cpu():
    for name in ("tiny", "laptop", "shipped"):
        small = scale.welcome(scale.get(name))
        assert small.name == name and small.steps == SCALES["tiny"].steps
    assert scale.welcome(SCALES["gpu"]).width == SCALES["laptop"].width


@pytest.mark.parametrize("name", [None, "tiny", "gpu:16", "shipped"])
def test_the_command_explains_in_both_languages(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    options = [name] if name else []
    plain = RUN.invoke(scale_command.app, options)
    assert plain.exit_code == 0 and "laptop" in plain.output
    told = RUN.invoke(scale_command.app, [*options, "--explain"])
    assert told.exit_code == 0
    for line in dial.explained(scale.row(name or "tiny")):
        assert line.name in told.output
    assert "Ainslie" in told.output and "độ rộng" in told.output


def test_the_command_refuses_in_both_languages(monkeypatch):
    for name in ("huge", "gpu:5"):
        told = RUN.invoke(scale_command.app, [name])
        assert told.exit_code == 1
        assert "Lỗi: không" in told.output and "Error: " in told.output
    monkeypatch.setenv(scale.ENVIRONMENT, "huge")
    told = RUN.invoke(scale_command.app, [])
    assert told.exit_code == 1 and told.output.count(scale.ENVIRONMENT) == 2


def test_a_scale_is_all_plain_values():
    for value in SCALES.values():
        assert isinstance(value, Scale)
        kinds = {type(v) for v in value.describe().values()}
        assert kinds <= {str, int, float}
