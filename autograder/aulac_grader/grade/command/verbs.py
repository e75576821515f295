"""`aulac grade`: mark a class, go on after a stop, look, audit, hand back."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aulac_grader.grade.command import steps
from aulac_grader.grade.gradebook import late

if TYPE_CHECKING:
    from aulac_grader.grade.batch.audit import Finding
    from aulac_grader.grade.batch.batch import Options
    from aulac_grader.grade.command.session import Session

DIFFERENT = 4  # exit code: an audit found differences

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Chấm bài cả lớp trong hộp cát: chấm, chấm tiếp, chấm lại, xem, kiểm tra, trả "
    "bài. / Grade a class behind walls: run, resume, regrade, show, audit, return.\n\n"
    "    aulac grade run ps01_text_and_tokenizers --from moodle.zip --workers 2\n\n"
    "Trong thư mục khóa học, hoặc với --course. / In the course directory, or with "
    "--course. Exit codes: 0 done, 1 stopped (a sentence says why), 3 some submissions "
    "have no mark for a reason of ours, 4 an audit found differences, 130 Ctrl-C.",
)


class Times(StrEnum):
    known = "known"
    received = "received"
    claimed = "claimed"


class Policy(StrEnum):
    latest = "latest"
    in_time = "in-time"


class Lang(StrEnum):
    vi = "vi"
    en = "en"


Assignment = Annotated[
    str,
    typer.Argument(metavar="ASSIGNMENT", help="its name in source/"),
]
Students = Annotated[list[str] | None, typer.Argument(metavar="[STUDENT]...")]
CourseDir = Annotated[
    Path,
    typer.Option("--course", help="the course directory", show_default="here"),
]
Workers = Annotated[
    int, typer.Option(min=1, help="submissions marked at the same time")
]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="a Dask scheduler (tcp://host:8786) to mark on instead of here",
    ),
]
Unsandboxed = Annotated[
    bool,
    typer.Option(
        "--unsandboxed",
        help="mark WITHOUT walls: student code then runs with your own rights, and "
        "every verdict says so",
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limits",
        metavar="NAME=NUMBER,…",
        help="memory_mb, cpu_seconds (a cell or question), wall_seconds, processes, "
        "file_mb, output_kb, open_files",
    ),
]
Wait = Annotated[
    float,
    typer.Option(min=0, help="seconds to wait for a gradebook that is locked"),
]
Json = Annotated[bool, typer.Option("--json", help="print a summary as JSON")]
Feedback = Annotated[
    bool, typer.Option("--feedback", help="also write the feedback pages")
]


# -- marking -------------------------------------------------------------------


@app.command(epilog=late.HELP)
def run(
    assignment: Assignment,
    course: CourseDir = Path(),
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="folder or zip of submissions, also as Moodle and Canvas give them; "
            "nbgrader's submitted/ if left out",
        ),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            "--format",
            help="submitted, folders, moodle, canvas or flat; found out if left out",
        ),
    ] = "",
    students: Annotated[
        Path | None,
        typer.Option(help="a table (CSV) of student ids and names"),
    ] = None,
    due: Annotated[
        datetime | None,
        typer.Option(
            help="deadline, this machine's time; nbgrader's if left out"
        ),
    ] = None,
    times: Annotated[
        Times, typer.Option(help="whose clock tells who was late")
    ] = Times.known,
    policy: Annotated[
        Policy, typer.Option(help="which of several submissions counts")
    ] = Policy.latest,
    workers: Workers = 2,
    scheduler: Scheduler = "",
    unsandboxed: Unsandboxed = False,
    limits: Limits = None,
    wait: Wait = 60.0,
    feedback: Feedback = False,
    as_json: Json = False,
) -> None:
    """Collect submissions, mark what is not marked yet, fill the gradebook.

    Run it again after more was handed in, or after a stop: what has a verdict is not
    marked again. (Changed the assignment? See *regrade*.)
    """
    from aulac_grader.grade.batch.batch import Options

    options = Options(
        workers,
        scheduler,
        not unsandboxed,
        steps.parse_limits(limits),
        policy.value,
    )
    with steps.opened(course, assignment) as session:
        steps.collect(session, source, layout, students, due, times.value)
        session.look(options.policy)
        steps.nothing_submitted(session, source)
        steps.tell_outdated(session)
        tally = steps.mark(session, session.unmarked(), options, wait)
        steps.conclude(session, tally, feedback, as_json)


@app.command()
def resume(
    assignment: Assignment,
    course: CourseDir = Path(),
    workers: Annotated[
        int, typer.Option(min=0, help="0: as many as before")
    ] = 0,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="the same as before if left out; '' for this machine",
        ),
    ] = None,
    unsandboxed: Unsandboxed = False,
    wait: Wait = 60.0,
    feedback: Feedback = False,
    as_json: Json = False,
) -> None:
    """Go on where the last command stopped: Ctrl-C, a crash, a full disk, a lock.

    Same limits as before; nothing is collected and nothing marked twice.
    """
    with steps.opened(course, assignment) as session:
        options = steps.last_options(session.log.state, assignment)
        if workers:
            options = replace(options, workers=workers)
        if scheduler is not None:
            options = replace(options, scheduler=scheduler)
        if options.sandboxed == unsandboxed:
            raise steps.failed(
                "The run before was not like that about --unsandboxed. Say it as it "
                f"was, or start another: aulac grade run {assignment}"
            )
        session.look(options.policy)
        steps.nothing_submitted(session, None)
        tally = steps.mark(session, session.unmarked(), options, wait)
        steps.conclude(session, tally, feedback, as_json)


@app.command()
def regrade(
    assignment: Assignment,
    students: Students = None,
    course: CourseDir = Path(),
    everyone: Annotated[
        bool, typer.Option("--all", help="also where nothing has changed")
    ] = False,
    workers: Workers = 2,
    scheduler: Scheduler = "",
    unsandboxed: Unsandboxed = False,
    limits: Limits = None,
    wait: Wait = 60.0,
    feedback: Feedback = False,
    as_json: Json = False,
) -> None:
    """Mark again: those named, or everyone whose assignment or environment changed.

    Points and comments given by hand stay; an answer that changed since is marked as
    in need of another look.
    """
    from aulac_grader.grade.batch.batch import Options

    changed = steps.parse_limits(limits)
    with steps.opened(course, assignment) as session:
        policy = session.log.state.options.get("policy", "latest")
        options = Options(workers, scheduler, not unsandboxed, changed, policy)
        session.look(policy)
        steps.nothing_submitted(session, None)
        todo = _to_regrade(session, students or [], everyone, options)
        tally = steps.mark(session, todo, options, wait)
        steps.conclude(session, tally, feedback, as_json)


def _to_regrade(
    session: Session, students: list[str], everyone: bool, options: Options
) -> list[str]:
    if students:
        steps.known(students, session.receipts, session.name)
        return sorted(set(students))
    if everyone:
        return sorted(session.receipts)
    from aulac_grader.grade.batch.cluster import marking_environment

    digest = marking_environment(options.scheduler)["digest"]
    return sorted({*session.outdated(digest), *session.unmarked()})


# -- looking -------------------------------------------------------------------


@app.command()
def status(
    assignment: Assignment,
    course: CourseDir = Path(),
    as_json: Json = False,
) -> None:
    """How far it is: also while another command is grading."""
    from aulac_grader.grade.command.telling import status_lines
    from aulac_grader.grade.verdict.events import held, replay

    with steps.sentences():
        folder = steps.open_course(course).folder(assignment)
        state = replay(folder)
        running = held(folder)
    if as_json:
        found = {s: asdict(x) for s, x in sorted(state.students.items())}
        typer.echo(json.dumps({"running": running, "students": found}))
        return
    for line in status_lines(state, running):
        typer.echo(line)


@app.command()
def show(
    assignment: Assignment,
    student: Annotated[str, typer.Argument(metavar="STUDENT")],
    course: CourseDir = Path(),
    lang: Annotated[
        Lang | None, typer.Option(help="vi or en; the course's if left out")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the verdict as it is")
    ] = False,
) -> None:
    """A student's verdict in words, question by question."""
    from aulac_grader.grade.command.telling import show as lines
    from aulac_grader.grade.verdict import verdict
    from aulac_grader.grade.verdict.keys import public_key

    with steps.sentences():
        opened = steps.open_course(course)
        key = public_key(opened.grading)
        found = verdict.read(opened.folder(assignment), student, key)
    if found is None:
        raise steps.failed(
            f"There is no verdict on {student!r} in {assignment}: `aulac grade "
            f"status {assignment}` tells how far it is."
        )
    if as_json:
        typer.echo(verdict.canonical_bytes(found).decode())
        return
    for line in lines(found, lang.value if lang else opened.lang):
        typer.echo(line)


