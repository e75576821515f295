"""The tables as export plugins of nbgrader, for `nbgrader export --exporter`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader.plugins import ExportPlugin
from traitlets import Bool

from aulac_grader.grade.course.course import Course, CourseError
from aulac_grader.grade.gradebook.marks import read_marks
from aulac_grader.grade.verdict.grading_folder import write_whole

from . import tables
from .sheet import Sheet, sheet, table

if TYPE_CHECKING:
    from nbgrader.api import Gradebook as NbGraderBook


class _TableExport(ExportPlugin):
    """What the three have in common; `--assignment` and `--student` choose."""

    by_problem = Bool(False, help="Also a column for each problem.").tag(
        config=True
    )
    default_name = "grades.csv"
    make: Callable[[Sequence[Sheet], bool], tables.Rows]

    def export(self, gradebook: NbGraderBook) -> None:
        """Write the marks of all assignments, or of the chosen ones, to `--to`."""
        course = self._course()
        wanted = {str(name) for name in self.assignment}
        students = {str(name) for name in self.student}
        sheets = []
        for found in gradebook.assignments:
            if wanted and found.name not in wanted:
                continue
            marks = read_marks(gradebook, found.name)
            chosen = {
                student: own
                for student, own in marks.items()
                if not students or student in students
            }
            sheets.append(sheet(course, found.name, chosen))
        path = Path(self.to or self.default_name)
        write_whole(path, table(type(self).make(sheets, self.by_problem)))
        self.log.info("Exported %d assignments to %s", len(sheets), path)

    def _course(self) -> Course | None:
        """The course that nbgrader works in, for the problems' titles."""
        try:
            return Course.open(self.parent.coursedir.root)
        except (AttributeError, CourseError):
            return None


class PlainExport(_TableExport):
    """A table that any program reads, with a column for each problem."""

    by_problem = Bool(True, help="Also a column for each problem.").tag(
        config=True
    )
    make = staticmethod(tables.plain)


class CanvasExport(_TableExport):
    """A table for Canvas's gradebook import."""

    default_name = "grades-canvas.csv"
    make = staticmethod(tables.canvas)


class MoodleExport(_TableExport):
    """A table for Moodle's grade import."""

    default_name = "grades-moodle.csv"
    make = staticmethod(tables.moodle)
