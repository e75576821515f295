"""Verdicts and batches in words and tables, for the instructor's terminal."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.verdict.outcomes import CELLS, TESTS, number, pick

if TYPE_CHECKING:
    from rich.table import Table

    from aulac_grader.grade.verdict.events import State

FEW = 40  # students who all get a row

# What `show` says around the numbers, Vietnamese and English.
WORDS: dict[str, tuple[str, str]] = {
    "points": ("điểm máy chấm", "points by machine"),
    "received": ("nhận lúc", "received"),
    "late": ("muộn {seconds} giây", "{seconds} s late"),
    "repairs": ("Đã sửa lại trong bài nộp", "Put right in the submission"),
    "cells": ("Ô chạy không trọn vẹn", "Cells that did not run well"),
    "tests": ("Từng phép chấm", "Each test"),
    "hidden": (
        "phép thử ẩn, sinh viên không đọc được dòng này",
        "from a hidden test: the student does not read this",
    ),
    "walls": ("Chấm trong hộp cát", "Marked in a sandbox"),
    "no_walls": (
        "CHẤM KHÔNG CÓ HỘP CÁT: mã của sinh viên chạy với quyền của người chấm",
        "MARKED WITHOUT A SANDBOX: student code ran with the grader's own rights",
    ),
    "signed": (
        "Chữ ký của khóa học còn nguyên",
        "The course's signature holds",
    ),
    "environment": ("môi trường", "environment"),
    "submission": ("bài nộp", "submission"),
}


def show(found: Mapping[str, Any], lang: str) -> Iterator[str]:
    """A verdict in words, line by line; the signature was checked by the reader."""

    def word(key: str) -> str:
        return pick(WORDS[key], lang)

    total = f"{number(found['points'])}/{number(found['max_points'])}"
    yield f"{found['student']} · {found['assignment']}"
    yield f"{total} {word('points')}"
    yield _receipt(found, lang)
    if found["repairs"]:
        yield ""
        yield f"{word('repairs')}:"
        yield from (f"  - {text}" for text in repairs(found, lang))
    bad = [cell for cell in found["cells"] if cell["status"] != "ok"]
    if bad:
        yield ""
        yield f"{word('cells')}:"
        for cell in bad:
            yield f"  {cell['id']}: {pick(CELLS[cell['status']], lang)}"
            yield from _indented(cell["error"])
    yield ""
    yield f"{word('tests')}:"
    for test in found["tests"]:
        yield from _test(test, lang)
    yield ""
    yield word("walls" if found["sandboxed"] else "no_walls") + "."
    yield (
        f"{word('signed')}; {word('environment')} "
        f"{found['environment']['digest'][:12]}, {word('submission')} "
        f"{found['submission_sha256'][:12]}."
    )


def _receipt(found: Mapping[str, Any], lang: str) -> str:
    receipt = found["receipt"]
    line = f"{pick(WORDS['received'], lang)} {receipt['received_at']}"
    late = receipt.get("late_seconds")
    if late:
        line += ", " + pick(WORDS["late"], lang).format(seconds=late)
    return line


def repairs(found: Mapping[str, Any], lang: str) -> list[str]:
    """What was put right, a sentence each."""
    from aulac_grader.grade.intake.notes import TEXTS, Repair

    return [
        Repair.from_dict(item).text(lang)
        if item["code"] in TEXTS
        else f"{item['code']} {item['params']}"
        for item in found["repairs"]
    ]


def repaired(found: Mapping[str, Any]) -> int:
    """How many things were put right or could not be used; remarks do not count."""
    from aulac_grader.grade.intake.notes import TEXTS

    codes = [item["code"] for item in found["repairs"]]
    return sum(code not in TEXTS or TEXTS[code][0] != "info" for code in codes)


def _test(test: Mapping[str, Any], lang: str) -> Iterator[str]:
    points = f"{number(test['points'])}/{number(test['max_points'])}"
    yield f"  {test['id']:<24} {points:>8}  {pick(TESTS[test['status']], lang)}"
    if test["message"]:
        if not test["visible_failed"]:
            yield f"      ({pick(WORDS['hidden'], lang)})"
        yield from _indented(test["message"])


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines()[:12]:
        yield f"      {line}"


# -- a class -------------------------------------------------------------------


def class_table(
    title: str,
    verdicts: Mapping[str, Mapping[str, Any]],
    trouble: Mapping[str, str],
) -> Table:
    """Students with points, repairs and trouble.

    In a large class only those that somebody should look at get a row; a line under
    the table says so.

    Args:
        trouble: student → what keeps them from having a mark.
    """
    from rich.table import Table
    from rich.text import Text

    students = sorted({*verdicts, *trouble})
    short = len(students) > FEW
    table = Table(title=title, title_justify="left")
    table.add_column("student")
    table.add_column("points", justify="right")
    table.add_column("repairs", justify="right")
    table.add_column("trouble", overflow="fold")
    for student in students:
        found = verdicts.get(student)
        told = trouble.get(student) or (_trouble(found) if found else "")
        count = repaired(found) if found else 0
        if short and not told and not count:
            continue
        points = (
            f"{number(found['points'])}/{number(found['max_points'])}"
            if found
            else "none"
        )
        table.add_row(
            Text(student), points, str(count) if count else "", Text(told)
        )
    if short:
        table.caption = f"{len(students) - table.row_count} more without repairs or trouble"
    return table


def _trouble(found: Mapping[str, Any]) -> str:
    """What an instructor should know of a verdict, short."""
    told = [] if found["sandboxed"] else ["marked without a sandbox"]
    ends = {"died", "time", "memory", "output"}
    for cell in found["cells"]:
        if cell["status"] in ends:
            told.append(f"{cell['id']}: {cell['status']}")
    return ", ".join(told)


def summary(
    verdicts: Mapping[str, Mapping[str, Any]], trouble: Mapping[str, str]
) -> dict[str, Any]:
    """The class in a few numbers."""
    points = [found["points"] for found in verdicts.values()]
    return {
        "students": len({*verdicts, *trouble}),
        "verdicts": len(verdicts),
        "without_mark": dict(sorted(trouble.items())),
        "repaired": sum(bool(repaired(v)) for v in verdicts.values()),
        "unsandboxed": sum(not v["sandboxed"] for v in verdicts.values()),
        "mean": statistics.fmean(points) if points else None,
        "median": statistics.median(points) if points else None,
        "max_points": max(
            (v["max_points"] for v in verdicts.values()), default=None
        ),
    }


STAGES = {
    "collected": "collected, to be marked",
    "queued": "to be marked",
    "started": "being marked, or its run was cut off",
    "infrastructure": "no mark: marking failed for a reason of ours",
    "marked": "marked, not yet in the gradebook",
    "recorded": "marked and in the gradebook",
}


def status_lines(state: State, running: bool) -> Iterator[str]:
    """How far an assignment is."""
    if not state.students:
        yield "Nothing was collected yet."
    for stage, words in STAGES.items():
        count = sum(s.stage == stage for s in state.students.values())
        if count:
            yield f"{count:>5}  {words}"
    for student in sorted(state.students.values(), key=lambda s: s.student):
        if student.stage == "infrastructure":
            yield f"       {student.student}: {student.reason}"
    if running:
        yield "A command is grading it now."
    elif any(s.stage != "recorded" for s in state.students.values()):
        yield "To go on: aulac grade resume"
    if state.damaged:
        lines = ", ".join(map(str, state.damaged[:10]))
        yield f"events.jsonl has damaged lines, which were left out: {lines}"
