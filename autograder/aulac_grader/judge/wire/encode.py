"""Values to bytes: what crosses between the student's process and the judge's.

By value: None, bool, int (big ones too), float, complex, str, bytes, bytearray, list,
tuple, dict, set, frozenset, range, slice, Ellipsis, Fraction, Decimal, NumPy arrays and
scalars, torch tensors and dtypes. A subclass is sent as the base it builds on: a
Counter as a dict, a named tuple as a tuple, an IntEnum as an int. Everything else goes
as a handle: a number that stands for an object which stays where it is.
"""

from __future__ import annotations

import collections
import sys
import types
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
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_KEYS,
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
    KeepHandle,
    Refused,
)

_SCALARS = frozenset({type(None), bool, float})


def encode(
    value: Any,
    keep_handle: KeepHandle | None = None,
    stays: type | None = None,
) -> bytes:
    """The bytes of `value`; what is no plain value goes through `keep_handle`.

    So does anything of exactly the type `stays`, without a look at it.

    Raises:
        Refused: a value that contains itself, or is too deep or too large; an object
            where there is no `keep_handle`.
    """
    writer = _Writer(keep_handle, stays)
    structure = msgpack.packb(
        writer.write(value, 0), unicode_errors="surrogatepass"
    )
    if len(structure) > MAX_STRUCTURE:
        raise Refused("the value has too many parts to be sent")
    return b"".join(
        [len(structure).to_bytes(4, "big"), structure, *writer.blobs]
    )


