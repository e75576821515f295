"""The way in for a child of a warm parent: `enter` walls it in, in milliseconds.

User namespaces, pivot_root and the order of the steps are those of user_namespaces(7),
pivot_root(2) and bubblewrap; the mounts are made with open_tree(2) before privileges go,
so that a box never has a user of the host in it, not even root.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
from collections.abc import Sequence
from pathlib import Path

from . import linux, seccomp
from .limits import MIB
from .process import (
    SLOTS,
    become,
    box_user,
    close_all_but,
    copy_of_mounts,
    die_with,
    forbid_core_dumps,
    go_first,
    set_limits,
)
from .walls import (
    BOX_ID,
    DEVICE_LINKS,
    DEVICES,
    ETC,
    HOME,
    HOST_NAME,
    MAX_INODES,
    MEMORY_FOLDERS,
    PROC_EMPTY_FILES,
    PROC_EMPTY_FOLDERS,
    PROC_READ_ONLY,
    Given,
    SandboxUnavailable,
    Walls,
    closed_folders,
    given_files,
)

__all__ = ["SLOTS", "enter", "set_limits"]

_NEW_ROOT = "/tmp"  # in the box's own mount namespace, so nobody else sees it


def enter(walls: Walls, uid_slot: int = 0, keep: Sequence[int] = ()) -> None:
    """Wall in the calling process; returns only inside the box.

    Call it in a freshly forked child with one thread. Three processes come of it:

    - the **caller** C, whose pid on the host the forking parent knows: the one to
      watch and to kill. It never returns from `enter`: it waits for I and ends as it
      does. It dies with its parent; whoever kills C kills all.
    - **I**, pid 1 of the box: reaps orphans, ends with S, dies with C. With it ends
      every process of the box, whatever it called (setsid, double fork, signals).
    - **S**, pid 2: the one in which `enter` returns.

    C ends with S's exit status, or 128 + the number of the signal that ended it.

    Only S keeps descriptors: those in `keep`, which should be close-on-exec; 0, 1 and 2
    become /dev/null unless they are in `keep`. S leads a new session, has no
    capabilities and no user but `BOX_ID`, on the host a user number of its own for each
    `uid_slot` (below `SLOTS`) where it began as root, otherwise the caller's. Its
    environment is `walls.variables`, its folder `HOME`.

    Raises:
        SandboxUnavailable: a wall could not be raised. It may come in C, I or S: report
            it through a descriptor in `keep`, then `os._exit`; run nothing else.
    """
    try:
        _enter(walls, uid_slot, set(keep))
    except (OSError, ValueError, NotImplementedError, KeyError) as error:
        raise SandboxUnavailable(
            f"This machine does not let a process wall itself in: {error}. "
            "`aulac sandbox check` says what to do."
        ) from error


def _enter(walls: Walls, slot: int, keep: set[int]) -> None:
    parent = os.getppid()
    _replace_environment(walls.variables)
    _settle_descriptors(keep)
    filter_program = seccomp.program(loopback=walls.loopback)
    given = (
        list(given_files(walls.writable, walls.limits))
        if walls.writable
        else []
    )
    go_first()
    if os.getuid() == 0:
        # As root: copies of the mounts first (a home may be closed to others), then
        # another user, who makes the namespaces.
        linux.unshare(linux.CLONE_NEWNS)
        trees = _trees(walls)
        become(box_user(slot))
        _new_namespaces()
    else:
        _new_namespaces()
        trees = _trees(walls)
    die_with(parent)
    watched, held = os.pipe()  # C holds one end, to tell I that it lives
    first = os.fork()
    if first:
        close_all_but({held})
        _leave_privileges()
        linux.set_seccomp(filter_program)
        os._exit(_status_of(first, reap=False))
    os.close(held)
    _die_with_keeper(watched)
    _build_root(walls, trees, given)
    linux.set_host_name(HOST_NAME)
    _leave_privileges()
    second = os.fork()
    if second:
        close_all_but(set())
        linux.set_seccomp(filter_program)
        os._exit(_status_of(second, reap=True))
    os.setsid()
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # so that its memory can be counted
    close_all_but(keep | {0, 1, 2})
    forbid_core_dumps()
    set_limits(walls.limits)
    linux.set_seccomp(filter_program)


# --- before the walls ---------------------------------------------------------


def _replace_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    linux.wipe_initial_environment()
    os.environ.update(variables)


def _settle_descriptors(keep: set[int]) -> None:
    """/dev/null for the standard ones; what is not kept goes, folders above all."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for fd in {0, 1, 2} - keep:
        os.dup2(null, fd, inheritable=True)
    if null > 2:
        os.close(null)
    close_all_but(keep | {0, 1, 2})


