"""What a worker may be asked to do: tasks, by their registered names.

A task takes bytes and gives plain data (for msgpack), or raises. It is registered as
an entry point, so that whoever adds one (a competition's scoring) needs no worker of
its own and the workers need not know it:

    [project.entry-points."aulac.tasks"]
    grade = "aulac_grader.grade.batch.grade_task:grade_one"

A worker is sent a name and bytes, never code; it runs what is installed under that
name where it stands, and nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import (
    EntryPoint,
    PackageNotFoundError,
    distribution,
    entry_points,
)
from typing import Any

Task = Callable[[bytes], Mapping[str, Any]]

GROUP = "aulac.tasks"
OURS = "aulac"  # the distribution that registers the course's own
_REASON = 2000  # characters

_releasing: list[Callable[[], None]] = []


class UnknownTask(LookupError):  # noqa: N818  a sentence for the instructor
    """Nothing is registered under that name where the worker runs."""


@cache
def find(name: str) -> Task:
    """The task that is registered under `name`.

    Raises:
        UnknownTask: there is none.
    """
    entry = next(_entries(name), None)
    if entry is None:
        raise UnknownTask(
            f"This worker knows no task called {name!r}: install the same version "
            "of the course where it runs as where the command runs."
        )
    task: Task = entry.load()
    return task


def _entries(name: str) -> Iterator[EntryPoint]:
    # Ours first: the entry points of all that is installed take half a second to read.
    with contextlib.suppress(PackageNotFoundError):
        yield from distribution(OURS).entry_points.select(
            group=GROUP, name=name
        )
    yield from entry_points(group=GROUP, name=name)


def run(name: str, payload: bytes) -> bytes:
    """Do a task; what every worker runs, wherever it stands. Never raises.

    Returns:
        msgpack of {"ok": True, …} with what the task gave, or of {"ok": False,
        "reason", "final"}: it failed for a reason of ours. `final` says that trying
        again on this worker is no use (no sandbox there, no such task).
    """
    import msgpack

    try:
        answer = {"ok": True, **find(name)(payload)}
        return msgpack.packb(answer, unicode_errors="surrogatepass")
    except Exception as error:
        return msgpack.packb(_failure(error), unicode_errors="surrogatepass")


def unpack_answer(data: bytes) -> dict[str, Any]:
    """What `run` gave."""
    import msgpack

    return msgpack.unpackb(data, unicode_errors="surrogatepass")


def _failure(error: Exception) -> dict[str, Any]:
    from aulac_grader.judge.submitted import InfrastructureError
    from aulac_grader.sandbox.walls import SandboxUnavailable

    final = isinstance(error, (SandboxUnavailable, UnknownTask))
    if final or isinstance(error, InfrastructureError):
        reason = str(error)
    else:
        reason = f"{_place(error)}: {type(error).__name__}: {error}"
    return {"ok": False, "reason": reason[:_REASON], "final": final}


def _place(error: BaseException) -> str:
    """The innermost line of the grader's own code that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "aulac_grader" in f.filename] or frames
    return f"{own[-1].filename}:{own[-1].lineno}"


# -- what a task keeps between two payloads -------------------------------------


def at_release(function: Callable[[], None]) -> None:
    """Call this when the worker has nothing more to do for the command, or ends."""
    _releasing.append(function)


@atexit.register
def release() -> None:
    """Let go of what tasks keep in this process: warm parents, for example."""
    for function in _releasing:
        function()
