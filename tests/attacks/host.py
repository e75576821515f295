"""The host round the boxes: what must not be read, written, reached or killed.

`Host` lays out bait (a folder with a canary, doors that listen, a bystander process,
a secret in the environment) and afterwards tells what was touched.
"""

from __future__ import annotations

import os
import secrets
import selectors
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from pathlib import Path

from .kit import World

SECRET = "CANARY-ENVIRONMENT-3f90"
INSIDE = "CANARY-HOST-8ad2"
NAMESPACES = ("pid", "mnt", "net", "user")


class Host:
    """Bait, laid out in `folder` for the time of a `with` block."""

    def __init__(self, folder: Path, course: Path):
        self.folder, self.course = folder, course
        self.token = secrets.token_hex(6)
        self.contacts: list[str] = []

    def __enter__(self) -> Host:
        os.environ["AULAC_TEST_SECRET"] = SECRET
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        self._doors = self._open_doors()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.bystander = subprocess.Popen(
            ["/bin/sleep", "3600"], stdin=subprocess.DEVNULL
        )
        self._before = {path: _state(path) for path in _watched()}
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop("AULAC_TEST_SECRET", None)
        self._stop.set()
        self._thread.join()
        for door in self._doors:
            door.close()
        self.bystander.kill()
        self.bystander.wait()

    def world(self, name: str) -> World:
        """What the case `name` is told of the host, its own bait laid out."""
        own = self.folder / name
        own.mkdir(exist_ok=True)
        own.chmod(0o777)
        (own / "canary.txt").write_text(INSIDE)
        (own / "canary.txt").chmod(0o666)
        return World(
            {
                "OUTSIDE": str(own),
                "DOOR": str(self.folder / "door"),
                "COURSE": str(self.course),
                "REPOSITORY": str(Path(__file__).parents[2]),
                "TMP": str(self.folder.parent),
                "MARK": f"mark-{self.token}-{name}",
                "PORT": str(self.port),
                "ABSTRACT": f"aulac-{self.token}",
                "ADDRESSES": " ".join(_addresses()),
                "BYSTANDER": str(self.bystander.pid),
                "NAMESPACES": " ".join(
                    str(Path(f"/proc/self/ns/{kind}").readlink())
                    for kind in NAMESPACES
                ),
            }
        )

    # -- the doors

    def _open_doors(self) -> list[socket.socket]:
        tcp = socket.create_server(("0.0.0.0", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("0.0.0.0", self.port))
        named, abstract = (socket.socket(socket.AF_UNIX) for _ in range(2))
        named.bind(str(self.folder / "door"))
        (self.folder / "door").chmod(0o777)
        abstract.bind(f"\0aulac-{self.token}")
        for door in (named, abstract):
            door.listen()
        return [tcp, udp, named, abstract]

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for door in self._doors:
                selector.register(door, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    self._answer(key.fileobj)

    def _answer(self, door: socket.socket) -> None:
        name = str(door.getsockname())
        if door.type == socket.SOCK_DGRAM:
            door.recv(4096)
        else:
            door.accept()[0].close()
        self.contacts.append(name)

    # -- what came of it

    def damage(self) -> list[str]:
        """Everything that was touched, a sentence each."""
        found = [f"somebody reached {name}" for name in self.contacts]
        if self.bystander.poll() is not None:
            found.append("the bystander was killed")
        found += [
            f"{path} was changed"
            for path, before in self._before.items()
            if _state(path) != before
        ]
        found += [f"{path} was left" for path in self._left_behind()]
        for bait in self.folder.glob("*/canary.txt"):
            if bait.read_text() != INSIDE:
                found.append(f"{bait} was overwritten")
        found += [
            f"{path} was written"
            for path in self.folder.glob("*/*")
            if path.name != "canary.txt"
        ]
        return found + self.processes()

    def _left_behind(self) -> list[str]:
        paths = sysconfig.get_paths()
        places = [
            paths["purelib"],
            paths["stdlib"],
            sys.prefix,
            "/lib",
            "/tmp",
        ]
        places += [
            sys.base_prefix + "/lib",
            str(self.folder.parent),
            "/dev/shm",
        ]
        mark = f"mark-{self.token}"
        return [
            str(path)
            for place in places
            for pattern in (f"*{mark}*", f"__pycache__/*{mark}*")
            for path in Path(place).glob(pattern)
        ]

    def processes(self, seconds: float = 3.0) -> list[str]:
        """Processes of an attack that still live; those that are ending may."""
        deadline = time.monotonic() + seconds
        while True:
            found = []
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    line = path.read_bytes().replace(b"\0", b" ").decode()
                    if f"mark-{self.token}" in line:
                        found.append(f"process {path.parent.name}: {line}")
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _watched() -> list[Path]:
    """Files that no submission may change, nor create."""
    import json as json_module

    import numpy

    import aulac

    paths = sysconfig.get_paths()
    names = [
        *(numpy.__file__, aulac.__file__, json_module.__cached__),
        *(sys.executable, f"{sys.prefix}/pyvenv.cfg"),
        f"{paths['purelib']}/usercustomize.py",
        *("/etc/ld.so.preload", "/etc/environment", "/etc/cron.d/x"),
        *("/root/.profile", "/var/spool/cron/crontabs/root"),
        *("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"),
    ]
    home = [Path("~/.bashrc"), Path("~/.ssh/authorized_keys")]
    return [Path(str(n)) for n in names] + [p.expanduser() for p in home]


def _addresses() -> list[str]:
    """This machine's own addresses other than the loopback's."""
    with suppress(OSError):
        return sorted(
            {
                str(info[4][0])
                for info in socket.getaddrinfo(
                    socket.gethostname(), None, socket.AF_INET
                )
            }
        )
    return []
