"""The notebook that formgrader shows of a submission.

Trusted cells come from the assignment. Of the student's there are: answers as source code or
as harmless HTML (`markup`), printed text as plain text, pictures as PNG. No output of
theirs is HTML, JavaScript, SVG, a widget or an attachment, and no metadata are theirs.

A test cell's outputs tell its outcome in both languages, and mean to nbgrader what the
verdict says: `nbgrader.utils.determine_grade` reads the same points off the cell. What
a hidden test said stands in an error's traceback only, which the course's
`HiddenStaysHidden` takes out of feedback.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.markup import (
    PICTURE_ALT,
    Allowance,
    clean_text,
    markdown_source,
    picture,
)
from aulac_grader.grade.verdict.outcomes import (
    CELLS,
    HIDDEN_ONLY,
    TESTS,
    full_marks,
    message_for_student,
    number,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell

    from .structure import Structure

PRINTED_CAP = 20_000  # characters a cell
PICTURES = 8  # a cell
CELLS_CAP = 500  # of the student's own extra cells
NBGRADER_KEYS = (
    "schema_version",
    "grade_id",
    "grade",
    "solution",
    "locked",
    "task",
    "points",
)


def formgrader_notebook(
    assignment: TrustedAssignment,
    structure: Structure,
    verdict: Mapping[str, Any],
    rebuilt: Rebuilt,
    outputs: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """The notebook's bytes: the same for the same arguments.

    Args:
        outputs: cell id → {"printed": str, "pictures": [bytes]}, the student's.
    """
    import nbformat

    trusted = {cell.id: cell for cell in assignment.cells}
    runs = {cell["id"]: cell for cell in verdict["cells"]}
    tests = {test["id"]: test for test in verdict["tests"]}
    cells: list[NotebookNode] = []
    extra, room = 0, Allowance()
    for cell in rebuilt.notebook.cells:
        own = trusted.get(_name(cell))
        if own is None:
            extra += 1
            if extra > CELLS_CAP:
                continue
            made = _students_cell(cell)
        else:
            made = _assignments_cell(own, cell, structure)
        if made.cell_type == "code":
            made.outputs = list(
                _outputs(_name(cell), runs, outputs, room)
                if own is None or own.kind != "test"
                else _outcome(own, tests.get(own.id))
            )
        made.id = f"c{len(cells):04d}"
        cells.append(made)
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata=_metadata(rebuilt.notebook)
    )
    return (nbformat.writes(notebook) + "\n").encode("utf-8")


def _name(cell: NotebookNode) -> str:
    """A rebuilt cell's name on the assignment or on the submitted code."""
    meta = cell.metadata.get("nbgrader") or {}
    return str(meta.get("grade_id") or cell.get("id") or "")


def _metadata(notebook: NotebookNode) -> dict[str, Any]:
    """The kernel's name and the language: what the page needs to colour code."""
    return {
        key: notebook.metadata[key]
        for key in ("kernelspec", "language_info")
        if key in notebook.metadata
    }


def _assignments_cell(
    own: TrustedCell, cell: NotebookNode, structure: Structure
) -> NotebookNode:
    """A cell of the assignment: its own source, or the student's answer to it."""
    from nbformat import v4

    theirs = own.kind in ("answer", "manual", "scratch")
    source = clean_text(cell.source) if theirs else own.source
    if own.cell_type != "code":
        if theirs:
            source = markdown_source(cell.source, cell.get("attachments"))
        made = v4.new_markdown_cell(source)
    else:
        made = v4.new_code_cell(source)
    meta = cell.metadata.get("nbgrader")
    if meta:
        kept = {key: meta[key] for key in NBGRADER_KEYS if key in meta}
        kept["checksum"] = (
            structure.cells["source"].get(own.id, {}).get("checksum")
        )
        made.metadata["nbgrader"] = {
            key: value for key, value in kept.items() if value is not None
        } | {"cell_type": own.cell_type}
    return made


def _students_cell(cell: NotebookNode) -> NotebookNode:
    """A cell that the student added."""
    from nbformat import v4

    if cell.cell_type == "code":
        return v4.new_code_cell(clean_text(cell.source))
    attached = cell.get("attachments")
    return v4.new_markdown_cell(markdown_source(cell.source, attached))


def _outputs(
    name: str,
    runs: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, Mapping[str, Any]],
    room: Allowance,
) -> Iterator[NotebookNode]:
    """What a cell of the submitted code printed, drew and ended with."""
    from nbformat import v4

    given = outputs.get(name, {})
    printed = room.text(str(given.get("printed", "")), PRINTED_CAP)
    if printed:
        yield v4.new_output("stream", name="stdout", text=printed)
    for data in list(given.get("pictures", ()))[:PICTURES]:
        if picture(data) == "image/png" and room.takes(data):
            drawn = {
                "image/png": base64.b64encode(data).decode(),
                "text/plain": f"[{PICTURE_ALT}]",
            }
            yield v4.new_output("display_data", drawn)
    run = runs.get(name)
    if run is not None and run["status"] in CELLS:
        vi, en = CELLS[run["status"]]
        why = room.text(run["error"], PRINTED_CAP)
        text = f"{vi}. / {en}.\n{why}".rstrip() + "\n"
        yield v4.new_output("stream", name="stderr", text=text)


def _outcome(
    own: TrustedCell, test: Mapping[str, Any] | None
) -> Iterator[NotebookNode]:
    """A test's result as outputs that nbgrader reads the same points from."""
    from nbformat import v4

    if test is None:
        return
    points, most = number(test["points"]), number(test["max_points"])
    vi, en = TESTS[test["status"]]
    if full_marks(test):
        text = f"{vi} / {en}: {points}/{most}\n"
        yield v4.new_output("stream", name="stdout", text=text)
        return
    message = clean_text(message_for_student(test))
    lines = [f"{vi} / {en}: {points}/{most}"]
    if not test["visible_failed"]:
        lines += HIDDEN_ONLY
    if test["points"] > 0:
        text = "\n".join([*lines, message]).rstrip() + "\n"
        yield v4.new_output("stream", name="stdout", text=text)
        result = {"text/plain": repr(float(test["points"]))}
        yield v4.new_output("execute_result", result)
        return
    yield v4.new_output(
        "error",
        ename=f"{vi} / {en}",
        evalue=message,
        traceback=["\n".join([*lines, clean_text(test["message"])]).rstrip()],
    )
