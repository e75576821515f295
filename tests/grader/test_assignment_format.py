"""The format of an assignment: what is read, and what each fault is called."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from nbgrader.nbgraderformat import MetadataValidator

from aulac_grader.author.assignment import (
    AssignmentError,
    Cell,
    find,
    parse,
    source_root,
)
from aulac_grader.author.assignment.lint import lint, lint_test
from aulac_grader.author.assignment.notebook import differences, notebook
from aulac_grader.author.assignment.variants import load_variants

_spec = importlib.util.spec_from_file_location(
    "assignment_sample", Path(__file__).with_name("assignment_sample.py")
)
assert _spec and _spec.loader
sample = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sample)


def test_the_sample_is_read(tmp_path: Path) -> None:
    assignment = parse(sample.write_sample(tmp_path))
    kinds = [cell.kind for cell in assignment.cells]
    assert kinds == [
        "prose",
        "given",
        "answer",
        "test",
        "test",
        "prose",
        "readonly",
        "manual",
    ]
    assert (assignment.points, assignment.automatic_points) == (5, 3)
    assert assignment.answers["p1-add"].provides == ("add",)
    assert assignment.tests["p1-small"].nbgrader == {
        "schema_version": 3,
        "grade": True,
        "solution": False,
        "task": False,
        "locked": True,
        "grade_id": "p1-small",
        "points": 1,
        "cell_type": "code",
    }
    assert lint(assignment) == []


def test_files_and_seconds_reach_the_notebook(tmp_path: Path) -> None:
    source = sample.SOURCE.replace("[add]}", "[add], files: [p.npy]}").replace(
        "grade: true, points: 2}\n",
        "grade: true, points: 2}\n:aulac: {seconds: 3}\n",
    )
    assignment = parse(sample.write_sample(tmp_path, source))
    cells = {cell.id: cell for cell in notebook(assignment, "vi").cells}
    assert cells["p1-add"].metadata.aulac == {
        "provides": ["add"],
        "files": ["p.npy"],
    }
    assert cells["p1-large"].metadata.aulac == {"seconds": 3.0}
    assert "aulac" not in cells["p1-small"].metadata


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_real_assignment_is_valid_for_nbgrader(lang: str) -> None:
    for folder in find(root=source_root(Path(__file__))):
        assignment = parse(folder)
        book = notebook(assignment, lang)
        MetadataValidator().validate_nb(book)
        assert lint(assignment) == []
        assert differences(assignment) == []
        assert book.cells[0].source.startswith(f"# {assignment.title[lang]}")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "assignment: ps99",
            "assignment: ps98",
            "must be ps99, like the folder",
        ),
        ('en: "A sample"', 'en: ""', "title.en is empty"),
        ("  points: 5\n", "  points: 6\n", "states 6 points, cells sum to 5"),
        (
            "      points: 3\n",
            "      points: 4\n",
            "problem p1 states 4 points",
        ),
        ("  minutes: 10\n", "", "minutes must be a number above 0"),
        ("  machine:", "  machines:", "unknown key 'machines'"),
        (
            "grade_id: p1-large",
            "grade_id: p1-small",
            "p1-small is used 2 times",
        ),
        (
            "grade_id: p1-large",
            "grade_id: p9-large",
            "must begin with a problem's id",
        ),
        (
            "grade_id: p1-large",
            "grade_id: 'p1 large'",
            "needs a grade_id of letters",
        ),
        (
            "solution: true}\n:aulac",
            "solved: true}\n:aulac",
            "does not know ['solved']",
        ),
        (
            ":aulac: {provides: [add]}\n",
            "",
            "declare the names a test may touch",
        ),
        (
            "[add]}",
            "[add, subtract]}",
            "provides subtract, but the cell does not",
        ),
        ("[add]}", "[add], files: [model.pt]}", "pickles are never opened"),
        ("[add]}", "[add], files: [../a.npy]}", "a plain file name"),
        ("[add]}", "[add], files: 3}", "write :aulac: {files: [name, …]}"),
        ("[add]}", "[add], seconds: 3}", "only a test cell sets seconds"),
        ("[add]}", "[add], offers: 3}", "under :aulac: stand files, provides"),
        (
            "grade: true, points: 2}\n",
            "grade: true, points: 2}\n:aulac: {seconds: soon}\n",
            "seconds must be a number above 0",
        ),
        ("b: int) -> int", "b) -> int", "type hints on every argument"),
        ('    """Cộng. Add."""\n', "", "add needs a docstring"),
        (
            "    ### END SOLUTION\n",
            "",
            "1 × BEGIN SOLUTION but 0 × END SOLUTION",
        ),
        (
            "ZERO = 0",
            "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS",
            "test cells only",
        ),
        ('"problem": "p2"', '"problem": "p1"', "problems open in the order"),
        ("\nVì sao?\n", "\n# Vì sao?\n", "headings differ"),
        ("ZERO = 0", f"ZERO = 0{' ' * 80}# end", "over 79 columns"),
        ("grade: true, points: 2}", "grade: true}", "needs points above 0"),
        ("ps99", "ps\udc80".encode("utf-8", "surrogateescape"), "not UTF-8"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new, says: str) -> None:
    assert old in sample.SOURCE
    folder = sample.write_sample(tmp_path)
    if isinstance(new, bytes):
        data = sample.SOURCE.encode().replace(old.encode(), new, 1)
    else:
        data = sample.SOURCE.replace(old, new, 1).encode()
    (folder / "assignment.md").write_bytes(data)
    with pytest.raises(AssignmentError) as caught:
        parse(folder)
    assert says in str(caught.value)
    assert "assignment.md" in str(caught.value)


def test_all_faults_are_shown_at_once(tmp_path: Path) -> None:
    text = sample.SOURCE.replace("b: int) -> int", "b) -> int", 1)
    text = text.replace("  points: 5\n", "  points: 6\n")
    with pytest.raises(AssignmentError) as caught:
        parse(sample.write_sample(tmp_path, text))
    assert len(caught.value.problems) == 2


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    sample.write_sample(tmp_path)
    with pytest.raises(AssignmentError, match="ps99_sample"):
        find(["ps07"], tmp_path / "assignments" / "source")


def a_test(code: str) -> Cell:
    meta = {
        "grade_id": "p1-x",
        "grade": True,
        "solution": False,
        "task": False,
        "locked": True,
        "points": 1,
    }
    return Cell(3, "code", {"vi": code, "en": code}, meta)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("assert add(1) == helper(1)", "touches helper, which no answer cell"),
        ("assert add(lambda x: x) == 1", "sends a function"),
        ("def _f(x): return x\nassert add(_f) == 1", "sends a function"),
        ("assert add(x for x in [1]) == 1", "sends a generator"),
        ("assert isinstance(add(1), int)", "isinstance asks what"),
        ("_v = add(1)\nassert type(_v) == int", "type asks what"),
        ("assert hasattr(add, 'x')", "hasattr asks what"),
        (
            "_a = [1]\nadd(_a)\nassert _a == [1]",
            "looks at _a after sending it",
        ),
        ("add = 3\nassert add == 3", "overwrites add"),
        (
            "add.limit = 3\nassert add(1) == 1",
            "changes something of the student's",
        ),
        ("assert eval('1') == add(1)", "eval looks into the process"),
        ("assert globals()['add'](1) == 1", "globals looks into the process"),
        ("assert 1 == 1", "calls nothing that an answer cell provides"),
        (
            "tones = add(1)\nassert tones == 1",
            "binds tones, which may overwrite",
        ),
        ("add(1) == 1", "tests nothing: put assert before it"),
        ("add(1)\n'good'", "must be a number of points"),
        (
            "_n = add(1)\n### BEGIN HIDDEN TESTS\n_n += 1\n_n\n### END HIDDEN TESTS",
            "stand in the hidden region",
        ),
        ("%timeit add(1)", "not plain Python"),
        (
            "import numpy as _n\nassert _n.allclose(add(1), [2])",
            "true of an empty",
        ),
        ("_g = add(1)\nassert (_g == [1]).all()", "true of an empty value"),
        (
            "for _a, _b in zip(add(1), [1]):\n    assert _a == _b",
            "strict=True",
        ),
        ("add(1)", "which would then be the points"),
        (
            "from aulac.lesson.checks import printed as _p, printed\n"
            "assert printed(lambda: add(1)) == '1'",
            "printed is given a lambda",
        ),
        (
            "from aulac.lesson.checks import artefact\nartefact('q.npy')",
            "artefact reads a",
        ),
        (
            "from aulac.lesson.checks import artefact\nartefact(add(1))",
            "artefact reads a",
        ),
    ],
)
def test_a_test_that_cannot_be_judged_from_outside(
    code: str, says: str
) -> None:
    faults = lint_test(a_test(code), {"add"}, set())
    assert any(says in fault for fault in faults), faults
    assert all(
        "line" in f or "binds" in f or "last" in f or "calls" in f
        for f in faults
    )


@pytest.mark.parametrize(
    "code",
    [
        "assert add(1, 2) == 3, f'{add(1, 2)}'",
        "_a = [1]\nassert add(_a[:]) == 1\nassert _a == [1]",
        "_a = [1]\nassert add(_a) == 1\nassert add(_a, 2) == 3",
        "assert sorted([3, 1], key=add) == [1, 3]",
        "assert add(LIMIT) == 1",
        "def _check():\n    from aulac.lesson.checks import artefact\n"
        "    assert artefact('p.npy').shape == (2,)\n\n\n_check()",
        "def _check():\n    from aulac.lesson.checks import close, raises\n"
        "    assert close(add(1), [1.0])\n"
        "    raises(ValueError, lambda: add(1))\n\n\n_check()",
        "for _a, _b in zip(add(1), [1], strict=True):\n    assert _a == _b",
        "_g = add(1)\nfor _a, _b in zip(_g, _g[1:]):\n    assert _a == _b",
        "def _check():\n    text = 'a'\n    assert add(text) == text\n\n\n_check()",
        "try:\n    add(1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError",
    ],
)
def test_a_plain_test_passes_the_lint(code: str) -> None:
    assert lint_test(a_test(code), {"add"}, {"LIMIT"}, {"p.npy"}) == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("other", sample.RIGHT, "call it wrong_….py or right_….py"),
        ("wrong_a", sample.RIGHT, "say which test cells it loses"),
        ("right_a", sample.WRONG, "a right variant loses nothing"),
        (
            "wrong_a",
            sample.WRONG.replace("p1-large", "p7"),
            "loses p7, which is no",
        ),
        (
            "wrong_a",
            sample.WRONG.replace("%% p1-add", "%% p1-sub"),
            "no answer cell",
        ),
        ("right_a", '"""Nothing."""\n', "replaces no cell"),
        (
            "right_a",
            sample.RIGHT.replace('"""A loop."""', ""),
            "the docstring must say",
        ),
        ("right_a", "def (", "not valid Python"),
    ],
)
def test_a_faulty_variant_is_named(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    assignment = parse(sample.write_sample(tmp_path, variants={name: text}))
    with pytest.raises(AssignmentError, match=name) as caught:
        load_variants(assignment)
    assert says in str(caught.value)


def test_a_source_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match=r"gone is not a folder: name"):
        find(None, tmp_path / "gone")
