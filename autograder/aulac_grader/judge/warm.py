"""What both warm parents share, the student's and the judge's.

A zygote is warm with its environment, what it imports, how its memory lies; its
children begin alike: into the walls (`wall_in`), then the files (`place`).

Which modules those are follows from the trusted assignment alone, so that a course
without torch never waits for torch. A module that is not loaded ahead is loaded in the
child that asks for it: slower, with the same result.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import gc
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from aulac_grader.judge.wire.protocol import Channel
from aulac_grader.sandbox.fork import enter, set_limits
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import (
    SandboxUnavailable,
    Walls,
    default_variables,
    environment_paths,
)

CHANNEL = 3  # the descriptor that the zygote handed over

# Loaded ahead where an assignment imports them: known to start no thread on import.
WARM = frozenset(
    {
        "aulac",
        "matplotlib",
        "numpy",
        "PIL",
        "safetensors",
        "tokenizers",
        "torch",
        "tqdm",
    }
)
# What torch loads torch._dynamo and the like for, when it is first used: 1.4 s, which
# every submission or every test would wait for.
_HEAVY = ("optim", "assert_close")


def preload(sources: Iterable[str]) -> tuple[str, ...]:
    """The modules worth loading before these cells run, in the order of the alphabet.

    Cells that do not parse (they may hold a notebook's own commands) count for nothing.
    """
    names: set[str] = set()
    heavy = False
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        names |= _imports(tree)
        heavy = heavy or any(word in source for word in _HEAVY)
    names = {name for name in names if name.partition(".")[0] in WARM}
    if heavy and any(name.startswith("torch") for name in names):
        names.add("torch._dynamo")
    return tuple(sorted(names))


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def environment() -> dict[str, str]:
    """The whole environment of a zygote: nothing of the caller's gets in."""
    variables = default_variables() | {"MPLBACKEND": "agg"}
    del variables[
        "PYTHONDONTWRITEBYTECODE"
    ]  # compiled once, not at each start
    return variables


def warm(preload: Sequence[str]) -> None:
    """Import `preload`, then set all that lives apart from garbage collection.

    Frozen objects are not visited by a child's collector, which would write to their
    headers and so copy every page of them.

    Raises:
        RuntimeError: an import started a thread; a fork would lose it, and whatever
            lock it held.
    """
    for name in preload:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "numpy" in sys.modules:
        # It comes at the first seed otherwise: 10 ms, for every question.
        importlib.import_module("numpy.random")
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)  # loads what any seed needs
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(
            f"{threads} threads run after importing {', '.join(preload)}; a zygote "
            "must have one. Take the module that starts threads off the list."
        )
    gc.collect()
    gc.freeze()
    _collapse()


def _collapse() -> None:
    """Back private memory by huge pages: madvise(2), MADV_COLLAPSE, Linux 6.1.

    A fork copies a page table entry for each page, and there are 512 times fewer of
    them: with torch loaded a fork took 1.4 ms instead of 8.7, and with the child's end
    5 ms instead of 19. Where the kernel has no such thing, nothing happens.
    """
    collapse, huge = 25, 1 << 21
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        words = line.split()
        private = len(words) < 6 or words[5] == "[heap]"
        if not (private and words[1] == "rw-p"):
            continue
        first, last = (int(word, 16) for word in words[0].split("-"))
        first, last = -(-first // huge) * huge, last // huge * huge
        if last > first:
            libc.madvise(first, last - first, collapse)


def wall_in(
    channel: Channel, limits: dict[str, Any], slot: int, folder: str | None
) -> bool:
    """Enter the walls and say so; False, with the reason sent, when that failed.

    Where the instructor wants no walls, `folder` is the place to work in instead.
    """
    bounds = Limits(**limits)
    if folder is not None:
        os.chdir(folder)
        os.setsid()
        set_limits(bounds)
        channel.send(["ready"])
        return True
    try:
        enter(Walls(readable(), None, bounds, environment()), slot, [CHANNEL])
    except SandboxUnavailable as error:
        channel.send(["refused", str(error)])
        return False
    channel.send(["ready"])
    return True


@cache
def readable() -> tuple[Path, ...]:
    """What a student process sees of the host; found once, before the first fork."""
    return tuple(environment_paths())


def place(files: list[list[Any]]) -> None:
    """Put the submitted code's files into the working folder, as far as there is room."""
    for name, data in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        with contextlib.suppress(OSError, ValueError):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data)
