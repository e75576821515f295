"""What the commands of `aulac grade` share: opening, collecting, marking, summing up.

Everything said goes to standard error; standard output is for results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from aulac_grader.grade.batch.batch import Options, Tally
    from aulac_grader.grade.command.display import Display
    from aulac_grader.grade.command.session import Session
    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.intake import Submission
    from aulac_grader.grade.verdict.events import State

NO_MARK = 3
INTERRUPTED = 130


def failed(*sentences: str) -> typer.Exit:
    """Say what is wrong; to be raised."""
    for sentence in sentences:
        typer.secho(sentence, fg="red", err=True)
    return typer.Exit(1)


@contextmanager
def sentences() -> Iterator[None]:
    """Troubles that are known end the command with their own sentence, and 1."""
    from aulac_grader.grade.batch.cluster import ClusterError
    from aulac_grader.grade.batch.stopping import Stopped
    from aulac_grader.grade.course.course import CourseError
    from aulac_grader.grade.export import ExportError
    from aulac_grader.grade.gradebook.database import GradebookError
    from aulac_grader.grade.verdict.events import Busy
    from aulac_grader.grade.verdict.keys import KeyProblem
    from aulac_grader.grade.verdict.verdict import VerdictProblem

    try:
        yield
    except (
        Busy,
        CourseError,
        ExportError,
        GradebookError,
        KeyProblem,
        Stopped,
        VerdictProblem,
    ) as error:
        raise failed(str(error)) from None
    except ClusterError as error:
        raise failed(
            str(error),
            "Every verdict written so far stands; `aulac grade resume` goes on, "
            "with --scheduler ADDRESS or with --scheduler '' on this machine.",
        ) from None


def open_course(path: Path) -> Course:
    """The course directory that a command was given.

    Raises:
        CourseError: there is none.
    """
    from aulac_grader.grade.course.course import Course

    return Course.open(path)


def new_display() -> Display:
    from rich.console import Console

    from aulac_grader.grade.command.display import Display

    return Display(Console(stderr=True))


@contextmanager
def opened(path: Path, assignment: str) -> Iterator[Session]:
    """An assignment opened for writing; known troubles end the command."""
    from aulac_grader.grade.command.session import opened as open_session

    with (
        sentences(),
        open_session(open_course(path), assignment, new_display()) as session,
    ):
        yield session


def display_of(session: Session) -> Display:
    from aulac_grader.grade.command.display import Display

    assert isinstance(session.reporter, Display)
    return session.reporter


def parse_limits(given: Iterable[str] | None) -> dict[str, Any]:
    """`memory_mb=4096,cpu_seconds=60` as a dict; faults end the command."""
    from aulac_grader.sandbox.limits import Limits

    kinds = {name: type(value) for name, value in asdict(Limits()).items()}
    found: dict[str, Any] = {}
    for part in ",".join(given or ()).split(","):
        name, equals, value = part.strip().partition("=")
        if not name:
            continue
        if name not in kinds or not equals:
            raise failed(
                f"--limits {part!r} is not NAME=NUMBER with a name of "
                f"{', '.join(kinds)}."
            )
        try:
            found[name] = kinds[name](value)
            Limits(**{name: found[name]})
        except ValueError:
            raise failed(
                f"--limits {part!r}: {name} is a number above 0"
                f"{'' if kinds[name] is float else ', without a fraction'}."
            ) from None
    return found


def known(
    students: Iterable[str], everyone: Iterable[str], assignment: str
) -> None:
    """End the command if a student is named that nobody knows."""
    have = set(everyone)
    strange = [student for student in students if student not in have]
    if strange:
        raise failed(
            f"Nothing of {', '.join(strange)} was collected for {assignment}: "
            f"`aulac grade status {assignment}` lists who there is."
        )


def last_options(state: State, assignment: str) -> Options:
    """The options of the newest run, for `resume`."""
    from aulac_grader.grade.batch.batch import Options

    if not state.options:
        raise failed(
            f"Nothing was run for {assignment} yet, so there is nothing to go on "
            f"with: aulac grade run {assignment}"
        )
    return Options(**state.options)


def loader(
    course: Course, assignment: str
) -> Callable[[str, str], Submission]:
    """Finds a student's submission by its sha256 among all that were received."""
    from aulac_grader.grade.course.course import CourseError
    from aulac_grader.grade.intake.collect import history, submission

    def load(student: str, sha256: str) -> Submission:
        for receipt in history(course, assignment, student):
            if receipt.sha256 == sha256:
                return submission(course, receipt)
        raise CourseError(
            f"There is no receipt for the submission {sha256[:12]} of {student}: "
            "restore receipts.jsonl from your backup."
        )

    return load


