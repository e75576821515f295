"""nbgrader's own tests of grading, with every kernel behind the walls.

They ship in nbgrader's wheel. Of the 42 in test_nbgrader_autograde two are skipped by
nbgrader, and all others pass but one: `test_side_effects` wants a file that the notebook
wrote to be found beside it afterwards, and nothing that runs inside writes to the host.
The 58 in test_validator pass. Each command of nbgrader's takes seconds to import, so a
few run here, one of a kind: a grade with files beside it, a notebook that never ends,
validation of work that is right, unfinished and tampered with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbgrader.tests
import pytest

from aulac_grader.sandbox.selfcheck import unavailable

REASON = unavailable()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]

AUTOGRADE = (
    "nbgrader.tests.apps.test_nbgrader_autograde::TestNbGraderAutograde::"
)
VALIDATOR = "nbgrader.tests.test_validator::TestValidator::"
SELECTED = [
    AUTOGRADE + "test_grade",
    AUTOGRADE + "test_infinite_loop",
    VALIDATOR + "test_submitted_changed",
    VALIDATOR + "test_submitted_unchanged",
    VALIDATOR + "test_grade_cell_changed",
]
BY_DESIGN = AUTOGRADE + "test_side_effects"


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """nbgrader's tests, from a folder that holds the file they want to find."""
    shutil.copy(
        Path(nbgrader.tests.__file__).parent / "apps/files/autotests.yml",
        folder,
    )
    settings = {k: v for k, v in os.environ.items() if "PYTEST" not in k}
    settings["PATH"] = f"{Path(sys.executable).parent}:{settings['PATH']}"
    settings["JUPYTER_DEFAULT_PROVISIONER_NAME"] = "aulac-sandbox"
    words = ["-q", "-rf", "-p", "no:cacheprovider", "--pyargs", *tests]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        timeout=1200,
    )


def test_the_selection_passes(tmp_path: Path) -> None:
    done = run(tmp_path, *SELECTED)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(SELECTED)} passed" in done.stdout


def test_what_a_notebook_writes_stays_inside(tmp_path: Path) -> None:
    done = run(tmp_path, BY_DESIGN)
    assert "1 failed" in done.stdout
    assert "side-effect.txt" in done.stdout
