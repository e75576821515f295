"""What a rebuilding gives: what is marked and what people look at; also as bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.intake.notes import Repair
from aulac_grader.judge.submitted import SubmittedCell, SubmittedCode

from .book import Placed, notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from aulac_grader.judge.assignment import TrustedAssignment

FORMAT = 1


class NotRebuilt(ValueError):  # noqa: N818  a sentence for the instructor
    """These bytes are not what `Rebuilt.to_bytes` wrote of this assignment."""


@dataclass(frozen=True)
class Rebuilt:
    """What is marked, and what people look at.

    Attributes:
        cells: what the student's process runs: given cells, answers, extra cells in
            their places, and markers where the tests stand.
        files: name and SHA-256 of each file that was handed in.
        manual: what the student wrote, by id, for cells that a person grades.
        repairs: what the intake noted and what had to be put right.
        untouched: ids of answer and manual cells left as they were released.
        placed: the cells of `notebook`, as plain data.
        bodies: the files' contents; None where it was read back, see `to_bytes`.
    """

    cells: tuple[SubmittedCell, ...]
    files: tuple[tuple[str, str], ...]
    manual: Mapping[str, str]
    repairs: tuple[Repair, ...]
    untouched: tuple[str, ...]
    placed: tuple[Placed, ...] = field(repr=False)
    assignment: TrustedAssignment = field(repr=False)
    bodies: tuple[bytes, ...] | None = field(repr=False, compare=False)

    @cached_property
    def sha256(self) -> str:
        """Of `cells`, `files` and `manual`: what the verdict depends on."""
        cells = [[cell.id, cell.kind, cell.source] for cell in self.cells]
        files = [list(file) for file in self.files]
        text = json.dumps([cells, files, dict(self.manual)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def code(self) -> SubmittedCode:
        """What the student's process gets.

        Raises:
            ValueError: the files' contents are not here, so it cannot be marked.
        """
        if self.bodies is None and self.files:
            raise ValueError(
                "what was read back has no contents of files: rebuild the "
                "submission to mark it"
            )
        names = [name for name, _ in self.files]
        files = zip(names, self.bodies or (), strict=True)
        return SubmittedCode(self.cells, tuple(files))

    @cached_property
    def notebook(self) -> NotebookNode:
        """A notebook of format 4.5: every cell of the assignment with its trusted source
        (hidden tests too: it is not for students) and metadata, the answers in their
        places, extra cells where they stood, no outputs.
        """
        return notebook(self.assignment, self.placed)

    def to_bytes(self) -> bytes:
        """All but the contents of files, which nobody who looks at it needs (msgpack)."""
        import msgpack

        plain = {
            "format": FORMAT,
            "source_sha256": self.assignment.sha256,
            "sha256": self.sha256,
            "cells": [
                [cell.id, cell.kind, cell.source] for cell in self.cells
            ],
            "files": [list(file) for file in self.files],
            "manual": dict(self.manual),
            "repairs": [repair.to_dict() for repair in self.repairs],
            "untouched": list(self.untouched),
            "placed": [cell.to_plain() for cell in self.placed],
        }
        return msgpack.packb(plain, unicode_errors="surrogatepass")

    @classmethod
    def from_bytes(cls, assignment: TrustedAssignment, data: bytes) -> Rebuilt:
        """The inverse of `to_bytes`.

        Raises:
            NotRebuilt: other bytes, changed ones, or those of another assignment.
        """
        import msgpack

        try:
            plain = msgpack.unpackb(data, unicode_errors="surrogatepass")
            found = cls._from_plain(assignment, plain)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotRebuilt(
                f"this is no rebuilt notebook: {error}"
            ) from error
        if found.sha256 != plain["sha256"]:
            raise NotRebuilt("it was changed after it was written")
        return found

    @classmethod
    def _from_plain(
        cls, assignment: TrustedAssignment, plain: Mapping[str, Any]
    ) -> Rebuilt:
        if plain["format"] != FORMAT:
            raise ValueError(f"format {plain['format']!r}")
        if plain["source_sha256"] != assignment.sha256:
            raise ValueError("it belongs to another version of the assignment")
        return cls(
            tuple(SubmittedCell(*cell) for cell in plain["cells"]),
            tuple((name, sha256) for name, sha256 in plain["files"]),
            plain["manual"],
            tuple(Repair.from_dict(repair) for repair in plain["repairs"]),
            tuple(plain["untouched"]),
            tuple(Placed(**cell) for cell in plain["placed"]),
            assignment,
            None,
        )
