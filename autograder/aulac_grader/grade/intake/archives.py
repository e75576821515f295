"""A zip file, read strictly and never expanded as a whole.

Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.4. Only what learning platforms
and desktops write is taken: stored and deflated entries, zip64, names in UTF-8 or in
code page 437. Python's `zipfile` gives up a whole archive at one bad name and trusts
sizes and places of entries; here each entry answers for itself:

- entries that share bytes (a zip bomb made of overlaps) are refused, each of them;
- a local header that disagrees with the directory is refused;
- unpacking stops at the size that the directory claims; a byte more or less, another
  CRC, bytes left over are refused, and so is a claim beyond the caps or the ratio.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .caps import Caps
from .entries import Entry, RefusedError

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1, 0x8, 0x800
_REGULAR, _FOLDER, _LINK = 0o10, 0o4, 0o12  # the top four bits of st_mode


class ArchiveError(ValueError):
    """The file as a whole cannot be read as a zip."""


class _Directory(NamedTuple):
    offset: int
    size: int
    entries: int
    shift: int  # bytes before the archive proper


@dataclass
class ZipEntry(Entry):
    """An entry of the central directory and the bytes `start`:`end` it takes up."""

    archive: BinaryIO | None = None
    method: int = 0
    packed: int = 0
    crc: int = 0
    header: int = 0
    start: int = 0

    def read(self, limit: int) -> bytes:
        if self.trouble:
            raise RefusedError(self.trouble)
        if self.size > limit:
            raise RefusedError("too_large", limit=limit)
        data = b"".join(self._unpacked())
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise RefusedError("damaged")
        return data

    def _packed(self) -> Iterator[bytes]:
        assert self.archive is not None
        self.archive.seek(self.start)
        left = self.packed
        while left:
            piece = self.archive.read(min(left, 1 << 16))
            if not piece:
                raise RefusedError("damaged")
            left -= len(piece)
            yield piece

    def _unpacked(self) -> Iterator[bytes]:
        """The entry's bytes, never more than one beyond the claimed size."""
        if self.method == _STORED:
            if self.packed != self.size:
                raise RefusedError("damaged")
            yield from self._packed()
            return
        inflate, left = zlib.decompressobj(-zlib.MAX_WBITS), self.size + 1
        try:
            for piece in self._packed():
                while piece and not inflate.eof:
                    out = inflate.decompress(piece, min(left, 1 << 20))
                    left -= len(out)
                    yield out
                    if left <= 0:
                        raise RefusedError("damaged")
                    piece = inflate.unconsumed_tail
                if inflate.eof and (piece or inflate.unused_data):
                    raise RefusedError("damaged")
        except zlib.error:
            raise RefusedError("damaged") from None
        if not inflate.eof:
            raise RefusedError("damaged")


def is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in {b"PK\3\4", b"PK\5\6"}


def entries(archive: BinaryIO, caps: Caps) -> list[ZipEntry]:
    """What the zip holds, folders left out, in the directory's order.

    `archive` must stay open as long as entries are read. Entries with `trouble` are
    listed too: someone has to be told.

    Raises:
        ArchiveError: no zip, cut short, or beyond the caps.
    """
    size = archive.seek(0, 2)
    if size > caps.archive:
        raise ArchiveError(
            f"it has {size >> 20} MB, more than {caps.archive >> 20} MB"
        )
    directory = _find_directory(archive, size)
    if directory.size > caps.directory or directory.entries > caps.entries:
        raise ArchiveError(
            f"it lists {directory.entries} files, more than {caps.entries}"
        )
    archive.seek(directory.offset)
    data = archive.read(directory.size)
    found = list(_entries(archive, data, directory, caps))
    _place(archive, found, directory.offset)
    return [entry for entry in found if entry.trouble != "folder"]


def _find_directory(archive: BinaryIO, size: int) -> _Directory:
    tail_at = max(0, size - (_END.size + 0xFFFF))
    archive.seek(tail_at)
    tail = archive.read(size - tail_at)
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + _END.size <= len(tail):
            fields = _END.unpack_from(tail, at)
            if at + _END.size + fields[7] == len(tail):
                return _directory(archive, tail_at + at, fields)
        at = tail.rfind(b"PK\5\6", 0, at)
    raise ArchiveError("it has no end: it was cut short, or is not a zip")


def _directory(
    archive: BinaryIO, end: int, fields: tuple[int, ...]
) -> _Directory:
    disk, start_disk, here, count, size, offset = fields[1:7]
    before = end
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, offset):
        locator = end - _END64_LOCATOR.size
        archive.seek(max(0, locator))
        raw = archive.read(_END64_LOCATOR.size)
        if locator >= 0 and raw.startswith(b"PK\6\7"):
            before = _END64_LOCATOR.unpack(raw)[2]
            archive.seek(before)
            raw = archive.read(_END64.size)
            if len(raw) < _END64.size or not raw.startswith(b"PK\6\6"):
                raise ArchiveError("its zip64 end is damaged")
            disk, start_disk, here, count, size, offset = _END64.unpack(raw)[
                4:
            ]
    if disk or start_disk or here != count:
        raise ArchiveError("it is one part of a split archive")
    shift = before - size - offset
    if shift < 0:
        raise ArchiveError("its directory is damaged")
    return _Directory(offset + shift, size, count, shift)


