"""Files that an answer leaves behind for its tests.

The student's process is over them; the judge reads them as it reads everything from
there. The readers themselves are `aulac.lesson.checks.files`, which the student's own notebook
uses too, so that a file that can be read there can be read here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from aulac.lesson.checks.files import PICKLES, READERS
from aulac.lesson.checks.files import load as _load

NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")


def load(path: Path, max_mb: float = 64.0) -> Any:
    """The contents of the file at `path`, by its suffix.

    .npy and .npz (numbers only), .safetensors, .json, .jsonl, .txt, .csv, .png.

    Raises:
        ValueError: a pickle, a kind of file that is not known, one that is larger than
            `max_mb` or than it says, or is not what its suffix says.
    """
    return _load(path, max_mb)


def name_fault(name: str) -> str:
    """Why a file of that name cannot be declared in an assignment; "" if it can."""
    suffix = Path(name).suffix.lower()
    if not NAME.match(name) or ".." in name:
        return f"{name!r} must be a plain file name without folders."
    if suffix in PICKLES:
        return f"{name}: pickles are never opened; use .safetensors or .npy."
    if suffix not in READERS:
        return f"{name}: only {', '.join(sorted(READERS))} can be read."
    return ""
