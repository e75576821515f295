"""A run's log: `log.jsonl`, one JSON object a line, which anyone can plot."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aulac.scale.curve import read_log
from aulac.train.failure import writing


class Log:
    """The log in a run's folder `out`, each record flushed at once; None keeps none.

    Records after step `done`, of steps that are to be taken again, are left out.
    Raises TrainingError when the disk is full or not writable.
    """

    def __init__(self, out: str | os.PathLike[str] | None, done: int):
        self.path = Path(out) / "log.jsonl" if out is not None else None
        self.records: list[dict[str, Any]] = []
        if self.path is None:
            return
        if self.path.exists():
            self.records = [
                r for r in read_log(self.path) if r["step"] <= done
            ]
        lines = "".join(json.dumps(record) + "\n" for record in self.records)
        part = self.path.with_suffix(".part")
        with writing(self.path):
            part.write_text(lines)
            part.replace(self.path)

    def write(self, record: dict[str, Any]) -> None:
        """Add a record, in memory and on disk."""
        self.records.append(record)
        if self.path is not None:
            with writing(self.path), self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
