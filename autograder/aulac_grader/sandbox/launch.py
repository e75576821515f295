"""What becomes bubblewrap: `main` runs in a process of its own, started by
`bubblewrap.command`, with nothing but the standard library.

As root it first makes a mount namespace with a folder in which every path that the box
is to see has a number, so that bubblewrap can run as a user who could reach none of
them (an interpreter in root's home), and who owns nothing on the host. A process that
bubblewrap started as root would still be the host's root to every file it can see.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import linux, seccomp
from .limits import Limits
from .process import (
    become,
    box_user,
    close_all_but,
    copy_of_mounts,
    die_with,
    forbid_core_dumps,
    go_first,
)
from .walls import (
    BOX_ID,
    ETC,
    HOME,
    HOST_NAME,
    MAX_INODES,
    MEMORY_FOLDERS,
    PROC_EMPTY_FILES,
    PROC_EMPTY_FOLDERS,
    PROC_READ_ONLY,
    SandboxUnavailable,
    Walls,
    closed_folders,
    given_files,
)

_STAGE = "/tmp"  # in this process's own mount namespace


def main() -> NoReturn:
    """Become bubblewrap; arguments: the specification, then the program's words."""
    specification = json.loads(sys.argv[1])
    argv = sys.argv[2:]
    try:
        _launch(specification, argv)
    except (OSError, SandboxUnavailable, NotImplementedError) as error:
        sys.exit(f"The sandbox could not be started: {error}")


def _launch(specification: dict[str, Any], argv: list[str]) -> NoReturn:
    close_all_but({0, 1, 2})
    if os.getppid() != specification["parent"]:
        raise SandboxUnavailable(
            "its command has to be started by the process that made it, which it "
            "dies with."
        )
    walls = Walls(
        tuple(map(Path, specification["readable"])),
        Path(specification["writable"]) if specification["writable"] else None,
        Limits(**specification["limits"]),
        specification["variables"],
        tuple(map(Path, specification["shared"])),
        specification["loopback"],
    )
    go_first()
    bwrap = specification["bwrap"]
    files = _files(walls)
    # Read now: where the environment lies below /tmp, the stage hides it.
    links = {
        str(path): os.readlink(path)  # noqa: PTH115
        for path in walls.readable
        if path.is_symlink()
    }
    if os.getuid() == 0:
        user = box_user(specification["slot"])
        places = _stage(walls, user)
        become(user)
        bwrap = _staged(bwrap, places)
    else:
        places = {}
    die_with(specification["parent"])
    forbid_core_dumps()
    words = _words(walls, places, links, files)
    os.execve(bwrap, [bwrap, *words, "--", *argv], {})


def _files(walls: Walls) -> list[str]:
    """Options that copy the working folder's files; opened now, as who we still are."""
    words: list[str] = []
    if walls.writable:
        for file in given_files(walls.writable, walls.limits):
            os.set_inheritable(file.fd, True)
            words += ["--perms", "0644", "--file", str(file.fd)]
            words += [f"{HOME}/{file.name}"]
    return words


def _stage(walls: Walls, user: int) -> dict[str, str]:
    """As root: each path and memory folder under a number; where each one is now."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE, "")
    paths = [*walls.readable, *walls.shared]
    trees = {
        str(path): copy_of_mounts(str(path), linux.MOUNT_ATTR_NOSUID)
        for path in paths
        if not path.is_symlink()
    }
    linux.mount("tmpfs", _STAGE, "tmpfs", linux.MS_NOSUID, "mode=755")
    places = {}
    for number, (path, tree) in enumerate(trees.items()):
        place = places[path] = f"{_STAGE}/{number}"
        if Path(f"/proc/self/fd/{tree}").is_dir():
            Path(place).mkdir()
        else:
            Path(place).touch()
        linux.attach(tree, place)
        os.close(tree)
    options = (
        f"size={walls.limits.file_mb}m,nr_inodes={MAX_INODES},mode=700,"
        f"uid={user},gid={user}"
    )
    for folder in MEMORY_FOLDERS:
        place = places[folder] = f"{_STAGE}/{folder.replace('/', '_')}"
        Path(place).mkdir()
        linux.mount(
            "tmpfs", place, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options
        )
    return places


def _staged(path: str, places: dict[str, str]) -> str:
    """Where a file is that lies below a staged path; itself when it lies elsewhere."""
    for original, place in places.items():
        if Path(path).is_relative_to(original):
            return str(Path(place, Path(path).relative_to(original)))
    return path


def _words(
    walls: Walls,
    places: dict[str, str],
    links: dict[str, str],
    files: list[str],
) -> list[str]:
    """bubblewrap's options, in the order in which it follows them."""
    words = ["--unshare-all", "--as-pid-1", "--die-with-parent"]
    words += ["--new-session"]
    words += ["--uid", str(BOX_ID), "--gid", str(BOX_ID)]
    words += ["--hostname", HOST_NAME, "--cap-drop", "ALL", "--clearenv"]
    for name, value in walls.variables.items():
        words += ["--setenv", name, value]
    words += ["--proc", "/proc", *_proc()]
    # bubblewrap's /dev has one device more than DEVICES: see there.
    words += ["--dev", "/dev", "--ro-bind", "/dev/null", "/dev/zero"]
    words += ["--remount-ro", "/dev"]
    for folder in MEMORY_FOLDERS:
        words += _memory(folder, places, walls.limits)
    # After these: an environment may lie in /tmp, or in a home of the box's name.
    closed = closed_folders(walls)
    for folder in closed:
        words += ["--perms", "0755", "--size", "65536", "--tmpfs", folder]
    for path in map(str, walls.readable):
        if path in links:
            words += ["--symlink", links[path], path]
        else:
            words += ["--ro-bind", places.get(path, path), path]
    for folder in closed:
        words += ["--remount-ro", folder]
    for path in map(str, walls.shared):
        words += ["--bind", places.get(path, path), path]
    for name, text in ETC.items():
        words += ["--perms", "0444", "--ro-bind-data", _pipe(text.encode())]
        words += [f"/etc/{name}"]
    words += [*files, "--remount-ro", "/", "--chdir", HOME]
    return [
        *words,
        "--seccomp",
        _pipe(seccomp.program(loopback=walls.loopback)),
    ]


def _memory(folder: str, places: dict[str, str], limits: Limits) -> list[str]:
    if folder in places:
        return ["--bind", places[folder], folder]
    size = str(limits.file_mb << 20)
    return ["--perms", "0700", "--size", size, "--tmpfs", folder]


def _proc() -> list[str]:
    """Cover what /proc tells of the host, and what it lets be written.

    What is read-only is bound from the host's own /proc: the settings are the same.
    """
    words: list[str] = []
    for name in PROC_READ_ONLY:
        if os.path.lexists(f"/proc/{name}"):
            words += ["--ro-bind", f"/proc/{name}", f"/proc/{name}"]
    for name in PROC_EMPTY_FILES:
        if os.path.lexists(f"/proc/{name}"):
            words += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    for name in PROC_EMPTY_FOLDERS:
        if os.path.lexists(f"/proc/{name}"):
            words += ["--size", "4096", "--tmpfs", f"/proc/{name}"]
            words += ["--remount-ro", f"/proc/{name}"]
    return words


def _pipe(data: bytes) -> str:
    """The number of a descriptor from which bwrap reads `data` (less than a pipe
    holds)."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    os.set_inheritable(read, True)
    return str(read)