@app.command()
def audit(
    assignment: Assignment,
    students: Students = None,
    course: CourseDir = Path(),
    size: Annotated[
        int, typer.Option("--sample", min=0, help="so many, drawn at random")
    ] = 0,
    draw: Annotated[
        int, typer.Option("--seed", help="draws the same sample again")
    ] = 0,
    workers: Workers = 2,
    scheduler: Scheduler = "",
    as_json: Json = False,
) -> None:
    """Mark again from what was handed in, and compare with the signed verdicts.

    Nothing is written. Every difference is named; with one, the exit code is 4.
    """
    from aulac_grader.grade.batch.audit import Audit, sample
    from aulac_grader.grade.batch.stopping import Interrupt
    from aulac_grader.grade.verdict.grading_folder import marked_students
    from aulac_grader.grade.verdict.keys import public_key

    display = steps.new_display()

    def done(finding: Finding) -> None:
        word = "DIFFERENT" if finding.differences else "the same"
        display.step(f"{finding.student}: {word}")
        for line in finding.differences:
            display.say(f"  {line}")
        for line in finding.notes:
            display.note(f"  {line}")

    with steps.sentences():
        opened = steps.open_course(course)
        trusted, folder = (
            opened.assignment(assignment),
            opened.folder(assignment),
        )
        everyone = marked_students(folder)
        if not everyone:
            raise steps.failed(f"There are no verdicts in {assignment} yet.")
        steps.known(students or [], everyone, assignment)
        chosen = students or sample(everyone, size or len(everyone), draw)
        work = Audit(
            folder,
            trusted,
            public_key(opened.grading),
            steps.loader(opened, assignment),
            display.say,
            done,
            Interrupt(),
            workers,
            scheduler,
        )
        with display.progress(len(chosen), "audit"):
            findings = work.run(chosen)
    bad = [f.student for f in findings if f.differences]
    if as_json:
        found = {f.student: f.differences for f in findings}
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(
            f"{len(findings)} of {len(chosen)} verdicts audited, "
            f"{len(bad)} different."
        )
    if work.interrupt.asked:
        raise typer.Exit(steps.INTERRUPTED)
    if bad:
        raise typer.Exit(DIFFERENT)


