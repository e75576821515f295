"""The one list of walls, read by both ways into a box: fork.py and bubblewrap.py.

Inside there are new user, pid, mount, net, ipc, uts and cgroup namespaces, and a root of
its own that holds the system's programs and libraries, the interpreter, the environment
and the `aulac` library, all read-only, and three file systems in memory. Nothing of the
host is reachable but these paths.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .limits import Limits

HOME = "/home/student"  # the working folder too
BOX_ID = 1000  # user and group inside
HOST_NAME = "box"

# Writable, in memory, of at most Limits.file_mb each.
MEMORY_FOLDERS = (HOME, "/tmp", "/dev/shm")
# Without it one could make empty files until the kernel's own memory is gone.
MAX_INODES = 8192

# Not zero: its pages, mapped shared, count for nobody once they are unmapped.
DEVICES = ("null", "full", "random", "urandom")
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}

# What /proc shows of the host though it belongs to a new pid namespace: container
# runtimes mask the same (the OCI runtime specification's maskedPaths and readonlyPaths).
PROC_EMPTY_FILES = (
    "kcore",
    "keys",
    "key-users",
    "timer_list",
    "sched_debug",
    "latency_stats",
    "interrupts",
    "softirqs",
    "cmdline",
    "config.gz",
    "kallsyms",
    "modules",
    "kmsg",
    "kpagecount",
    "kpageflags",
    "kpagecgroup",
    "vmallocinfo",
    "slabinfo",
    "pagetypeinfo",
    "diskstats",
    "partitions",
    "swaps",
    "locks",
    "iomem",
    "ioports",
)
PROC_EMPTY_FOLDERS = ("acpi", "asound", "scsi", "driver", "dynamic_debug")
PROC_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")

# The little of /etc that a Python program asks for, made up.
ETC = {
    "passwd": f"student:x:{BOX_ID}:{BOX_ID}:student:{HOME}:/bin/sh\n",
    "group": f"student:x:{BOX_ID}:\n",
    "hosts": "127.0.0.1 localhost\n",
    "hostname": HOST_NAME + "\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    # Without one fontconfig complains on standard error, which costs a mark in nbgrader.
    "fonts/fonts.conf": (
        "<fontconfig><dir>/usr/share/fonts</dir>"
        "<cachedir>/tmp/.fontconfig</cachedir></fontconfig>\n"
    ),
}
ETC_READABLE = ("/etc/ld.so.cache", "/etc/alternatives")

SYSTEM = (
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share/fonts",
    "/usr/share/zoneinfo",
    "/usr/share/terminfo",
)
# Of an interpreter or a virtual environment, these; a prefix may be a whole checkout.
PREFIX_PARTS = (
    "bin",
    "include",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "pyvenv.cfg",
    "share",
    "ssl",
)

MAX_FILES = 512  # of a folder that is copied into the box


class SandboxUnavailable(RuntimeError):  # noqa: N818
    """This machine cannot isolate a process; the message says what to do."""


def environment_paths() -> list[Path]:
    """The paths of the host that a box can read; links stay links.

    They are the system's programs and libraries, the parts of `sys.base_prefix` and
    `sys.prefix`, and the folder of the `aulac` package. None lies inside another.
    """
    found = [Path(name) for name in SYSTEM]
    for prefix in (Path(sys.base_prefix), Path(sys.prefix)):
        for place in dict.fromkeys((prefix, prefix.resolve())):
            found += [place / part for part in PREFIX_PARTS]
    found += _package("aulac")
    found += [Path(name) for name in ETC_READABLE]
    return _outermost([path for path in found if path.exists()])


def _package(name: str) -> list[Path]:
    """The folder of a package, whether installed or used where it lies."""
    spec = importlib.util.find_spec(name)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [Path(folder).resolve() for folder in folders]


def _outermost(paths: list[Path]) -> list[Path]:
    """`paths` sorted, without those that lie in another one (a link holds nothing)."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(
            path.is_relative_to(other) and not other.is_symlink()
            for other in kept
        ):
            kept.append(path)
    return kept


def default_variables() -> dict[str, str]:
    """The whole environment inside: nothing of the caller's gets in."""
    one = dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "RAYON_NUM_THREADS",
        ),
        "1",
    )
    return one | {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "student",
        "LOGNAME": "student",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "IPYTHONDIR": "/tmp/.ipython",
    }


@dataclass(frozen=True)
class Walls:
    """What one box is given.

    `readable`: paths of the host, seen read-only under their own names. `writable`: a
    folder whose regular files are copied into the working folder; what the box then
    writes is in memory and lost with it. `shared`: folders of the host that the box
    does write to, for a kernel's sockets and nothing else. `loopback`: whether Internet
    sockets can be made, though there is nobody to reach; ipykernel needs one.
    """

    readable: tuple[Path, ...] = field(
        default_factory=lambda: tuple(environment_paths())
    )
    writable: Path | None = None
    limits: Limits = field(default_factory=Limits)
    variables: dict[str, str] = field(default_factory=default_variables)
    shared: tuple[Path, ...] = ()
    loopback: bool = False


def closed_folders(walls: Walls) -> list[str]:
    """Folders that hold what is readable and lie where a box may write.

    An environment may lie in /tmp. Its parts are read-only mounts, and so is what
    holds them: nothing can be put beside them.
    """
    parents = {path.parent for path in walls.readable}
    return sorted(
        str(parent)
        for parent in parents
        if any(
            parent.is_relative_to(folder) and parent != Path(folder)
            for folder in MEMORY_FOLDERS
        )
    )


@dataclass(frozen=True)
class Given:
    """A file to copy into the box: its name below the working folder, and an open
    descriptor (close-on-exec) to read it from."""

    name: str
    fd: int
    size: int


def given_files(folder: Path, limits: Limits) -> Iterator[Given]:
    """Open the regular files below `folder` one by one, never through a link.

    Notebooks and hidden files stay out: a notebook that is being executed may hold
    hidden tests, and no program reads its own notebook.

    Raises:
        SandboxUnavailable: there are more than `MAX_FILES`, or more bytes than half of
            `limits.file_mb`.
    """
    left, count = limits.file_mb * 2**19, 0
    for place, folders, names, place_fd in os.fwalk(
        folder, follow_symlinks=False
    ):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name.endswith(".ipynb"):
                continue
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                fd = os.open(name, flags, dir_fd=place_fd)
            except OSError:  # a link, or gone, or not ours to read
                continue
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                os.close(fd)
                continue
            count, left = count + 1, left - status.st_size
            if count > MAX_FILES or left < 0:
                os.close(fd)
                raise SandboxUnavailable(
                    f"The working folder {folder} holds more than a box takes "
                    f"({MAX_FILES} files, {limits.file_mb // 2} MiB): start the "
                    "notebook in a folder of its own, with only the files it needs."
                )
            inside = os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118
            yield Given(inside, fd, status.st_size)
