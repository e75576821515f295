"""See the package: from an assignment and a submission to what is marked and shown."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from aulac_grader.grade.intake.names import printable
from aulac_grader.grade.intake.notes import Repair
from aulac_grader.grade.intake.reading import StudentCell, read_cells
from aulac_grader.judge.submitted import SubmittedCell

from .book import Placed, extra_name
from .cleaning import cleaned, decomposed, parses, spread
from .likeness import COPY, defined, likeness, plain
from .matching import (
    WRITTEN,
    Match,
    Matching,
    code_of,
    complete,
    match_cells,
    overwritten,
    touched,
)
from .rebuilt import Rebuilt

if TYPE_CHECKING:
    from aulac_grader.grade.intake.submission import Submission
    from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell

EXTRAS = 300  # extra cells kept of one notebook
EXTRA_TEXT = 1_000_000  # characters of them


def rebuild(assignment: TrustedAssignment, submission: Submission) -> Rebuilt:
    """Put the student's answers into the trusted notebook.

    Deterministic; raises nothing for what the student handed in.
    """
    return _Rebuilding(assignment, submission).rebuilt()


class _Rebuilding:
    """One rebuilding: matches first, then every cell of the assignment in order."""

    def __init__(self, assignment: TrustedAssignment, submission: Submission):
        self.assignment = assignment
        self.files = submission.files
        # What the intake noted comes first: a student hears of it here.
        self.repairs = [
            Repair(note.code, note.params) for note in submission.receipt.notes
        ]
        cells: tuple[StudentCell, ...] = ()
        if submission.notebook is not None:
            read = read_cells(submission.notebook)
            self.repairs += read.repairs
            cells = read.cells
            if read.assignment and read.assignment != assignment.name:
                name = printable(read.assignment)
                self.repairs.append(Repair("other_assignment", {"name": name}))
        received = [cell.visible for cell in assignment.cells]
        if decomposed([cell.source for cell in cells], received):
            self.repairs.append(Repair("composed"))
            cells = tuple(
                replace(cell, source=unicodedata.normalize("NFC", cell.source))
                for cell in cells
            )
        self.cells = cells
        self.found: Matching = match_cells(assignment, cells)
        self.before: dict[int, list[Placed]] = defaultdict(list)
        self.after: dict[int, list[Placed]] = defaultdict(list)
        self.sources: dict[str, str] = {}

    def _say(self, code: str, **params: str | int) -> None:
        self.repairs.append(Repair(code, params))

    def rebuilt(self) -> Rebuilt:
        for position, match in enumerate(self.found.matches):
            if match.trusted.kind in WRITTEN:
                self._write(position, match)
            elif match.cell is not None:
                self._restore(position, match)
        self._scratch()
        self._extras()
        self._tell()
        placed = tuple(self._placed())
        return Rebuilt(
            tuple(self._code_cells(placed)),
            tuple((name, _sha256(body)) for name, body in self.files),
            self._manual(placed),
            tuple(self.repairs),
            self._untouched(),
            placed,
            self.assignment,
            tuple(body for _, body in self.files),
        )

    # -- answers -----------------------------------------------------------------

    def _write(self, position: int, match: Match) -> None:
        """The source of an answer, and what becomes of other cells with its id."""
        trusted = match.trusted
        code = trusted.cell_type == "code"
        source = _together(match.parts, code)
        if code and match.parts:
            source = self._without_tests(match, source)
        source = self._clean(trusted.id, source, code)
        self.sources[trusted.id] = source
        if spread(source):
            self._say("nfd", cell=trusted.id)
        self._told_where(match)
        self._kept_claims(position, match)

    def _told_where(self, match: Match) -> None:
        trusted, cell = match.trusted, match.cell
        if cell is None:
            return
        if match.how in {"split", "below"}:
            self._say("joined", cell=trusted.id, count=len(match.parts))
        elif len(match.claims) > 1:
            count = len(match.claims)
            if len(match.parts) > 1:
                self._say("joined", cell=trusted.id, count=len(match.parts))
            else:
                kept = match.claims.index(cell) + 1
                self._say("copied", cell=trusted.id, count=count, kept=kept)
        if cell.type != trusted.cell_type:
            kind = "code" if trusted.cell_type == "code" else "text"
            self._say(f"retyped_{kind}", cell=trusted.id)

    def _without_tests(self, match: Match, source: str) -> str:
        """Without the text of tests that was merged into the answer's cell."""
        used = {cell.index for cell in match.parts}
        for other in self.found.matches:
            if other.trusted.kind != "test":
                continue
            gone = other.cell is None or other.cell.index in used
            text = plain(other.trusted.visible)
            if gone and len(text) > 20 and text in source:
                source = source.replace(text, "", 1).strip("\n")
                self._say(
                    "test_cut", cell=match.trusted.id, test=other.trusted.id
                )
        return source

    def _kept_claims(self, position: int, match: Match) -> None:
        """Other cells with an answer's id: helpers stay, older versions go."""
        used = {cell.index for cell in match.parts}
        texts = {plain(cell.source) for cell in match.parts}
        for cell in match.claims:
            if (
                cell.index in used
                or match.cell is None
                or match.trusted.kind == "manual"
                or not touched(match.trusted, cell)
                or plain(cell.source) in texts
                or complete(match.trusted, code_of(cell))
            ):
                continue
            first = cell.index < match.cell.index
            self._extra(self.before if first else self.after, position, cell)

    # -- what is the instructor's ----------------------------------------------------

    def _restore(self, position: int, match: Match) -> None:
        """Tell of changes to a trusted cell, and keep what else stood there."""
        trusted = match.trusted
        if trusted.kind == "scratch":
            return
        answers = {
            cell.index
            for other in self.found.matches
            if other.trusted.kind in WRITTEN
            for cell in other.parts
        }
        for cell in {
            c.index: c for c in (*match.claims, *match.parts)
        }.values():
            same = plain(cell.source) in {
                plain(trusted.visible),
                plain(trusted.source),
            }
            if cell.index in answers or same or not cell.source.strip():
                continue
            if trusted.kind not in {"given", "test"}:
                self._keep_text(position, trusted, cell)
            elif overwritten(match, cell) and cell.type == "code":
                place = self.before if trusted.kind == "test" else self.after
                self._extra(place, position, cell)
                self._say("overwritten", cell=trusted.id)
            else:
                self._say("restored", cell=trusted.id)
                if trusted.kind == "given":
                    self._keep_code(position, trusted, cell)

    def _keep_code(
        self, position: int, trusted: TrustedCell, cell: StudentCell
    ) -> None:
        """Lines added to a given cell run after it, if they are code by themselves."""
        added = _added(trusted.visible, cell.source)
        if added.strip() and parses(added):
            self.after[position].append(Placed("code", added, extra=True))

    def _keep_text(
        self, position: int, trusted: TrustedCell, cell: StudentCell
    ) -> None:
        added = _added(trusted.visible, cell.source)
        if added.strip() and cell.type == "markdown":
            self.after[position].append(
                Placed("markdown", added, cell.attachments, extra=True)
            )

    def _scratch(self) -> None:
        """Unlocked code of the assignment is the student's to change."""
        for match in self.found.matches:
            if match.trusted.kind == "scratch" and match.cell is not None:
                source = code_of(match.cell)
                self.sources[match.trusted.id] = self._clean(
                    match.trusted.id, source, code=True
                )

    # -- extra cells -------------------------------------------------------------------

    def _extras(self) -> None:
        """Left-over cells, each after the assignment's cell that it stood after."""
        owner = self.found.owner()
        positions = {
            match.trusted.id: position
            for position, match in enumerate(self.found.matches)
        }
        left = {cell.index for cell in self.found.left}
        known = {plain(cell.visible) for cell in self.assignment.cells}
        tests = [
            cell.visible
            for cell in self.assignment.cells
            if cell.kind in {"given", "test"}
        ]
        anchor, count, room = -1, 0, EXTRA_TEXT
        for cell in self.cells:
            if cell.index in owner:
                anchor = positions[owner[cell.index].trusted.id]
                continue
            text = plain(cell.source)
            if cell.index not in left or not text or text in known:
                continue
            if count < EXTRAS and any(
                likeness(text, test) >= COPY for test in tests
            ):
                continue
            count += 1
            room -= len(text)
            if count > EXTRAS or room < 0:
                continue
            self._extra(self.after, anchor, cell)
        if count > EXTRAS or room < 0:
            self._say("extras_left", limit=EXTRAS)

    def _extra(
        self,
        place: dict[int, list[Placed]],
        position: int,
        cell: StudentCell,
    ) -> None:
        code = cell.type == "code"
        source, _ = cleaned(cell.source, code)
        place[position].append(
            Placed(cell.type, source, cell.attachments, extra=True)
        )

    # -- the whole -----------------------------------------------------------------------

    def _clean(self, name: str, source: str, code: bool) -> str:
        text, changed = cleaned(source, code)
        if changed:
            self._say("cleaned", cell=name, what=", ".join(changed))
        return text

    def _tell(self) -> None:
        """What concerns several cells at once."""
        matches = self.found.matches
        if self.cells and not any(match.cell for match in matches):
            self._say("nothing_found")
        missing = []
        for match in matches:
            if match.trusted.kind not in WRITTEN or match.cell is not None:
                continue
            into = self._merged_into(match)
            if into:
                self._say("merged", cell=match.trusted.id, into=into)
            else:
                missing.append(match.trusted.id)
        if missing:
            self._say("missing", cells=", ".join(missing))
        gone = [
            match.trusted.id
            for match in matches
            if match.cell is None and match.trusted.kind in {"given", "test"}
        ]
        if self.cells and gone:
            self._say("put_back", cells=", ".join(gone))
        moved = [
            match.trusted.id
            for match in matches
            if match.trusted.kind in WRITTEN
            and match.how in {"name", "place", "likeness"}
        ]
        if moved:
            self._say("found", cells=", ".join(moved))
        lost = sum(
            match.how == "text"
            and match.trusted.kind not in {"prose", "scratch"}
            for match in matches
        )
        if lost:
            self._say("ids_lost", count=lost)
        order = [
            match.cell.index
            for match in matches
            if match.cell
            and match.how == "id"
            and match.trusted.kind != "prose"
        ]
        if order != sorted(order):
            self._say("reordered")

    def _merged_into(self, match: Match) -> str:
        """The id of another answer whose source holds this missing one."""
        names = match.trusted.provides
        for name, source in self.sources.items():
            if names and len(defined(source, names)) == len(names):
                return name
        return ""

    def _placed(self) -> Iterable[Placed]:
        yield from self.after[-1]
        for position, match in enumerate(self.found.matches):
            yield from self.before[position]
            trusted = match.trusted
            source = self.sources.get(trusted.id, trusted.source)
            attachments = (
                [part.attachments for part in match.parts]
                if trusted.kind in WRITTEN and trusted.cell_type != "code"
                else []
            )
            joined = {k: v for part in attachments for k, v in part.items()}
            yield Placed(trusted.cell_type, source, joined, position)
            yield from self.after[position]

    def _code_cells(self, placed: Iterable[Placed]) -> Iterable[SubmittedCell]:
        name, number = extra_name(self.assignment), 0
        for cell in placed:
            if cell.extra:
                number += 1
                if cell.type == "code":
                    yield SubmittedCell(
                        f"{name}-{number}", "extra", cell.source
                    )
                continue
            trusted = self.assignment.cells[cell.position]
            if trusted.cell_type != "code":
                continue
            if trusted.kind == "test":
                yield SubmittedCell(trusted.id, "test")
            elif trusted.kind == "given":
                yield SubmittedCell(trusted.id, "given", trusted.source)
            elif trusted.kind == "scratch":
                yield SubmittedCell(trusted.id, "extra", cell.source)
            else:
                yield SubmittedCell(trusted.id, "answer", cell.source)

    def _manual(self, placed: tuple[Placed, ...]) -> dict[str, str]:
        """What a person reads: manual cells, and what follows each task."""
        found = {
            cell.id: self.sources[cell.id]
            for cell in self.assignment.cells
            if cell.kind == "manual"
        }
        task = ""
        for cell in placed:
            if not cell.extra:
                trusted = self.assignment.cells[cell.position]
                task = trusted.id if trusted.kind == "task" else ""
                if task:
                    found[task] = ""
            elif task:
                found[task] = f"{found[task]}\n\n{cell.source}".strip()
        return found

    def _untouched(self) -> tuple[str, ...]:
        return tuple(
            match.trusted.id
            for match in self.found.matches
            if match.trusted.kind in WRITTEN
            and not any(touched(match.trusted, cell) for cell in match.parts)
        )


def _together(cells: Iterable[StudentCell], code: bool) -> str:
    """The parts of one answer as one source; a function cut in two grows together."""
    text = ""
    for cell in cells:
        source = code_of(cell) if code else cell.source
        if not text:
            text = source
        elif code and source[:1] in {" ", "\t"}:
            text = f"{text.rstrip()}\n{source}"
        else:
            text = f"{text.rstrip()}\n\n{source}"
    return text


def _added(released: str, source: str) -> str:
    """The lines of `source` that are not in `released`, in order."""
    lines = Counter(line.rstrip() for line in released.splitlines())
    added = []
    for line in source.splitlines():
        if lines[line.rstrip()] > 0:
            lines[line.rstrip()] -= 1
        else:
            added.append(line)
    return "\n".join(added)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
