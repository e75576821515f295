"""Which walls hold on this machine, tried from inside, by both ways in.

Nothing here is concluded from a version or a setting: a probe runs in a real box, tries
what each wall is there to stop, and tells what came of it.
"""

from __future__ import annotations

import json
import os
import platform
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .bubblewrap import command
from .cgroup import place
from .fork import enter
from .limits import Limits
from .walls import SandboxUnavailable, Walls
from .watchdog import children, kill_tree

WAYS = ("bubblewrap", "fork")
_LIMITS = Limits(memory_mb=256, processes=32, file_mb=8, wall_seconds=30)
_SECRET = "AULAC_SANDBOX_SECRET"
_SECONDS = 60.0

# What each wall stops, and the kernel's means for it.
WALLS = {
    "files": ("other files of the machine", "mount namespace, pivot_root"),
    "read-only": ("changes to the environment", "read-only bind mounts"),
    "processes": ("other processes", "pid namespace, own /proc"),
    "network": ("the network, sockets of others", "net namespace, seccomp"),
    "environment": ("the caller's variables", "cleared environment"),
    "descriptors": ("the caller's open files", "closed on entry"),
    "devices": ("disks, memory, terminals", "a few device nodes"),
    "privileges": (
        "a way back to privileges",
        "no capabilities, no_new_privs",
    ),
    "system calls": ("calls no notebook needs", "seccomp filter"),
    "memory": ("memory of one process", "RLIMIT_DATA"),
    "forks": ("processes without end", "RLIMIT_NPROC in a user namespace"),
    "disk": ("files without end", "tmpfs size, RLIMIT_FSIZE"),
    "death": ("outliving the box", "pid 1 of the namespace"),
}

_PROBE = """
import ctypes, json, os, resource, socket, sys, time
told = json.loads(sys.argv[1])
found = {}
def fails(call, *words):
    try:
        call(*words)
    except (OSError, MemoryError, ValueError):
        return True
    return False
def dial(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
def status(name):
    for line in open('/proc/self/status'):
        if line.startswith(name + ':'):
            return line.split()[1]
found['files'] = not any(map(os.path.exists, told['files']))
found['read-only'] = all(
    fails(open, os.path.join(p, 'aulac-probe'), 'w') for p in told['folders'])
found['processes'] = (len([p for p in os.listdir('/proc') if p.isdigit()]) <= 4
    and fails(os.kill, told['pid'], 0))
found['network'] = (fails(dial, socket.AF_INET, ('127.0.0.1', told['port']))
    and fails(dial, socket.AF_UNIX, told['abstract']))
found['environment'] = told['secret'] not in os.environ
links = []
for fd in os.listdir('/proc/self/fd'):
    try: links.append(os.readlink('/proc/self/fd/' + fd))
    except OSError: pass
found['descriptors'] = not any(told['held'] in link for link in links)
found['devices'] = not set(os.listdir('/dev')) - {
    'null', 'zero', 'full', 'random', 'urandom', 'tty', 'pts', 'ptmx', 'shm',
    'fd', 'stdin', 'stdout', 'stderr', 'core', 'console'}
found['privileges'] = (status('NoNewPrivs') == '1' and os.getuid() != 0
    and all(int(status(n), 16) == 0 for n in ('CapPrm', 'CapEff', 'CapBnd')))
libc = ctypes.CDLL(None, use_errno=True)
found['system calls'] = status('Seccomp') == '2' and libc.unshare(0x10000000) != 0
found['memory'] = fails(bytearray, 2 * told['memory'])
def flood():
    with open('flood', 'wb') as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
found['disk'] = fails(flood)
kids = 0
try:
    while kids < 100:
        if os.fork() == 0:
            os.setsid()
            for fd in range(64):
                try: os.close(fd)
                except OSError: pass
            time.sleep(600)
        kids += 1
except OSError:
    pass
found['forks'] = kids < 40
"""


@dataclass(frozen=True)
class Check:
    """One wall by one way in: whether it holds, by what means, and what was seen."""

    way: str
    wall: str
    holds: bool
    how: str
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """What holds on this machine. `tier` says how limits on a whole box are held."""

    checks: tuple[Check, ...]
    tier: str
    advice: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether every wall holds, by every way in."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def to_json(self) -> str:
        fields = asdict(self) | {"usable": self.usable}
        return json.dumps(fields, indent=2)


def self_check() -> Report:
    """Try every wall, by both ways in. Takes about a second."""
    tier = "cgroup v2" if place() else "rlimits and watchdog"
    checks: list[Check] = []
    for way in WAYS:
        try:
            found = _probe(way)
        except (SandboxUnavailable, OSError) as error:
            checks.append(Check(way, "box", False, "", str(error)))
            continue
        for wall, (what, how) in WALLS.items():
            holds = found.get(wall) is True
            detail = "" if holds else f"{what}: reached from inside"
            checks.append(Check(way, wall, holds, how, detail))
    report = Report(tuple(checks), tier)
    return report if report.usable else Report(tuple(checks), tier, advice())


@cache
def unavailable() -> str | None:
    """Why nothing can be isolated here, with what to do; None where it can be.

    Tries both ways in, once in a process.
    """
    for way in WAYS:
        try:
            _run(way, "found = {}\n", {})
        except SandboxUnavailable as error:
            return " ".join([str(error), *advice()])
    return None


# --- the probe ----------------------------------------------------------------


