"""Taking in what a class handed in: see `collect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aulac_grader.grade.course.course import Course, CourseError

from . import archives, folders, layouts
from .caps import Caps
from .entries import Entry
from .names import printable
from .receipts import Ledger, LedgerError, manifest
from .student import Taken, take
from .students import Roster, RosterError, name_students, read_roster
from .submission import Receipt, Submission

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment

Times = Literal["known", "received", "claimed"]
Policy = Literal["latest", "in-time"]


_TOGETHER = 50  # receipts that wait for the disk together


class IntakeError(CourseError):
    """The source as a whole cannot be taken in; a sentence for the instructor."""


@dataclass(frozen=True)
class Collected:
    """What one collection found.

    Attributes:
        layout: the format it was read as (`layouts.FORMATS`), "" where it was empty.
        new, unchanged: students' ids, with a new receipt or the same bytes as before.
        receipts: the latest receipt of everyone in this source, by id.
        messages: for the instructor, a sentence each.
    """

    course: Course
    assignment: str
    layout: str
    new: tuple[str, ...]
    unchanged: tuple[str, ...]
    receipts: Mapping[str, Receipt]
    messages: tuple[str, ...] = field(default=())

    def submissions(self) -> Iterator[Submission]:
        """With their bytes, one at a time, by student's id."""
        ledger = Ledger(self.course.folder(self.assignment))
        for student in sorted(self.receipts):
            yield _loaded(ledger, self.receipts[student])


def load(
    course: Course, assignment: str, policy: Policy = "latest"
) -> dict[str, Receipt]:
    """The receipt that counts for each student, by id.

    Args:
        policy: "latest", or "in-time" for the last one that is not late (the latest
            where all are).

    Raises:
        CourseError: no such assignment, or a damaged record.
    """
    chosen: dict[str, Receipt] = {}
    for receipt in history(course, assignment):
        before = chosen.get(receipt.student)
        late = bool(receipt.late_seconds)
        if policy == "in-time" and before and late and not before.late_seconds:
            continue
        chosen[receipt.student] = receipt
    return dict(sorted(chosen.items()))


def history(
    course: Course, assignment: str, student: str = ""
) -> list[Receipt]:
    """Every receipt (of `student`), oldest first.

    Raises:
        CourseError: no such assignment, or a damaged record.
    """
    try:
        receipts = Ledger(course.folder(assignment)).receipts()
    except LedgerError as error:
        raise IntakeError(str(error)) from error
    return [r for r in receipts if not student or r.student == student]


def submission(course: Course, receipt: Receipt) -> Submission:
    """The bytes that a receipt is for.

    Raises:
        CourseError: they are gone, or not what was received.
    """
    return _loaded(Ledger(course.folder(receipt.assignment)), receipt)


def _loaded(ledger: Ledger, receipt: Receipt) -> Submission:
    try:
        return ledger.submission(receipt)
    except LedgerError as error:
        raise IntakeError(str(error)) from error


def collect(
    course: Course,
    assignment: str,
    source: Path | None = None,
    *,
    layout: str = "",
    students: Path | None = None,
    due: datetime | None = None,
    times: Times = "known",
    caps: Caps | None = None,
    now: datetime | None = None,
) -> Collected:
    """Take in a class's work: vet it, keep its bytes, write receipts.

    Args:
        source: a folder or a zip of any layout; None for nbgrader's submitted tree.
        layout: one of `layouts.FORMATS`; found out where empty.
        students: a table of ids (see `students`).
        due: the deadline (this machine's time where it names no zone); nbgrader's
            own where None.
        times: how lateness is told. "known": by our clock, and only where we know:
            a first collection after the deadline says nothing about who was late, a
            later one does about what is new in it. "received": by our clock, always.
            "claimed": by the time that the source gives (nbgrader's timestamp.txt,
            a zip's entries), which a student may have been able to set.
        now: our clock, for tests.

    Raises:
        CourseError: no such assignment, source, format or table; a damaged zip.
    """
    caps = caps or Caps()
    trusted = course.assignment(assignment)
    now = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    due = due.astimezone(UTC) if due else course.due(assignment)
    if layout and layout not in layouts.FORMATS:
        raise IntakeError(
            f"There is no format {layout!r}: {', '.join(layouts.FORMATS)}."
        )
    try:
        roster = read_roster(students) if students else None
    except RosterError as error:
        raise IntakeError(str(error)) from error
    ledger = Ledger(course.folder(assignment))
    job = _Job(trusted, ledger, caps, due, times, now)
    with ExitStack() as stack, ledger.locked():
        found = _entries(course, assignment, source, caps, stack)
        layout = layout if source else "submitted"
        try:
            return job.run(course, found, layout, roster, source)
        except LedgerError as error:
            raise IntakeError(str(error)) from error


