"""Where the book's inputs and outputs lie."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aulac_grader import checkout

LANGUAGES = ("vi", "en")
# The file names of a lesson: two digits, an underscore, a name in plain letters.
LESSON = re.compile(r"\d\d_[a-z0-9_]+\.ipynb")


class BookError(Exception):
    """The book cannot be built; the message says what, where and what to do."""


@dataclass(frozen=True)
class Places:
    """A checkout as the book sees it; tests point it at a small one."""

    root: Path = checkout.ROOT
    sources: Path = checkout.BOOK

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def verified(self) -> Path:
        return self.root / "build" / "verify"

    @property
    def results(self) -> Path:
        return self.root / "benchmarks" / "results"

    @property
    def html(self) -> Path:
        return self.root / "book" / "_build" / "html"

    @property
    def stamp(self) -> Path:
        return self.root / "book" / "_build" / "inputs.json"

    def tree(self, lang: str) -> Path:
        return self.root / "build" / "book" / lang

    def doctrees(self, lang: str) -> Path:
        return self.root / "build" / "book" / f"doctrees-{lang}"

    def site(self, lang: str) -> Path:
        return self.html / lang

    def lessons(self, lang: str) -> list[Path]:
        """The course's notebooks; a reader's own copies (….mine.ipynb) are left out."""
        folder = self.notebooks / lang
        return sorted(
            p for p in folder.glob("*.ipynb") if LESSON.fullmatch(p.name)
        )

    def report(self) -> dict[str, Any]:
        """`build/verify/report.json`, empty where nothing was verified yet.

        Raises BookError when the file is damaged.
        """
        path = self.verified / "report.json"
        if not path.exists():
            return {"lessons": {}, "machine": {}}
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise BookError(
                f"build/verify/report.json is not JSON ({error}); run "
                "`aulac lessons verify` again."
            ) from error
