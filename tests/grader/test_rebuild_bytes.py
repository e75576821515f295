"""Hostile and broken notebooks: never an exception, always a whole valid notebook."""

from __future__ import annotations

import copy
import json
import random
import time
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.grader.rebuild_sample import (
    ANSWERS,
    ASSIGNMENT,
    NAME,
    answered,
    answers_in,
    code,
    codes,
    copied,
    handed_in,
    rebuilt,
    source_book,
    text,
)

from aulac_grader.grade.intake import Submission, reading
from aulac_grader.grade.rebuild import Rebuilt, rebuild
from aulac_grader.judge.assignment import TrustedAssignment

TRUSTED = {
    cell.id: cell.source
    for cell in ASSIGNMENT.cells
    if cell.kind not in {"answer", "manual", "scratch"}
}
METADATA = {cell["id"]: cell["metadata"] for cell in source_book()["cells"]}
ASKED = ["given", "p1-upper", "p1-small", "p2-pair", "p2-ways", "p2-first"]


def holds(result: Rebuilt) -> None:
    """What is true of every rebuilding, whatever was handed in."""
    nbformat.validate(result.notebook)
    assert (result.notebook.nbformat, result.notebook.nbformat_minor) == (4, 5)
    own = [c for c in result.notebook.cells if c.id in METADATA]
    assert [c.id for c in own] == list(METADATA)
    for cell in own:
        assert cell.metadata == METADATA[cell.id]
        assert cell.source == TRUSTED.get(cell.id, cell.source)
    assert all(
        c.outputs == [] for c in result.notebook.cells if "outputs" in c
    )
    submitted = [c for c in result.code.cells if c.kind != "extra"]
    assert [c.id for c in submitted] == [*ASKED, "p4-plot"]
    assert all(c.source == "" for c in submitted if c.kind == "test")
    assert submitted[0].source == TRUSTED["given"]
    assert set(result.manual) == {"p3-why", "p4-plot", "p5-task"}
    for repair in result.repairs:
        assert repair.text("vi") and repair.text("en")
        json.dumps(repair.to_dict())
    ids = [c.id for c in result.code.cells]
    assert len(ids) == len(set(ids))
    "".join(c.source for c in result.code.cells).encode()


# -- anything at all ------------------------------------------------------------------


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    holds(rebuilt(data))


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*METADATA, "code", "markdown", ANSWERS["p1-upper"]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "source",
                    "input",
                    "cell_type",
                    "metadata",
                    "nbgrader",
                    "grade_id",
                    "id",
                    "worksheets",
                    "attachments",
                    "outputs",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=100)
@given(VALUES)
def test_any_json(value: Any) -> None:
    holds(rebuilt(json.dumps(value).encode()))
    holds(rebuilt(json.dumps({"cells": value}).encode()))


# -- a good notebook, mutated ---------------------------------------------------------


def _cells(book: dict[str, Any], draw: Any) -> int:
    return draw(st.integers(0, len(book["cells"]) - 1))


def shuffle(book: dict[str, Any], draw: Any) -> None:
    random.Random(draw(st.integers(0, 99))).shuffle(book["cells"])


def duplicate(book: dict[str, Any], draw: Any) -> None:
    at = _cells(book, draw)
    to = draw(st.integers(0, len(book["cells"])))
    book["cells"].insert(to, copied(book["cells"][at]))


def insert(book: dict[str, Any], draw: Any) -> None:
    to = draw(st.integers(0, len(book["cells"])))
    new = draw(st.sampled_from([code("x = 1"), code("exit()"), text("Hừm.")]))
    book["cells"].insert(to, copy.deepcopy(new))


def retype(book: dict[str, Any], draw: Any) -> None:
    cell = book["cells"][_cells(book, draw)]
    cell["cell_type"] = draw(st.sampled_from(["code", "markdown", "raw", 7]))


def corrupt(book: dict[str, Any], draw: Any) -> None:
    """Metadata and all but the source and one kind of id are anybody's guess."""
    cell = book["cells"][_cells(book, draw)]
    junk = draw(st.sampled_from([None, 1, "x", [], {}, {"nbgrader": 3}]))
    if draw(st.booleans()):
        cell["metadata"] = junk
    else:
        cell["id"] = cell["outputs"] = cell["execution_count"] = junk
        mark = cell["metadata"]
        if isinstance(mark, dict) and isinstance(mark.get("nbgrader"), dict):
            mark["nbgrader"] |= {"schema_version": 99, "solution": "?"}


def listed(book: dict[str, Any], draw: Any) -> None:
    cell = book["cells"][_cells(book, draw)]
    if isinstance(cell["source"], str):
        cell["source"] = cell["source"].splitlines(keepends=True)