class _Writer:
    def __init__(self, keep_handle: KeepHandle | None, stays: type | None):
        self.keep_handle = keep_handle
        self.stays = stays
        self.blobs: list[bytes] = []
        self.size = 0
        self.items = 0
        self.inside: set[int] = set()

    def write(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is int:
            return self._int(value)
        if kind is str:
            return self._text(value)
        if kind is self.stays:
            return self._handle(value)
        writer = _WRITERS.get(kind)
        if writer is None:
            writer, value = _base_of(value)
        if writer is None:
            return self._handle(value)
        return writer(self, value, depth)

    def _int(self, value: int) -> Any:
        if -(1 << 63) <= value < 1 << 64:
            return value
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise Refused(f"an int of {value.bit_length()} bits is too large")
        return [INT, value.to_bytes(size, "little", signed=True)]

    def _text(self, value: str) -> Any:
        if len(value) <= INLINE:
            return value
        return [TEXT, self.blob(value.encode("utf-8", "surrogatepass"))]

    def blob(self, data: bytes) -> int:
        """Put `data` beside the structure; its length."""
        self.size += len(data)
        if self.size > MAX_BYTES - MAX_STRUCTURE:
            raise Refused(f"the value is over {MAX_BYTES >> 20} MB")
        self.blobs.append(data)
        return len(data)

    def many(self, tag: int, values: Any, parent: Any, depth: int) -> list:
        """`values`, the contents of the container `parent`, under `tag`."""
        if depth >= MAX_DEPTH:
            raise Refused(f"the value is nested over {MAX_DEPTH} deep")
        if id(parent) in self.inside:
            raise Refused("the value contains itself")
        self.inside.add(id(parent))
        self.items += len(values)
        if self.items > MAX_ITEMS:
            raise Refused(f"the value has over {MAX_ITEMS:,} items")
        row = [tag, *(self.write(value, depth + 1) for value in values)]
        self.inside.discard(id(parent))
        return row

    def _handle(self, value: Any) -> list:
        if self.keep_handle is None:
            raise Refused(f"{_a(value)} is no plain value")
        number, label = self.keep_handle(value)
        return [HANDLE, number, label]


def _a(value: Any) -> str:
    name = type(value).__name__[:60]
    article = "an" if name[:1].lower() in "aeio" else "a"
    return f"{article} {name}"


def _bytes(writer: _Writer, value: bytes, depth: int) -> Any:
    if len(value) <= INLINE:
        return value
    return [BYTES, writer.blob(value)]


def _pairs(writer: _Writer, value: dict, depth: int) -> list:
    for key in value:
        if not _hashable_by_value(key, depth):
            raise Refused(f"a dict with {_a(key)} for a key is no plain value")
    flat = [part for pair in value.items() for part in pair]
    if len(flat) > 2 * MAX_KEYS:
        raise Refused(f"a dict of over {MAX_KEYS:,} keys is too large")
    return writer.many(DICT, flat, value, depth)


def _members(tag: int) -> Callable[[_Writer, Any, int], list]:
    def write(writer: _Writer, value: Any, depth: int) -> list:
        for member in value:
            if not _hashable_by_value(member, depth):
                raise Refused(f"a set with {_a(member)} is no plain value")
        if len(value) > MAX_KEYS:
            raise Refused(f"a set of over {MAX_KEYS:,} members is too large")
        return writer.many(tag, _in_order(value), value, depth)

    return write


def _in_order(members: Any) -> list:
    """Sorted where that is possible: the same set is the same bytes."""
    try:
        return sorted(members)
    except Exception:
        return list(members)


def _hashable_by_value(key: Any, depth: int) -> bool:
    if isinstance(key, tuple | frozenset):
        return depth < MAX_DEPTH and all(
            _hashable_by_value(part, depth + 1) for part in key
        )
    return isinstance(
        key,
        bool
        | int
        | float
        | complex
        | str
        | bytes
        | None
        | Fraction
        | Decimal
        | range,
    ) or _is_numpy_scalar(key)


def _is_numpy_scalar(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _range(writer: _Writer, value: range, depth: int) -> list:
    parts = (value.start, value.stop, value.step)
    return [RANGE, *(writer._int(part) for part in parts)]


def _slice(writer: _Writer, value: slice, depth: int) -> list:
    return writer.many(
        SLICE, (value.start, value.stop, value.step), value, depth
    )


def _fraction(writer: _Writer, value: Fraction, depth: int) -> list:
    parts = (value.numerator, value.denominator)
    return [FRACTION, *(writer._int(part) for part in parts)]


_Write = Callable[[_Writer, Any, int], Any]
_WRITERS: dict[type, _Write] = {
    bytes: _bytes,
    bytearray: lambda w, v, d: [BYTEARRAY, w.blob(bytes(v))],
    list: lambda w, v, d: w.many(LIST, v, v, d),
    tuple: lambda w, v, d: w.many(TUPLE, v, v, d),
    dict: _pairs,
    set: _members(SET),
    frozenset: _members(FROZENSET),
    complex: lambda w, v, d: [COMPLEX, v.real, v.imag],
    range: _range,
    slice: _slice,
    type(Ellipsis): lambda w, v, d: [ELLIPSIS],
    Fraction: _fraction,
    Decimal: lambda w, v, d: [DECIMAL, str(v)],
}

# What a subclass is sent as, by the base's own conversion: what the subclass overrides
# does not come into it.
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (complex, lambda v: complex(v.real, v.imag)),
    (str, lambda v: str.__str__(v)[:]),
    (bytes, lambda v: bytes.__getitem__(v, slice(None))),
    (bytearray, lambda v: bytearray.__getitem__(v, slice(None))),
    (tuple, lambda v: tuple(tuple.__iter__(v))),
    (list, lambda v: list(list.__iter__(v))),
    (dict, lambda v: {k: dict.__getitem__(v, k) for k in dict.__iter__(v)}),
    (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
    (collections.UserDict, lambda v: dict(v.data)),
    (collections.UserList, lambda v: list(v.data)),
    (collections.UserString, lambda v: str(v.data)),
    (types.MappingProxyType, dict),
    (Fraction, lambda v: Fraction(v.numerator, v.denominator)),
    (Decimal, Decimal),
)


def _base_of(value: Any) -> tuple[_Write | None, Any]:
    """How to write `value` when its type is no exact builtin, and as what."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(
        value, numpy.ndarray | numpy.generic | numpy.dtype
    ):
        return _numpy(numpy, value), value
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor | torch.dtype):
        return _torch(torch, value), value
    for base, convert in _BASES:
        if isinstance(value, base):
            plain = convert(value)
            return lambda w, v, d: w.write(v, d), plain
    return None, value


def _numpy(numpy: Any, value: Any) -> _Write | None:
    if isinstance(value, numpy.dtype):
        known = value.newbyteorder("<").str in ARRAYS
        return (
            (lambda w, v, d: [DTYPE, "numpy", v.newbyteorder("<").str])
            if known
            else None
        )
    if isinstance(value, numpy.ma.MaskedArray):
        return None
    dtype = value.dtype.newbyteorder("<")
    if dtype.str not in ARRAYS and dtype.kind not in TEXTS:
        return None
    if isinstance(value, numpy.generic):
        return lambda w, v, d: [
            SCALAR,
            dtype.str,
            numpy.asarray(v, dtype).tobytes(),
        ]

    def write(writer: _Writer, array: Any, depth: int) -> list:
        plain = numpy.asarray(array)
        if plain.nbytes > MAX_BYTES:
            raise Refused(f"an array of {plain.nbytes >> 20} MB is too large")
        data = plain.astype(dtype, copy=False).tobytes()
        return [ARRAY, dtype.str, *plain.shape, writer.blob(data)]

    return write


def _torch(torch: Any, value: Any) -> _Write | None:
    if isinstance(value, torch.dtype):
        name = str(value).removeprefix("torch.")
        known = name in TENSORS
        return (lambda w, v, d: [DTYPE, "torch", name]) if known else None
    name = str(value.dtype).removeprefix("torch.")
    if (
        name not in TENSORS
        or value.layout is not torch.strided
        or value.is_quantized
        or value.is_meta
    ):
        return None

    def write(writer: _Writer, tensor: Any, depth: int) -> list:
        size = tensor.numel() * tensor.element_size()
        if size > MAX_BYTES:
            raise Refused(f"a tensor of {size >> 20} MB is too large")
        with torch._C.DisableTorchFunctionSubclass():
            plain = tensor.detach().cpu().resolve_conj().resolve_neg()
            plain = plain.contiguous()
            if name == "bfloat16":
                plain = plain.view(torch.int16)
            data = plain.numpy().tobytes()
        return [TENSOR, name, *tensor.shape, writer.blob(data)]

    return write
