"""Attacks on the notebook's form: its cells, their kinds, names and metadata."""

from __future__ import annotations

import copy
from collections.abc import Callable

from .kit import Book, Case, find, grade_id
from .marks import VALUES, WRONG


def tests_become(source: str) -> Callable[[Book], None]:
    """Replace every test's source."""

    def bend(book: Book) -> None:
        for cell in book["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("points"):
                cell["source"] = source

    return bend


def metadata(**changes: object) -> Callable[[Book], None]:
    """Change nbgrader's metadata of every cell that has some."""

    def bend(book: Book) -> None:
        for cell in book["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"].update(changes)

    return bend


def without_tests(book: Book) -> None:
    book["cells"] = [
        cell
        for cell in book["cells"]
        if not cell["metadata"].get("nbgrader", {}).get("grade")
        or cell["metadata"]["nbgrader"]["solution"]
    ]


def duplicated_tests(book: Book) -> None:
    for cell in list(book["cells"]):
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            twin = copy.deepcopy(cell)
            twin["source"] = "2.0"
            book["cells"].insert(book["cells"].index(cell), twin)


def duplicated_answers(book: Book) -> None:
    """A second cell of the same grade_id, which is wrong, after the right one."""
    for name, source in WRONG.items():
        cell = find(book, name)
        twin = copy.deepcopy(cell)
        twin["source"], twin["id"] = source, f"{name}-twin"
        book["cells"].insert(book["cells"].index(cell) + 1, twin)


def swapped_kinds(book: Book) -> None:
    for cell in book["cells"]:
        code = cell["cell_type"] == "code"
        cell["cell_type"] = "markdown" if code else "code"
        if code:
            del cell["outputs"], cell["execution_count"]
        else:
            cell["outputs"], cell["execution_count"] = [], None


def renamed_answers(book: Book) -> None:
    """Each answer cell says it is a test, and the test that it is the answer."""
    a, b = find(book, "p1-mean"), find(book, "p1-few")
    a["metadata"], b["metadata"] = b["metadata"], a["metadata"]
    b["source"] = "def mean_length(words):\n    return 3.5"


def reversed_cells(book: Book) -> None:
    book["cells"].reverse()


def given_replaced(book: Book) -> None:
    find(book, "given")["source"] = (
        "import numpy as np\nRATE = 0\nclose = listed = printed = drawn = max\n"
        "print('given was replaced')"
    )


def manual_becomes_automatic(book: Book) -> None:
    """nbgrader gives full points for a graded cell that is no solution and is silent."""
    for name in ("p10-why", "p10-task"):
        cell = find(book, name)
        cell["cell_type"] = "code"
        cell["source"] = "2.0"
        cell["execution_count"] = 1
        cell["outputs"] = [
            {
                "output_type": "execute_result",
                "data": {"text/plain": "2.0"},
                "metadata": {},
                "execution_count": 1,
            }
        ]
        cell["metadata"]["nbgrader"].update(
            {
                "solution": False,
                "task": False,
                "grade": True,
                "cell_type": "code",
            }
        )


def forged_results(book: Book) -> None:
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
            cell["outputs"] = [
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "2.0"},
                    "metadata": {},
                    "execution_count": 1,
                }
            ]


def provides_more(book: Book) -> None:
    """The names a test binds are ours to say: here `_check` and builtins."""
    cell = find(book, "p1-mean")
    cell["metadata"]["aulac"] = {
        "provides": [
            "_check",
            "close",
            "float",
            "AssertionError",
            "mean_length",
        ]
    }
    cell["source"] += "\n_check = close = lambda *a, **k: 2.0\n"


def tags_and_kernel(book: Book) -> None:
    book["metadata"]["kernelspec"] = {
        "name": "../../evil",
        "display_name": "<script>x</script>",
        "language": "bash",
        "metadata": {
            "kernel_provisioner": {"provisioner_name": "local-provisioner"}
        },
    }
    book["metadata"]["language_info"] = {
        "name": "bash",
        "file_extension": ".sh",
    }
    for cell in book["cells"]:
        cell["metadata"]["tags"] = [
            "remove-cell",
            "parameters",
            "skip-execution",
        ]
        cell["metadata"]["jupyter"] = {"source_hidden": True}


