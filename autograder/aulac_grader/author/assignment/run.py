"""Run the code cells of one notebook, as a kernel would, and report what came of each.

A child process: reads a JSON job on standard input, writes a JSON report, a line a
cell, to the file it was given. Every cell runs even when one before
it failed, like nbgrader's execution. Far quicker to start than a kernel, which is what
proving dozens of variants needs; it is no sandbox and runs only the course's own code.

    job      {"cells": [{"id": …, "source": …}, …], "seconds": 20}
    report   [{"id", "result", "error", "stdout", "stderr", "seconds"}, …]
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

LIMIT = 20_000  # characters of output kept for each cell


class CellTimeoutError(BaseException):
    """A cell ran past its limit. Not an `Exception`: tests must not swallow it."""


def run_cells(
    cells: list[tuple[str, str]], seconds: float = 20, total: float = 120
) -> list[dict[str, Any]]:
    """Run `(id, source)` cells in a fresh process and return one report for each.

    A process that died or ran past `total` seconds yields reports with an error for
    the cells it did not reach.
    """
    job = {
        "seconds": seconds,
        "cells": [{"id": i, "source": s} for i, s in cells],
    }
    with tempfile.TemporaryDirectory(prefix="aulac-run-") as folder:
        report = Path(folder) / "report.jsonl"
        command = [sys.executable, "-m", __name__, str(report)]
        environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
        try:
            done = subprocess.run(
                command,
                input=json.dumps(job).encode(),
                capture_output=True,
                timeout=total,
                cwd=folder,
                env=environment,
                check=False,
            )
            ending = f"the process ended with status {done.returncode}"
        except subprocess.TimeoutExpired:
            ending = f"the process ran past {total:g} s"
        lines = report.read_text().splitlines() if report.is_file() else []
    reports = [json.loads(line) for line in lines if line.endswith("}")]
    for cell_id, _ in cells[len(reports) :]:
        reports.append(_report(cell_id, error=("ProcessEnded", ending)))
    return reports


def _report(
    cell_id: str,
    result: str | None = None,
    error: tuple[str, str] | None = None,
    stdout: str = "",
    stderr: str = "",
    seconds: float = 0.0,
) -> dict[str, Any]:
    return {
        "id": cell_id,
        "result": result,
        "error": list(error) if error else None,
        "stdout": stdout[:LIMIT],
        "stderr": stderr[:LIMIT],
        "seconds": round(seconds, 4),
    }


def _out_of_time(*_: Any) -> None:
    raise CellTimeoutError("the cell ran past its time limit")


def _execute(
    source: str, cell_id: str, namespace: dict[str, Any]
) -> str | None:
    """Run a cell; the text of its last expression, as a kernel would display it."""
    tree = ast.parse(source, filename=f"<{cell_id}>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, f"<{cell_id}>", "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(
        compile(ast.Expression(last.value), f"<{cell_id}>", "eval"), namespace
    )
    return None if value is None else repr(value)


def _run_one(
    cell: dict[str, str], namespace: dict[str, Any], seconds: float
) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    result, error, start = None, None, time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            result = _execute(cell["source"], cell["id"], namespace)
    except BaseException as caught:  # SystemExit too: a cell may call exit()
        error = (type(caught).__name__, str(caught)[:2000])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    spent = time.perf_counter() - start
    return _report(
        cell["id"], result, error, out.getvalue(), err.getvalue(), spent
    )


def main() -> None:
    job = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, _out_of_time)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # dataclasses look their module up there
    with Path(sys.argv[1]).open("w") as report:
        for cell in job["cells"]:
            line = _run_one(cell, module.__dict__, job["seconds"])
            report.write(json.dumps(line) + "\n")
            report.flush()


if __name__ == "__main__":
    main()
