"""What verified lessons made, kept for the lessons behind them and for the reader."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aulac.lesson import artefacts
from aulac_grader.verify import report
from aulac_grader.verify.plan import folder_digest


class Store:
    """The artefacts of one verify folder, at one scale."""

    def __init__(self, out: Path, scale: str):
        self._out, self._scale = out, scale

    def path(self, name: str) -> Path:
        return self._out / "artefacts" / self._scale / name

    def lend(self, name: str, workspace: Path) -> None:
        """Put an artefact into a lesson's workspace, by reference where possible."""
        target = workspace / name
        try:
            target.symlink_to(self.path(name), target_is_directory=True)
        except OSError:  # a system without symbolic links
            shutil.copytree(self.path(name), target)

    def faults(
        self, place: Path, owes: Iterable[str], given: Iterable[str]
    ) -> list[str]:
        """How a lesson's artefacts differ from what its header says."""
        workspace = place / "workspace" / self._scale
        owes, given = set(owes), set(given)
        wrong = [
            f"it never made `{name}`, which its header names."
            for name in sorted(owes)
            if not (workspace / name / artefacts.MARKER).is_file()
        ]
        for path in sorted(workspace.iterdir()):
            made = (path / artefacts.MARKER).is_file()
            if made and path.name not in owes | given:
                wrong.append(
                    f"it made or used `{path.name}`; name it in the header under `needs` "
                    "or `makes`."
                )
        return wrong

    def take(self, place: Path, name: str) -> str:
        """Move an artefact where later lessons get it; return its digest."""
        source = place / "workspace" / self._scale / name
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
        return folder_digest(target)

    def publish(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Hand verified artefacts to the reader's workspace, where it has none.

        One that verify put there earlier is renewed; one that the reader made is left.
        """
        handed = self._out / "handed.json"
        earlier = report.load(handed)["lessons"]
        for row in rows.values():
            for name, new in row.get("artefacts", {}).items():
                there = folder_digest(artefacts.path(name, self._scale))
                ours = there != "" and there == earlier.get(name)
                missing = not artefacts.exists(name, self._scale)
                if there != new and (missing or ours):
                    self._hand(name)
                    earlier[name] = new
        report.save(handed, {"lessons": earlier})

    def _hand(self, name: str) -> None:
        ignore = shutil.ignore_patterns(artefacts.MARKER)
        with artefacts.making(name, self._scale) as part:
            shutil.copytree(
                self.path(name), part, dirs_exist_ok=True, ignore=ignore
            )