FORGED_FORMS: dict[str, tuple[str, Callable[[Book], None]]] = {
    "tests-become-true": (
        "Every test now ends in full points.",
        tests_become("assert True\n2.0"),
    ),
    "tests-become-empty": ("Every test cell is empty.", tests_become("")),
    "tests-deleted": ("Every test cell is deleted.", without_tests),
    "tests-duplicated": (
        "Every test stands there twice, the second gives full points.",
        duplicated_tests,
    ),
    "points-raised": (
        "Every cell is worth a thousand points.",
        metadata(points=1000, max_score=1000),
    ),
    "points-not-a-number": (
        "Every cell is worth nan points.",
        metadata(points=float("nan")),
    ),
    "never-graded": (
        "No cell is graded any more.",
        metadata(grade=False, solution=False, locked=False),
    ),
    "everything-an-answer": (
        "Every cell says it is a solution.",
        metadata(grade=True, solution=True, locked=False),
    ),
    "schema-of-tomorrow": (
        "The cells' schema version is 99.",
        metadata(schema_version=99),
    ),
    "schema-of-yesterday": (
        "The cells' schema version is 0.",
        metadata(schema_version=0),
    ),
    "schema-no-number": (
        "The cells' schema version is a list.",
        metadata(schema_version=[{}], points={}, grade="yes", cell_type=3),
    ),
    "one-grade-id": (
        "All cells bear the same grade_id.",
        metadata(grade_id="p1-mean"),
    ),
    "grade-ids-are-paths": (
        "All grade_ids are paths.",
        metadata(grade_id="../../../etc/passwd"),
    ),
    "grade-ids-are-null": ("All grade_ids are null.", metadata(grade_id=None)),
    "checksums-forged": (
        "All checksums are forged.",
        metadata(checksum="0" * 32, locked=False),
    ),
    "given-replaced": (
        "The locked cell that everybody shares is another.",
        given_replaced,
    ),
    "results-forged": (
        "Old outputs say that every test gave full points.",
        forged_results,
    ),
    "provides-more": (
        "An answer cell claims to provide the names of the test itself.",
        provides_more,
    ),
    "tags-and-kernel": (
        "Another kernel, a provisioner of its own, tags that hide cells.",
        tags_and_kernel,
    ),
    "kinds-swapped": (
        "Code cells are markdown and markdown cells code.",
        swapped_kinds,
    ),
    "answer-and-test-swapped": (
        "An answer cell and its test exchanged their metadata.",
        renamed_answers,
    ),
    "cells-reversed": ("The cells stand in reverse order.", reversed_cells),
}
# With wrong answers these gain nothing; with right ones the first of them lose nothing.
KEEPS = set(FORGED_FORMS) - {
    "never-graded",
    "everything-an-answer",
    "one-grade-id",
    "kinds-swapped",
    "answer-and-test-swapped",
    "cells-reversed",
    "grade-ids-are-paths",
    "grade-ids-are-null",
    "schema-no-number",
}
FORMS = [
    Case(name, tries, answers=WRONG, bend=bend, loses=VALUES, ruins=True)
    for name, (tries, bend) in FORGED_FORMS.items()
]
FORMS += [
    Case(f"honest-{name}", f"{tries} The answers are right.", bend=bend)
    for name, (tries, bend) in FORGED_FORMS.items()
    if name in KEEPS
]
FORMS += [
    Case(
        "answers-duplicated",
        "A second, wrong cell for each answer, under the same grade_id.",
        bend=duplicated_answers,
        ruins=True,
    ),
    Case(
        "manual-becomes-automatic",
        "Cells that a person grades say that their own output is their points.",
        bend=manual_becomes_automatic,
    ),
    Case(
        "answers-deleted",
        "The answer cells are gone; nothing takes their place.",
        bend=lambda book: book.__setitem__(
            "cells",
            [
                c
                for c in book["cells"]
                if not grade_id(c).startswith(("p1-", "p9-"))
            ],
        ),
        loses=("p1-few", "p9-near"),
    ),
    Case(
        "hidden-markers",
        "An answer holds nbgrader's own markers.",
        answers={
            "p1-mean": "### BEGIN HIDDEN TESTS\ndef mean_length(words):\n"
            "    return -1\n### END HIDDEN TESTS\n### BEGIN SOLUTION\n",
            "p10-why": "### BEGIN MARK SCHEME\nhai điểm\n### END MARK SCHEME",
        },
        loses=("p1-few",),
    ),
]

CASES = FORMS
