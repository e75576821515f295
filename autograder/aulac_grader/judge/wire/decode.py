"""Bytes to values, strictly: the other side may have sent anything.

Nothing is pickled and nothing received is evaluated. Whatever the bytes are, `decode`
returns exact builtins, arrays, tensors and what `make_handle` makes, or raises
`Refused`, within bounds on bytes, items and depth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgpack

from .wire import (
    ARRAY,
    ARRAYS,
    BYTEARRAY,
    BYTES,
    COMPLEX,
    DECIMAL,
    DICT,
    DTYPE,
    ELLIPSIS,
    FRACTION,
    FROZENSET,
    HANDLE,
    INLINE,
    INT,
    LIST,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_KEYS,
    MAX_SAME_HASH,
    MAX_STRUCTURE,
    RANGE,
    SCALAR,
    SET,
    SLICE,
    TENSOR,
    TENSORS,
    TEXT,
    TEXTS,
    TUPLE,
    MakeHandle,
    Refused,
)


def decode(
    data: bytes | bytearray | memoryview,
    make_handle: MakeHandle | None = None,
    *,
    arrays: bool = True,
) -> Any:
    """The value whose bytes `data` are; every object in it is newly made here.

    `make_handle` is given a handle's number and a label that is not to be trusted.
    Without `arrays` NumPy and torch are not touched, and their values refused.

    Raises:
        Refused: bytes that `encode` did not write, or over the caps.
    """
    try:
        return _Reader(memoryview(data), make_handle, arrays).value()
    except Refused:
        raise
    except Exception as error:  # msgpack, NumPy and torch have their own
        raise Refused(f"not a message: {type(error).__name__}") from None


class _Reader:
    def __init__(
        self, data: memoryview, make_handle: MakeHandle | None, arrays: bool
    ):
        if not 4 <= len(data) <= MAX_BYTES:
            raise Refused("not a message: its length")
        end = 4 + int.from_bytes(data[:4], "big")
        if end > min(len(data), MAX_STRUCTURE + 4):
            raise Refused("not a message: its length")
        self.structure = data[4:end]
        self.blobs = data[end:]
        self.make_handle = make_handle
        self.arrays = arrays
        self.items = 0

    def value(self) -> Any:
        tree = msgpack.unpackb(
            self.structure,
            raw=False,
            unicode_errors="surrogatepass",
            list_hook=self._count,
            max_array_len=MAX_ITEMS,
            max_map_len=0,
            max_ext_len=0,
            max_str_len=4 * INLINE,
            max_bin_len=MAX_INT_BYTES,
        )
        value = self.read(tree, 0)
        if len(self.blobs):
            raise Refused("not a message: bytes left over")
        return value

    def _count(self, row: list) -> list:
        self.items += len(row) or 1
        if self.items > 2 * MAX_ITEMS:
            raise Refused(f"a message of over {MAX_ITEMS:,} items")
        return row

    def read(self, node: Any, depth: int) -> Any:
        kind = type(node)
        if kind is not list:
            if kind in _PLAIN:
                return node
            raise Refused("not a message: a map or an extension type")
        if depth > MAX_DEPTH:
            raise Refused(f"a message nested over {MAX_DEPTH} deep")
        if not node or type(node[0]) is not int:
            raise Refused("not a message: an array without a tag")
        reader = _READERS.get(node[0])
        if reader is None:
            raise Refused("not a message: an unknown tag")
        return reader(self, node, depth)

    def many(self, node: list, depth: int) -> list:
        return [self.read(part, depth + 1) for part in node[1:]]

    def blob(self, size: Any) -> memoryview:
        if type(size) is not int or not 0 <= size <= len(self.blobs):
            raise Refused("not a message: a length that is not there")
        taken, self.blobs = self.blobs[:size], self.blobs[size:]
        return taken

    def int(self, node: Any) -> int:
        value = self.read(node, MAX_DEPTH)
        if type(value) is not int:
            raise Refused("not a message: no int where one is due")
        return value


_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


def _exactly(node: list, count: int) -> list:
    if len(node) != count + 1:
        raise Refused("not a message: a row of the wrong length")
    return node[1:]


def _read_int(reader: _Reader, node: list, depth: int) -> int:
    (data,) = _exactly(node, 1)
    if type(data) is not bytes or len(data) > MAX_INT_BYTES:
        raise Refused("not a message: an int")
    return int.from_bytes(data, "little", signed=True)


def _read_text(reader: _Reader, node: list, depth: int) -> str:
    (size,) = _exactly(node, 1)
    return str(reader.blob(size), "utf-8", "surrogatepass")


def _read_complex(reader: _Reader, node: list, depth: int) -> complex:
    real, imag = _exactly(node, 2)
    if type(real) is not float or type(imag) is not float:
        raise Refused("not a message: a complex number")
    return complex(real, imag)


def _keys(keys: list) -> list:
    """`keys`, when they can go into a dict without slowing it down.

    Keys that share a hash make a dict quadratic (Crosby and Wallach, 2003); ints and
    floats of a chosen hash are easy to find.
    """
    if len(keys) > MAX_KEYS:
        raise Refused(f"over {MAX_KEYS:,} keys in one dict or set")
    hashes = sorted(map(hash, keys))
    run = MAX_SAME_HASH
    for left, right in zip(hashes, hashes[run:], strict=False):
        if left == right:
            raise Refused("too many keys with the same hash")
    return keys


def _read_dict(reader: _Reader, node: list, depth: int) -> dict:
    parts = reader.many(node, depth)
    keys, values = parts[::2], parts[1::2]
    if len(keys) != len(values):
        raise Refused("not a message: a key without a value")
    return dict(zip(_keys(keys), values, strict=True))


def _read_range(reader: _Reader, node: list, depth: int) -> range:
    return range(*(reader.int(part) for part in _exactly(node, 3)))


def _read_slice(reader: _Reader, node: list, depth: int) -> slice:
    _exactly(node, 3)
    return slice(*reader.many(node, depth))


def _read_ellipsis(reader: _Reader, node: list, depth: int) -> Any:
    _exactly(node, 0)
    return ...


def _read_fraction(reader: _Reader, node: list, depth: int) -> Fraction:
    above, below = (reader.int(part) for part in _exactly(node, 2))
    # A common divisor of longer numbers takes longer to find than a test may.
    if max(above.bit_length(), below.bit_length()) > 1 << 16 or below < 1:
        raise Refused("not a message: a fraction")
    return Fraction(above, below)


def _read_decimal(reader: _Reader, node: list, depth: int) -> Decimal:
    (text,) = _exactly(node, 1)
    if type(text) is not str or not text.isascii():
        raise Refused("not a message: a decimal")
    value = Decimal(text)
    if value.is_finite() and abs(value.adjusted()) > 10_000:
        raise Refused("a decimal of over ten thousand digits")
    return value


def _read_handle(reader: _Reader, node: list, depth: int) -> Any:
    number, label = _exactly(node, 2)
    if reader.make_handle is None:
        raise Refused("an object where only plain values may stand")
    if type(number) is not int or type(label) is not str or number < 0:
        raise Refused("not a message: a handle")
    return reader.make_handle(number, label)


def _shape(parts: list, item_size: int, size: int) -> tuple[int, ...]:
    """`parts` as a shape of exactly `size` bytes.

    Axes beside an empty one are bounded too: a sum over the empty axis would make an
    array as large as the others say.
    """
    if len(parts) > MAX_DIMENSIONS:
        raise Refused("an array of too many dimensions")
    total, bound = item_size, item_size
    for part in parts:
        if type(part) is not int or part < 0:
            raise Refused("not a message: the shape of an array")
        total *= part
        bound *= max(part, 1)
        if bound > MAX_BYTES:
            raise Refused("not a message: the shape of an array")
    if total != size:
        raise Refused("not a message: an array shorter or longer than said")
    return tuple(parts)


def _numpy_dtype(reader: _Reader, name: Any) -> Any:
    if not reader.arrays:
        raise Refused("an array where none may stand")
    import numpy

    if type(name) is not str:
        raise Refused("not a message: a dtype")
    if name not in ARRAYS:
        kind, width = name[1:2], name[2:]
        plain = name[:1] == ("<" if kind == "U" else "|")
        digits = width.isascii() and width.isdigit() and len(width) < 8
        if not (plain and digits and kind in TEXTS and int(width) > 0):
            raise Refused("an array of a type that does not cross")
    return numpy.dtype(name)


def _numpy_array(dtype: Any, data: Any, shape: tuple[int, ...]) -> Any:
    import numpy

    if dtype.kind == "b":  # a bool of another byte than 0 and 1 equals nothing
        return (numpy.frombuffer(data, numpy.uint8) != 0).reshape(shape)
    if dtype.kind == "U" and len(data):
        points = numpy.frombuffer(data, "<u4")
        if int(points.max()) > sys.maxunicode:
            raise Refused("not a message: an array of text")
    return numpy.frombuffer(data, dtype).reshape(shape).copy()


def _read_array(reader: _Reader, node: list, depth: int) -> Any:
    if len(node) < 3:
        raise Refused("not a message: an array")
    dtype = _numpy_dtype(reader, node[1])
    data = reader.blob(node[-1])
    shape = _shape(node[2:-1], dtype.itemsize, len(data))
    return _numpy_array(dtype, data, shape)


def _read_scalar(reader: _Reader, node: list, depth: int) -> Any:
    name, data = _exactly(node, 2)
    dtype = _numpy_dtype(reader, name)
    if type(data) is not bytes or len(data) != dtype.itemsize:
        raise Refused("not a message: a NumPy scalar")
    return _numpy_array(dtype, data, ())[()]


def _read_tensor(reader: _Reader, node: list, depth: int) -> Any:
    if len(node) < 3 or node[1] not in TENSORS or type(node[1]) is not str:
        raise Refused("not a message: a tensor")
    if not reader.arrays:
        raise Refused("a tensor where none may stand")
    import torch

    carrier, item_size = TENSORS[node[1]]
    data = reader.blob(node[-1])
    shape = _shape(node[2:-1], item_size, len(data))
    if not len(data):
        return torch.empty(shape, dtype=getattr(torch, node[1]))
    raw = torch.frombuffer(bytearray(data), dtype=getattr(torch, carrier))
    if node[1] == "bool":
        raw = raw != 0
    elif node[1] == "bfloat16":
        raw = raw.view(torch.bfloat16)
    return raw.reshape(shape)


def _read_dtype(reader: _Reader, node: list, depth: int) -> Any:
    library, name = _exactly(node, 2)
    if type(name) is not str or not reader.arrays:
        raise Refused("a dtype where none may stand")
    if library == "numpy" and name in ARRAYS:
        return _numpy_dtype(reader, name)
    if library == "torch" and name in TENSORS:
        import torch

        return getattr(torch, name)
    raise Refused("not a message: a dtype")


_Read = Callable[[_Reader, list, int], Any]
_READERS: dict[int, _Read] = {
    LIST: lambda r, n, d: r.many(n, d),
    TUPLE: lambda r, n, d: tuple(r.many(n, d)),
    DICT: _read_dict,
    SET: lambda r, n, d: set(_keys(r.many(n, d))),
    FROZENSET: lambda r, n, d: frozenset(_keys(r.many(n, d))),
    INT: _read_int,
    COMPLEX: _read_complex,
    TEXT: _read_text,
    BYTES: lambda r, n, d: bytes(r.blob(_exactly(n, 1)[0])),
    BYTEARRAY: lambda r, n, d: bytearray(r.blob(_exactly(n, 1)[0])),
    RANGE: _read_range,
    SLICE: _read_slice,
    ELLIPSIS: _read_ellipsis,
    FRACTION: _read_fraction,
    DECIMAL: _read_decimal,
    ARRAY: _read_array,
    SCALAR: _read_scalar,
    TENSOR: _read_tensor,
    DTYPE: _read_dtype,
    HANDLE: _read_handle,
}
