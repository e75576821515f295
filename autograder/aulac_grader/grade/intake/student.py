"""One student's files, vetted: what is kept, what is told."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .caps import Caps
from .choose import LOOKED_AT, Candidate, choose, may_be_notebook
from .entries import Entry, RefusedError
from .layouts import Handed
from .names import is_hidden, printable, vet
from .notes import Note
from .receipts import digest

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment

_ARCHIVE = re.compile(r"\.(zip|rar|7z|gz|tgz|tar|bz2|xz|zst)$", re.I)
_AGAIN = re.compile(r"-\d+(\.[^./]+)$")
_TOLD = 20  # notes about single files of one student


@dataclass
class Taken:
    """What is kept of one student's folder. `bodies` by vetted name."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    notebook: str = ""
    notes: tuple[Note, ...] = ()
    claimed_at: str = ""

    @property
    def listed(self) -> tuple[tuple[str, int, str], ...]:
        return tuple(
            (name, len(body), digest(body))
            for name, body in sorted(self.bodies.items())
        )


def take(
    handed: Handed, assignment: TrustedAssignment, caps: Caps, layout: str = ""
) -> Taken:
    """Vet and read one student's files. Nothing in them can make this raise."""
    return _Taking(assignment, caps, handed, layout).taken()


class _Taking:
    def __init__(
        self,
        assignment: TrustedAssignment,
        caps: Caps,
        handed: Handed,
        layout: str,
    ):
        self.assignment, self.caps, self.handed = assignment, caps, handed
        self.layout = layout
        self.declared = {f for cell in assignment.cells for f in cell.files}
        self.notes: list[Note] = []
        self.kept: dict[str, bytes] = {}
        self.times: dict[str, str] = {}
        self.room = caps.total
        self.own = Counter(
            entry.inode for _, entry in handed.files if entry.inode
        )

    def taken(self) -> Taken:
        vetted = self._vetted()
        claimed = self._timestamp(vetted)
        notebook = self._notebook(vetted)
        for name, entry in self._placed(vetted, notebook):
            self._other(name, entry)
        if not notebook:
            self.notes.insert(0, Note("no_notebook"))
        notes = self.notes
        if len(notes) > _TOLD:
            rest = Note("more_files", {"count": len(notes) - _TOLD})
            notes = [*notes[:_TOLD], rest]
        when = claimed or self.times.get(notebook, "")
        return Taken(self.kept, notebook, tuple(notes), when)

    def _refuse(self, name: str, refused: RefusedError) -> None:
        params = dict(refused.params)
        limit = params.get("limit")
        if refused.code == "too_large" and isinstance(limit, int):
            params["limit"] = _megabytes(limit)
        self.notes.append(Note(refused.code, {"file": name, **params}))

    def _vetted(self) -> dict[str, Entry]:
        """Entries by their vetted names; the others are told and left."""
        found: dict[str, Entry] = {}
        for number, (parts, entry) in enumerate(self.handed.files):
            if number == self.caps.seen:
                self._refuse(printable(parts), RefusedError("too_many"))
                break
            if is_hidden(parts):
                continue
            try:
                if entry.trouble:
                    raise RefusedError(entry.trouble, limit=self.caps.depth)
                name = vet(parts, self.caps)
                if entry.linked_outside(self.own):
                    raise RefusedError("hard_link")
            except RefusedError as refused:
                self._refuse(printable(parts), refused)
                continue
            if name in found:
                self.notes.append(Note("same_name", {"file": printable(name)}))
            found[name] = entry
        return found

    def _timestamp(self, vetted: dict[str, Entry]) -> str:
        """nbgrader's timestamp.txt: what the student's own machine wrote, a claim."""
        if self.layout != "submitted":
            return ""
        entry = vetted.pop("timestamp.txt", None)
        try:
            text = entry.read(200).decode("ascii").strip() if entry else ""
            when = datetime.fromisoformat(text.removesuffix(" UTC"))
            if text.endswith(" UTC"):
                when = when.replace(tzinfo=UTC)
            return when.isoformat(timespec="seconds")
        except (RefusedError, ValueError, UnicodeDecodeError):
            return ""

    def _notebook(self, vetted: dict[str, Entry]) -> str:
        """The name of the notebook that is marked, kept; "" where there is none."""
        names = [name for name in vetted if may_be_notebook(name)]
        names.sort(key=lambda n: (not n.lower().endswith(".ipynb"), n))
        candidates, room = [], 2 * self.caps.notebook
        for name in names[:LOOKED_AT]:
            if name.lower().endswith(".json") and name in self.declared:
                continue
            try:
                data = vetted[name].read(min(room, self.caps.notebook))
            except RefusedError as refused:
                self._refuse(printable(name), refused)
                del vetted[name]
                continue
            room -= len(data)
            candidates.append(Candidate(name, data, vetted[name].time))
        chosen, others = choose(self.assignment, candidates)
        if chosen is None:
            return ""
        del vetted[chosen.name]
        self.kept[chosen.name] = chosen.data
        self.times[chosen.name] = chosen.time
        self.room -= len(chosen.data)
        leaf = chosen.name.rsplit("/", 1)[-1]
        if others:
            self.notes.append(
                Note("several", {"name": printable(chosen.name)})
            )
        elif leaf.lower() != f"{self.assignment.name}.ipynb".lower():
            self.notes.append(
                Note("renamed", {"name": printable(chosen.name)})
            )
        for name in [n for n in vetted if n.lower().endswith(".ipynb")]:
            del vetted[name]
        return chosen.name

    def _placed(
        self, vetted: dict[str, Entry], notebook: str
    ) -> list[tuple[str, Entry]]:
        """The other files by the names under which answers look for them.

        The notebook's own folder is where it runs, so what lies beside it comes
        first and loses the folder's name.
        """
        beside = notebook[: notebook.rfind("/") + 1]
        placed = []
        for name, entry in vetted.items():
            own = bool(beside) and name.startswith(beside)
            near = name.removeprefix(beside) if own else name
            if self.layout == "canvas":
                near = self._first_name(near)
            rank = (near not in self.declared, not own, near)
            placed.append((rank, near, entry))
        placed.sort(key=lambda item: item[0])
        return [(name, entry) for _, name, entry in placed]

    def _first_name(self, name: str) -> str:
        """Without the number that Canvas adds to a file handed in again.

        Only where the name without it is one that matters: a declared file's, or a
        module's (no module can be called x-1).
        """
        first = _AGAIN.sub(r"\1", name)
        module = first.endswith(".py")
        return first if module or first in self.declared else name

    def _other(self, name: str, entry: Entry) -> None:
        """Keep a file that the assignment asks for, or a small one that answers may use."""
        declared = name in self.declared
        try:
            if _ARCHIVE.search(name) and not declared:
                raise RefusedError("archive")
            if any(_same(name, kept) for kept in self.kept):
                raise RefusedError("case")
            if len(self.kept) >= self.caps.files:
                raise RefusedError("too_many_files", limit=self.caps.files)
            limit = self.caps.declared if declared else self.caps.helper
            if limit >= entry.size > self.room:
                raise RefusedError("no_room", limit=self.caps.total >> 20)
            body = entry.read(min(limit, self.room))
        except RefusedError as refused:
            self._refuse(printable(name), refused)
            return
        self.kept[name] = body
        self.room -= len(body)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.0f}" if size >= 1 << 20 else "0"
