"""Limits on a whole process tree that no rlimit holds, and the end of the tree.

A box's processes cannot leave the tree below its first process, whatever they do: they
live in one pid namespace, whose pid 1 adopts every orphan. So the tree is what hangs
below one pid, found by the children files of proc(5); pid 1 killed, the kernel ends all
of them.

Memory is counted in two steps: an upper bound that is cheap (anonymous pages, page
tables, swap), and only where that is too much the proportional share (smaps_rollup),
which charges a page to its users in parts. Of a box, what lies in its file systems and
may wait in its sockets is added; other memory that no process owns the seccomp filter
lets nobody have. The pages of a warm parent, which a forked box begins with, are not
charged. Between two looks a tree can go past its limit by what two looks are apart; what
one process may have, its rlimits bound at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .cgroup import Cgroup
from .limits import MIB, Limits
from .walls import MAX_INODES, MEMORY_FOLDERS

_TICKS = os.sysconf("SC_CLK_TCK")
_COUNTED = (b"RssAnon:", b"VmPTE:", b"VmSwap:")
_SHARED_OUT = (b"Pss_Anon:", b"SwapPss:")
# Outside a box: inside, such pages are those of files, which are counted already.
_SHARED_PAGES = (b"RssShmem:",)
_SOCKET = (
    212992  # bytes that may wait in one, unless it may ask for more: socket(7)
)


@dataclass(frozen=True)
class Reading:
    """One look at a tree: MiB, processes with their threads, and seconds."""

    memory_mb: float
    processes: int
    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Process:
    """What one look tells of one process. `state` is the letter of proc(5); `own_cpu`
    is without its children's."""

    pid: int
    threads: int
    state: str
    started: int
    own_cpu: float
    children_cpu: float

    @property
    def ended(self) -> bool:
        return self.state in "ZX"

    @property
    def busy(self) -> bool:
        """It runs, could run and is not let, or waits for a disk."""
        return self.state in "RD"


def tree(pid: int) -> list[Process]:
    """The processes at and below `pid`, parents first; those that go meanwhile are
    left out."""
    found: list[Process] = []
    waiting, seen = [pid], {pid}
    while waiting:
        process = look(waiting.pop())
        if process is None:
            continue
        found.append(process)
        for child in children(process.pid):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return found


def children(pid: int) -> list[int]:
    """The children of each thread of a process: proc(5), /proc/PID/task/TID/children."""
    if not _listed():
        return _children_by_parent(pid)
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            data = _read(f"/proc/{pid}/task/{thread}/children")
            found += map(int, data.split())
    return found


@cache
def _listed() -> bool:
    """Whether this kernel lists children (CONFIG_PROC_CHILDREN)."""
    return Path("/proc/thread-self/children").exists()


def _children_by_parent(pid: int) -> list[int]:
    """The same, more slowly, from every process's own word on its parent."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError):
            fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(name))
    return found


def look(pid: int) -> Process | None:
    """One process, or None when it has gone."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return None
    user, system, child_user, child_system = map(int, fields[11:15])
    return Process(
        pid=pid,
        threads=int(fields[17]),
        state=fields[0].decode(),
        started=int(fields[19]),
        own_cpu=(user + system) / _TICKS,
        children_cpu=(child_user + child_system) / _TICKS,
    )


def kill_tree(pid: int) -> None:
    """SIGKILL for `pid` and all below it, until none is left that lives.

    Does not reap: a parent still has to wait for `pid`.
    """
    for _ in range(100):
        living = [process for process in tree(pid) if not process.ended]
        if not living:
            return
        # Parents first: the second is a box's pid 1, and takes the others along.
        for process in living:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.002)


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def _kilobytes(path: str, names: Sequence[bytes]) -> int:
    """The sum, in bytes, of the `names` lines of a file such as /proc/PID/status."""
    total = 0
    for line in _read(path).splitlines():
        if line.startswith(tuple(names)):
            total += int(line.split()[1]) * 1024
    return total


