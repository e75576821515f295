"""Files that somebody else has written, read without running or trusting anything.

No pickle is ever opened: not .pkl, .pt or .joblib, and not an array of objects in a
.npy or .npz file. What a file says about its own size is compared with its real size
before memory is taken for it.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PICKLES = {
    ".pkl",
    ".pickle",
    ".pt",
    ".pth",
    ".bin",
    ".joblib",
    ".ckpt",
    ".model",
}
MAX_HEADER = 1 << 20
MAX_PIXELS = 16_000_000
MAX_DEPTH = 100


def load(path: Path, max_mb: float = 64.0) -> Any:
    """The contents of the file at `path`, see `aulac.lesson.checks.artefact`.

    Raises:
        ValueError: in a sentence, in both languages, why it cannot be read.
    """
    name = path.name
    reader = READERS.get(path.suffix.lower())
    if path.suffix.lower() in PICKLES:
        raise ValueError(
            f"{name}: tệp pickle có thể chạy mã lạ nên không được mở; hãy lưu thành "
            f".safetensors hoặc .npy. / {name}: a pickle can run foreign code and is "
            "not opened; save .safetensors or .npy instead."
        )
    if reader is None:
        known = ", ".join(sorted(READERS))
        raise ValueError(
            f"{name}: chỉ đọc được {known}. / {name}: only {known} can be read."
        )
    data = _bytes(path, max_mb)
    try:
        return reader(data, int(max_mb * 2**20))
    except FileError as error:
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:  # each format's reader has its own
        said = str(error)[:200] or type(error).__name__
        raise ValueError(
            f"{name}: không đúng định dạng {path.suffix} ({said}). / "
            f"{name}: not a {path.suffix} file ({said})."
        ) from None


class FileError(Exception):
    """What is wrong with a file, in both languages."""


def _bytes(path: Path, max_mb: float) -> bytes:
    """A regular file's bytes: no link, pipe or device is followed."""
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise OSError("not a regular file")
            limit = int(max_mb * 2**20)
            data = b"" if about.st_size > limit else file.read(limit + 1)
            if about.st_size > limit or len(data) > limit:
                raise ValueError(
                    f"{path.name}: quá {max_mb:g} MB. / "
                    f"{path.name}: over {max_mb:g} MB."
                )
            return data
    except OSError:
        raise ValueError(
            f"{path.name}: không có tệp này; ô trả lời phải tạo ra nó. / "
            f"{path.name}: there is no such file; the answer cell has to write it."
        ) from None


# -- arrays ----------------------------------------------------------------------------

