"""A course directory with one assignment, and ways to hand in to it."""

from __future__ import annotations

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.grader.rebuild_sample import NAME, answered, source_bytes

from aulac_grader.grade.course.course import Course

FILE = f"{NAME}.ipynb"


def make_course(root: Path, config: str = "c = get_config()\n") -> Course:
    (root / "source" / NAME).mkdir(parents=True)
    (root / "source" / NAME / FILE).write_bytes(source_bytes())
    (root / "nbgrader_config.py").write_text(config)
    return Course.open(root)


def work(name: str = "", **answers: str) -> bytes:
    """A finished notebook; `name` makes it different from others."""
    book = answered()
    book["metadata"]["student"] = name
    for cell in book["cells"]:
        key = cell["id"].replace("-", "_")
        cell["source"] = answers.get(key, cell["source"])
    return json.dumps(book).encode()


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def special(name: str, mode: int, body: bytes = b"/etc/passwd") -> Any:
    """A zip entry of another file type, such as a link."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (mode | 0o777) << 16
    return info, body


LINK = stat.S_IFLNK
FIFO = stat.S_IFIFO
DEVICE = stat.S_IFCHR


def raw_entry(
    name: bytes,
    body: bytes,
    *,
    flags: int = 0,
    size: int | None = None,
    crc: int | None = None,
    method: int = 8,
    local: dict[str, int] | None = None,
) -> dict[str, Any]:
    """An entry for `raw_zip`, with whatever lies are asked for."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(body) + packer.flush() if method == 8 else body
    return {
        "name": name,
        "packed": packed,
        "flags": flags,
        "method": method,
        "crc": zlib.crc32(body) if crc is None else crc,
        "size": len(body) if size is None else size,
        "local": local or {},
    }


def raw_zip(entries: Iterable[dict[str, Any]], comment: bytes = b"") -> bytes:
    """A zip written by hand, byte by byte (APPNOTE 4.3)."""
    data, central, count = b"", b"", 0
    for entry in entries:
        name, packed = entry["name"], entry["packed"]
        at = entry.get("at", len(data))
        seen = entry | entry["local"]
        if "at" not in entry:
            data += struct.pack(
                "<4s5H3L2H",
                b"PK\3\4",
                20,
                entry["flags"],
                entry["method"],
                0,
                33,
                seen["crc"],
                len(packed),
                seen["size"],
                len(name),
                0,
            )
            data += name + packed
        central += struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            20,
            20,
            entry["flags"],
            entry["method"],
            0,
            33,
            entry["crc"],
            entry.get("claim", len(packed)),
            entry["size"],
            len(name),
            0,
            0,
            0,
            0,
            0,
            at,
        )
        central += name
        count += 1
    end = struct.pack(
        "<4s4H2LH",
        b"PK\5\6",
        0,
        0,
        count,
        count,
        len(central),
        len(data),
        len(comment),
    )
    return data + central + end + comment