def _entries(
    course: Course,
    assignment: str,
    source: Path | None,
    caps: Caps,
    stack: ExitStack,
) -> list[Entry]:
    """What lies in the source; an archive stays open until `stack` closes."""
    path = source or course.submitted
    try:
        if path.is_dir():
            below = assignment if source is None else ""
            return list(folders.walk(path, caps, below))
        if path.is_file():
            file = stack.enter_context(path.open("rb"))
            return list(archives.entries(file, caps))
    except OSError as error:
        raise IntakeError(
            f"{path} cannot be read: {error.strerror}."
        ) from error
    except archives.ArchiveError as error:
        raise IntakeError(
            f"{path} cannot be read as a zip: {error}. Download it again, or unpack "
            "it and name the folder."
        ) from error
    raise IntakeError(
        f"{path} does not exist: name a folder or a zip of submissions."
    )


@dataclass
class _Job:
    """One collection under way."""

    assignment: TrustedAssignment
    ledger: Ledger
    caps: Caps
    due: datetime | None
    times: Times
    now: datetime

    def run(
        self,
        course: Course,
        found: list[Entry],
        layout: str,
        roster: Roster | None,
        source: Path | None,
    ) -> Collected:
        name = self.assignment.name
        layout, people, strays = layouts.sort_out(
            found, name, layout, bare=source is None
        )
        if len(people) > self.caps.students:
            raise IntakeError(
                f"{source} holds {len(people)} students' work, more than "
                f"{self.caps.students}: is it the right folder?"
            )
        before = {r.student: r for r in self.ledger.receipts()}
        owners = {
            (r.origin["name"], r.origin.get("number", "")): r.student
            for r in before.values()
            if r.origin.get("layout") == layout
        }
        ids, messages = name_students(people, layout, roster, owners)
        messages += _about_strays(strays, layout)
        place = str((source or course.submitted).resolve())
        closed = self._closed(place)
        new: list[Receipt] = []
        unchanged, receipts, written = [], {}, 0
        for student, handed in sorted(
            zip(ids, people, strict=True), key=_first
        ):
            taken = take(handed, self.assignment, self.caps, layout)
            old = before.get(student)
            sha = manifest(taken.listed, taken.notes, taken.notebook)
            if old and old.sha256 == sha:
                unchanged.append(student)
                receipts[student] = old
                continue
            late = self._late(taken.claimed_at, closed(student))
            receipt = self._receipt(student, handed, layout, taken, sha, late)
            self.ledger.keep(taken.bodies.values())
            new.append(receipt)
            receipts[student] = receipt
            if len(new) - written == _TOGETHER:
                self.ledger.add(new[written:])
                written = len(new)
        self.ledger.add(new[written:])
        messages += self._about_time(new)
        self.ledger.collected(
            {
                "at": self.now.isoformat(),
                "source": place,
                "layout": layout,
                "seen": sorted(ids),
                "new": len(new),
            }
        )
        return Collected(
            course,
            name,
            layout,
            tuple(receipt.student for receipt in new),
            tuple(unchanged),
            receipts,
            tuple(messages),
        )

    def _closed(self, source: str) -> Callable[[str], bool]:
        """Whether a student's work was looked at once the deadline had passed.

        What is new after that is late for certain. Either the student was seen then,
        or was not in this very source.
        """
        seen: set[str] = set()
        same = False
        for record in self.ledger.collections():
            if self.due and datetime.fromisoformat(record["at"]) >= self.due:
                seen |= set(record["seen"])
                same = same or record["source"] == source
        return lambda student: same or student in seen

    def _receipt(
        self,
        student: str,
        handed: layouts.Handed,
        layout: str,
        taken: Taken,
        sha: str,
        late: int | None,
    ) -> Receipt:
        origin = {"layout": layout, "name": printable(handed.name, 200)}
        if handed.number:
            origin["number"] = handed.number
        if handed.late:
            origin["late"] = "yes"
        return Receipt(
            student=student,
            assignment=self.assignment.name,
            received_at=self.now.isoformat(),
            sha256=sha,
            files=taken.listed,
            notes=taken.notes,
            late_seconds=late,
            notebook=taken.notebook,
            origin=origin,
            claimed_at=taken.claimed_at,
        )

    def _late(self, claimed: str, closed: bool) -> int | None:
        """Seconds after the deadline, None where that is not known."""
        if self.due is None:
            return None
        when = self.now
        if self.times == "claimed" and claimed:
            when = _time(claimed)
        elif self.times == "known" and self.now > self.due and not closed:
            return None
        return max(0, int((when - self.due).total_seconds()))

    def _about_time(self, new: list[Receipt]) -> list[str]:
        unknown = [r for r in new if r.late_seconds is None]
        if not unknown or self.due is None:
            return []
        return [
            f"The deadline ({self.due:%Y-%m-%d %H:%M} UTC) had passed when "
            f"{len(unknown)} were first collected: who of them was late is not "
            "known, and nobody of them counts as late. Collect once right at the deadline, or pass "
            "--times claimed to believe the source's own times."
        ]


def _first(item: tuple[str, layouts.Handed]) -> str:
    return item[0]


def _time(text: str) -> datetime:
    """A claimed time; where it names no zone it is this machine's own."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _about_strays(strays: list[Entry], layout: str) -> list[str]:
    if not strays:
        return []
    names = ", ".join(printable(entry.parts) for entry in strays[:3])
    more = ", …" if len(strays) > 3 else ""
    return [
        f"{len(strays)} files belong to no student in the format "
        f"{layout or 'folders'!r} and were left: {names}{more}"
    ]
