"""What one box may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Bounds on one box: a whole process tree.

    `memory_mb` is what the tree adds to its warm parent, in MiB, its files in memory
    included. `cpu_seconds` is processor time for one cell or question, so that a busy
    machine changes no outcome; `wall_seconds` the backstop for what sleeps.
    `processes` counts threads too. `file_mb`, in MiB, bounds each file and each of the
    box's file systems; `output_kb`, in KiB, what may be printed; `open_files` each
    process's descriptors.
    """

    memory_mb: int = 2048
    cpu_seconds: float = 20.0
    wall_seconds: float = 120.0
    processes: int = 64
    file_mb: int = 64
    output_kb: int = 256
    open_files: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(
                    f"Limits.{name} is {value}: it must be more than 0."
                )
