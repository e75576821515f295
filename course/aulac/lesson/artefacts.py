"""What lessons hand on to one another, and where it lies.

One folder per scale in the workspace, one folder per artefact in it. A finished
artefact carries a marker; work in progress lies beside it as `NAME.part` and takes the
name only when it is whole, so a killed run leaves the old artefact or none, never half
of one. `aulac.lesson.recipes.need` makes what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aulac import scale as scales
from aulac.files import locked, replace_folder
from aulac.lesson import shipped

WORKSPACE = "AULAC_WORKSPACE"
MARKER = ".complete.json"


@dataclass(frozen=True)
class Artefact:
    """Something a lesson makes and later ones use."""

    name: str
    vi: str
    en: str
    lesson: str  # the one that teaches how it is made
    needs: tuple[str, ...] = ()


ARTEFACTS: dict[str, Artefact] = {
    artefact.name: artefact
    for artefact in (
        Artefact("corpus", "kho ngữ liệu", "the corpus", "02"),
        Artefact(
            "tokenizer", "bộ tách token", "the tokenizer", "03", ("corpus",)
        ),
        Artefact(
            "base",
            "mô hình nền",
            "the base model",
            "07",
            ("corpus", "tokenizer"),
        ),
        Artefact(
            "sft", "mô hình trò chuyện", "the chat model", "11", ("base",)
        ),
        Artefact("welcome", "mô hình chào mừng", "the welcome model", "00"),
    )
}


def workspace() -> Path:
    """AULAC_WORKSPACE, else `workspace` in the checkout, else in the current folder."""
    if chosen := os.environ.get(WORKSPACE):
        return Path(chosen).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists():
        return checkout / "workspace"
    return Path.cwd() / "workspace"


def path(name: str, scale: str) -> Path:
    """Where an artefact lies, whether or not it is there.

    Raises KeyError for a name that is not in ARTEFACTS.
    """
    if name not in ARTEFACTS:
        known = ", ".join(ARTEFACTS)
        raise KeyError(
            f"there is no artefact {name!r}: choose one of {known}."
        )
    return workspace() / scale / name


def exists(name: str, scale: str) -> bool:
    """Whether the artefact is there, whole, and made with today's scale table."""
    marker = path(name, scale) / MARKER
    try:
        return json.loads(marker.read_text())["key"] == key(scale)
    except (OSError, ValueError, KeyError):
        return False


def key(scale: str) -> str:
    """Changes when the numbers behind a scale change, and then artefacts are remade.

    At scale `shipped` the weights count too: they come with the course.
    """
    values = json.dumps(scales.get(scale).describe(), sort_keys=True)
    if scale == scales.SHIPPED.name and shipped.there():
        values += shipped.sha256(shipped.folder())
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def newest(scale: str | None = None) -> Path | None:
    """The model to talk to: the newest finished `sft` or `welcome`, None without one."""
    names = [scale] if scale else list(scales.SCALES)
    found = [
        path(name, row) / MARKER
        for row in names
        for name in ("sft", "welcome")
        if exists(name, row)
    ]
    return (
        max(found, key=lambda m: m.stat().st_mtime).parent if found else None
    )


@contextmanager
def making(name: str, scale: str, resume: bool = False) -> Iterator[Path]:
    """A folder to fill; when the block ends well it becomes the artefact.

    resume: keep what an interrupted attempt left in it, if the scale is the same.
    Only one process at a time makes an artefact; others wait.
    """
    final = path(name, scale)
    part = final.with_name(name + ".part")
    final.parent.mkdir(parents=True, exist_ok=True)
    with locked(final.with_name(name + ".lock")):
        note = part / ".making.json"
        same = note.exists() and note.read_text() == key(scale)
        if not (resume and same):
            shutil.rmtree(part, ignore_errors=True)
        part.mkdir(exist_ok=True)
        note.write_text(key(scale))
        yield part
        note.unlink(missing_ok=True)  # gone when the block replaced the folder
        record = {
            "key": key(scale),
            "name": name,
            "scale": scale,
            "made": time.time(),
        }
        (part / MARKER).write_text(json.dumps(record) + "\n")
        replace_folder(part, final)
