"""One submission, marked: the task `grade` (see `registry`).

A worker is this machine's own local worker, a process of a local Dask cluster, or a process of
a cluster somewhere: the same task, bytes in, plain data out, no shared disk, nothing
pickled. A worker keeps a `WarmParents` (the warm parents that students' and judges'
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
    from aulac_grader.judge.assignment import TrustedAssignment
    from aulac_grader.judge.control.warm_parents import WarmParents

NAME = "grade"  # under which `grade_one` is registered
FORMAT = 1
IDLE_SECONDS = 300.0

# Idle warm parents, each with what it is for. A worker of a cluster may run several tasks
# at a time, and warm parents serves one: so they are borrowed.
_shelf: list[tuple[Any, WarmParents]] = []
_lock = threading.Lock()
_closing: threading.Timer | None = None


def pack_payload(
    *,
    assignment: bytes,
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
            "paper": assignment,
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
    from aulac_grader.judge.assignment import TrustedAssignment
    from aulac_grader.judge.control.marking import mark

    order = msgpack.unpackb(payload)
    if order.get("format") != FORMAT:
        raise ValueError(
            "the worker runs another version of the course than the command that "
            "sent it work: install the same one on both"
        )
    assignment = TrustedAssignment.from_bytes(order["paper"])
    rebuilt = rebuild(assignment, Submission.from_bytes(order["submission"]))
    with _warm_parents(
        assignment, order["limits"], order["sandboxed"]
    ) as parents:
        marks = mark(assignment, rebuilt.code, order["seeds"], parents)
    return {
        "marks": marks.to_plain(),
        "repairs": [repair.to_dict() for repair in rebuilt.repairs],
        "rebuilt": rebuilt.to_bytes(),
        "rebuilt_sha256": rebuilt.sha256,
        "environment": environment(),
    }


# -- warm parents -----------------------------------------------------------------


@contextmanager
def _warm_parents(
    assignment: TrustedAssignment, limits: Mapping[str, Any], sandboxed: bool
) -> Iterator[WarmParents]:
    """Warm parents for as long as the block runs; one that failed is not used again."""
    from aulac_grader.judge.control.warm_parents import WarmParents
    from aulac_grader.sandbox.limits import Limits

    preload = WarmParents.preload(assignment)
    purpose = (tuple(sorted(limits.items())), sandboxed, preload)
    parents = _take(purpose)
    if parents is None:
        parents = WarmParents(Limits(**limits), sandboxed, preload)
    try:
        yield parents
    except BaseException:
        parents.close()
        raise
    _put(purpose, parents)


def _take(purpose: Any) -> WarmParents | None:
    with _lock:
        for index, (kept, parents) in enumerate(_shelf):
            if kept == purpose:
                del _shelf[index]
                return parents
    return None


def _put(purpose: Any, parents: WarmParents) -> None:
    global _closing
    with _lock:
        # What is there for another assignment would only hold memory.
        others = [item for item in _shelf if item[0] != purpose]
        _shelf[:] = [item for item in _shelf if item[0] == purpose]
        _shelf.append((purpose, parents))
        if _closing is not None:
            _closing.cancel()
        _closing = threading.Timer(IDLE_SECONDS, release)
        _closing.daemon = True
        _closing.start()
    for _, other in others:
        other.close()


def release() -> None:
    """Close every idle warm parents of this process, with all it has forked."""
    with _lock:
        if _closing is not None:
            _closing.cancel()
        idle = [parents for _, parents in _shelf]
        _shelf.clear()
    for parents in idle:
        parents.close()


registry.at_release(release)
