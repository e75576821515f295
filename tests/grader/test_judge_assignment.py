"""The trusted assignment, held against what nbgrader makes of the same notebook."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearSolutions,
)

from aulac_grader.author.assignment import find, parse, source_root
from aulac_grader.author.assignment.build import notebook_text
from aulac_grader.author.assignment.check import release
from aulac_grader.judge.assignment import (
    CODE_STUB,
    TEXT_STUB,
    NotAnAssignment,
    TrustedAssignment,
    gives_partial_credit,
    plain_names,
    visible,
)

_spec = importlib.util.spec_from_file_location(
    "judge_pair", Path(__file__).with_name("judge_pair.py")
)
assert _spec and _spec.loader
judge_pair = importlib.util.module_from_spec(_spec)
sys.modules["judge_pair"] = judge_pair
_spec.loader.exec_module(judge_pair)
cell, paper_of, notebook_of = (
    judge_pair.cell,
    judge_pair.paper_of,
    judge_pair.notebook_of,
)
ASSIGNMENTS = find(root=source_root(Path(__file__)))


@pytest.fixture(params=["vi", "en"])
def built(
    request: pytest.FixtureRequest,
) -> tuple[Any, TrustedAssignment, str]:
    assignment = parse(ASSIGNMENTS[0])
    data = notebook_text(assignment, request.param).encode()
    return (
        assignment,
        TrustedAssignment.from_notebook(data, assignment.name),
        request.param,
    )


def test_a_real_assignment_is_read(
    built: tuple[Any, TrustedAssignment, str],
) -> None:
    assignment, trusted, lang = built
    assert (trusted.name, trusted.lang) == (assignment.name, lang)
    assert trusted.points == assignment.points
    assert {c.id: c.points for c in trusted.tests} == {
        i: c.points for i, c in assignment.tests.items()
    }
    for ours in trusted.answers:
        theirs = assignment.answers[ours.id]
        assert (ours.source, ours.provides) == (theirs.code, theirs.provides)
        assert ours.plain == set(ours.provides), (
            "all of ps01's results are plain"
        )
    kinds = {c.grade_id: c.kind for c in assignment.cells if c.grade_id}
    assert {c.id: c.kind for c in trusted.cells if c.id in kinds} == kinds


def test_what_is_visible_is_what_nbgrader_releases(
    built: tuple[Any, TrustedAssignment, str],
) -> None:
    assignment, trusted, lang = built
    released = {c.id: c.source for c in release(assignment, lang).cells}
    assert {c.id: c.visible for c in trusted.cells} == released


LINES = st.sampled_from(
    [
        *(
            "x = 1",
            "    y = 2",
            "",
            "### BEGIN HIDDEN TESTS",
            "### END HIDDEN TESTS",
        ),
        *(
            "### BEGIN SOLUTION",
            "    ### BEGIN SOLUTION",
            "    ### END SOLUTION",
        ),
        *(
            "### END SOLUTION",
            "# BEGIN HIDDEN TESTS too",
            "### BEGIN MARK SCHEME",
        ),
        *("### END MARK SCHEME", "\t### BEGIN SOLUTION # x"),
    ]
)


@given(
    st.lists(LINES, max_size=8).map("\n".join),
    st.sampled_from(["answer", "test", "manual", "task", "readonly", "given"]),
)
def test_regions_are_cut_as_nbgrader_cuts_them(source: str, kind: Any) -> None:
    made = cell(kind, "c", source)
    made["source"] = source
    book = nbformat.from_dict(json.loads(notebook_of(made)))
    book.cells[0].source = source
    book.metadata.kernelspec = {"language": "python"}
    steps = [
        ClearSolutions(
            code_stub={"python": CODE_STUB},
            text_stub=TEXT_STUB["vi"],
            enforce_metadata=False,
        ),
        ClearHiddenTests(enforce_metadata=False),
        ClearMarkScheme(enforce_metadata=False),
    ]
    for step in steps:
        step.log.disabled = True
    try:
        for step in steps:
            book, _ = step.preprocess(book, {})
        wanted = book.cells[0].source
    except RuntimeError:
        wanted = None
    try:
        got = visible(source, kind, made["cell_type"])
    except NotAnAssignment:
        got = None
    assert got == wanted


def test_a_paper_travels_as_bytes() -> None:
    assignment = paper_of(cell("test", "t", "assert True"))
    assert TrustedAssignment.from_bytes(assignment.to_bytes()) == assignment
    data = notebook_of(cell("test", "t", "assert True"))
    import hashlib

    assert assignment.sha256 == hashlib.sha256(data).hexdigest()


def test_what_a_cell_declares_is_read() -> None:
    assignment = paper_of(
        cell(
            "answer",
            "a",
            "def f(x) -> int:\n    return 1\ndef g() -> 'Model':\n    return 2",
            provides=["f", "g"],
            files=["p.npy"],
        ),
        cell("test", "t", "f(1)\n", 2.5, seconds=3),
        cell("scratch", "s", "1"),
        cell("prose", "p", "text"),
    )
    a, t, s, p = assignment.cells
    assert (a.provides, a.files, a.plain) == (("f", "g"), ("p.npy",), {"f"})
    assert (t.points, t.partial, t.seconds) == (2.5, True, 3.0)
    assert (s.kind, p.kind) == ("scratch", "prose")
    assert assignment.before("t") == (a,)


def test_an_answer_that_declares_nothing_provides_what_it_defines() -> None:
    source = "import os\ndef f(): pass\nclass C: pass\nx, y = 1, 2\nz: int = 3"
    (answer,) = paper_of(cell("answer", "a", source)).cells
    assert answer.provides == ("f", "C", "x", "y", "z")


@pytest.mark.parametrize(
    ("annotation", "plain"),
    [
        *(
            ("int", True),
            ("list[tuple[str, int]]", True),
            ("dict | None", True),
        ),
        *(("torch.Tensor", True), ("np.ndarray", True), ("'list[int]'", True)),
        *(
            ("Model", False),
            ("Iterator[int]", False),
            ("'torch.nn.Module'", False),
        ),
        *(
            ("Callable[[int], int]", False),
            ("list[Model]", False),
            ("Any", False),
        ),
    ],
)
def test_which_results_are_plain_data(annotation: str, plain: bool) -> None:
    source = f"def f(x) -> {annotation}:\n    return x"
    assert (plain_names(source, ("f",)) == {"f"}) is plain


@pytest.mark.parametrize(
    ("source", "partial"),
    [
        *(("assert f()", False), ("_check()", True), ("x = 1\n2 * x", True)),
        *(("", False), ("def f(: ", False), ("for i in x:\n    f(i)", False)),
    ],
)
def test_what_ends_in_a_value_gives_partial_credit(
    source: str, partial: bool
) -> None:
    assert gives_partial_credit(source) is partial


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "is no notebook"),
        (b"[]", "is no notebook"),
        (b'{"cells": [], "metadata": []}', "is no notebook"),
        (
            notebook_of(cell("test", "t", ""), cell("test", "t", "")),
            "2 cells are called t",
        ),
        (
            notebook_of(cell("test", "t", "### BEGIN HIDDEN TESTS")),
            "has no END HIDDEN TESTS",
        ),
        (
            notebook_of(cell("test", "t", "")).replace(b'n": 3', b'n": 2'),
            "run `nbgrader update`",
        ),
    ],
)
def test_what_is_no_assignment_is_said(data: bytes, says: str) -> None:
    with pytest.raises(NotAnAssignment, match=says):
        TrustedAssignment.from_notebook(data, "ps99")


def test_a_missing_notebook_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotAnAssignment, match=r"gone\.ipynb cannot be read"):
        TrustedAssignment.read(tmp_path / "gone.ipynb")
    with pytest.raises(NotAnAssignment, match="no assignment"):
        TrustedAssignment.from_bytes(b"\xc1")
