"""The rebuilt notebook: trusted cells and metadata, answers in place, no outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from aulac_grader.judge.assignment import TrustedAssignment

_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


@dataclass(frozen=True)
class Placed:
    """A cell of the rebuilt notebook.

    `position` is that of the assignment's cell, -1 for an extra one.
    """

    type: str
    source: str
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    position: int = -1
    extra: bool = False

    def to_plain(self) -> dict[str, Any]:
        """As dicts, str, numbers, for msgpack; the constructor takes them back."""
        return {
            "type": self.type,
            "source": self.source,
            "attachments": {k: dict(v) for k, v in self.attachments.items()},
            "position": self.position,
            "extra": self.extra,
        }


def notebook(
    assignment: TrustedAssignment, placed: Iterable[Placed]
) -> NotebookNode:
    """The cells `placed` in the assignment's own notebook; valid by its schema (4.5)."""
    from nbformat.notebooknode import from_dict

    book: dict[str, Any] = json.loads(assignment.notebook)
    raw: list[dict[str, Any]] = book["cells"]
    ids = _ids(raw)
    name = extra_name(assignment)
    cells, number = [], 0
    for cell in placed:
        if cell.extra:
            number += 1
            metadata: dict[str, Any] = {"aulac": {"extra": True}}
            cell_id = _free(f"{name}-{number}", ids)
        else:
            metadata = raw[cell.position].get("metadata", {})
            cell_id = ids[cell.position]
        cells.append(_cell(cell, cell_id, metadata))
    return from_dict(
        {
            "cells": cells,
            "metadata": book.get("metadata", {}),
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def extra_name(assignment: TrustedAssignment) -> str:
    """With what the ids of extra cells begin: no id of the assignment does."""
    name = "extra"
    while any(cell.id.startswith(f"{name}-") for cell in assignment.cells):
        name += "-x"
    return name


def _ids(raw: list[dict[str, Any]]) -> list[str]:
    """A valid, unique id for each of the assignment's cells: its own wherever it can be."""
    found: list[str] = []
    for number, cell in enumerate(raw, 1):
        own = cell.get("id", "")
        usable = isinstance(own, str) and _ID.match(own) and own not in found
        found.append(own if usable else _free(f"cell-{number}", found))
    return found


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "-x"
    return name


def _cell(
    cell: Placed, cell_id: str, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": cell.type,
        "id": cell_id,
        "metadata": dict(metadata),
        "source": cell.source,
    }
    if cell.type == "code":
        made |= {"execution_count": None, "outputs": []}
    elif cell.attachments:
        made["attachments"] = {k: dict(v) for k, v in cell.attachments.items()}
    return made