def unlist(book: dict[str, Any], draw: Any) -> None:
    book["metadata"] = draw(st.sampled_from([None, {}, {"aulac": 1}, "x"]))
    book["nbformat_minor"] = draw(st.sampled_from([0, 99, None, "x"]))


KEEPING = [shuffle, duplicate, insert, retype, corrupt, listed, unlist]


@settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.data_too_large],
)
@given(st.data())
def test_mutations_that_keep_the_answers_text_keep_the_answers(
    data: st.DataObject,
) -> None:
    book = copy.deepcopy(answered())
    for mutate in data.draw(
        st.lists(st.sampled_from(KEEPING), min_size=1, max_size=6)
    ):
        mutate(book, data.draw)
    result = rebuilt(book)
    holds(result)
    # A cell that lost both its ids among shuffled cells has no place left either.
    named = {
        cell.get("id") if isinstance(cell.get("id"), str) else None
        for cell in book["cells"]
    } | {
        mark.get("grade_id")
        for cell in book["cells"]
        if isinstance(cell["metadata"], dict)
        and isinstance(mark := cell["metadata"].get("nbgrader"), dict)
    }
    found = answers_in(result)
    for name, answer in ANSWERS.items():
        if name in named or name in {"p1-upper", "p2-pair"}:
            assert found[name] == answer


@settings(max_examples=60)
@given(st.data())
def test_deleting_takes_only_what_was_deleted(data: st.DataObject) -> None:
    book = copy.deepcopy(answered())
    gone = data.draw(st.sets(st.sampled_from(list(METADATA))))
    book["cells"] = [c for c in book["cells"] if c["id"] not in gone]
    result = rebuilt(book)
    holds(result)
    for name, answer in ANSWERS.items():
        assert answers_in(result)[name] == ("" if name in gone else answer)


@settings(max_examples=100)
@given(st.data())
def test_a_file_cut_short_or_with_a_byte_changed(data: st.DataObject) -> None:
    whole = json.dumps(answered(), indent=1).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:at]
    else:
        broken = (
            whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
        )
    holds(rebuilt(broken))


def test_the_same_bytes_give_the_same_rebuilding() -> None:
    book = answered()
    random.Random(7).shuffle(book["cells"])
    one, other = rebuilt(book), rebuilt(book)
    assert one == other and one.notebook == other.notebook
    assert one.sha256 != rebuilt(answered({})).sha256


# -- encodings and formats ------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    data = json.dumps(answered(), ensure_ascii=False).encode(encoding)
    result = rebuilt(data)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["encoding"]


def test_the_mark_that_windows_puts_before_utf_8_needs_no_word() -> None:
    data = json.dumps(answered(), ensure_ascii=False).encode("utf-8-sig")
    assert answers_in(rebuilt(data)) == ANSWERS
    assert codes(rebuilt(data)) == []


def test_a_byte_that_is_no_utf_8_costs_one_letter() -> None:
    data = json.dumps(answered(), ensure_ascii=False).encode()
    data = data.replace("đáng".encode(), b"\xf0\xe1ng")
    result = rebuilt(data)
    assert answers_in(result)["p1-upper"] == ANSWERS["p1-upper"]
    assert "ng giữ." in result.manual["p3-why"]
    assert "broken_text" in codes(result)


