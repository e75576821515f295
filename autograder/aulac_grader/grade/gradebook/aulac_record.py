"""What the gradebook must remember from one recording to the next.

One table of ours, `aulac_record`, stands in nbgrader's database, so that it is written
in the same transaction as the marks. nbgrader does not look at it. A row belongs to one
student's notebook and says which submission stands in the gradebook, and for every
graded cell what the student's answer was (`now`) and what it was when a person last
graded it (`graded`), as hashes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table


@dataclass
class RecordRow:
    """A row.

    Attributes:
        received_at: our receipt's time, UTC, ISO 8601.
        submission: sha256 of what was handed in.
        late_seconds: by the receipt, for a course without due dates in nbgrader.
        now: grade_id → hash of the answer that stands in the gradebook.
        graded: grade_id → hash of the answer that a person graded.
    """

    received_at: str = ""
    submission: str = ""
    late_seconds: int | None = None
    now: dict[str, str] = field(default_factory=dict)
    graded: dict[str, str] = field(default_factory=dict)

    @property
    def age(self) -> tuple[str, str]:
        """Orders submissions of one student; equal only for the same one."""
        return self.received_at, self.submission


@cache
def metadata() -> MetaData:
    from sqlalchemy import Column, Integer, MetaData, String, Table, Text

    tables = MetaData()
    Table(
        "aulac_record",
        tables,
        # No foreign key: nbgrader must stay able to delete its own rows.
        Column("submitted_notebook", String(32), primary_key=True),
        Column("received_at", String(64), nullable=False),
        Column("submission", String(64), nullable=False),
        Column("late_seconds", Integer),
        Column("answers", Text, nullable=False),
    )
    return tables


def _table() -> Table:
    return metadata().tables["aulac_record"]


def recall(connection: Connection, notebook: str) -> RecordRow:
    """What is known of a submitted notebook (nbgrader's id); empty if nothing is."""
    table = _table()
    row = connection.execute(
        table.select().where(table.c.submitted_notebook == notebook)
    ).one_or_none()
    if row is None:
        return RecordRow()
    answers = json.loads(row.answers)
    return RecordRow(
        row.received_at,
        row.submission,
        row.late_seconds,
        answers["now"],
        answers["graded"],
    )


def lateness(connection: Connection) -> dict[str, int]:
    """Submitted notebook → seconds late by its receipt, where that is known."""
    from sqlalchemy import inspect

    table = _table()
    if not inspect(connection).has_table(table.name):
        return {}
    rows = connection.execute(
        table.select().where(table.c.late_seconds.is_not(None))
    )
    return {row.submitted_notebook: row.late_seconds for row in rows}


def remember(connection: Connection, notebook: str, memory: RecordRow) -> None:
    """Write the row, in place of the one before."""
    table = _table()
    connection.execute(
        table.delete().where(table.c.submitted_notebook == notebook)
    )
    answers = {"now": memory.now, "graded": memory.graded}
    connection.execute(
        table.insert().values(
            submitted_notebook=notebook,
            received_at=memory.received_at,
            submission=memory.submission,
            late_seconds=memory.late_seconds,
            answers=json.dumps(answers, sort_keys=True),
        )
    )
