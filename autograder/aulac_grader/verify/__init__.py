"""Run every lesson as a reader would, cold, and hold its outcomes to their bands.

- papermill runs each lesson once, from a notebook built from its source that moment;
- a lesson gets a workspace of its own, with only the artefacts its header asks for,
  so an undeclared dependency shows;
- lessons run side by side where artefacts and declared cores allow;
- what has not changed is not run again, also after a kill;
- bands are held at scale `tiny`; a broken lesson stops only those that build on it.

Results lie in build/verify: `NN_name.ipynb` with outputs, `report.json`,
`artefacts/`, and `failed/` for the notebook of a lesson that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aulac_grader.author.build import LessonFolder


def verify(
    lesson_folder: LessonFolder, numbers: list[str], **options: Any
) -> bool:
    """Verify lessons of a house; see `aulac_grader.verify.session.verify`."""
    # Imported here: a worker process comes through this file and needs none of it.
    from aulac_grader.verify.session import verify as run

    return run(lesson_folder, numbers, **options)


__all__ = ["verify"]
