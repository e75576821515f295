"""Everything that must hold, step after step, with one table at the end.

`make test` runs all of it; `--fast` leaves out the lessons and the book. A step that
fails does not stop the ones after it: one run shows everything that is wrong.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def steps(fast: bool) -> list[tuple[str, list[str]]]:
    """Name and command of each step, in order."""
    aulac = str(BIN / "aulac")
    static = [
        ("lint", [str(BIN / "ruff"), "check", "."]),
        ("format", [str(BIN / "ruff"), "format", "--check", "."]),
        ("types", [str(BIN / "mypy")]),
        ("lessons not stale", [aulac, "lessons", "build", "--check"]),
        ("lessons lint", [aulac, "lessons", "lint"]),
    ]
    course = [
        ("assignments", [aulac, "assignment", "check"]),
        ("lessons run", [aulac, "lessons", "verify", "--scale", "tiny"]),
        ("book", [aulac, "book", "build"]),
    ]
    # --dist loadfile: fixtures that start a server or train a model are per file.
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
    ]
    return static + ([] if fast else course) + [("tests", pytest)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fast", action="store_true", help="no lessons, no book"
    )
    fast = parser.parse_args().fast
    # One thread a process: pytest-xdist already uses both cores.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    rows = []
    for name, command in steps(fast):
        print(
            f"\n== {name}: {' '.join([Path(command[0]).name, *command[1:]])}",
            flush=True,
        )
        began = time.monotonic()
        own = (
            environment
            if name == "tests"
            else os.environ | {"PATH": environment["PATH"]}
        )
        code = subprocess.run(command, cwd=ROOT, env=own).returncode
        rows.append((name, code, time.monotonic() - began))
    print()
    for name, code, seconds in rows:
        print(
            f"{'ok' if code == 0 else f'exit {code}':<8} {seconds:7.1f} s  {name}"
        )
    failed = [name for name, code, _ in rows if code]
    print(
        "\nFailed: " + ", ".join(failed) if failed else "\nEverything holds."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