def verdicts_of(
    course: Course, assignments: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Student → verdict, of the last of these assignments that they have one in.

    Raises:
        VerdictProblem: one is damaged or not signed by this course.
    """
    from aulac_grader.grade.verdict import verdict
    from aulac_grader.grade.verdict.grading_folder import marked_students
    from aulac_grader.grade.verdict.keys import public_key

    found = {}
    for name in assignments:
        folder = course.folder(name)
        for student in marked_students(folder):
            key = public_key(course.grading)
            if one := verdict.read(folder, student, key):
                found[student] = one
    return found


# -- collecting ----------------------------------------------------------------


def collect(
    session: Session,
    source: Path | None,
    layout: str,
    students: Path | None,
    due: datetime | None,
    times: Any,
) -> None:
    """Take in what was handed in, and say what was new."""
    from aulac_grader.grade.intake.collect import collect as take_in

    if source is None and not session.course.submitted.is_dir():
        return  # what was collected before may still be there to mark
    found = take_in(
        session.course,
        session.name,
        source,
        layout=layout,
        students=students,
        due=due.astimezone() if due else None,
        times=times,
    )
    display = display_of(session)
    for message in found.messages:
        display.say(message)
    read_as = f", read as {found.layout!r}" if found.layout else ""
    display.note(
        f"Collected {len(found.new)} new submissions, {len(found.unchanged)} "
        f"as before{read_as}."
    )


def nothing_submitted(session: Session, source: Path | None) -> None:
    """End the command if there is nobody to mark."""
    if not session.receipts:
        where = source or session.course.submitted
        raise failed(
            f"Nothing was submitted for {session.name}: {where} holds no work of "
            "any student. Name a folder or a zip with --from."
        )


def tell_outdated(session: Session) -> None:
    """Say that marks from an older version of the assignment stand."""
    count = len(session.outdated(""))
    if count:
        display_of(session).say(
            f"{count} verdicts come from an earlier version of the assignment and "
            f"stand as they are: aulac grade regrade {session.name}"
        )


# -- marking -------------------------------------------------------------------


def mark(
    session: Session, students: list[str], options: Options, wait: float
) -> Tally:
    """Mark these students under a progress display."""
    display = display_of(session)
    if not options.sandboxed:
        display.say(
            "WITHOUT A SANDBOX, as you asked: student code runs with your own "
            "rights, can read your files and use the network. Every verdict of this "
            "run says so."
        )
    if not students:
        display.note("Nothing is left to mark.")
    with display.progress(len(students), session.name):
        return session.mark(students, options, wait)


def conclude(
    session: Session, tally: Tally, feedback: bool, as_json: bool
) -> None:
    """Pages, the table at the end, and the exit code."""
    from aulac_grader.grade.command.telling import summary

    display = display_of(session)
    trouble = dict.fromkeys(session.unmarked(), "not marked yet")
    trouble |= {
        student: f"marking failed, our fault: {reason}"
        for student, reason in tally.failed.items()
    }
    if len(tally.environments) > 1:
        counts = ", ".join(
            f"{name[:12]} ({count})"
            for name, count in sorted(tally.environments.items())
        )
        display.say(
            "The workers did not all have the same environment, so this batch was "
            f"not marked by one and the same code: {counts}. Install the same on "
            f"all, then: aulac grade regrade {session.name}"
        )
    paths = [] if session.interrupt.asked else _pages(session, feedback)
    if as_json:
        found = summary(session.verdicts, trouble) | {
            "assignment": session.name,
            "marked_now": len(tally.marked),
            "retries": tally.retries,
            "environments": tally.environments,
            "interrupted": session.interrupt.asked,
            "pages": [str(path) for path in paths],
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print_summary(session, tally, trouble, paths)
    if session.interrupt.asked:
        display.say(f"Stopped. To go on: aulac grade resume {session.name}")
        raise typer.Exit(INTERRUPTED)
    if tally.failed:
        raise typer.Exit(NO_MARK)


def _print_summary(
    session: Session,
    tally: Tally,
    trouble: dict[str, str],
    paths: list[Path],
) -> None:
    from rich.console import Console

    from aulac_grader.grade.command.telling import class_table, summary

    found = summary(session.verdicts, trouble)
    Console().print(class_table(session.name, session.verdicts, trouble))
    mean = "" if found["mean"] is None else f", mean {found['mean']:.2f}"
    typer.echo(
        f"{len(tally.marked)} marked now, {found['verdicts']} in all{mean}, "
        f"{found['repaired']} repaired, {len(trouble)} without a mark."
    )
    for path in paths:
        typer.echo(str(path))


def _pages(session: Session, feedback: bool) -> list[Path]:
    """The results page, and feedback where it was asked for."""
    from aulac_grader.grade.batch.stopping import disk_trouble_stops
    from aulac_grader.grade.results import build

    paths: list[Path] = []
    with disk_trouble_stops(session.folder):
        if feedback:
            paths += write_feedback(session)
        say = display_of(session).say
        paths += build(session.course, session.name, say).values()
    return paths


def write_feedback(
    session: Session, students: Iterable[str] | None = None
) -> list[Path]:
    """A page for each of these students (everyone), where nbgrader releases from."""
    from aulac_grader.grade.feedback import write_all

    chosen = session.verdicts if students is None else students
    work = (
        (found, session.rebuilt(found))
        for found in (session.verdicts[student] for student in sorted(chosen))
    )
    written = write_all(
        session.course, session.name, work, session.course.lang
    )
    folder = {path.parents[1] for path in written}
    display_of(session).note(
        f"{len(written)} feedback pages in {', '.join(map(str, folder))[:200]}"
    )
    return []
