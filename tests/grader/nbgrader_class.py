"""A class of three on plain nbgrader, from an empty folder to returned feedback.

    python nbgrader_class.py FOLDER [LANG]

Run as a program by the tests (nbgrader's applications are singletons with logging of
their own). Every step is the command line that an instructor or a student types; only
the interpreter is shared, because importing nbgrader takes seconds.

    FOLDER/course     the course directory
    FOLDER/homes/an   a student's folder, and binh, chi
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
from jupyter_core.application import NoStart
from nbgrader.apps.nbgraderapp import NbGraderApp

from aulac_grader.author.assignment import Assignment, find, parse
from aulac_grader.author.assignment.build import build
from aulac_grader.author.assignment.variants import load_variants

MISTAKES = (
    "wrong_greedy_longest_token",
    "wrong_tone_order_of_the_library",
    "wrong_rounds_once",
)


def nbgrader(folder: Path, *arguments: str) -> None:
    """`nbgrader …` typed in `folder`."""
    os.chdir(folder)
    NbGraderApp.clear_instance()
    start = time.perf_counter()
    app = NbGraderApp.instance()
    app.initialize(list(arguments))
    with suppress(NoStart):  # how a command that ran to its end says so
        app.start()
    app.clear_instance()
    spent = time.perf_counter() - start
    print(f"{spent:6.1f} s  nbgrader {' '.join(arguments)}", flush=True)


def write_answers(path: Path, answers: dict[str, str]) -> None:
    book = nbformat.read(path, 4)
    for cell in book.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    nbformat.write(book, path)


def students(assignment: Assignment, lang: str) -> dict[str, dict[str, str]]:
    """What each student writes, by answer cell."""
    reference = {name: cell.code for name, cell in assignment.answers.items()}
    essay = assignment.of_kind("manual")[0]
    mistaken = dict(reference)
    for variant in load_variants(assignment):
        if variant.name in MISTAKES:
            mistaken |= variant.sources
    return {
        "an": reference | {essay.grade_id: essay.source[lang]},
        "binh": mistaken | {essay.grade_id: "B."},
        "chi": {"p1-sort": "def dictionary_sort(words:\n    return words"},
    }


def main(folder: Path, lang: str = "vi") -> None:
    assignment = parse(find(["ps01"])[0])
    name, course = assignment.name, folder / "course"
    build([assignment], lang, course)
    nbgrader(course, "generate_assignment", name)
    nbgrader(course, "release_assignment", name)
    exchange = [
        "--course",
        "course",
        f"--Exchange.root={course / 'exchange'}",
        f"--Exchange.cache={folder / 'cache'}",
    ]
    for student, answers in students(assignment, lang).items():
        home = folder / "homes" / student
        home.mkdir(parents=True)
        nbgrader(home, "fetch_assignment", name, *exchange)
        write_answers(home / name / f"{name}.ipynb", answers)
        nbgrader(home, "submit", name, *exchange, "--student", student)
    # All three were submitted by one operating system user here.
    nbgrader(course, "collect", name, "--ExchangeCollect.check_owner=False")
    nbgrader(course, "autograde", name)
    nbgrader(course, "generate_feedback", name)
    nbgrader(course, "release_feedback", name)
    nbgrader(course, "export", "--to", "grades.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
