"""Prove that an assignment grades what it says.

For each assignment: the reference earns full points, what students receive earns none,
every known-wrong variant loses points where it says, every right one keeps them all, no
hidden test and no solution is in what students receive, both languages hold the same
code, and every test cell is failed by some wrong variant (a test that nothing fails may
be testing nothing).

Cells are run by `run`, in one process per variant; the points are counted by
nbgrader's own `determine_grade` from the outputs, and what students receive is made by
nbgrader's own preprocessors, so that the proof is about what nbgrader will do. Then all
of it runs again through the grader's two processes, and has to come out the same.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from aulac_grader.judge.assignment import CODE_STUB, TEXT_STUB

from .document import LANGUAGES, Assignment, Cell
from .hollow import hollow_passes
from .lint import lint
from .notebook import differences, notebook
from .run import run_cells
from .variants import Variant, load_variants


@dataclass(frozen=True)
class Outcome:
    """Points of one run, by test cell, and what went wrong in each cell that lost."""

    name: str
    points: dict[str, float]
    reasons: dict[str, str]
    seconds: float
    shown: frozenset[str] = (
        frozenset()
    )  # lost cells whose visible tests already fail

    @property
    def total(self) -> float:
        return sum(self.points.values())


@dataclass
class Report:
    """What a check found about one assignment; `faults` is empty when all holds."""

    assignment: Assignment
    faults: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    seconds: float = 0.0
    judged: str = ""  # how the two processes were run, once they were


def check(
    assignment: Assignment,
    *,
    workers: int = 2,
    on_progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Run every proof on `assignment`; nothing is raised for what the proofs find.

    Raises:
        AssignmentError: a variant file that cannot be read.
    """
    start = time.perf_counter()
    report = Report(assignment, variants=load_variants(assignment))
    report.faults += lint(assignment)
    report.faults += differences(assignment)
    report.faults += repeats(assignment)
    released = {lang: release(assignment, lang) for lang in LANGUAGES}
    for lang, book in released.items():
        report.faults += [
            f"release ({lang}): {f}" for f in leaks(assignment, book)
        ]
    if report.faults:
        report.seconds = time.perf_counter() - start
        return report
    runs = _runs(assignment, released["vi"], report.variants)

    def score(run: tuple[str, dict[str, str]]) -> Outcome:
        outcome = _score(assignment, released["vi"], *run)
        on_progress(run[0])
        return outcome

    with ThreadPoolExecutor(workers) as pool:
        report.outcomes = list(pool.map(score, runs.items()))
    report.faults += _verdicts(report)
    if not report.faults:
        report.faults += hollow_passes(assignment, grade)
        report.faults += _judged(report, runs, workers, on_progress)
    report.seconds = time.perf_counter() - start
    return report


def _judged(
    report: Report,
    runs: dict[str, dict[str, str]],
    workers: int,
    on_progress: Callable[[str], None],
) -> list[str]:
    """Where the grader's two processes say something else than one process does."""
    from .judged import unlike

    points = {outcome.name: outcome.points for outcome in report.outcomes}
    faults, report.judged = unlike(
        report.assignment, runs, points, workers, on_progress
    )
    return faults


def repeats(assignment: Assignment) -> list[str]:
    """Names asked for that the library or a lesson already defines.

    An assignment asks for transfer: what can be copied shows nothing.
    """
    root = assignment.folder.resolve().parents[2]
    places = [
        *root.glob("course/aulac/**/*.py"),
        *root.glob("notebooks/source/*.md"),
    ]
    taken: dict[str, str] = {}
    for path in sorted(places):
        for name in _DEFINES.findall(path.read_text(encoding="utf-8")):
            taken.setdefault(name, str(path.relative_to(root)))
    return [
        f"{cell.where}: asks for {name}, which {taken[name]} already holds: ask for "
        "something that has to be worked out."
        for cell in assignment.of_kind("answer")
        for name in cell.provides
        if name in taken
    ]


_DEFINES = re.compile(r"^(?:def|class) (\w+)", re.M)


def release(assignment: Assignment, lang: str) -> Any:
    """The notebook as students get it, made by nbgrader's own preprocessors."""
    from nbgrader.preprocessors import (
        ClearHiddenTests,
        ClearMarkScheme,
        ClearSolutions,
        LockCells,
    )

    book = notebook(assignment, lang)
    steps = [
        LockCells(),
        ClearSolutions(
            code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB[lang]
        ),
        ClearHiddenTests(),
        ClearMarkScheme(enforce_metadata=False),
    ]
    for step in steps:
        book, _ = step.preprocess(book, {})
    return book


def leaks(assignment: Assignment, book: Any) -> list[str]:
    """What the release still shows of solutions, hidden tests and mark schemes."""
    text = json.dumps(book, ensure_ascii=False)
    faults = []
    for marker in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME"):
        if f"BEGIN {marker}" in text or f"END {marker}" in text:
            faults.append(
                f"a {marker} marker is left in what students receive."
            )
    open_lines = {
        line for cell in assignment.cells for line in _lines(cell, False)
    }
    shown = {
        line.strip()
        for cell in book.cells
        for line in cell.source.splitlines()
    }
    for cell in assignment.cells:
        for line in sorted((_lines(cell, True) - open_lines) & shown):
            faults.append(
                f"{cell.where}: the hidden line {line[:60]!r} stands in what students "
                "receive."
            )
    return faults