def _new_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    # A change of user closes /proc/self to its owner, and the maps lie there.
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.unshare(linux.NAMESPACES)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{BOX_ID} {user} 1"),
        ("gid_map", f"{BOX_ID} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)


def _die_with_keeper(watched: int) -> None:
    """`die_with` for pid 1 of a namespace, whose parent has no number in it."""
    if os.getpid() != 1:
        raise OSError("the new pid namespace was not entered")
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([watched], [], [], 0)[0]:  # the other end is closed
        os._exit(128 + signal.SIGKILL)
    os.close(watched)


# --- the private root ---------------------------------------------------------


def _trees(walls: Walls) -> dict[str, int | str]:
    """For each path that the box sees, a detached copy of its mounts, or a link."""
    found: dict[str, int | str] = {}
    read_only = (
        linux.MOUNT_ATTR_RDONLY
        | linux.MOUNT_ATTR_NOSUID
        | linux.MOUNT_ATTR_NODEV
    )
    for path in walls.readable:
        if path.is_symlink():
            found[str(path)] = os.readlink(path)  # noqa: PTH115
        else:
            found[str(path)] = copy_of_mounts(str(path), read_only)
    for path in walls.shared:
        writable = linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV
        found[str(path)] = copy_of_mounts(str(path), writable)
    for name in DEVICES:
        found[f"/dev/{name}"] = copy_of_mounts(
            f"/dev/{name}", linux.MOUNT_ATTR_NOSUID
        )
    return found


def _build_root(
    walls: Walls, trees: dict[str, int | str], given: list[Given]
) -> None:
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE, "")
    size = walls.limits.file_mb
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    _memory(_NEW_ROOT, 1, 2048, 0o755)
    for path in ("/proc", "/dev/pts", "/dev/shm", "/etc", HOME, "/tmp"):
        os.makedirs(_NEW_ROOT + path, exist_ok=True)  # noqa: PTH103
    linux.mount(
        "proc", _NEW_ROOT + "/proc", "proc", quiet | linux.MS_NOEXEC, ""
    )
    linux.mount(
        "devpts",
        _NEW_ROOT + "/dev/pts",
        "devpts",
        linux.MS_NOSUID | linux.MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=620",
    )
    for folder in MEMORY_FOLDERS:
        _memory(_NEW_ROOT + folder, size, MAX_INODES, 0o700)
    closed = [_NEW_ROOT + folder for folder in closed_folders(walls)]
    for target in closed:
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
        _memory(target, 1, 256, 0o755)
    for path, tree in trees.items():
        _place(_NEW_ROOT + path, tree)
    for target in closed:
        flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | quiet
        linux.mount(None, target, None, flags, "")
    for name, target in DEVICE_LINKS.items():
        os.symlink(target, f"{_NEW_ROOT}/dev/{name}")  # noqa: PTH211
    for name, text in ETC.items():
        made_up = Path(_NEW_ROOT, "etc", name)
        made_up.parent.mkdir(exist_ok=True)
        made_up.write_text(text)
    for file in given:
        _copy(file, Path(_NEW_ROOT + HOME, file.name))
    _close_proc(_NEW_ROOT + "/proc")
    linux.mount(
        None,
        _NEW_ROOT,
        None,
        linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | quiet,
        "",
    )
    os.chdir(_NEW_ROOT)
    linux.pivot_root(
        ".", "."
    )  # the old root now lies over the new: pivot_root(2)
    linux.detach(".")
    os.chdir(HOME)


def _memory(target: str, size_mb: int, inodes: int, mode: int) -> None:
    linux.mount(
        "tmpfs",
        target,
        "tmpfs",
        linux.MS_NOSUID | linux.MS_NODEV,
        f"size={size_mb}m,nr_inodes={inodes},mode={mode:o}",
    )


def _place(target: str, tree: int | str) -> None:
    """Put a tree, or a link, at its name in the new root."""
    parent = os.path.dirname(target)  # noqa: PTH120
    os.makedirs(parent, exist_ok=True)  # noqa: PTH103
    if isinstance(tree, str):
        os.symlink(tree, target)  # noqa: PTH211
        return
    if stat.S_ISDIR(os.fstat(tree).st_mode):
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    linux.attach(tree, target)
    os.close(tree)


def _copy(file: Given, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(file.fd, "rb") as source, target.open("wb") as copy:
        while block := source.read(MIB):
            copy.write(block)


def _close_proc(proc: str) -> None:
    """Take away what /proc tells of the host, and what it lets be written."""
    read_only = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID
    for name in PROC_READ_ONLY:
        if os.path.lexists(f"{proc}/{name}"):
            linux.attach(
                copy_of_mounts(f"{proc}/{name}", read_only), f"{proc}/{name}"
            )
    for name in PROC_EMPTY_FILES:
        if os.path.lexists(f"{proc}/{name}"):
            linux.attach(
                copy_of_mounts("/dev/null", read_only), f"{proc}/{name}"
            )
    for name in PROC_EMPTY_FOLDERS:
        if os.path.lexists(f"{proc}/{name}"):
            flags = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
            linux.mount("tmpfs", f"{proc}/{name}", "tmpfs", flags, "size=4k")


# --- after the walls ----------------------------------------------------------


def _leave_privileges() -> None:
    # Before the first instruction of anybody else's: nothing may ever be regained.
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)  # pid 1 stays closed to its children


def _status_of(child: int, *, reap: bool) -> int:
    """Wait for `child` (and, as pid 1, for any orphan), and tell how it ended."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        pid, status = os.waitpid(-1 if reap else child, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
