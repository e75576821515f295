"""Run the benchmarks of this folder and write the results with their machine.

    python benchmarks/run.py [--quick] [--resume] [--list] [NAME ...]

A benchmark is a file with `main(quick: bool) -> dict`: a flat or nested dictionary of
numbers and short texts. Besides:

- `TITLE` and `LABELS`: its name and the keys of its result in both languages
- `MINUTES`: what it takes on two idle cores; it is stopped at three times that
- `notes` in the result: how the numbers were taken, in both languages
- `charts` in the result: bars that the book draws (see `book/pages/results.md`)

Each runs in a process of its own, so none warms or slows another; what it prints goes
to `build/benchmarks/NAME.log`. `benchmarks/results/DATE-MACHINE.json` and `.md` are
written anew after each, so Ctrl-C keeps what is done and `--resume` goes on. A `--quick`
run is a look, not a result: it goes to `build/benchmarks`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
BUILD = HERE.parent / "build" / "benchmarks"
PATIENCE = 3  # times MINUTES until a benchmark is stopped
GRACE = 20  # seconds it has to end after a signal
SIDE = ("labels", "charts", "curves")  # parts of a result that are no numbers

Report = dict[str, Any]
Show = Callable[[float], None]  # called with the seconds so far


@dataclass(frozen=True)
class Benchmark:
    """A file with `main(quick)`, as it describes itself."""

    file: Path
    summary: str
    title: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    minutes: float = 1.0

    @property
    def name(self) -> str:
        return self.file.stem

    def words(self, found: Report) -> Report:
        """Its title and the words for what its result holds."""
        labels = self.labels | found.get("labels", {})
        held = json.dumps(found, ensure_ascii=False)
        used = {key: words for key, words in labels.items() if key in held}
        return {"title": self.title, "labels": used}


def benchmarks(folder: Path = HERE) -> dict[str, Benchmark]:
    """The benchmarks of a folder by name, read without running them."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        if made := described(file):
            found[made.name] = made
    return found


def described(file: Path) -> Benchmark | None:
    """What a file says of itself; None when it has no `main(quick)`.

    Raises SystemExit when TITLE, LABELS or MINUTES is not written out.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said: dict[str, Any] = {}
    runs = False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            runs = [a.arg for a in node.args.args] == ["quick"]
        if isinstance(node, ast.Assign) and isinstance(
            node.targets[0], ast.Name
        ):
            name = node.targets[0].id
            if name in ("TITLE", "LABELS", "MINUTES"):
                said[name.lower()] = literal(node.value, file, name)
    summary = (ast.get_docstring(tree) or "").split("\n")[0]
    return Benchmark(file, summary, **said) if runs else None


def literal(value: ast.expr, file: Path, name: str) -> Any:
    """The value of a constant that is written out in a file."""
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise SystemExit(
            f"{file.name}: {name} must be written out, so that it can be read "
            "without running the file."
        ) from None


# ---- the machine


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": load(),  # other work on the machine when the run began
    }


def load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cpu_name() -> str:
    """The processor's own name where the system tells it."""
    try:
        found = re.search(
            r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text()
        )
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def place(of: dict[str, Any]) -> str:
    """A machine's name for a file: the card's where there is one."""
    name = str(of["gpu"] or of["cpu"]).lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")


# ---- one benchmark


def call(file: Path, quick: bool, to: Path) -> None:
    """Run `main(quick)` of one benchmark in this process; its result goes to `to`."""
    sys.path.insert(
        0, str(file.parent)
    )  # benchmarks share parts of each other
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} cannot be read as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    to.write_text(json.dumps(module.main(quick), ensure_ascii=False))


@contextlib.contextmanager
def child(
    command: list[str], log: Path, grace: float
) -> Iterator[subprocess.Popen]:
    """A process that ends with this block, and all below it."""
    with log.open("w") as out:
        # a session of its own, so that a signal to its group reaches all it started
        process = subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            end(process, grace)


def end(process: subprocess.Popen, grace: float) -> None:
    """Ask a process group to end as Ctrl-C does, then make it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def watched(
    command: list[str],
    to: Path,
    limit: float,
    show: Show,
    grace: float = GRACE,
) -> Report:
    """What a command wrote to `to` (JSON), with its `seconds` and the `load` before.

    It is stopped after `limit` seconds. Then, and when it fails, `error` says so,
    beside whatever it had written.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    log, before, began = to.with_suffix(".log"), load(), time.perf_counter()
    with child([*command, "--to", str(to)], log, grace) as process:
        while process.poll() is None:
            seconds = time.perf_counter() - began
            if seconds > limit:
                break
            show(seconds)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        status = process.poll()
    found: Report = json.loads(to.read_text()) if to.exists() else {}
    found |= {"seconds": round(time.perf_counter() - began, 1), "load": before}
    if status is None:
        found["error"] = f"stopped after {round(limit)} seconds"
    elif status or not to.exists():
        found["error"] = f"ended with status {status}: {last_words(log)}"
    return found


def last_words(log: Path) -> str:
    """The last line that is not empty."""
    said = log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(said) if line.strip()), "")[:300]


def run_one(one: Benchmark, quick: bool, show: Show, folder: Path) -> Report:
    """The result of one benchmark, or the `error` that it ended with."""
    limit = 60 * (1 + PATIENCE * one.minutes)
    to = folder / f"{one.name}.json"
    found = watched(inside(one.file, quick), to, limit, show)
    return found | one.words(found)


def inside(file: Path, quick: bool) -> list[str]:
    """The command that runs `main(quick)` of one benchmark (see `call`)."""
    command = [sys.executable, str(HERE / "run.py"), "--inside", str(file)]
    return command + ["--quick"] * quick


