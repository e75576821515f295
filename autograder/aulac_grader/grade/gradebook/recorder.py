"""Verdicts into the gradebook, with patience while another program has it locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.batch.stopping import Interrupt, Stopped
from aulac_grader.grade.verdict import verdict

if TYPE_CHECKING:
    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.gradebook.gradebook import Gradebook
    from aulac_grader.grade.intake import Receipt
    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.grade.verdict.events import EventLog
    from aulac_grader.judge.assignment import TrustedAssignment

BUSY_SECONDS = 2.0  # of one try
PATIENCE = 60.0


class Recorder:
    """Records verdicts and notes it in the log. A context manager.

    Importing nbgrader takes seconds: a thread does it, and until it has, verdicts
    wait here (they are on the disk), so that nobody who marks has to wait for it.

    Args:
        rebuilt: what was rebuilt for a verdict.
        receipt: of a student's submission with the given sha256.
        patience: seconds to wait for a gradebook that another program has locked.
    """

    def __init__(
        self,
        course: Course,
        assignment: TrustedAssignment,
        log: EventLog,
        *,
        rebuilt: Callable[[Mapping[str, Any]], Rebuilt],
        receipt: Callable[[str, str], Receipt],
        say: Callable[[str], None],
        interrupt: Interrupt,
        patience: float = PATIENCE,
    ):
        self._course, self._assignment, self._log = course, assignment, log
        self._rebuilt, self._receipt = rebuilt, receipt
        self._say, self._interrupt = say, interrupt
        self._patience = patience
        self._book: Gradebook | None = None
        self._waiting: list[Mapping[str, Any]] = []
        self._importing = threading.Thread(
            target=_import_nbgrader, daemon=True
        )

    def __enter__(self) -> Recorder:
        self._importing.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._book is not None:
            self._book.close()

    def __call__(self, found: Mapping[str, Any]) -> None:
        """Put this verdict into the gradebook, now or soon.

        Raises:
            Stopped: it stays locked, or cannot be written; the verdict stands.
        """
        self._waiting.append(found)
        if not self._importing.is_alive():
            self.finish()

    def finish(self) -> None:
        """Put everything that waits into the gradebook.

        Raises:
            Stopped: as above.
        """
        while self._waiting:
            self._record(self._waiting[0])
            del self._waiting[0]

    def _record(self, found: Mapping[str, Any]) -> None:
        from aulac_grader.grade.gradebook.gradebook import (
            Gradebook,
            GradebookError,
        )

        if self._book is None:
            busy = min(BUSY_SECONDS, self._patience)
            self._book = Gradebook(self._course, busy_seconds=busy)
        student = found["student"]
        rebuilt = self._rebuilt(found)
        receipt = self._receipt(student, found["submission_sha256"])
        try:
            self._patiently(self._book, found, rebuilt, receipt)
        except GradebookError as error:
            raise Stopped(
                f"{error} The verdicts are safe; afterwards run: aulac grade "
                f"resume {self._assignment.name}"
            ) from error
        self._log.append("recorded", student, verdict=verdict.digest(found))

    def _patiently(
        self,
        book: Gradebook,
        found: Mapping[str, Any],
        rebuilt: Rebuilt,
        receipt: Receipt,
    ) -> None:
        from aulac_grader.grade.gradebook.gradebook import GradebookBusy

        began = time.monotonic()
        told = False
        while True:
            try:
                book.record(self._assignment.name, found, rebuilt)
                if details := _details(receipt):
                    book.enrol(receipt.student, **details)
                return
            except GradebookBusy:
                if not told:
                    told = True
                    self._say(
                        "The gradebook is locked by another program; waiting up "
                        f"to {self._patience:g} s for it."
                    )
                waited = time.monotonic() - began
                if waited > self._patience or self._interrupt.asked:
                    raise


def _details(receipt: Receipt) -> dict[str, str]:
    """What the learning platform's file names say about the student."""
    origin = receipt.origin
    if origin.get("layout") == "moodle":
        return {"last_name": origin.get("name", "")}
    if origin.get("layout") == "canvas" and origin.get("number"):
        return {"lms_user_id": origin["number"]}
    return {}


def _import_nbgrader() -> None:
    """Whoever needs it next waits for Python's import lock, and then has it."""
    import nbgrader.api
    import nbgrader.preprocessors  # noqa: F401
