"""The student process from its start: walls first, then the files that were handed in,
then the cells.

    the controller sends                the child answers
    nothing                             ["ready"], or ["refused", why]
    ["files", [[name, bytes], …]]       ["placed"]
    then what `serve` takes

The child learns nothing about a submission before it stands inside the walls.
"""

from __future__ import annotations

import sys
from typing import Any

from aulac_grader.judge.warm import CHANNEL, place, wall_in
from aulac_grader.judge.wire.protocol import Channel

from .serve import serve


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
