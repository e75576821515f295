"""An assignment's cells in nbgrader's database, as `generate_assignment` puts them.

The rows are made by nbgrader's own preprocessors with the course's own settings, so a
course in which `nbgrader generate_assignment` has run and one in which it has not end
with the same rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.course.course import Course, CourseError
from aulac_grader.grade.course.settings import ConfigError, run_config

from .database import GradebookError

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from nbgrader.api import Gradebook as NbGraderBook
    from nbgrader.api import Notebook
    from traitlets.config import Config

    from aulac_grader.judge.assignment import TrustedAssignment

KINDS = ("grade", "solution", "task", "source")


class AssignmentChanged(GradebookError):  # noqa: N818  what happened
    """Graded cells were taken out of an assignment that has submissions."""


@dataclass
class Structure:
    """What nbgrader keeps of an assignment's notebook: by kind and cell name."""

    assignment: str
    notebook: str
    kernelspec: str
    cells: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )

    def stub(self, name: str) -> str:
        """What students find in a cell before they write."""
        return str(self.cells["source"].get(name, {}).get("source") or "")


def read_structure(course: Course, assignment: TrustedAssignment) -> Structure:
    """The assignment's cells, without solutions, as nbgrader would save them.

    Raises:
        CourseError: the course's settings cannot be read.
        GradebookError: nbgrader cannot make an assignment of its source.
    """
    path = course.notebook(assignment.name)
    try:
        notebook = _released(course, assignment)
    except CourseError:
        raise
    except (ValueError, RuntimeError, OSError) as error:
        raise GradebookError(
            f"{path} cannot be released by nbgrader ({error}): mend it, and see "
            "that `nbgrader generate_assignment` accepts it."
        ) from error
    kernelspec = json.dumps(notebook.metadata.get("kernelspec", {}))
    found = Structure(assignment.name, path.stem, kernelspec)
    for cell in notebook.cells:
        _note(found, cell)
    return found


def _released(course: Course, assignment: TrustedAssignment) -> NotebookNode:
    """The source notebook as it stands when `SaveCells` runs."""
    from nbgrader import preprocessors as steps
    from nbgrader.nbgraderformat import reads

    config = nbgrader_config(course)
    notebook = reads(assignment.notebook.decode("utf-8"), as_version=4)
    resources: dict[str, Any] = {}
    for step in (
        steps.IncludeHeaderFooter,
        steps.LockCells,
        steps.ClearSolutions,
        steps.ClearOutput,
        steps.CheckCellMetadata,
        steps.ComputeChecksums,
    ):
        preprocessor = step(config=config)
        if preprocessor.enabled:
            notebook, resources = preprocessor.preprocess(notebook, resources)
    return notebook


def nbgrader_config(course: Course) -> Config:
    """Everything that the course's nbgrader_config.py sets; empty without one.

    Raises:
        CourseError: it cannot be run.
    """
    try:
        return run_config(course.root)
    except ConfigError as error:
        raise CourseError(str(error)) from error


def _note(found: Structure, cell: NotebookNode) -> None:
    """Enter one cell, as nbgrader's `SaveCells` sorts them."""
    from nbgrader import utils

    graded, task = utils.is_grade(cell), utils.is_task(cell)
    solution, locked = utils.is_solution(cell), utils.is_locked(cell)
    if not (graded or task or solution or locked):
        return
    meta = cell.metadata.nbgrader
    name = meta["grade_id"]
    for kind, wanted in (("grade", graded), ("task", task)):
        if wanted:
            points = {
                "max_score": float(meta["points"]),
                "cell_type": cell.cell_type,
            }
            found.cells[kind][name] = points
    if solution:
        found.cells["solution"][name] = {}
    found.cells["source"][name] = {
        "cell_type": cell.cell_type,
        "locked": bool(locked),
        "source": cell.source,
        "checksum": meta.get("checksum"),
    }


def enter(book: NbGraderBook, structure: Structure) -> Notebook:
    """See that the database knows the assignment and its cells; change what differs.

    New cells are also given to submissions that are already there.

    Raises:
        AssignmentChanged: a graded cell is gone and there are submissions of it.
    """
    from nbgrader.api import MissingEntry

    name = structure.assignment
    book.check_course(book.course_id)
    try:
        assignment = book.find_assignment(name)
    except MissingEntry:
        assignment = book.add_assignment(name)
    notebooks = {notebook.name: notebook for notebook in assignment.notebooks}
    notebook = notebooks.get(structure.notebook)
    if notebook is None:
        notebook = book.add_notebook(
            structure.notebook, name, kernelspec=structure.kernelspec
        )
    elif not _agrees(notebook, structure):
        _remove_gone(book, notebook, structure)
    else:
        return notebook
    for kind in KINDS:
        write = getattr(book, f"update_or_create_{kind}_cell")
        for cell, values in structure.cells[kind].items():
            write(cell, structure.notebook, name, **values)
    book.db.flush()
    _give_to_submissions(book, notebook)
    return notebook


def _known(notebook: Notebook, kind: str) -> dict[str, Any]:
    return {cell.name: cell for cell in getattr(notebook, f"{kind}_cells")}


def _agrees(notebook: Notebook, structure: Structure) -> bool:
    for kind in KINDS:
        known, wanted = _known(notebook, kind), structure.cells[kind]
        if set(known) != set(wanted):
            return False
        for name, values in wanted.items():
            for key, value in values.items():
                if getattr(known[name], key) != value:
                    return False
    return True


def _remove_gone(
    book: NbGraderBook, notebook: Notebook, structure: Structure
) -> None:
    for kind in KINDS:
        known = _known(notebook, kind)
        gone = sorted(set(known) - set(structure.cells[kind]))
        if gone and kind != "source" and notebook.submissions:
            raise AssignmentChanged(
                f"{structure.assignment} no longer has the {kind} cells "
                f"{', '.join(gone)}, and {len(notebook.submissions)} submissions "
                "with marks for them are in the gradebook. Put the cells back "
                "(with 0 points if they should not count), or give the changed "
                "assignment a new name."
            )
        for name in gone:
            book.db.delete(known[name])
    book.db.flush()
    book.db.expire(notebook)


def _give_to_submissions(book: NbGraderBook, notebook: Notebook) -> None:
    """Rows for cells that were added after somebody's submission was entered."""
    from nbgrader.api import Comment, Grade

    book.db.expire(notebook)
    graded = [*notebook.grade_cells, *notebook.task_cells]
    answered = [*notebook.solution_cells, *notebook.task_cells]
    for submitted in notebook.submissions:
        has = {grade.cell_id for grade in submitted.grades}
        for cell in graded:
            if cell.id not in has:
                book.db.add(Grade(cell_id=cell.id, notebook=submitted))
        has = {comment.cell_id for comment in submitted.comments}
        for cell in answered:
            if cell.id not in has:
                book.db.add(Comment(cell_id=cell.id, notebook=submitted))
    book.db.flush()
