"""What marked a submission: versions and hashes of all that can change a mark.

Taken in the process that marks. Two workers with the same digest run the same code.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

NAMED = ("torch", "numpy")  # spelt out, because they decide most often
# The rooms of the grader whose code stands between an answer and its mark.
DECIDING = (
    "judge",
    "sandbox",
    "grade/intake/reading.py",
    "grade/rebuild",
)


@cache
def environment() -> dict[str, str]:
    """Name → version or hash, and `digest` over all of them."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": sys.platform,
        "aulac": _tree(_package("aulac"), ["."]),
        "grader": _tree(_package("aulac_grader"), DECIDING),
        "packages": _packages(),
    }
    for name in NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    lines = "".join(f"{key}={found[key]}\n" for key in sorted(found))
    return {**found, "digest": hashlib.sha256(lines.encode()).hexdigest()}


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _tree(root: Path, parts: Iterable[str]) -> str:
    """SHA-256 over names and contents of the source files below."""
    files = set()
    for part in parts:
        path = root / part
        found = path.rglob("*") if path.is_dir() else [path]
        files |= {p for p in found if p.is_file() and _counts(p)}
    total = hashlib.sha256()
    for path in sorted(files):
        name = path.relative_to(root).as_posix().encode()
        content = hashlib.sha256(path.read_bytes()).digest()
        total.update(len(name).to_bytes(4, "big") + name + content)
    return total.hexdigest()


def _counts(path: Path) -> bool:
    return path.suffix != ".pyc" and not path.name.startswith(".")


def _packages() -> str:
    """SHA-256 over name and version of every installed package.

    Read off the names of the `.dist-info` folders: opening 400 METADATA files takes
    longer than marking a submission.
    """
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    names = {
        folder.stem.lower().replace("_", "-")
        for path in paths
        for folder in Path(path).glob("*.dist-info")
        if not folder.name.startswith("aulac-")
    }
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
