"""From a cell of a notebook back to the line an author wrote."""

from __future__ import annotations

from aulac_grader.author.build import Lesson, LessonFolder
from aulac_grader.author.source import Cell, Pair, shorter


class Places:
    """Finds the source of a cell by its id in the built notebook."""

    def __init__(self, lesson_folder: LessonFolder, lang: str):
        self._house, self._lang = lesson_folder, lang

    def _unit(self, lesson: Lesson, cell_id: str) -> Cell | None:
        cells = self._house.notebook(lesson, self._lang)["cells"][
            1:
        ]  # after the title
        for cell, unit in zip(cells, lesson.source.units, strict=True):
            if cell["id"] == cell_id:
                return unit.vi if isinstance(unit, Pair) else unit
        return None

    def at(self, lesson: Lesson, cell_id: str) -> str:
        """File, line and cell number; the file alone for a cell it does not have."""
        unit = self._unit(lesson, cell_id)
        path = shorter(lesson.source.path)
        return f"{path}:{unit.line} (cell {unit.number})" if unit else path

    def code(self, lesson: Lesson, cell_id: str) -> str:
        """The cell's code, "" for prose."""
        unit = self._unit(lesson, cell_id)
        return self._house.code(unit) if unit and unit.is_code else ""
