"""What a child of the student zygote does: walls first, then the sheet's files, then
the stem.

    the controller sends                the child answers
    nothing                             ["ready"], or ["refused", why]
    ["files", [[name, bytes], …]]       ["placed"]
    then what `student.serve` takes

The child learns nothing about a submission before it stands inside the walls.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from aulac_grader.sandbox.fork import enter, set_limits
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import (
    SandboxUnavailable,
    Walls,
    environment_paths,
)

from .protocol import Channel
from .student import serve
from .warm import environment as variables

CHANNEL = 3  # the descriptor that the zygote handed over


def main(limits: dict[str, Any], slot: int, folder: str | None) -> None:
    """The entry point; returns when the controller has no more to ask."""
    channel = Channel.from_fd(CHANNEL)
    if not wall_in(channel, limits, slot, folder):
        return
    _, files = channel.receive()
    place(files)
    channel.send(["placed"])
    sys.path.insert(0, "")  # modules that were handed in, as in a kernel
    serve(channel)


def wall_in(
    channel: Channel, limits: dict[str, Any], slot: int, folder: str | None
) -> bool:
    """Enter the walls and say so; False, with the reason sent, when that failed.

    Where the instructor wants no walls, `folder` is the place to work in instead.
    """
    bounds = Limits(**limits)
    if folder is not None:
        os.chdir(folder)
        os.setsid()
        set_limits(bounds)
        channel.send(["ready"])
        return True
    try:
        enter(Walls(readable(), None, bounds, variables()), slot, [CHANNEL])
    except SandboxUnavailable as error:
        channel.send(["refused", str(error)])
        return False
    channel.send(["ready"])
    return True


@cache
def readable() -> tuple[Path, ...]:
    """What a box sees of the host; found once, before the first fork."""
    return tuple(environment_paths())


def place(files: list[list[Any]]) -> None:
    """Put the sheet's files into the working folder, as far as there is room."""
    for name, data in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        with contextlib.suppress(OSError, ValueError):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data)
