"""Proving an assignment, and building a course directory from it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from aulac_grader.author.assignment import AssignmentError, parse
from aulac_grader.author.assignment.build import build
from aulac_grader.author.assignment.check import check, leaks, release
from aulac_grader.author.assignment.command import app
from aulac_grader.author.assignment.run import run_cells

_spec = importlib.util.spec_from_file_location(
    "assignment_sample", Path(__file__).with_name("assignment_sample.py")
)
assert _spec and _spec.loader
sample = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sample)
SOURCE_OF = "source/ps99_sample/ps99_sample.ipynb"


def faults_of(
    tmp_path: Path, source: str = sample.SOURCE, **variants: str
) -> str:
    folder = sample.write_sample(tmp_path, source, variants or None)
    return "\n".join(check(parse(folder)).faults)


# -- running cells ---------------------------------------------------------------------


def test_cells_share_a_namespace_and_errors_do_not_stop_the_rest() -> None:
    cells = [
        ("a", "x = 1"),
        ("b", "print(x); 1 / 0"),
        ("c", "x + 1"),
        ("d", "x;\n"),
    ]
    a, b, c, d = run_cells(cells)
    assert (a["error"], a["result"]) == (None, None)
    assert b["error"][0] == "ZeroDivisionError"
    assert b["stdout"] == "1\n"
    assert c["result"] == "2"
    assert d["result"] == "1"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("while True: pass", "CellTimeoutError"),
        ("import sys; sys.exit()", "SystemExit"),
        ("def f(:", "SyntaxError"),
        ("import os; os._exit(3)", "ProcessEnded"),
    ],
)
def test_a_cell_that_goes_astray_is_reported(source: str, error: str) -> None:
    reports = run_cells([("a", "1"), ("b", source), ("c", "2")], seconds=0.5)
    assert reports[0]["result"] == "1"
    assert reports[1]["error"][0] == error
    assert len(reports) == 3


def test_a_dataclass_in_a_cell_works() -> None:
    source = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(1).x"
    assert run_cells([("a", source)])[0]["result"] == "1"


# -- check -----------------------------------------------------------------------------


def test_the_sample_is_proved(tmp_path: Path) -> None:
    report = check(parse(sample.write_sample(tmp_path)))
    assert report.faults == []
    totals = {outcome.name: outcome.total for outcome in report.outcomes}
    assert totals == {
        "reference": 3,
        "release": 0,
        "wrong_forgets": 0,
        "right_loop": 3,
    }


def test_a_reference_that_fails_is_the_only_fault_shown(
    tmp_path: Path,
) -> None:
    source = sample.SOURCE.replace("return sum(a) + b", "return sum(a) - b")
    said = faults_of(tmp_path, source)
    assert "reference must keep full points, but p1-small" in said
    assert "wrong_forgets" not in said


def test_a_release_that_earns_points_is_a_fault(tmp_path: Path) -> None:
    source = sample.SOURCE.replace(
        "right = 0\n", "right = 1\n    add\n"
    ).replace("2 * right / len(cases)", "min(2, 2 * right / len(cases))")
    assert "release must earn nothing, but p1-large" in faults_of(
        tmp_path, source
    )


def test_a_test_that_misses_a_mistake_is_a_fault(tmp_path: Path) -> None:
    wrong = sample.WRONG.replace(
        "return sum(a)", "return sum(a) + b if a else b"
    )
    said = faults_of(tmp_path, wrong_forgets=wrong, right_loop=sample.RIGHT)
    assert "wrong_forgets should lose p1-small and does not" in said
    assert "p1-small: no wrong variant loses it" in said


def test_a_mistake_that_costs_more_than_declared_is_a_fault(
    tmp_path: Path,
) -> None:
    wrong = sample.WRONG.replace("loses: p1-small p1-large", "loses: p1-large")
    said = faults_of(tmp_path, wrong_forgets=wrong, right_loop=sample.RIGHT)
    assert "wrong_forgets also loses p1-small" in said


def test_a_right_answer_that_loses_points_is_a_fault(tmp_path: Path) -> None:
    picky = sample.RIGHT.replace(
        "return b", "import sys\n    print(file=sys.stderr)"
    )
    said = faults_of(tmp_path, wrong_forgets=sample.WRONG, right_loop=picky)
    assert "right_loop must keep full points, but p1-small" in said
    assert "stderr" in said


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("return f'{right}'", "not a number of points"),
        ("return 5", "cannot be greater than maximum"),
    ],
)
def test_partial_credit_must_be_a_number_within_the_points(
    tmp_path: Path, last: str, says: str
) -> None:
    source = sample.SOURCE.replace("return 2 * right / len(cases)", last)
    assert says in faults_of(tmp_path, source)


def test_without_a_right_variant_nothing_shows_that_tests_are_fair(
    tmp_path: Path,
) -> None:
    assert "no right variant" in faults_of(
        tmp_path, wrong_forgets=sample.WRONG
    )


def test_what_a_lesson_already_holds_is_not_asked_for(tmp_path: Path) -> None:
    lessons = tmp_path / "notebooks" / "source"
    lessons.mkdir(parents=True)
    (lessons / "01_sums.md").write_text("```\ndef add(a, b):\n    ...\n```\n")
    assert "asks for add, which notebooks/source/01_sums.md" in faults_of(
        tmp_path
    )


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_release_holds_no_secret(tmp_path: Path, lang: str) -> None:
    assignment = parse(sample.write_sample(tmp_path))
    book = release(assignment, lang)
    text = json.dumps(book, ensure_ascii=False)
    for secret in (
        "70001",
        "10**20",
        "return sum(a)",
        "Because",
        "Hai điểm",
        "BEGIN",
    ):
        assert secret not in text
    assert leaks(assignment, book) == []
    book.cells[0].source += "\nassert add([], 70001) == 70001"
    assert "p1-small" in leaks(assignment, book)[0]


# -- from outside ----------------------------------------------------------------------

# What the test does that cannot be done from another process: the given cell, the
# answer's body, the test, and what its author is told.
FROM_OUTSIDE = {
    "sends a function": (
        "def one(): return 1",
        "return sum(a) + (b() if callable(b) else b)",
        "assert add([1], one) == 2",
        "the test sends argument 2 of add to the student's process, where it cannot go",
    ),
    "sends an object": (
        "from dataclasses import dataclass\n@dataclass\nclass Box:\n    n: int",
        "return sum(a) + (b if isinstance(b, int) else b.n)",
        "assert add([1], Box(3)) == 4",
        "a Box is no plain value",
    ),
    "asks for a type": (
        "def kind(x): return type(x).__name__",
        "return sum(a) + b",
        "assert kind(add) == 'function' and add([1], 2) == 3",
        "p1-small gives 1 points in one process and 0",
    ),
    "asks what a handle is": (
        "def is_module(x): return isinstance(x, str)",
        "return (lambda: 1) if b is None else sum(a) + b",
        "assert not is_module(add([], None)) and add([1], 2) == 3",
        "cannot be asked for its type",
    ),
    "looks at an argument": (
        "def call(f, *a):\n    f(*a)\n    return a",
        "a.append(b)\n    return sum(a)",
        "assert call(add, [1], 2)[0] == [1, 2]",
        "ask aulac.lesson.checks",
    ),
    "asks for identity": (
        "PAIR = (1, 2)",
        "return a if b is None else sum(a) + b",
        "assert add(PAIR, None) is PAIR",
        "ask aulac.lesson.checks",
    ),
    "compares objects": (
        "ZERO = 0",
        "return add if b is None else sum(a) + b",
        "assert add([], None) == add([], None)",
        "cannot be compared",
    ),
}


@pytest.mark.parametrize("name", FROM_OUTSIDE)
def test_a_test_that_cannot_be_judged_from_outside_is_a_fault(
    tmp_path: Path, name: str
) -> None:
    given, body, test, says = FROM_OUTSIDE[name]
    source = sample.SOURCE.replace("ZERO = 0", given)
    source = source.replace("return sum(a) + b", body)
    source = source.replace("assert add([1], 2) == 3", test)
    right = sample.SOURCE[sample.SOURCE.index("def add") :]
    right = right[: right.index("    ### BEGIN")] + f"    {body}\n"
    said = faults_of(
        tmp_path,
        source,
        wrong_all=sample.WRONG.replace("return sum(a)", "return None"),
        right_same=f'"""The same."""\n\n# %% p1-add\n{right}',
    )
    assert says in said
    assert "p1-small" in said and "reference" in said
    assert "right_same" not in said, "only the root of the rest is shown"


def test_what_aulac_checks_asks_can_be_judged_from_outside(
    tmp_path: Path,
) -> None:
    source = sample.SOURCE.replace(
        "ZERO = 0", "from aulac.lesson.checks import changed, printed, raises"
    )
    source = source.replace(
        "return sum(a) + b", "a.append(b)\n    print(b)\n    return sum(a)"
    ).replace(
        "assert add([1], 2) == 3",
        "assert changed(add, [1], 2)[0] == [1, 2]\n"
        "assert printed(add, [1], 2) == '2\\n'\nraises(TypeError, add, [1], 'a')",
    )
    right = (
        '"""Otherwise."""\n\n# %% p1-add\n'
        "def add(a: list[int], b: int) -> int:\n"
        "    print(b)\n    a += [b]\n    return sum(a)\n"
    )
    said = faults_of(
        tmp_path, source, wrong_forgets=sample.WRONG, right_otherwise=right
    )
    assert said == ""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "assert add([1], 2) == 3\n### BEGIN HIDDEN TESTS\n"
            "assert add([], 70001) == 70001\n",
            "assert all(_x == 3 for _x in add([1], 2))\n"
            "### BEGIN HIDDEN TESTS\n",
            "an answer that only says `return ''` earns",
        ),
        (
            "assert add([1], 2) == 3\n### BEGIN HIDDEN TESTS\n"
            "assert add([], 70001) == 70001\n",
            "try:\n    add(None, 2)\nexcept TypeError:\n    pass\nelse:\n"
            "    raise AssertionError\n### BEGIN HIDDEN TESTS\n",
            "an answer that only says `raise TypeError` earns",
        ),
    ],
)
def test_a_test_that_a_hollow_answer_passes_is_a_fault(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    source = sample.SOURCE.replace(old, new)
    if "all(" in new:
        source = source.replace("return sum(a) + b", "return [sum(a) + b]")
        source = source.replace("== 70001", "== [70001]").replace(
            "== wanted", "== [wanted]"
        )
    wrong = sample.WRONG.replace("return sum(a)", "return [7]")
    right = (
        sample.RIGHT.replace("return b", "return [b]")
        if "all(" in new
        else sample.RIGHT
    )
    said = faults_of(tmp_path, source, wrong_forgets=wrong, right_loop=right)
    assert says in said


# -- build -----------------------------------------------------------------------------


@pytest.fixture
def assignment(tmp_path: Path):
    return parse(sample.write_sample(tmp_path / "repository"))


def test_a_course_is_built_once_and_then_unchanged(
    assignment, tmp_path: Path
) -> None:
    course = tmp_path / "course"
    first = build([assignment], "vi", course)
    assert first.written == ["nbgrader_config.py", SOURCE_OF]
    before = {
        p: p.stat().st_mtime_ns for p in course.rglob("*") if p.name[0] != "."
    }
    second = build([assignment], "vi", course)
    assert (second.written, second.unchanged) == ([], first.written)
    assert before == {p: p.stat().st_mtime_ns for p in before}
    book = nbformat.read(course / SOURCE_OF, 4)
    nbformat.validate(book)
    assert book.metadata.aulac.assignment == "ps99_sample"
    assert book.metadata.aulac.lang == "vi"
    assert book.metadata.aulac.title == {"vi": "Bài mẫu", "en": "A sample"}
    assert [problem.id for problem in book.metadata.aulac.problems] == [
        "p1",
        "p2",
    ]


def test_both_languages_hold_the_same_code(assignment, tmp_path: Path) -> None:
    codes = []
    for lang in ("vi", "en"):
        build([assignment], lang, tmp_path / lang)
        book = nbformat.read(tmp_path / lang / SOURCE_OF, 4)
        codes.append(
            [(c.id, c.source) for c in book.cells if c.cell_type == "code"]
        )
    assert codes[0] == codes[1]
    assert len(codes[0]) == 4


def test_what_an_instructor_changed_is_kept(
    assignment, tmp_path: Path
) -> None:
    course = tmp_path / "course"
    build([assignment], "vi", course)
    config = course / "nbgrader_config.py"
    config.write_text("c = get_config()\n")
    assert build([assignment], "vi", course).kept == ["nbgrader_config.py"]
    assert config.read_text() == "c = get_config()\n"
    assert build([assignment], "vi", course, force=True).written == [
        config.name
    ]
    assert (
        config.with_name("nbgrader_config.py.bak").read_text()
        == "c = get_config()\n"
    )


def test_students_work_is_never_touched(assignment, tmp_path: Path) -> None:
    course = tmp_path / "course"
    build([assignment], "vi", course)
    work = [
        course / "gradebook.db",
        course / "submitted" / "an" / "ps99_sample" / "ps99_sample.ipynb",
        course / "autograded" / "an" / "ps99_sample" / "ps99_sample.ipynb",
        course / "release" / "ps99_sample" / "ps99_sample.ipynb",
    ]
    for path in work:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    folder = assignment.folder
    (folder / "assignment.md").write_text(
        sample.SOURCE.replace("Cộng hai", "Cộng ba")
    )
    built = build([parse(folder)], "vi", course, force=True)
    assert built.released == ["ps99_sample"], "released before, changed now"
    assert [path.read_text() for path in work] == [path.name for path in work]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("repository/build/course", "lies inside the repository"),
        ("foreign", "is not empty and was not made by this command"),
        ("file", "is not a folder"),
        ("english", "is a course in 'en'"),
        ("broken", "cannot be read"),
    ],
)
def test_a_bad_target_is_refused(
    assignment, tmp_path: Path, place: str, says: str
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    build([assignment], "en", tmp_path / "english")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".aulac-course.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AssignmentError, match=says):
        build([assignment], "vi", tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before


# -- command line ----------------------------------------------------------------------


def test_the_command_lists_checks_and_builds(tmp_path: Path) -> None:
    sample.write_sample(tmp_path)
    root = ["--source", str(tmp_path / "assignments" / "source")]
    run = CliRunner().invoke
    assert "Bài mẫu" in run(app, ["list", *root]).output
    checked = run(app, ["check", "ps99", *root])
    assert checked.exit_code == 0
    assert "ps99_sample proved: 1 wrong variants, 1 right" in checked.output
    built = run(app, ["build", str(tmp_path.parent / "c"), "ps99", *root])
    assert built.exit_code == 0, built.output
    assert "nbgrader generate_assignment ps99_sample" in built.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "ps07"], "There is no assignment 'ps07'"),
        (["build", "COURSE", "--lang", "fr"], "--lang must be vi or en"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    sample.write_sample(tmp_path)
    arguments = [a.replace("COURSE", str(tmp_path / "c")) for a in arguments]
    root = ["--source", str(tmp_path / "assignments" / "source")]
    done = CliRunner().invoke(app, [*arguments, *root])
    assert done.exit_code == 1
    assert says in done.output
