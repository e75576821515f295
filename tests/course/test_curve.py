"""The loss curve in a terminal, and logs that are plotted."""

from __future__ import annotations

import io
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aulac.scale import curve
from aulac.train import progress

BLANK = chr(curve.BLANK)


def rows(drawn) -> list[str]:
    """The drawn letters of each row, labels cut off."""
    return [line[curve.LABEL :] for line in drawn.plain.splitlines()][:-1]


def test_a_falling_line_goes_from_one_corner_to_the_other():
    drawn = curve.chart({"a": [(0, 3.0), (10, 1.0)]}, width=10, height=5)
    assert drawn.plain.splitlines()[0].startswith("         3 ")
    assert drawn.plain.splitlines()[4].startswith("         1 ")
    assert drawn.plain.splitlines()[-1].split() == ["0", "10"]
    letters = rows(drawn)
    assert len(letters) == 5 and {len(row) for row in letters} == {10}
    assert letters[0][0] != BLANK and letters[-1][-1] != BLANK
    assert letters[0][-1] == letters[-1][0] == BLANK
    columns = list(zip(*letters, strict=True))
    assert all(set(column) != {BLANK} for column in columns)  # no gap


def test_a_level_line_and_a_single_point_are_drawn():
    level = curve.chart({"a": [(0, 2.0), (4, 2.0)]}, width=4, height=3)
    assert sum(set(row) != {BLANK} for row in rows(level)) == 1
    single = curve.chart({"a": [(5, 2.0)]}, width=4, height=3, last=10)
    assert "".join(rows(single)).count(BLANK) == 11
    assert not curve.chart({}) and not curve.chart({"a": [(1, math.nan)]})


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf]),
        ),
        max_size=30,
    ),
    st.integers(1, 40),
    st.integers(2, 12),
)
def test_any_series_fits_its_frame(points, width, height):
    drawn = curve.chart({"a": sorted(points)}, width, height)
    if not curve.finite(points):
        assert not drawn
        return
    letters = rows(drawn)
    assert len(letters) == height
    assert {len(row) for row in letters} == {width}
    shown = {ord(letter) for row in letters for letter in row}
    assert all(0x2800 <= letter <= 0x28FF for letter in shown)
    assert shown != {0x2800}


def record(step: int, steps: int = 100) -> dict:
    return {
        "step": step,
        "steps": steps,
        "loss": 8 * math.exp(-step / 30),
        "tokens_per_second": 1234.5,
        "mfu": 0.4,
    }


def test_the_curve_grows_under_its_console():
    grown, screen = curve.Curve(height=4), io.StringIO()
    console = Console(file=screen, width=40)
    console.print(grown)
    grown.add(record(10))
    console.print(grown)
    assert not screen.getvalue().strip()
    grown.add(record(50))
    console.print(grown)
    lines = screen.getvalue().rstrip().splitlines()[-5:]
    assert lines[-1].split() == ["0", "100"]  # room for the steps to come
    assert max(map(len, lines)) <= 40


def test_a_terminal_sees_curve_and_bar_and_a_pipe_nothing(monkeypatch, capsys):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    with progress.bar(100, 0) as show:
        show(record(10))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with progress.bar(100, 0) as show:
        for step in range(10, 101, 10):
            show(record(step) | ({"validation": 1.234} if step == 50 else {}))
    said = screen.getvalue()
    assert "1,234 tok/s" in said and "MFU 40%" in said and "100/100" in said
    assert "1.234 bit/byte" in said
    assert any(0x2800 < ord(letter) <= 0x28FF for letter in said)


@pytest.fixture
def log(tmp_path):
    """A run's folder with its log, the last line cut off by a kill."""
    folder = tmp_path / "one" / "work" / "run"
    folder.mkdir(parents=True)
    lines = [json.dumps(record(step)) for step in range(10, 101, 10)]
    (folder / "log.jsonl").write_text("\n".join(lines) + '\n{"st')
    return tmp_path / "one"


def test_logs_are_plotted_by_folder_or_file(log, tmp_path):
    file = log / "work" / "run" / "log.jsonl"
    out = tmp_path / "x.png"
    drawn = curve.plot([log, file], out).plain
    assert f"{file}: bước / step 100, loss 0.2854" in drawn
    assert out.read_bytes().startswith(b"\x89PNG")
    assert len(curve.read(log)) == 10


@pytest.mark.parametrize("content", [None, "", "{}\n", "[1]\n5\n"])
def test_what_is_no_log_is_refused_in_both_languages(tmp_path, content):
    path = tmp_path / "log.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(curve.LogError) as refused:
        curve.plot([path])
    assert str(path) in str(refused.value) and str(path) in refused.value.vi