def _entries(
    archive: BinaryIO, data: bytes, directory: _Directory, caps: Caps
) -> Iterator[ZipEntry]:
    at = 0
    for _ in range(directory.entries):
        if data[at : at + 4] != b"PK\1\2" or at + _CENTRAL.size > len(data):
            raise ArchiveError("its directory is damaged")
        fields = _CENTRAL.unpack_from(data, at)
        name_size, extra_size, comment_size = fields[10:13]
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if at > len(data):
            raise ArchiveError("its directory is damaged")
        yield _entry(
            archive,
            fields,
            data[name_at:extra_at],
            data[extra_at : extra_at + extra_size],
            directory.shift,
            caps,
        )


def _entry(
    archive: BinaryIO,
    fields: tuple[int, ...],
    raw_name: bytes,
    extra: bytes,
    shift: int,
    caps: Caps,
) -> ZipEntry:
    made_by, flags, method = fields[1], fields[3], fields[4]
    crc, packed, size = fields[7:10]
    attributes, header = fields[15], fields[16]
    extras = _extras(extra)
    packed, size, header = _wide(extras.get(1, b""), packed, size, header)
    name = _decoded(raw_name, flags, extras.get(0x7075, b""))
    mode = attributes >> 28 if made_by >> 8 in {3, 19} else 0
    entry = ZipEntry(
        tuple(name.replace("\\", "/").rstrip("/").split("/")),
        size,
        _when(fields[5], fields[6]),
        archive=archive,
        method=method,
        packed=packed,
        crc=crc,
        header=header + shift,
    )
    if name.endswith(("/", "\\")) or mode == _FOLDER:
        entry.trouble = "folder"
    elif mode == _LINK:
        entry.trouble = "link"
    elif mode not in {0, _REGULAR}:
        entry.trouble = "not_a_file"
    elif flags & _ENCRYPTED:
        entry.trouble = "encrypted"
    elif method not in {_STORED, _DEFLATED}:
        entry.trouble = "method"
    elif size > caps.ratio_from and size > caps.ratio * max(1, packed):
        entry.trouble = "bomb"
    return entry


def _extras(data: bytes) -> dict[int, bytes]:
    """Extra fields by id (4.5); what follows a damaged one is dropped."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<2H", data, at)
        found.setdefault(kind, data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _wide(
    extra: bytes, packed: int, size: int, header: int
) -> tuple[int, int, int]:
    """Sizes and place with zip64's wide values (4.5.3) where they are asked for."""
    values = iter(
        struct.unpack(f"<{len(extra) // 8}Q", extra[: len(extra) // 8 * 8])
    )
    if size == 0xFFFFFFFF:
        size = next(values, size)
    if packed == 0xFFFFFFFF:
        packed = next(values, packed)
    if header == 0xFFFFFFFF:
        header = next(values, header)
    return packed, size, header


def _decoded(raw: bytes, flags: int, unicode_path: bytes) -> str:
    """A name, in the order of trust: Info-ZIP's field, UTF-8, code page 437.

    Many programs write UTF-8 without saying so; a name in 437 or 1258 that happens to
    be valid UTF-8 is not found in practice, Vietnamese letters least of all.
    """
    if len(unicode_path) > 5 and unicode_path[0] == 1:
        (crc,) = struct.unpack_from("<L", unicode_path, 1)
        if crc == zlib.crc32(raw):
            raw, flags = unicode_path[5:], flags | _UTF8
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            return raw.decode("utf-8", "surrogateescape")
        return raw.decode("cp437")


def _when(time: int, date: int) -> str:
    """MS-DOS date and time, local to wherever the zip was made; "" if impossible."""
    year, month, day = 1980 + (date >> 9), date >> 5 & 15, date & 31
    hour, minute, second = time >> 11, time >> 5 & 63, (time & 31) * 2
    if not (1 <= month <= 12 and day >= 1 and hour < 24 and minute < 60):
        return ""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def _place(archive: BinaryIO, found: list[ZipEntry], directory: int) -> None:
    """Find where each entry's bytes lie; refuse those that share bytes or lie."""
    spans = []
    for entry in found:
        archive.seek(entry.header)
        raw = archive.read(_LOCAL.size)
        if len(raw) < _LOCAL.size or not raw.startswith(b"PK\3\4"):
            entry.trouble = entry.trouble or "damaged"
            continue
        fields = _LOCAL.unpack(raw)
        entry.start = entry.header + _LOCAL.size + fields[9] + fields[10]
        if not _agrees(entry, fields):
            entry.trouble = entry.trouble or "damaged"
        spans.append((entry.header, entry.start + entry.packed, entry))
    spans.sort(key=lambda span: span[:2])
    reach, owner = 0, None
    for start, end, entry in spans:
        if start < reach and owner is not None:
            for one in (owner, entry):
                one.trouble = "bomb" if one.trouble != "folder" else "folder"
        if end > directory:
            entry.trouble = entry.trouble or "damaged"
        if end >= reach:
            reach, owner = end, entry


def _agrees(entry: ZipEntry, local: tuple[int, ...]) -> bool:
    """Whether a local header says what the directory says."""
    flags, method, crc, packed, size = local[2], local[3], *local[6:9]
    if method != entry.method:
        return False
    if flags & _DESCRIPTOR:
        return True
    wide = 0xFFFFFFFF in (packed, size)
    return wide or (crc, packed, size) == (
        entry.crc,
        entry.packed,
        entry.size,
    )
