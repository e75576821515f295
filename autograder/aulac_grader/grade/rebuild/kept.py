"""What was rebuilt, kept beside the verdict, so that nothing is rebuilt twice.

    COURSE/grading/ASSIGNMENT/rebuilt/STUDENT.mp

Whoever marked a submission has rebuilt it; the gradebook, the feedback and the results
page take it from here. A file is written whole or not at all and signed with the
course's key together with what it is about. It is used only for the very verdict that
it belongs to: a damaged, changed or exchanged file is told of, and what it should hold
is rebuilt from the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.verdict.grading_folder import write_whole

from .assemble import rebuild
from .rebuilt import NotRebuilt, Rebuilt

if TYPE_CHECKING:
    from aulac_grader.grade.intake.submission import Submission
    from aulac_grader.grade.verdict.keys import CourseKey, PublicKey
    from aulac_grader.judge.assignment import TrustedAssignment

FOLDER = "rebuilt"
SCHEMA = "aulac/rebuilt/1"  # so that no other signature of the course's fits


def path_of(folder: Path, student: str) -> Path:
    """Where it lies in an assignment's grading folder."""
    return folder / FOLDER / f"{student}.mp"


def write(
    folder: Path, found: Mapping[str, Any], rebuilt: bytes, key: CourseKey
) -> None:
    """Keep what was rebuilt for the verdict `found`.

    Args:
        rebuilt: from `Rebuilt.to_bytes`.

    Raises:
        OSError: the disk is full or read-only; what stood there before stands.
    """
    import msgpack

    body = msgpack.packb([*_about(found), rebuilt])
    data = msgpack.packb([body, key.sign(body)])
    write_whole(path_of(folder, found["student"]), data)


def read(
    folder: Path,
    found: Mapping[str, Any],
    assignment: TrustedAssignment,
    key: PublicKey,
) -> Rebuilt | None:
    """What was rebuilt for the verdict `found`; None where nothing was kept.

    Raises:
        NotRebuilt: the file is damaged, was changed, or belongs to another verdict.
    """
    import msgpack

    try:
        data = path_of(folder, found["student"]).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotRebuilt(str(error.strerror or error)) from error
    try:
        body, signature = msgpack.unpackb(data)
        signed = key.check(body, signature)
    except (ValueError, TypeError) as error:
        raise NotRebuilt(f"it is damaged ({error})") from error
    if not signed:
        raise NotRebuilt("this course's key did not sign it")
    *about, rebuilt = msgpack.unpackb(body)
    if about != _about(found):
        raise NotRebuilt("it belongs to another submission")
    made = Rebuilt.from_bytes(assignment, rebuilt)
    if made.sha256 != found["rebuilt_sha256"]:
        raise NotRebuilt("it belongs to another verdict")
    return made


def _about(found: Mapping[str, Any]) -> list[str]:
    named = (found[key] for key in ("assignment", "student"))
    return [SCHEMA, *named, found["submission_sha256"]]


@dataclass(frozen=True)
class Kept:
    """What was rebuilt of an assignment's submissions, for whoever looks at it.

    Args:
        folder: the assignment's grading folder.
        assignment: the assignment as it stands now.
        key: the course's; None where there is none: then nothing is kept.
        load: a student's submission with the given sha256.
        say: takes a sentence for the instructor.
    """

    folder: Path
    assignment: TrustedAssignment
    key: CourseKey | None
    load: Callable[[str, str], Submission]
    say: Callable[[str], None]

    def of(self, found: Mapping[str, Any]) -> Rebuilt:
        """What was rebuilt for the verdict `found`.

        Where nothing (or nothing that can be used) was kept, it is rebuilt and kept.
        A verdict from an earlier version of the assignment gets what the present one
        makes of the submission, which is not kept: it is not what was marked.

        Raises:
            CourseError: it has to be rebuilt, and the submission is gone.
            OSError: it has to be kept, and the disk is full.
        """
        student = found["student"]
        present = found["source_sha256"] == self.assignment.sha256
        if present and self.key is not None:
            try:
                kept = read(
                    self.folder, found, self.assignment, self.key.public
                )
            except NotRebuilt as problem:
                self.say(
                    f"{path_of(self.folder, student)} is not used: {problem}. "
                    f"What {student} handed in is rebuilt."
                )
            else:
                if kept is not None:
                    return kept
        made = rebuild(
            self.assignment, self.load(student, found["submission_sha256"])
        )
        same = present and made.sha256 == found["rebuilt_sha256"]
        if same and self.key is not None:
            write(self.folder, found, made.to_bytes(), self.key)
        return made
