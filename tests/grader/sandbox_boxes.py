"""Real boxes for tests: run a piece of Python inside one, by either way in, as root or
as an ordinary user, and get back what it found.

As a program (`python sandbox_boxes.py USER`) it is a parent like the zygote: it becomes
USER, then walls in a child for each request on its standard input. With a script behind
USER it runs that as this user.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aulac_grader.sandbox import linux
from aulac_grader.sandbox.bubblewrap import command
from aulac_grader.sandbox.fork import enter
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import Walls
from aulac_grader.sandbox.watchdog import Watchdog, kill_tree

ORDINARY = 12345
WAYS = ("fork", "bubblewrap")
USERS = ("root", "ordinary") if os.getuid() == 0 else ("ordinary",)
BOXES = [f"{way}-{user}" for way in WAYS for user in USERS]
SECONDS = 30.0

_REPORT = (
    "\nimport json as _json, os as _os\n"
    "_os.write({fd}, _json.dumps(result).encode())\n"
)


class Parents:
    """One warm parent for each kind of user; `run` asks it for a box."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[str]] = {}

    def run(
        self,
        box: str,
        source: str,
        *,
        limits: Limits | None = None,
        folder: Path | None = None,
        watch: bool = False,
    ) -> dict[str, Any]:
        """Run `source` in a new box; it leaves what it found in `result`.

        Returns result (None when it left none), status (the exit status of the box's
        outer process), why (the watchdog's), printed (what came on standard output and
        error, bubblewrap only), alive (the box's processes, after its end).
        """
        way, user = box.split("-")
        parent = self._parent(user)
        assert parent.stdin is not None and parent.stdout is not None
        request = {
            "way": way,
            "source": source,
            "limits": asdict(limits or Limits()),
            "folder": str(folder) if folder else None,
            "watch": watch,
        }
        parent.stdin.write(json.dumps(request) + "\n")
        parent.stdin.flush()
        reply = parent.stdout.readline()
        if not reply:
            raise RuntimeError(f"The {user} parent ended.")
        found: dict[str, Any] = json.loads(reply)
        return found

    def pid(self, user: str) -> int:
        return self._parent(user).pid

    def close(self) -> None:
        for parent in self.running.values():
            assert parent.stdin is not None
            parent.stdin.close()
            parent.wait(30)

    def _parent(self, user: str) -> subprocess.Popen[str]:
        if user not in self.running:
            self.running[user] = subprocess.Popen(
                [sys.executable, __file__, user],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # A secret that no box may find.
                env={**os.environ, "AULAC_TEST_SECRET": "of the parent"},
            )
        return self.running[user]


def become_ordinary() -> None:
    """Another user on the same machine, with the interpreter in reach.

    An interpreter in root's closed home is put where a user can get at it: in a mount
    namespace of this process's own.
    """
    base = Path(sys.base_prefix)
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE, "")
    closed = [p for p in base.parents if not p.stat().st_mode & 0o001]
    if closed:
        tree = linux.open_tree(str(base))
        linux.mount("tmpfs", str(closed[-1]), "tmpfs", 0, "mode=755")
        base.mkdir(parents=True)
        linux.attach(tree, str(base))
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)


def serve() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    folder = Path(request["folder"]) if request["folder"] else None
    walls = Walls(writable=folder, limits=limits)
    start = forked if request["way"] == "fork" else cold
    pid, read = start(walls, request["source"])
    watchdog = Watchdog(pid, limits, seconds=0.02)
    if request["watch"]:
        watchdog.start()
    data = collect(read, pid)
    _, status = os.waitpid(pid, 0)
    watchdog.stop()
    report, _, printed = data.partition(b"\0")
    try:
        result = json.loads(report) if report else None
    except ValueError:  # two of them spoke
        result, printed = None, data
    return {
        "result": result,
        "printed": printed.decode(errors="replace"),
        "status": os.waitstatus_to_exitcode(status),
        "why": watchdog.why,
        "peak_mb": watchdog.peak_mb,
    }


def collect(read: int, pid: int) -> bytes:
    """All that comes, until everybody who could write has ended."""
    data, deadline = b"", time.monotonic() + SECONDS
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([read], [], [], left)[0]:
            kill_tree(pid)
            break
        block = os.read(read, 1 << 16)
        if not block:
            break
        data += block
    os.close(read)
    return data


def forked(walls: Walls, source: str) -> tuple[int, int]:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        enter(walls, 5, [write])
        names = {"__name__": "__main__"}
        exec(compile(source + _REPORT.format(fd=write), "box", "exec"), names)
    except BaseException as error:
        os.write(write, b"\0" + repr(error).encode())
        os._exit(1)
    os._exit(0)


def cold(walls: Walls, source: str) -> tuple[int, int]:
    read, write = os.pipe()
    report = _REPORT.format(fd=1) + "_os.write(1, b'\\0')\n"
    words = [sys.executable, "-c", source + report]
    process = subprocess.Popen(
        command(walls, words, uid_slot=6),
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=write,
    )
    os.close(write)
    pid = process.pid
    process.returncode = 0  # it is waited for by number
    return pid, read


def main() -> None:
    user, *script = sys.argv[1:]
    if user == "ordinary" and os.getuid() == 0:
        become_ordinary()
    if script:
        sys.argv = script
        runpy.run_path(script[0], run_name="__main__")
    else:
        serve()


if __name__ == "__main__":
    main()
