"""The Linux calls that Python 3.11 has no function for, and their constants.

Each is one line in `man 2 NAME`. A call that fails raises OSError with its name.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
NAMESPACES = (
    CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 4
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 1, 4, 8
PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 24, 22, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
SECCOMP_MODE_FILTER = 2

# By machine: mount_setattr, open_tree and move_mount have one number everywhere.
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.c_char_p
    libc.mount.argtypes = (text, text, text, ctypes.c_ulong, text)
    libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    libc.syscall.restype = ctypes.c_long
    return libc


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} ({what})")
    return result


def _system_call(what: str, number: int, *words: object) -> int:
    # Variadic: each word has to be as wide as a register.
    wide = [ctypes.c_long(w) if isinstance(w, int) else w for w in words]
    return _checked(_libc().syscall(ctypes.c_long(number), *wide), what)


def unshare(flags: int) -> None:
    _checked(_libc().unshare(flags), "unshare")


def mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str
) -> None:
    _checked(
        _libc().mount(
            source.encode() if source is not None else None,
            os.fsencode(target),
            kind.encode() if kind is not None else None,
            flags,
            data.encode(),
        ),
        f"mount {target}",
    )


def detach(target: str) -> None:
    _checked(_libc().umount2(os.fsencode(target), MNT_DETACH), "umount2")


def pivot_root(new: str, old: str) -> None:
    number = _PIVOT_ROOT[platform.machine()]
    _system_call("pivot_root", number, os.fsencode(new), os.fsencode(old))


class _MountAttr(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def open_tree(path: str) -> int:
    """A private copy of the mounts at `path`, not yet attached anywhere: a descriptor."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE
    return _system_call(
        f"open_tree {path}", _OPEN_TREE, AT_FDCWD, os.fsencode(path), flags
    )


def set_mount(tree: int, attributes: int) -> None:
    """Set attributes on a tree of mounts, submounts included."""
    attr = _MountAttr(attributes, 0, MS_PRIVATE, 0)
    _system_call(
        "mount_setattr",
        _MOUNT_SETATTR,
        tree,
        b"",
        AT_EMPTY_PATH | AT_RECURSIVE,
        ctypes.byref(attr),
        ctypes.sizeof(attr),
    )


def attach(tree: int, target: str) -> None:
    """Put a tree from `open_tree` where `target` is."""
    _system_call(
        f"move_mount {target}",
        _MOVE_MOUNT,
        tree,
        b"",
        AT_FDCWD,
        os.fsencode(target),
        MOVE_MOUNT_F_EMPTY_PATH,
    )


def prctl(option: int, *words: int) -> None:
    padded = [*words, 0, 0, 0, 0][:4]
    _checked(_libc().prctl(option, *padded), f"prctl {option}")


def set_seccomp(program: bytes) -> None:
    """Install a filter for this thread and all that it will start: seccomp(2)."""
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    value = Program(len(program) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(value))


def drop_capabilities() -> None:
    """Give up every capability, and the means to get one back: capabilities(7)."""
    last = int(_read("/proc/sys/kernel/cap_last_cap"))
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(last + 1):
        prctl(PR_CAPBSET_DROP, number)
    version_3 = 0x20080522
    header = (ctypes.c_uint32 * 2)(version_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _system_call("capset", _CAPSET[platform.machine()], header, nothing)


def set_host_name(name: str) -> None:
    data = name.encode()
    _checked(_libc().sethostname(data, len(data)), "sethostname")


def wipe_initial_environment() -> None:
    """Overwrite the strings that /proc/PID/environ shows; os.environ is not touched."""
    fields = _read("/proc/self/stat").rpartition(")")[2].split()
    first, last = (
        int(fields[47]),
        int(fields[48]),
    )  # env_start, env_end: proc(5)
    if 0 < first < last:
        ctypes.memset(first, 0, last - first)


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123
        return file.read()
