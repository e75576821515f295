"""Run every benchmark of this folder and write the results with their machine.

    python benchmarks/run.py [--quick] [NAME ...]

A benchmark is a file with `main(quick: bool) -> dict`: a flat or nested dictionary of
numbers and short texts; `notes` in it, if any, says how they were taken. Each runs in a
process of its own, so none warms or slows another. Results go to
`benchmarks/results/DATE-MACHINE.json` and `.md`.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def benchmarks() -> list[str]:
    """Names of the files here that define `main(quick)`, found without running them."""
    names = []
    for file in sorted(HERE.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "main":
                arguments = [a.arg for a in node.args.args]
                if arguments == ["quick"]:
                    names.append(file.stem)
    return names


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": load,  # other work on the machine when the run began
    }


def cpu_name() -> str:
    """The processor's own name where the system tells it."""
    try:
        found = re.search(
            r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text()
        )
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def call(name: str, quick: bool) -> dict[str, Any]:
    """`main(quick)` of one benchmark, in this process."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"there is no benchmark {name}: see {HERE}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module.main(quick)


def run_one(name: str, quick: bool) -> dict[str, Any]:
    """`main(quick)` of one benchmark, in a process of its own."""
    print(f"{name} …", flush=True)
    began = time.perf_counter()
    flags = ["--quick"] if quick else []
    done = subprocess.run(
        [sys.executable, __file__, *flags, "--inside", name],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = round(time.perf_counter() - began, 1)
    if done.returncode:
        return {
            "error": f"ended with status {done.returncode}",
            "seconds": seconds,
        }
    return json.loads(done.stdout.splitlines()[-1]) | {"seconds": seconds}


def rows(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested dictionary as lines of a table: `a / b`, value."""
    flat: list[tuple[str, str]] = []
    for key, value in values.items():
        label = f"{prefix}{key}".replace("|", "\\|")
        if isinstance(value, dict):
            flat += rows(value, f"{label} / ")
        elif isinstance(value, float):
            flat.append(
                (label, f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}")
            )
        else:
            flat.append((label, str(value).replace("|", "\\|")))
    return flat


def markdown(report: dict[str, Any]) -> str:
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "names", nargs="*", help="benchmarks to run, all by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a rough first look"
    )
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print("\n" + json.dumps(call(options.inside, options.quick)))
        return
    known = benchmarks()
    if unknown := set(options.names) - set(known):
        raise SystemExit(f"no benchmark {sorted(unknown)}: choose of {known}.")
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine(),
    }
    report["quick"] = options.quick
    report["benchmarks"] = {
        name: run_one(name, options.quick) for name in options.names or known
    }
    RESULTS.mkdir(exist_ok=True)
    place = re.sub(
        r"[^a-z0-9]+", "-", str(report["machine"]["cpu"]).lower()
    ).strip("-")
    if report["machine"]["gpu"]:
        place = re.sub(r"[^a-z0-9]+", "-", report["machine"]["gpu"].lower())
    file = RESULTS / f"{report['date']}-{place}.json"
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    file.with_suffix(".md").write_text(markdown(report))
    print(markdown(report))
    if any("error" in values for values in report["benchmarks"].values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