_ITEM = {
    *("|b1", "|i1", "|u1", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8"),
    *(">i2", ">i4", ">i8", ">u2", ">u4", ">u8", "<f2", "<f4", "<f8"),
    *(">f2", ">f4", ">f8", "<c8", "<c16", ">c8", ">c16"),
}


def _npy(data: bytes, limit: int) -> Any:
    """A .npy file: its header is a dict literal of three keys (NumPy's NEP 1)."""
    import numpy

    if data[:6] != b"\x93NUMPY" or len(data) < 12:
        raise FileError(_twin("không phải tệp .npy", "not a .npy file"))
    width = 2 if data[6] == 1 else 4
    length = int.from_bytes(data[8 : 8 + width], "little")
    start = 8 + width + length
    if data[6] not in (1, 2, 3) or length > 10_000 or start > len(data):
        raise FileError(_twin("phần đầu tệp sai", "its header is wrong"))
    header = ast.literal_eval(data[8 + width : start].decode("utf-8"))
    if not isinstance(header, dict) or set(header) != _NPY_KEYS:
        raise FileError(_twin("phần đầu tệp sai", "its header is wrong"))
    descr, shape = header["descr"], header["shape"]
    if not isinstance(descr, str) or descr not in _ITEM:
        raise FileError(
            _twin(
                "chỉ nhận mảng số, không nhận mảng đối tượng hay mảng chữ",
                "only arrays of numbers are read, none of objects or text",
            )
        )
    dtype = numpy.dtype(descr)
    _expect(shape, dtype.itemsize, len(data) - start)
    array = numpy.frombuffer(data, dtype, offset=start)
    if dtype.kind == "b":
        array = array.view(numpy.uint8) != 0
    if header["fortran_order"] is True:
        array = array.reshape(shape[::-1]).transpose()
    return array.reshape(shape).astype(dtype.newbyteorder("="))


_NPY_KEYS = {"descr", "fortran_order", "shape"}


def _expect(shape: Any, item_size: int, size: int) -> None:
    """`shape` is a row of lengths that take exactly `size` bytes."""
    plain = isinstance(shape, tuple | list) and len(shape) <= 32
    if not plain or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise FileError(_twin("kích thước mảng sai", "its shape is wrong"))
    if math.prod(shape) * item_size != size:
        raise FileError(
            _twin(
                "kích thước ghi ở đầu tệp khác với dữ liệu có thật",
                "the size its header states is not the size of its data",
            )
        )


def _npz(data: bytes, limit: int) -> dict[str, Any]:
    """A .npz file: a zip of .npy files, unpacked only up to the limit."""
    arrays, total = {}, 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > 1000:
            raise FileError(_twin("quá nhiều mảng", "too many arrays"))
        for member in members:
            if not member.filename.endswith(".npy") or member.flag_bits & 1:
                raise FileError(
                    _twin("có tệp lạ", "holds another kind of file")
                )
            with archive.open(member) as file:
                part = file.read(limit - total + 1)
            total += len(part)
            if total > limit:
                raise FileError(
                    _twin("giải nén ra quá lớn", "unpacks too large")
                )
            arrays[member.filename.removesuffix(".npy")] = _npy(part, limit)
    return arrays


def _safetensors(data: bytes, limit: int) -> dict[str, Any]:
    """A .safetensors file: a JSON header, then tensors without gaps or overlaps."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise FileError(_twin("phần đầu tệp sai", "its header is wrong"))
    header = _json(data[8 : 8 + length], limit)
    if not isinstance(header, dict):
        raise FileError(_twin("phần đầu tệp sai", "its header is wrong"))
    header.pop("__metadata__", None)
    from safetensors.torch import load as parse

    at = 0
    spans = sorted(tuple(entry["data_offsets"]) for entry in header.values())
    for begin, end in spans:
        if type(begin) is not int or type(end) is not int or begin != at:
            raise FileError(
                _twin("vị trí dữ liệu sai", "its offsets are wrong")
            )
        at = end
    if at != len(data) - 8 - length:
        raise FileError(_twin("vị trí dữ liệu sai", "its offsets are wrong"))
    try:
        return parse(data)
    except Exception as error:  # the Rust parser has its own exceptions
        raise FileError(
            _twin("phần đầu tệp sai", f"refused: {error}")
        ) from None


# -- text ------------------------------------------------------------------------------


def _text(data: bytes, limit: int) -> str:
    return data.decode("utf-8-sig")


def _json(data: bytes, limit: int) -> Any:
    text = data.decode("utf-8-sig")
    depth = deepest = 0
    for char in text:  # strings may hold brackets: an upper bound is enough
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise FileError(_twin("lồng nhau quá sâu", "nested too deep"))
    return json.loads(text)


def _jsonl(data: bytes, limit: int) -> list[Any]:
    return [_json(line, limit) for line in data.split(b"\n") if line.strip()]


def _csv(data: bytes, limit: int) -> list[list[str]]:
    return list(csv.reader(io.StringIO(_text(data, limit), newline="")))


# -- pictures --------------------------------------------------------------------------


def pixels(png: bytes) -> Any:
    """A PNG file's pixels: uint8, shape (height, width, 4), red green blue alpha.

    Raises:
        ValueError: it is no PNG file, or has over 16 million pixels.
    """
    try:
        return _png(png, len(png))
    except FileError as error:
        raise ValueError(str(error)) from None


def _png(data: bytes, limit: int) -> Any:
    import numpy
    from PIL import Image

    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise FileError(_twin("không phải ảnh PNG", "not a PNG picture"))
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    if not 0 < width * height <= MAX_PIXELS:
        raise FileError(_twin("ảnh quá lớn", "the picture is too large"))
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return numpy.asarray(image.convert("RGBA"))
    except Exception as error:  # whatever a broken file makes the decoder say
        raise FileError(
            _twin("ảnh PNG hỏng", f"broken PNG: {error}")
        ) from None


def _twin(vi: str, en: str) -> str:
    return f"{vi} / {en}."


READERS: dict[str, Callable[[bytes, int], Any]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".txt": _text,
    ".json": _json,
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".png": _png,
}