# -- handing back --------------------------------------------------------------


@app.command(epilog=late.HELP)
def feedback(
    assignment: Assignment,
    students: Students = None,
    course: CourseDir = Path(),
) -> None:
    """Write feedback pages, where `nbgrader release_feedback` finds them.

    Brings in points and comments given by hand, and late penalties.
    """
    with steps.opened(course, assignment) as session:
        session.look(session.log.state.options.get("policy", "latest"))
        steps.known(students or [], session.verdicts, assignment)
        steps.write_feedback(session, students)


@app.command(epilog=late.HELP)
def export(
    assignments: Annotated[
        list[str],
        typer.Argument(metavar="ASSIGNMENT...", help="one or several"),
    ],
    course: CourseDir = Path(),
    to: Annotated[
        str, typer.Option(help="csv, canvas, moodle or gradescope")
    ] = "csv",
    output: Annotated[
        Path | None,
        typer.Option(
            help="a file (a folder for gradescope); below grading/ if left out"
        ),
    ] = None,
    by_problem: Annotated[
        bool | None,
        typer.Option(
            "--by-problem/--totals",
            help="a column for each problem too; only in csv if left out",
        ),
    ] = None,
) -> None:
    """Write marks for another system: those of the gradebook, late penalties off."""
    from aulac_grader.grade.export import export as write
    from aulac_grader.grade.verdict.events import EventLog

    with steps.sentences():
        opened = steps.open_course(course)
        found = write(
            opened,
            assignments,
            to,
            output,
            by_problem=by_problem,
            verdicts=steps.verdicts_of(opened, assignments),
        )
        for name in assignments:
            with EventLog(opened.folder(name)) as log:
                paths = [str(path) for path in found.paths[:3]]
                log.append("exported", form=to, paths=paths)
    for path in found.paths[:3]:
        typer.echo(str(path))
    typer.echo(f"{found.students} students.")
    if found.waiting:
        typer.secho(
            f"Not final for {len(found.waiting)}, whom a person has still to grade: "
            f"{', '.join(found.waiting[:10])}",
            fg="yellow",
            err=True,
        )


@app.command()
def results(assignment: Assignment, course: CourseDir = Path()) -> None:
    """Write the results page in both languages."""
    from aulac_grader.grade.batch.stopping import disk_trouble_stops
    from aulac_grader.grade.results import build

    with steps.sentences():
        opened = steps.open_course(course)
        with disk_trouble_stops(opened.folder(assignment)):
            say = steps.new_display().say
            for path in build(opened, assignment, say).values():
                typer.echo(str(path))