_REGION = re.compile(r"### BEGIN ([A-Z ]+)\n(.*?)### END \1", re.S)


def _lines(cell: Cell, hidden: bool) -> set[str]:
    """The cell's lines inside its hidden regions, or outside them."""
    lines: set[str] = set()
    for source in cell.source.values():
        if hidden:
            texts = [region[1] for region in _REGION.findall(source)]
        else:
            texts = [_REGION.sub("", source)]
        lines |= {line.strip() for text in texts for line in text.splitlines()}
    return lines - {""}


def _runs(
    assignment: Assignment, released: Any, variants: list[Variant]
) -> dict[str, dict[str, str]]:
    """For each run, the answer cells' sources by grade_id."""
    reference = {name: cell.code for name, cell in assignment.answers.items()}
    stubs = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in released.cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("solution")
    }
    runs = {"reference": reference, "release": stubs}
    for variant in variants:
        runs[variant.name] = reference | variant.sources
    return runs


def _score(
    assignment: Assignment, released: Any, name: str, answers: dict[str, str]
) -> Outcome:
    """Run all code cells with these answers, hidden tests included, then count."""
    cells = [
        (
            cell.grade_id or f"cell-{cell.number}",
            answers.get(cell.grade_id, cell.code),
        )
        for cell in assignment.cells
        if cell.cell_type == "code"
    ]
    visible = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id")
        in assignment.tests
    }
    cells += [(f"visible:{test}", source) for test, source in visible.items()]
    reports = {report["id"]: report for report in run_cells(cells)}
    points, reasons, shown = {}, {}, set()
    for test, cell in assignment.tests.items():
        points[test], why = grade(cell, reports[test])
        if points[test] < cell.points:
            reasons[test] = (
                why or f"{points[test]:g} of {cell.points:g} points"
            )
        if reports[f"visible:{test}"]["error"]:
            shown.add(test)
    failed = [i for i in assignment.answers if reports[i]["error"]]
    for cell_id in failed:
        reasons[cell_id] = ": ".join(reports[cell_id]["error"])
    seconds = sum(report["seconds"] for report in reports.values())
    return Outcome(name, points, reasons, seconds, frozenset(shown))


def grade(cell: Cell, report: dict[str, Any]) -> tuple[float, str]:
    """Points that nbgrader gives a test cell for this outcome, and why not all."""
    from nbformat import v4
    from nbgrader.utils import determine_grade

    node = v4.new_code_cell(
        cell.code, metadata={"nbgrader": dict(cell.nbgrader or {})}
    )
    why = ""
    if report["stderr"]:
        node.outputs.append(
            v4.new_output("stream", name="stderr", text=report["stderr"])
        )
        why = "wrote to stderr, for which nbgrader gives nothing"
    if report["result"] is not None:
        data = {"text/plain": report["result"]}
        node.outputs.append(v4.new_output("execute_result", data=data))
        try:
            float(report["result"])
        except ValueError:
            why = f"its last line is {report['result'][:60]}, not a number of points"
            return 0.0, why
    if report["error"]:
        ename, evalue = report["error"]
        node.outputs.append(v4.new_output("error", ename=ename, evalue=evalue))
        why = f"{ename}: {evalue}".rstrip(": ")
    try:
        return float(determine_grade(node)[0]), why
    except ValueError as error:
        return 0.0, f"{error} ({report['result']} of {cell.points:g})"


def _verdicts(report: Report) -> list[str]:
    """What the outcomes prove wrong about the assignment."""
    assignment = report.assignment
    faults: list[str] = []
    outcomes = {outcome.name: outcome for outcome in report.outcomes}
    for name in (
        "reference",
        *(v.name for v in report.variants if not v.wrong),
    ):
        for test, reason in outcomes[name].reasons.items():
            faults.append(
                f"{name} must keep full points, but {test}: {reason}."
            )
        for test in sorted(outcomes[name].shown):
            faults.append(
                f"{name}: the visible tests of {test} alone raise an error."
            )
    if outcomes["reference"].reasons:
        return [
            f for f in faults if f.startswith("reference")
        ]  # the root of the rest
    stub = outcomes["release"]
    for test in (t for t, points in stub.points.items() if points):
        faults.append(
            f"release must earn nothing, but {test} gives {stub.points[test]:g} points "
            "for no answer: call the student's function before counting."
        )
    never_lost = set(assignment.tests)
    for variant in (v for v in report.variants if v.wrong):
        outcome = outcomes[variant.name]
        lost = {
            t
            for t, p in outcome.points.items()
            if p < assignment.tests[t].points
        }
        never_lost -= lost
        faults += _unexpected(variant, outcome, lost)
    for test in sorted(never_lost):
        faults.append(
            f"{test}: no wrong variant loses it, so nothing shows that it tests "
            "anything: add a variant, or remove the test."
        )
    if all(v.wrong for v in report.variants):
        faults.append("there is no right variant: add one in another style.")
    return faults


def _unexpected(
    variant: Variant, outcome: Outcome, lost: set[str]
) -> list[str]:
    faults = []
    for test in sorted(variant.loses - lost):
        faults.append(
            f"{variant.name} should lose {test} and does not: {variant.says} The test "
            "misses this mistake."
        )
    for test in sorted(lost - variant.loses):
        faults.append(
            f"{variant.name} also loses {test} ({outcome.reasons[test]}): the test asks "
            "for more than it should, or `loses:` is incomplete."
        )
    return faults
