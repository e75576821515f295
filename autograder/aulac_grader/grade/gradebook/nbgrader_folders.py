"""Where a student's work goes back to in the course directory.

    COURSE/autograded/STUDENT/ASSIGNMENT/    what formgrader shows
    COURSE/feedback/STUDENT/ASSIGNMENT/      what `nbgrader release_feedback` takes

Both hold `timestamp.txt`, with our receipt's time, and `submission_secret.txt`, without
which nbgrader releases no feedback to anyone.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.verdict.grading_folder import read_outputs, write_whole

from .database import GradebookError

if TYPE_CHECKING:
    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment

    from .structure import Structure

SECRET = "submission_secret.txt"
TIMESTAMP = "timestamp.txt"
SECRET_CAP = 4096  # bytes; nbgrader's has 128


def checked_name(name: str) -> str:
    """A student's id that may become a folder's name.

    Raises:
        GradebookError: it would lead somewhere else.
    """
    bad = not name or name.startswith(".") or any(c in name for c in "/\\\0")
    if bad or name != name.strip() or len(name.encode()) > 200:
        raise GradebookError(
            f"{name!r} cannot be a student's id: it must be the name of a folder."
        )
    return name


def step_folder(
    course: Course, step: str, student: str, assignment: str
) -> Path:
    """COURSE/STEP/STUDENT/ASSIGNMENT, as the course's settings name the step."""
    root = course.setting("CourseDirectory", f"{step}_directory", step)
    folder: Path = course.root / str(root) / checked_name(student) / assignment
    return folder


def autograded(
    course: Course,
    assignment: TrustedAssignment,
    structure: Structure,
    verdict: Mapping[str, Any],
    rebuilt: Rebuilt,
) -> Path:
    """Write what formgrader shows; the same bytes again change nothing on disk.

    Raises:
        GradebookError: the disk is full or read-only.
    """
    from .formgrader import formgrader_notebook

    student, name = verdict["student"], structure.assignment
    folder = step_folder(course, "autograded", student, name)
    outputs = read_outputs(course.folder(name), student)
    path = folder / f"{structure.notebook}.ipynb"
    try:
        _write(
            path,
            formgrader_notebook(
                assignment, structure, verdict, rebuilt, outputs
            ),
        )
        nbgrader_files(course, folder, student, name, verdict)
    except OSError as error:
        raise GradebookError(
            f"{folder} cannot be written ({error.strerror}): make room, see that "
            "the folder is yours, and run the command again."
        ) from error
    return path


def nbgrader_files(
    course: Course,
    folder: Path,
    student: str,
    assignment: str,
    verdict: Mapping[str, Any],
) -> None:
    """The two small files that nbgrader wants beside a student's notebook."""
    _write(
        folder / TIMESTAMP,
        f"{verdict['receipt']['received_at']}\n".encode(),
    )
    secret = _secret(course, folder, student, assignment)
    _write(folder / SECRET, secret)


def _secret(
    course: Course, folder: Path, student: str, assignment: str
) -> bytes:
    """The secret under which nbgrader's exchange hands feedback back.

    The student's `nbgrader submit` made it. Work that came another way has none,
    and gets one, so that releasing the others' feedback does not stop at it.
    """
    for step in ("submitted", "autograded"):
        path = step_folder(course, step, student, assignment) / SECRET
        try:
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= SECRET_CAP:
                secret = path.read_bytes()
                secret.decode("utf-8")
                return secret
        except (OSError, UnicodeDecodeError):
            continue
    return secrets.token_hex(64).encode()


def _write(path: Path, data: bytes) -> None:
    if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)