class Watchdog:
    """Watches one tree, and kills all of it when a limit is passed.

    `pid` is a box's outer process (see fork.py: C) or any other process. `why` then
    says which limit: "memory", "processes", "cpu", "wall" or "files" (more
    files than `MAX_INODES`, or something in a shared folder that does not belong
    there); None while all is well, also
    when the tree ended by itself. `peak_mb` is the most memory that was seen; `tier`
    tells how each limit is held. `warm_mb` is memory not to be charged, for a tree that
    is no box; what a box began with its outer process tells.

    Use `poll` from a loop of your own, or `start` and `stop` a thread.
    """

    def __init__(
        self,
        pid: int,
        limits: Limits,
        *,
        shared: Sequence[Path] = (),
        warm_mb: float = 0.0,
        seconds: float = 0.05,
        on_kill: Callable[[str], None] | None = None,
    ) -> None:
        self.pid, self.limits, self.shared = pid, limits, tuple(shared)
        self.seconds, self.on_kill = seconds, on_kill
        self.why: str | None = None
        self.peak_mb, self.warm_mb = 0.0, warm_mb
        self.last = Reading(0.0, 0, 0.0, 0.0)
        self._root = look(pid)
        self._cpu_last, self._cpu_lost, self._cpu_before = 0.0, 0.0, 0.0
        self._began = time.monotonic()
        self._inodes = 0
        self._cgroup = Cgroup.for_box(limits)
        if self._cgroup:
            self._join(self._cgroup)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _join(self, group: Cgroup) -> None:
        try:
            group.add(process.pid for process in tree(self.pid))
        except OSError:  # its group is not ours to take it from
            group.remove()
            self._cgroup = None

    @property
    def tier(self) -> dict[str, str]:
        """How each limit is held here."""
        held = "cgroup v2" if self._cgroup else "watchdog"
        return {
            "memory": f"{held}; RLIMIT_DATA per process",
            "processes": f"{held}; RLIMIT_NPROC",
            "cpu": "watchdog; RLIMIT_CPU per process",
            "wall": "watchdog",
            "files": "tmpfs size and inodes; RLIMIT_FSIZE",
        }

    def new_budget(self) -> None:
        """Count processor and wall time from here on: another cell begins."""
        self._cpu_before = self._cpu(tree(self.pid))
        self._began = time.monotonic()

    def poll(self) -> Reading:
        """Look once; past a limit, kill the tree and set `why`."""
        if not self._same_root():
            return self.last  # it ended, and its number may be another's
        processes = tree(self.pid)
        outer = _is_box(processes)
        living = [p for p in processes[2 if outer else 0 :] if not p.ended]
        self.last = Reading(
            self._memory(living, self.pid if outer else None) / MIB,
            sum(process.threads for process in living),
            self._cpu(processes) - self._cpu_before,
            time.monotonic() - self._began,
        )
        self.peak_mb = max(self.peak_mb, self.last.memory_mb)
        why = self._passed(self.last)
        if why and self.why is None:
            self.kill(why)
        return self.last

    def kill(self, why: str) -> None:
        """End the tree for a reason of the caller's."""
        if self.why is None:
            self.why = why
        if self._cgroup:
            self._cgroup.kill()
        if self._same_root():
            kill_tree(self.pid)
        if self.on_kill:
            self.on_kill(self.why)

    def start(self) -> Watchdog:
        """Poll in a thread, until `stop` or the end of the tree."""
        self._thread = threading.Thread(
            target=self._loop, name=f"watchdog-{self.pid}", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop polling. The tree lives on."""
        self._stop.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()
        if self._cgroup:
            self._cgroup.remove()

    def _loop(self) -> None:
        while self.why is None and self._same_root():
            self.poll()
            if self._stop.wait(self.seconds):
                return

    def _same_root(self) -> bool:
        now = look(self.pid)
        return (
            now is not None
            and self._root is not None
            and now.started == self._root.started
            and not now.ended
        )

    def _passed(self, reading: Reading) -> str | None:
        limits = self.limits
        if reading.memory_mb > limits.memory_mb:
            return "memory"
        if reading.processes > limits.processes:
            return "processes"
        if reading.cpu_seconds > limits.cpu_seconds:
            return "cpu"
        if reading.wall_seconds > limits.wall_seconds:
            return "wall"
        # Where bubblewrap is started as an ordinary user it sets no such limit.
        if self._inodes > MAX_INODES or not all(
            map(only_sockets, self.shared)
        ):
            return "files"
        return self._cgroup.why() if self._cgroup else None

    def _memory(self, living: list[Process], outer: int | None) -> float:
        """Bytes that the tree adds to its warm parent."""
        warm, other = self.warm_mb * MIB, 0
        self._inodes = 0
        if outer is not None:
            # The outer process is a fork of the same parent, and never grows.
            warm = _kilobytes(f"/proc/{outer}/status", (b"RssAnon:",))
            other, self._inodes = _files(living)
            other += _sockets(living)
        else:
            other = sum(_sum(p.pid, _SHARED_PAGES) for p in living)
        bound = other + sum(_sum(p.pid, _COUNTED) for p in living)
        if bound <= self.limits.memory_mb * MIB:
            return max(0.0, bound - warm)
        exact = other + sum(_share(process.pid) for process in living)
        if outer is not None:
            # Each process that still has a warm page is charged for it what the
            # outer one is.
            with contextlib.suppress(OSError):
                each = _kilobytes(f"/proc/{outer}/smaps_rollup", _SHARED_OUT)
                warm = min(warm, each * len(living))
        return max(0.0, exact - warm)

    def _cpu(self, processes: list[Process]) -> float:
        """Seconds that the tree has used, those of ended processes included.

        Who ends hands its time to the parent that waits for it. A parent that does not
        wait loses it: then the sum shrinks, and what is missing is added here.
        """
        now = sum(p.own_cpu + p.children_cpu for p in processes)
        self._cpu_lost += max(0.0, self._cpu_last - now)
        self._cpu_last = now
        return now + self._cpu_lost


def _is_box(processes: list[Process]) -> bool:
    """Whether the second process is pid 1 of a namespace; the first is then its keeper."""
    return len(processes) > 1 and _inner_number(processes[1].pid) == 1


def payload(pid: int) -> int | None:
    """The program in the box whose outer process is `pid`: pid 2 inside."""
    for process in tree(pid):
        if _inner_number(process.pid) == 2 and not process.ended:
            return process.pid
    return None


def _inner_number(pid: int) -> int | None:
    """A process's number in a namespace below this one; None where it is in none."""
    with contextlib.suppress(OSError):
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith(b"NSpid:"):
                numbers = line.split()[1:]
                return int(numbers[-1]) if len(numbers) > 1 else None
    return None


def _sum(pid: int, names: Sequence[bytes]) -> int:
    """Bytes of a process by its status file: cheap, and shared pages in full."""
    with contextlib.suppress(OSError):
        return _kilobytes(f"/proc/{pid}/status", names)
    return 0


def _share(pid: int) -> int:
    """A process's share of its pages; all of them where we may not look closer."""
    with contextlib.suppress(OSError):
        shared_out = _kilobytes(f"/proc/{pid}/smaps_rollup", _SHARED_OUT)
        tables = _kilobytes(f"/proc/{pid}/status", (b"VmPTE:",))
        return shared_out + tables
    return _sum(pid, _COUNTED)


def _files(living: list[Process]) -> tuple[int, int]:
    """Bytes and inodes of a box's file systems, which belong to no process."""
    for process in living:
        root = f"/proc/{process.pid}/root"
        with contextlib.suppress(OSError):
            found = [os.statvfs(root + folder) for folder in MEMORY_FOLDERS]
            used = sum((s.f_blocks - s.f_bfree) * s.f_frsize for s in found)
            return used, max(s.f_files - s.f_ffree for s in found)
    return 0, 0


def _sockets(living: list[Process]) -> int:
    """Bytes that may wait in the sockets of a box's network, those of Unix included."""
    for process in living:
        with contextlib.suppress(OSError, IndexError):
            data = _read(f"/proc/{process.pid}/net/sockstat")
            return int(data.split(maxsplit=3)[2]) * _SOCKET
    return 0


def only_sockets(folder: Path) -> bool:
    """Whether a shared folder holds what a kernel puts there, and no more: sockets, and
    the one connection file."""
    files = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            mode = entry.stat(follow_symlinks=False).st_mode
            if mode & 0o170000 == 0o140000:
                continue
            files += 1
            small = entry.stat(follow_symlinks=False).st_size < 1 << 16
            regular = entry.is_file(follow_symlinks=False)
            if files > 1 or count > 32 or not (regular and small):
                return False
    return True
