"""How much a submission may be. One table, in bytes and counts."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Caps:
    """The defaults are generous for honest work and small for a machine.

    A notebook full of printed output rarely passes 10 MB; a term's class archive
    rarely passes 2 GB.
    """

    notebook: int = 32 * MB
    helper: int = 4 * MB  # a file that the assignment does not ask for
    declared: int = 64 * MB  # a file that the assignment asks for
    total: int = 96 * MB  # everything kept of one student
    files: int = 100  # kept of one student
    seen: int = 5_000  # looked at, of one student
    depth: int = 8  # folders inside a student's folder
    name: int = 255  # bytes of one part of a name, as file systems have it
    ratio: int = 200  # unpacked bytes for one packed, above `ratio_from`
    ratio_from: int = 8 * MB
    archive: int = 16 << 30  # a class's zip
    entries: int = 200_000  # in a class's zip
    directory: int = 64 * MB  # a zip's central directory
    students: int = 20_000
