"""Everything that must hold, step after step, with one table at the end.

`make test` runs all of it; `--fast` leaves out the lessons and the book. A step that
fails does not stop the ones after it: one run shows everything that is wrong.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
BESIDE = (
    "types"  # uses one core for minutes, so it begins first and runs alongside
)
LAST = "tests"


def steps(fast: bool) -> list[tuple[str, list[str]]]:
    """Name and command of each step, in order."""
    aulac = str(BIN / "aulac")
    static = [
        (BESIDE, [str(BIN / "mypy")]),
        ("lint", [str(BIN / "ruff"), "check", "."]),
        ("format", [str(BIN / "ruff"), "format", "--check", "."]),
        ("lessons not stale", [aulac, "lessons", "build", "--check"]),
        ("lessons lint", [aulac, "lessons", "lint"]),
    ]
    course = [
        ("assignments", [aulac, "assignment", "check"]),
        ("lessons run", [aulac, "lessons", "verify", "--scale", "tiny"]),
        ("book", [aulac, "book", "build"]),
    ]
    # --dist loadfile: fixtures that start a server or train a model are per file. They
    # keep the order of tests/conftest.py; xdist's own puts files of few tests last.
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
    ]
    return static + ([] if fast else course) + [(LAST, pytest)]


def do(
    name: str, command: list[str], to: IO[bytes] | None = None
) -> tuple[str, int, float]:
    """Run a step; its name, exit status and seconds. `to`: where it prints."""
    environment = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"
    }
    if name == LAST:
        # One thread a process: pytest-xdist already uses both cores.
        environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=to,
        stderr=subprocess.STDOUT if to else None,
    )
    return name, done.returncode, time.monotonic() - began


def announce(name: str, command: list[str]) -> None:
    words = [Path(command[0]).name, *command[1:]]
    print(f"\n== {name}: {' '.join(words)}", flush=True)


def run(todo: list[tuple[str, list[str]]]) -> list[tuple[str, int, float]]:
    """All steps; the first, which keeps to one core, beside those before the last."""
    first, *others, last = todo
    with tempfile.TemporaryFile() as printed, ThreadPoolExecutor(1) as thread:
        beside = thread.submit(do, *first, to=printed)
        rows = []
        for step in others:
            announce(*step)
            rows.append(do(*step))
        rows.append(beside.result())
        announce(*first)
        printed.seek(0)
        sys.stdout.buffer.write(printed.read())
        announce(*last)
        rows.append(do(*last))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fast", action="store_true", help="no lessons, no book"
    )
    rows = run(steps(parser.parse_args().fast))
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
