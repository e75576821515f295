"""A control group for one box, where this machine has delegated one: cgroups(7), v2.

Two places are tried: the folder that AULAC_CGROUP names, then the group this process is
in. Either must be writable and hand on the `memory` and `pids` controllers, as after

    systemd-run --user --scope -p Delegate=yes ...

Version 1 is not used: it has no delegation, so that what is writable is somebody's.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from .limits import MIB, Limits

VARIABLE = "AULAC_CGROUP"
_WANTED = {"memory", "pids"}


def place() -> Path | None:
    """The folder to make groups in, or None where nothing is delegated."""
    named = os.environ.get(VARIABLE)
    candidates = [Path(named)] if named else []
    candidates += _own()
    for folder in candidates:
        with contextlib.suppress(OSError):
            handed_on = (folder / "cgroup.subtree_control").read_text().split()
            if set(handed_on) >= _WANTED and os.access(folder, os.W_OK):
                return folder
    return None


def _own() -> Iterable[Path]:
    """The version 2 group of this process, from its mount point and its name."""
    with contextlib.suppress(OSError, StopIteration):
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        root = next(m.split()[1] for m in mounts if m.split()[2] == "cgroup2")
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        name = next(g[3:] for g in groups if g.startswith("0::"))
        yield Path(root + name)


class Cgroup:
    """One group with the limits of one box; `add` moves processes into it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        folder.mkdir()
        self._write("memory.max", limits.memory_mb * MIB)
        self._write("pids.max", limits.processes + 2)
        for name, value in (("memory.swap.max", 0), ("memory.oom.group", 1)):
            with contextlib.suppress(
                OSError
            ):  # kernels without swap, before 4.19
                self._write(name, value)

    @classmethod
    def for_box(cls, limits: Limits) -> Cgroup | None:
        """A new group, or None where nothing is delegated or it cannot be made."""
        where = place()
        if where is None:
            return None
        with contextlib.suppress(OSError):
            return cls(where / f"aulac-box-{uuid.uuid4().hex}", limits)
        return None

    def add(self, pids: Iterable[int]) -> None:
        """Move processes here; what they start afterwards is here too.

        Raises:
            PermissionError: the processes' present group is not delegated.
        """
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self._write("cgroup.procs", pid)

    def why(self) -> str | None:
        """ "memory" once the kernel has ended the group for it."""
        with contextlib.suppress(OSError):
            words = (self.folder / "memory.events").read_text().split()
            counts = dict(zip(words[::2], words[1::2], strict=True))
            return "memory" if int(counts.get("oom_kill", 0)) else None
        return None

    def kill(self) -> None:
        """End every process of the group at once (Linux 5.14)."""
        with contextlib.suppress(OSError):
            self._write("cgroup.kill", 1)

    def remove(self) -> None:
        """Remove the group once it is empty."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _write(self, name: str, value: int) -> None:
        (self.folder / name).write_text(str(value))
