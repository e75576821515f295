"""Files that appear whole or not at all, and the lock that a process holds.

Work happens in `NAME.part` beside the target, and only what is finished takes its name.
Ctrl-C, a full disk, a disk that may not be written: the target keeps what it had, and
nothing half-written is left that looks whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Yields the empty folder to write in; in the end it becomes `out`.

    A model's folder that is there already is replaced. Raises FileExistsError where
    something else is in the way, which is never touched, OSError when it cannot be
    written.
    """
    refuse_foreign(out)
    part = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        replace_folder(part, out)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, (OSError, SafetensorError)):
            raise OSError(_sentence(out, error)) from error
        raise


@contextmanager
def staged_file(out: Path) -> Iterator[Path]:
    """Yields the file to write; in the end it becomes `out`, or it vanishes.

    Raises FileExistsError when `out` is a folder, OSError when it cannot be written.
    """
    if out.is_dir():
        raise FileExistsError(
            f"{out} is a folder and a file is to be written: give a file's name."
        )
    part = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(out)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(_sentence(out, error)) from error
        raise


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


def refuse_foreign(out: Path) -> None:
    """Raise FileExistsError where a model's folder would replace something else.

    Hidden notes in JSON, such as the mark of an artefact, are no contents.
    """
    if out.is_file():
        raise FileExistsError(
            f"{out} is a file and a model is a folder: choose another name."
        )
    held = list(out.iterdir()) if out.is_dir() else []
    names = {entry.name for entry in held}
    ours = "config.json" in names and any(
        name.endswith(".safetensors") for name in names
    )
    notes = all(
        entry.name.startswith(".") and entry.suffix == ".json"
        for entry in held
    )
    if not (ours or notes):
        raise FileExistsError(
            f"{out} holds other things than a model, so it is not replaced: choose "
            "a new folder."
        )


def _sentence(out: Path, error: Exception) -> str:
    why = getattr(error, "strerror", None) or error
    return (
        f"could not write {out} ({why}): free some space, or choose a folder that "
        "you may write to; nothing half-written was left."
    )


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that the system frees when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: one process at a time is the user's affair
        yield
        return
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
