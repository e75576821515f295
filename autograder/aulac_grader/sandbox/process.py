"""What both ways in do to a process: descriptors, user, death, and its rlimits."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
from pathlib import Path

from . import linux
from .limits import MIB, Limits
from .walls import SandboxUnavailable

# systemd's table of user numbers (UIDS-GIDS) leaves 65538 to 99999 to nobody; a
# container that has only 65536 of them leaves 60578 to 61183.
_FREE_IDS = (range(70000, 99999), range(60578, 61183))
SLOTS = 600

# A process may map this much that it does not touch. Page tables for it take 1/512.
_SPARE_ADDRESSES = 16 << 30


def close_all_but(keep: set[int]) -> None:
    first = 0
    for fd in sorted(keep):
        if fd > first:  # an empty range would close everything: close_range(2)
            os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, 1 << 20)


def box_user(slot: int) -> int:
    """A user number of the host's that nobody has, for one slot."""
    if not 0 <= slot < SLOTS:
        raise ValueError(f"uid_slot is {slot}: it must be in 0 … {SLOTS - 1}.")
    mapped = [
        range(int(first), int(first) + int(count))
        for first, _, count in map(str.split, _lines("/proc/self/uid_map"))
    ]
    for free in _FREE_IDS:
        if any(free[slot] in ids for ids in mapped):
            return free[slot]
    raise SandboxUnavailable(
        "This container has no user numbers to spare: give it at least 65536 (in "
        "/etc/subuid), or start the command as an ordinary user."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def go_first() -> None:
    """Let the kernel end this process and its children first where memory runs out:
    proc(5), oom_score_adj. Said with CAP_SYS_RESOURCE it cannot be taken back."""
    linux.prctl(
        linux.PR_SET_DUMPABLE, 1
    )  # or /proc/self would be closed to us
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def die_with(parent: int) -> None:
    """End with `parent`; after every change of user, which resets it: prctl(2)."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def resource_limits(
    limits: Limits, data: int = 0, space: int = 0
) -> dict[int, int]:
    """Each RLIMIT's number and value, for a process that has `data` and `space` bytes.

    They hold for one process; what the tree may use together the watchdog knows.
    """
    memory = limits.memory_mb * MIB
    return {
        resource.RLIMIT_DATA: data + memory,
        resource.RLIMIT_AS: space + memory + _SPARE_ADDRESSES,
        # A backstop: what one cell may take the watchdog counts.
        resource.RLIMIT_CPU: math.ceil(limits.cpu_seconds * 60),
        resource.RLIMIT_FSIZE: limits.file_mb * MIB,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }


def forbid_core_dumps() -> None:
    """A limit of 1; with 0 a host's core dump program would still be started: core(5).

    Where somebody has already set 0 for good, 0 it stays.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard in (0, 1) and os.getuid() != 0:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def set_limits(limits: Limits) -> None:
    """Set them for this process, lower where a lower one holds already."""
    pages = [
        int(word) for word in Path("/proc/self/statm").read_text().split()
    ]
    page = resource.getpagesize()
    wanted = resource_limits(limits, pages[5] * page, pages[0] * page)
    for which, value in wanted.items():
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(which, (value, value))


def copy_of_mounts(path: str, attributes: int) -> int:
    tree = linux.open_tree(path)
    linux.set_mount(tree, attributes)
    return tree
