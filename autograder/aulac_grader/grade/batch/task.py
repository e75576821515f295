"""One submission, marked: the task `grade` (see `registry`).

A worker is this machine's own lane, a process of a local Dask cluster, or a process of
a cluster somewhere: the same task, bytes in, plain data out, no shared disk, nothing
pickled. A worker keeps a `Workshop` (the warm parents that students' and judges'
processes are forked from) between submissions and lets go of it when it has had
nothing to do for a while. It is sent seeds, and never the course's key.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.batch import registry

if TYPE_CHECKING:
    from aulac_grader.judge.control.workshop import Workshop
    from aulac_grader.judge.paper import Paper

NAME = "grade"  # under which `grade_one` is registered
FORMAT = 1
IDLE_SECONDS = 300.0

# Idle workshops, each with what it is for. A worker of a cluster may run several tasks
# at a time, and a workshop serves one: so they are borrowed.
_shelf: list[tuple[Any, Workshop]] = []
_lock = threading.Lock()
_closing: threading.Timer | None = None


def pack_payload(
    *,
    paper: bytes,
    submission: bytes,
    seeds: Mapping[str, int],
    limits: Mapping[str, Any],
    sandboxed: bool,
) -> bytes:
    """What `grade_one` takes."""
    import msgpack

    return msgpack.packb(
        {
            "format": FORMAT,
            "paper": paper,
            "submission": submission,
            "seeds": dict(seeds),
            "limits": dict(limits),
            "sandboxed": sandboxed,
        }
    )


def grade_one(payload: bytes) -> dict[str, Any]:
    """Rebuild and mark one submission: the task that is registered as `grade`.

    Args:
        payload: from `pack_payload`.

    Returns:
        "marks" (`Marks.to_plain`), "rebuilt" (`Rebuilt.to_bytes`: whoever needs what
        was marked takes it from there and rebuilds nothing), its "rebuilt_sha256",
        "repairs" and "environment".

    Raises:
        InfrastructureError, SandboxUnavailable: as `mark`.
        ValueError: the payload was packed by another version of the course.
    """
    import msgpack

    from aulac_grader.grade.batch.environment import environment
    from aulac_grader.grade.intake.submission import Submission
    from aulac_grader.grade.rebuild import rebuild
    from aulac_grader.judge.control.marking import mark
    from aulac_grader.judge.paper import Paper

    order = msgpack.unpackb(payload)
    if order.get("format") != FORMAT:
        raise ValueError(
            "the worker runs another version of the course than the command that "
            "sent it work: install the same one on both"
        )
    paper = Paper.from_bytes(order["paper"])
    rebuilt = rebuild(paper, Submission.from_bytes(order["submission"]))
    with _workshop(paper, order["limits"], order["sandboxed"]) as workshop:
        marks = mark(paper, rebuilt.sheet, order["seeds"], workshop)
    return {
        "marks": marks.to_plain(),
        "repairs": [repair.to_dict() for repair in rebuilt.repairs],
        "rebuilt": rebuilt.to_bytes(),
        "rebuilt_sha256": rebuilt.sha256,
        "environment": environment(),
    }


# -- workshops -----------------------------------------------------------------


@contextmanager
def _workshop(
    paper: Paper, limits: Mapping[str, Any], sandboxed: bool
) -> Iterator[Workshop]:
    """A workshop for as long as the block runs; one that failed is not used again."""
    from aulac_grader.judge.control.workshop import Workshop
    from aulac_grader.sandbox.limits import Limits

    preload = Workshop.preload(paper)
    purpose = (tuple(sorted(limits.items())), sandboxed, preload)
    workshop = _take(purpose)
    if workshop is None:
        workshop = Workshop(Limits(**limits), sandboxed, preload)
    try:
        yield workshop
    except BaseException:
        workshop.close()
        raise
    _put(purpose, workshop)


def _take(purpose: Any) -> Workshop | None:
    with _lock:
        for index, (kept, workshop) in enumerate(_shelf):
            if kept == purpose:
                del _shelf[index]
                return workshop
    return None


def _put(purpose: Any, workshop: Workshop) -> None:
    global _closing
    with _lock:
        # What is there for another assignment would only hold memory.
        others = [item for item in _shelf if item[0] != purpose]
        _shelf[:] = [item for item in _shelf if item[0] == purpose]
        _shelf.append((purpose, workshop))
        if _closing is not None:
            _closing.cancel()
        _closing = threading.Timer(IDLE_SECONDS, release)
        _closing.daemon = True
        _closing.start()
    for _, other in others:
        other.close()


def release() -> None:
    """Close every idle workshop of this process, with all it has forked."""
    with _lock:
        if _closing is not None:
            _closing.cancel()
        idle = [workshop for _, workshop in _shelf]
        _shelf.clear()
    for workshop in idle:
        workshop.close()


registry.at_release(release)