def _probe(way: str) -> dict[str, bool]:
    """Run the probe in a box; what it found, and whether the box left anything.

    Raises:
        SandboxUnavailable: the box could not be made, or said nothing.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX) as abstract,
        tempfile.NamedTemporaryFile(prefix="aulac-held-") as held,
    ):
        name = f"\0aulac-{os.getpid()}-{way}"
        abstract.bind(name)
        abstract.listen()
        os.set_inheritable(held.fileno(), True)
        told = {
            "files": [held.name, str(Path(__file__).resolve()), "/etc/shadow"],
            "folders": ["/", "/usr/lib", "/etc", sys.prefix, "/dev", "/proc"],
            "pid": os.getpid(),
            "port": listening.getsockname()[1],
            "abstract": name,
            "secret": _SECRET,
            "held": held.name,
            "memory": _LIMITS.memory_mb << 20,
        }
        return _run(way, _PROBE, told)


def _run(way: str, probe: str, told: dict[str, Any]) -> dict[str, bool]:
    """A parent of its own makes the box, so that nobody else's child is touched."""
    request = json.dumps({"way": way, "probe": probe, "told": told})
    if sys.platform != "linux":
        raise SandboxUnavailable(f"{platform.system()} has no namespaces.")
    parent = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from {__name__} import parent; parent()",
        ],
        input=request,
        capture_output=True,
        text=True,
        env={**os.environ, _SECRET: "of the caller"},
        close_fds=False,
        timeout=_SECONDS * 2,
    )
    if parent.returncode != 0:
        raise SandboxUnavailable(_last_line(parent.stderr))
    found: dict[str, Any] = json.loads(parent.stdout)
    if "error" in found:
        raise SandboxUnavailable(found["error"])
    return found


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["The probe said nothing."])[-1]


def parent() -> None:
    """The program that makes one box: a request on standard input, what was found on
    standard output."""
    request = json.loads(sys.stdin.read())
    start = _cold if request["way"] == "bubblewrap" else _forked
    read, write = os.pipe()
    source = request["probe"] + "\nprint(json.dumps(found), flush=True)\n"
    source = "import json\n" + source
    pid = start(source, json.dumps(request["told"]), write)
    os.close(write)
    text = _collect(read, pid)
    os.waitpid(pid, 0)
    try:
        found = json.loads(text)
    except ValueError:
        found = {"error": _last_line(text.decode(errors="replace"))}
    else:
        found["death"] = not children(os.getpid())
    print(json.dumps(found))


def _collect(read: int, pid: int) -> bytes:
    data = b""
    while select.select([read], [], [], _SECONDS)[0]:
        block = os.read(read, 1 << 16)
        if not block:
            return data
        data += block
    kill_tree(pid)
    return data


def _cold(source: str, told: str, write: int) -> int:
    words = [sys.executable, "-I", "-S", "-c", source, told]
    box = subprocess.Popen(
        command(Walls(limits=_LIMITS), words),
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=write,
        close_fds=False,
    )
    box.returncode = 0  # `parent` waits for it by number
    return box.pid


def _forked(source: str, told: str, write: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        enter(Walls(limits=_LIMITS), 0, [write])
    except SandboxUnavailable as error:
        os.write(write, f"{error}\n".encode())
        os._exit(1)
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.close(write)
    try:
        sys.argv = ["probe", told]
        exec(compile(source, "probe", "exec"), {"__name__": "__main__"})
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


# --- what to do ---------------------------------------------------------------


def advice() -> tuple[str, ...]:
    """What this machine would have to be told, as far as can be seen."""
    if sys.platform != "linux":
        return (
            "Boxes need Linux: use a Linux virtual machine (on Windows WSL 2, on "
            "macOS for instance Lima or Multipass), or grade on a Linux server.",
        )
    found = [text for applies, text in _ADVICE if applies()]
    return tuple(found or [_UNKNOWN])


def _setting(name: str, value: str) -> Callable[[], bool]:
    def applies() -> bool:
        try:
            return Path("/proc/sys", name).read_text().strip() == value
        except OSError:
            return False

    return applies


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _old_kernel() -> bool:
    major, minor = platform.release().split(".")[:2]
    return (int(major), int(minor.split("-")[0])) < (5, 12)


def _closed_environment() -> bool:
    """Whether root keeps the environment to itself, so that no other user can read it."""
    return os.getuid() == 0 and any(
        path.stat().st_mode & 0o005 != 0o005
        for path in Walls().readable
        if path.is_dir()
    )


_UNKNOWN = (
    "No setting was found that forbids it: look at the message above, and at the "
    "system's log (dmesg, journalctl -k)."
)
_ADVICE: tuple[tuple[Callable[[], bool], str], ...] = (
    (
        _setting("kernel/apparmor_restrict_unprivileged_userns", "1"),
        "Ubuntu's AppArmor restricts user namespaces: `sudo sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0`, and the same line without "
        "`sysctl -w` in /etc/sysctl.d/60-userns.conf to keep it.",
    ),
    (
        _setting("kernel/unprivileged_userns_clone", "0"),
        "User namespaces are off: `sudo sysctl -w kernel.unprivileged_userns_clone=1`.",
    ),
    (
        _setting("user/max_user_namespaces", "0"),
        "User namespaces are off: `sudo sysctl -w user.max_user_namespaces=15000`.",
    ),
    (
        _in_container,
        "This is a container, whose runtime may forbid namespaces or hide parts of "
        "/proc: start it with `docker run --security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt systempaths=unconfined` "
        "(podman: `--security-opt unmask=ALL`), or grade outside.",
    ),
    (
        _old_kernel,
        "Linux 5.12 or later is needed (Ubuntu 22.04, Debian 12, RHEL 9).",
    ),
    (
        lambda: platform.machine() not in ("x86_64", "aarch64"),
        "Only x86_64 and aarch64 have a list of system calls.",
    ),
    (
        _closed_environment,
        "Root's environment cannot be read by others, and a box is another user: "
        "`chmod -R a+rX` it, or make it anew with umask 022.",
    ),
)
