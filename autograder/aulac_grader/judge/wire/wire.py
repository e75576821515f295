"""What a message between the two processes looks like, and how large it may be.

A message is 4 bytes with the length of a msgpack structure, the structure, then the raw
contents of long strings and of arrays, one after another. In the structure a scalar
stands for itself, and an array `[tag, …]` for everything else; msgpack's maps and
extension types are not used, so no key is hashed before it has been looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_BYTES = 64 << 20  # of one message, arrays and all
MAX_STRUCTURE = 8 << 20  # of its msgpack part; in memory up to 30 times that
MAX_ITEMS = 1_000_000  # in all containers of a message together
MAX_KEYS = 100_000  # in one dict or set
MAX_SAME_HASH = 64  # keys with one hash: more are there to slow a dict down
MAX_DEPTH = 64
MAX_INT_BYTES = 1 << 17  # a million bits
MAX_DIMENSIONS = 32
INLINE = 256  # longer strings are carried beside the structure

(
    LIST,
    TUPLE,
    DICT,
    SET,
    FROZENSET,
    INT,
    COMPLEX,
    TEXT,
    BYTES,
    BYTEARRAY,
    RANGE,
    SLICE,
    ELLIPSIS,
    FRACTION,
    DECIMAL,
    ARRAY,
    SCALAR,
    TENSOR,
    DTYPE,
    HANDLE,
) = range(20)

KeepHandle = Callable[[Any], tuple[int, str]]
MakeHandle = Callable[[int, str], Any]

# NumPy's types by their names, and torch's: what carries their bytes, of which size.
ARRAYS = {
    *("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"),
    *("<f2", "<f4", "<f8", "<c8", "<c16"),
}
TENSORS = {
    "bool": ("uint8", 1),
    "uint8": ("uint8", 1),
    "int8": ("int8", 1),
    "int16": ("int16", 2),
    "int32": ("int32", 4),
    "int64": ("int64", 8),
    "float16": ("float16", 2),
    "bfloat16": ("int16", 2),
    "float32": ("float32", 4),
    "float64": ("float64", 8),
    "complex64": ("complex64", 8),
    "complex128": ("complex128", 16),
}
TEXTS = ("U", "S")  # NumPy's fixed-width strings


class Refused(Exception):  # noqa: N818 (it is a verdict, not a fault)
    """A value that does not cross: why, in a sentence."""