# ---- the report


def rows(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested dictionary as lines of a table: `a / b`, value."""
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        if key in SIDE and not prefix:
            continue
        label = f"{prefix}{key}".replace("|", "\\|")
        if isinstance(value, dict) and set(value) == {"vi", "en"}:
            flat.append((label, str(value["en"])))
        elif isinstance(value, dict):
            flat += rows(value, f"{label} / ")
        elif isinstance(value, float):
            flat.append(
                (label, f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}")
            )
        else:
            flat.append((label, str(value).replace("|", "\\|")))
    return flat


def markdown(report: Report) -> str:
    """The report as a page."""
    lines = [
        f"# Measured on {report['date']}",
        "",
        "| machine | |",
        "|---|---|",
    ]
    lines += [f"| {key} | {value} |" for key, value in rows(report["machine"])]
    for name, values in report["benchmarks"].items():
        lines += ["", f"## {name}", "", "| | |", "|---|---:|"]
        lines += [f"| {key} | {value} |" for key, value in rows(values)]
    return "\n".join(lines) + "\n"


def opened(folder: Path, quick: bool) -> tuple[Path, Report]:
    """Today's file of this machine, and what it holds already."""
    report: Report = {"date": date.today().isoformat(), "machine": machine()}
    report |= {"quick": quick, "benchmarks": {}}
    file = folder / f"{report['date']}-{place(report['machine'])}.json"
    if file.exists():
        report["benchmarks"] = json.loads(file.read_text())["benchmarks"]
    return file, report


def save(file: Path, report: Report) -> None:
    """Write the report whole: a reader never meets half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    part.replace(file)
    file.with_suffix(".md").write_text(markdown(report))


# ---- the command


class Progress:
    """Which benchmark runs, for how long, and when all will be done."""

    def __init__(self, todo: list[Benchmark], quick: bool) -> None:
        self.todo, self.quick = todo, quick
        self.live = sys.stderr.isatty()

    def start(self, place: int) -> Show:
        """Say that one begins; returns what is called while it runs."""
        one = self.todo[place]
        head = f"[{place + 1}/{len(self.todo)}] {one.name}"
        later = sum(other.minutes for other in self.todo[place + 1 :])
        about = (
            "" if self.quick else f", about {clock(60 * one.minutes)} alone"
        )
        if not self.live:
            print(f"{head}{about}", file=sys.stderr, flush=True)

        def show(seconds: float) -> None:
            if not self.live:
                return
            left = max(0.0, 60 * one.minutes - seconds) + 60 * later
            tail = "" if self.quick else f", all done in {clock(left)}"
            print(
                f"\r\033[K{head} {clock(seconds)}{about}{tail}",
                end="",
                file=sys.stderr,
                flush=True,
            )

        return show

    def done(self, one: Benchmark, values: Report) -> None:
        start = "\r\033[K" if self.live else ""
        said = values.get("error", "done")
        line = f"{start}{one.name}: {clock(values['seconds'])}, {said}"
        print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """`3:07`, minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def listing(known: dict[str, Benchmark]) -> str:
    """Every benchmark with its minutes and what it does."""
    width = max(map(len, known), default=0)
    lines = [
        f"{one.name:{width}}  {one.minutes:4.1f} min  {one.summary}"
        for one in known.values()
    ]
    total = sum(one.minutes for one in known.values())
    return "\n".join([*lines, f"{'together':{width}}  {total:4.1f} min"])


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument(
        "names", nargs="*", help="benchmarks to run, all by default"
    )
    made.add_argument(
        "--quick", action="store_true", help="a rough look, into build/"
    )
    made.add_argument(
        "--resume",
        action="store_true",
        help="leave out what today's file of this machine holds already",
    )
    made.add_argument("--list", action="store_true", help="name them and end")
    made.add_argument(
        "--folder", type=Path, default=HERE, help="where the benchmarks are"
    )
    made.add_argument("--out", type=Path, help="where the results go")
    made.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    made.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    return made


def main() -> None:
    options = parser().parse_args()
    if options.inside:
        call(options.inside, options.quick, options.to)
        return
    known = benchmarks(options.folder)
    if options.list:
        print(listing(known))
        return
    if unknown := set(options.names) - set(known):
        raise SystemExit(
            f"no benchmark {sorted(unknown)}: choose of {[*known]}."
        )
    folder = options.out or (BUILD if options.quick else RESULTS)
    file, report = opened(folder, options.quick)
    names = options.names or list(known)
    if options.resume:
        held = {n for n, v in report["benchmarks"].items() if "error" not in v}
        names = [name for name in names if name not in held]
    work = options.out / "work" if options.out else BUILD
    failed = run_all([known[name] for name in names], file, report, work)
    print(markdown(report))
    print(f"{file}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


def run_all(
    todo: list[Benchmark], file: Path, report: Report, work: Path
) -> bool:
    """Run one after another and save after each; whether any failed.

    Raises SystemExit (130) after Ctrl-C, with what is done saved.
    """
    progress, quick = Progress(todo, report["quick"]), report["quick"]
    failed = False
    for at, one in enumerate(todo):
        try:
            values = run_one(one, quick, progress.start(at), work)
        except KeyboardInterrupt:
            kept = ", ".join(report["benchmarks"]) or "nothing yet"
            said = f"\nstopped; kept: {kept}. Go on with --resume."
            print(said, file=sys.stderr)
            raise SystemExit(130) from None
        progress.done(one, values)
        failed |= "error" in values
        report["benchmarks"][one.name] = values
        save(file, report)
    return failed


if __name__ == "__main__":
    main()
