"""The last act of writing a folder beside its place: it takes the name at once."""

from __future__ import annotations

import shutil
from pathlib import Path


def replace_folder(part: Path, out: Path) -> None:
    """`part` becomes `out`; a reader sees the old folder or the new one.

    Raises OSError when one of them cannot be renamed.
    """
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    part.rename(out)
    shutil.rmtree(old, ignore_errors=True)