def test_format_3() -> None:
    book = answered()
    cells = []
    for cell in book["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        old["input" if cell["cell_type"] == "code" else "source"] = [
            cell["source"]
        ]
        cells.append(old)
    old_book = {"nbformat": 3, "worksheets": [{"cells": cells}, None, {}]}
    result = rebuilt(old_book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["old_format"]


@pytest.mark.parametrize(
    "version", [(4, 0), (4, 4), (4, 99), (5, 0), ("x", None)]
)
def test_versions_do_not_matter(version: tuple[Any, Any]) -> None:
    book = answered()
    book["nbformat"], book["nbformat_minor"] = version
    assert answers_in(rebuilt(book)) == ANSWERS


def test_nan_infinity_and_numbers_without_end() -> None:
    book = answered()
    book["cells"][0]["metadata"] = {"a": float("nan"), "b": float("inf")}
    data = json.dumps(book).replace(
        '"nbformat": 4', f'"nbformat": {"9" * 9000}'
    )
    assert answers_in(rebuilt(data.encode())) == ANSWERS


def test_lone_surrogates_become_marks_of_replacement() -> None:
    book = answered(ANSWERS | {"p3-why": "dấu \ud800 lạ"})
    result = rebuilt(json.dumps(book).encode())
    assert result.manual["p3-why"] == "dấu � lạ"
    holds(result)


def test_gits_merge_marks_cost_only_the_cell_they_stand_in() -> None:
    data = json.dumps(answered(), indent=1)
    data = data.replace(
        '"# B\\u00e0i m\\u1eabu',
        '"a",\n<<<<<<< HEAD\n=======\n>>>>>>> main\n"# B\\u00e0i m\\u1eabu',
    )
    assert "<<<<" in data
    result = rebuilt(data.encode())
    assert answers_in(result) == ANSWERS
    assert "broken_json" in codes(result)


def test_a_notebook_cut_short_keeps_its_whole_cells() -> None:
    data = json.dumps(answered(), indent=1)
    result = rebuilt(data[: data.index('"p2-ways"')].encode())
    assert answers_in(result)["p2-pair"] == ANSWERS["p2-pair"]
    assert answers_in(result)["p4-plot"] == ""


def test_text_after_the_end() -> None:
    result = rebuilt(json.dumps(answered()).encode() + b"\n}\n garbage")
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["trailing_text"]


def test_nothing_was_handed_in() -> None:
    submission = handed_in(answered())
    result = rebuild(ASSIGNMENT, Submission(submission.receipt, None))
    holds(result)
    assert codes(result) == ["missing"]
    assert codes(rebuilt(b" \n")) == ["empty_file", "missing"]


# -- made to be costly ----------------------------------------------------------------

DEEP = 200_000
COSTLY = {
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "many lists": b"[" + b"[]," * 3_000_000 + b"[]]",
    "many cells": json.dumps({"cells": [code("x = 1")] * 20_000}).encode(),
    "one id, many cells": json.dumps(
        {
            "cells": [
                copied(answered()["cells"][3], source=f"def upper(w):\n  {i}")
                for i in range(5_000)
            ]
        }
    ).encode(),
    "many essays": json.dumps(
        {
            "cells": [
                copied(answered()["cells"][11], source=f"{i} " * 90)
                for i in range(5_000)
            ]
        }
    ).encode(),
    "a long line of commas": json.dumps(
        {"cells": [code("upper," * 150_000)] * 20}
    ).encode(),
    "long imports": json.dumps(
        {"cells": [code("from " + "import " * 100_000)] * 5}
    ).encode(),
    "deep expressions": json.dumps(
        {
            "cells": [
                code("\u00a0" + "(" * 40_000),
                code("\u00a0" + "-" * 90_000 + "1"),
                code("\u00a0" + "a." * 40_000 + "a"),
                code("\u00a0" + "[" * 150 + "x for x in " * 5_000),
                code("\u00a0" + "lambda:" * 12_000 + "1"),
                code("\u00a0" + "not " * 20_000 + "1"),
                code("\u00a0f'" + "{" * 30_000 + "'"),
                code("\u00a0" + "1+" * 45_000 + "1"),
                code("\u00a0" + "x if x else " * 8_000 + "1"),
                code("\u00a0" + "if 1:\n" * 90 + "x"),
            ]
        }
    ).encode(),
    "unclosed cells": b'{"cell_type": "' * 300_000,
    "many numbers": b"[" + b"0," * 12_000_000 + b"0]",
    "numbers after each start": b'{"cell_type": [0,' * 900 + b"0," * 1_900_000,
    "open strings": b'"' + b"\\" * 2_000_001,
    "quotes": b'"a' * 2_000_000,
}


@pytest.mark.parametrize("name", sorted(COSTLY))
def test_costly_notebooks_are_read_or_refused_soon(name: str) -> None:
    start = time.process_time()
    result = rebuilt(COSTLY[name])
    spent = time.process_time() - start
    holds(result)
    assert spent < 8, f"{spent:.1f} s of CPU for {len(COSTLY[name])} bytes"


def test_too_large_to_be_looked_at() -> None:
    result = rebuilt(b" " + b"9" * reading.LARGEST)
    assert codes(result) == ["too_large_notebook", "missing"]


def test_a_flood_of_output_is_no_reason_to_refuse() -> None:
    book = answered()
    book["cells"][3]["outputs"] = [
        {
            "output_type": "stream",
            "name": "stdout",
            "text": ["[[0, 1], {2: 3}]\n"] * 400_000,
        }
    ]
    assert answers_in(rebuilt(book)) == ANSWERS


def test_ids_of_extra_cells_never_meet_the_papers() -> None:
    book = source_book()
    for number, cell in enumerate(book["cells"]):
        if "nbgrader" not in cell["metadata"]:
            cell["id"] = f"extra-{number}"
    assignment = TrustedAssignment.from_notebook(
        json.dumps(book).encode(), NAME
    )
    theirs = answered()
    theirs["cells"].insert(5, code("x = 1"))
    result = rebuilt(theirs, assignment)
    nbformat.validate(result.notebook)
    ids = [cell.id for cell in result.code.cells]
    assert len(set(ids)) == len(ids)
