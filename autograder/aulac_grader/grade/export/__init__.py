"""Marks for other systems: Canvas, Moodle, a plain table, Gradescope's results.json.

    aulac grade export ps01_text_and_tokenizers --to canvas
    nbgrader export --exporter aulac_grader.grade.export.CanvasExport --to canvas.csv

Points are those of the gradebook: a person's where there are some, late penalties
taken off. `nbgrader export` keeps working beside this.
"""

from __future__ import annotations

from typing import Any

from .formats import FORMATS, Exported, ExportError, export

__all__ = [
    "FORMATS",
    "CanvasExport",
    "ExportError",
    "Exported",
    "MoodleExport",
    "PlainExport",
    "export",
]


def __getattr__(name: str) -> Any:
    """nbgrader's plugins, imported when they are asked for: nbgrader is slow."""
    if name in ("CanvasExport", "MoodleExport", "PlainExport"):
        from . import plugins

        return getattr(plugins, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
