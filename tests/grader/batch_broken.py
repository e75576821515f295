"""What a Dask worker loads in order to fail now and then (`dask worker --preload`).

SHARE    of the submissions fails for a reason of the grader's, drawn with a fixed seed
BROKEN   a file: while it is there, what holds its text fails every time
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any


def dask_setup(_worker: Any) -> None:
    from aulac_grader.judge.control import marking
    from aulac_grader.judge.submitted import (
        InfrastructureError,
        Marks,
        SubmittedCode,
    )

    mark = marking.mark
    drawn = random.Random(1131)
    share = float(os.environ.get("SHARE", "0"))
    broken = Path(os.environ.get("BROKEN", "/nowhere"))

    def now_and_then(
        assignment: Any, submitted: SubmittedCode, *rest: Any
    ) -> Marks:
        if drawn.random() < share:
            raise InfrastructureError("a cable was pulled")
        code = "".join(cell.source for cell in submitted.cells)
        if broken.is_file() and broken.read_text() in code:
            raise InfrastructureError("the disk of this worker is broken")
        return mark(assignment, submitted, *rest)

    marking.mark = now_and_then
