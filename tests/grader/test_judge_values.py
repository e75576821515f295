"""What crosses between two processes, and how strictly it is read."""

from __future__ import annotations

import collections
import contextlib
import enum
import math
import time
import tracemalloc
import warnings
from types import MappingProxyType, SimpleNamespace
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac_grader.judge.wire import wire
from aulac_grader.judge.wire.decode import decode
from aulac_grader.judge.wire.encode import encode
from aulac_grader.judge.wire.protocol import Channel, Ended, Flood
from aulac_grader.judge.wire.wire import Refused


def crossed(value: Any) -> Any:
    return decode(encode(value))


def same(one: Any, other: Any) -> bool:
    """Equal in value and in exact type, all the way down; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float | complex):
        return one == other or (one != one and other != other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and same(
            [*one.values()], [*other.values()]
        )
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(
            one, other, equal_nan=one.dtype.kind in "fc"
        )
    return one == other


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**900), 2**900)
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(codec=None))  # lone surrogates, too
    | st.binary(max_size=600)
    | st.fractions()
    | st.decimals(allow_nan=False, min_value=-1e9, max_value=1e9)
    | st.builds(
        range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 4)
    )
)
keys = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda part: st.tuples(part, part) | st.frozensets(part, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    scalars,
    lambda part: (
        st.lists(part, max_size=5)
        | st.lists(part, max_size=5).map(tuple)
        | st.dictionaries(keys, part, max_size=5)
    ),
    max_leaves=20,
) | st.sets(keys, max_size=5)


@given(values)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert same(crossed(value), value)


@given(
    st.lists(st.text(), max_size=4), st.dictionaries(st.text(), st.integers())
)
def test_the_same_value_is_the_same_bytes(row: list, table: dict) -> None:
    members = set(table)
    assert encode([row, table, members]) == encode(
        [list(row), dict(table), members]
    )


NUMPY = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
NUMPY += ["c8", "c16", ">i4", ">f8", "U3", "S3"]


@pytest.mark.parametrize("dtype", NUMPY)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 1)])
def test_arrays_cross(dtype: str, shape: tuple[int, ...]) -> None:
    count = math.prod(shape)
    array = np.arange(count).reshape(shape).astype(dtype)
    back = crossed(array)
    assert type(back) is np.ndarray
    assert (back.dtype.kind, back.shape) == (array.dtype.kind, shape)
    assert np.array_equal(back, array)
    assert back.flags.writeable
    if not shape:
        scalar = crossed(array[()])
        assert type(scalar) is type(np.ascontiguousarray(array)[0])
        assert scalar == array[()]


@pytest.mark.parametrize("name", sorted(wire.TENSORS))
def test_tensors_cross(name: str) -> None:
    dtype = getattr(torch, name)
    for shape in [(), (3,), (0, 2), (2, 3)]:
        tensor = (torch.arange(math.prod(shape)) % 2).reshape(shape).to(dtype)
        back = crossed(tensor)
        assert type(back) is torch.Tensor
        assert back.dtype == dtype
        assert torch.equal(back, tensor)
    assert crossed(dtype) is dtype


def test_views_of_tensors_and_arrays_are_copied_out() -> None:
    tensor = torch.arange(12.0, requires_grad=True).reshape(3, 4).T[1:]
    back = crossed(tensor)
    assert torch.equal(back, tensor.detach())
    assert not back.requires_grad
    weight = torch.nn.Linear(2, 2).weight
    assert type(crossed(weight)) is torch.Tensor
    array = np.arange(12).reshape(3, 4).T[1:, ::-1]
    assert np.array_equal(crossed(array), array)
    conjugate = torch.tensor([1 + 2j]).conj()
    assert torch.equal(crossed(conjugate), conjugate)


class Word(str):
    def __str__(self) -> str:
        return "a lie"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Loud(int):
    def __int__(self) -> int:
        return 7

    def __index__(self) -> int:
        return 7


class Listing(list):
    def __iter__(self):
        return iter([1, 2, 3])


class Table(dict):
    def items(self):
        return [("a lie", 1)]

    def __iter__(self):
        return iter(["a lie"])


class Grid(np.ndarray):
    def __eq__(self, other: object) -> bool:
        return True


Point = collections.namedtuple("Point", "x y")
Colour = enum.IntEnum("Colour", "RED BLUE")
SUBCLASSES: list[tuple[Any, Any]] = [
    (Word("chữ"), "chữ"),
    (Loud(3), 3),
    (Listing([0]), [0]),
    (Table(a=1), {"a": 1}),
    (Point(1, 2), (1, 2)),
    (Colour.BLUE, 2),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.OrderedDict(b=1), {"b": 1}),
    (collections.defaultdict(list, {1: [2]}), {1: [2]}),
    (collections.UserDict(a=1), {"a": 1}),
    (collections.UserList([1]), [1]),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (torch.Size([2, 3]), (2, 3)),
    (np.array([1, 2]).view(Grid), np.array([1, 2])),
    ({"k": [Word("x")]}, {"k": ["x"]}),
]


@pytest.mark.parametrize(
    ("value", "plain"), SUBCLASSES, ids=lambda v: type(v).__name__
)
def test_a_subclass_is_sent_as_what_it_builds_on(
    value: Any, plain: Any
) -> None:
    assert same(crossed(value), plain)


def loop() -> list:
    row: list = []
    row.append({"again": row})
    return row


def nest(depth: int) -> list:
    row: list = []
    for _ in range(depth):
        row = [row]
    return row


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to drop them
        return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


REFUSED: dict[str, Any] = {
    "itself": loop(),
    "deep": nest(100),
    "very deep": nest(100_000),
    "long": [None] * (wire.MAX_ITEMS + 1),
    "large int": 1 << (8 * wire.MAX_INT_BYTES + 1),
    "large bytes": bytes(wire.MAX_BYTES),
    "large array": np.zeros(wire.MAX_BYTES),
    "many keys": dict.fromkeys(range(wire.MAX_KEYS + 1)),
    "objects": np.array([{}]),
    "record": np.zeros(1, [("a", "i4")]),
    "date": np.datetime64("2026-01-01"),
    "masked": np.ma.masked_array([1], [True]),
    "sparse": torch.eye(2).to_sparse(),
    "meta": torch.empty(2, device="meta"),
    "quantised": quantised(),
    "lambda": lambda: None,
    "generator": (x for x in [1]),
    "class": SimpleNamespace,
    "object": SimpleNamespace(),
    "module": math,
    "key": {SimpleNamespace: 1},
    "member": {SimpleNamespace},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plain_value_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(Refused, match=r"\w+ \w+"):
        encode([1, REFUSED[name]])


def test_an_object_becomes_a_handle_where_one_is_kept() -> None:
    kept: list[Any] = []

    def keep(value: Any) -> tuple[int, str]:
        kept.append(value)
        return len(kept), type(value).__name__

    thing = SimpleNamespace()
    data = encode({"a": [thing, len]}, keep)
    assert decode(data, lambda number, label: (number, label)) == {
        "a": [(1, "SimpleNamespace"), (2, "builtin_function_or_method")]
    }
    assert kept == [thing, len]
    with pytest.raises(Refused, match="only plain values"):
        decode(data)


# -- hostile bytes ---------------------------------------------------------------------


def framed(tree: Any, blobs: bytes = b"") -> bytes:
    structure = msgpack.packb(tree)
    return len(structure).to_bytes(4, "big") + structure + blobs


def read(data: bytes) -> Any:
    """`decode` as it has to behave: a value, or Refused, soon."""
    start = time.process_time()
    try:
        return decode(data, lambda number, label: None)
    except Refused:
        return Refused
    finally:
        assert time.process_time() - start < 5


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read(data)
    read(len(data).to_bytes(4, "big") + data)


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**40)
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from(["<f4", "|b1", "<U2", "float32", "bool"]),
    lambda part: st.builds(
        lambda tag, rest: [tag, *rest],
        st.integers(-1, 21),
        st.lists(part, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=500)
@given(trees, st.binary(max_size=40))
def test_any_structure_is_read_or_refused(tree: Any, blobs: bytes) -> None:
    read(framed(tree, blobs))


@settings(max_examples=300)
@given(values, st.data())
def test_a_message_changed_anywhere_is_read_or_refused(
    value: Any, data: st.DataObject
) -> None:
    message = bytearray(encode([value, np.arange(4), torch.ones(2)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(message)))
    read(bytes(message))
    read(bytes(message[:end]))


HOSTILE: dict[str, bytes] = {
    "an array of four billion": b"\0\0\0\5\xdd\xff\xff\xff\xff",
    "arrays in arrays": b"\0\0\x10\0" + b"\x91" * 4096,
    "a map": framed({"a": 1}),
    "an extension": framed([0, msgpack.ExtType(5, b"x")]),
    "a timestamp": framed([0, msgpack.Timestamp(1)]),
    "no tag": framed([[1]]),
    "unknown tag": framed([99]),
    "a bool for a tag": framed([True, 1]),
    "odd dict": framed([wire.DICT, 1]),
    "list for a key": framed([wire.DICT, [wire.LIST], 1]),
    "many equal keys": framed([wire.SET, *[[wire.TUPLE]] * 100_000]),
    "a large shape": framed([wire.ARRAY, "<f8", 2**62, 2**62, 0]),
    "an empty axis": framed([wire.ARRAY, "<f8", 0, 2**40, 0]),
    "a negative axis": framed([wire.ARRAY, "<f8", -1, -1, 8], bytes(8)),
    "a bool axis": framed([wire.ARRAY, "<f8", True, 8], bytes(8)),
    "too short": framed([wire.ARRAY, "<f8", 3, 8], bytes(8)),
    "objects": framed([wire.ARRAY, "|O", 1, 8], bytes(8)),
    "a record": framed([wire.ARRAY, "f8,O", 1, 8], bytes(8)),
    "wide text": framed([wire.ARRAY, "<U99999999", 0]),
    "bad text": framed([wire.ARRAY, "<U1", 1, 4], b"\xff" * 4),
    "33 axes": framed([wire.ARRAY, "<f8", *[1] * 33, 8], bytes(8)),
    "a tensor of a list": framed([wire.TENSOR, [0], 1, 4], bytes(4)),
    "an attribute of torch": framed([wire.TENSOR, "load", 1, 4], bytes(4)),
    "a dtype of torch": framed([wire.DTYPE, "torch", "load"]),
    "over zero": framed([wire.FRACTION, 1, 0]),
    "a long decimal": framed([wire.DECIMAL, "1e999999999"]),
    "a decimal in other digits": framed([wire.DECIMAL, "٣"]),
    "a step of zero": framed([wire.RANGE, 1, 2, 0]),
    "bytes left over": framed(1, b"x"),
    "a blob that is not there": framed([wire.TEXT, 1000]),
    "a negative blob": framed([wire.TEXT, -1]),
    "broken text": framed([wire.TEXT, 2], b"\xff\xfe"),
    "a negative handle": framed([wire.HANDLE, -1, "x"]),
    "a handle called 7": framed([wire.HANDLE, 1, 7]),
    "nothing": b"",
    "structure too long": (wire.MAX_STRUCTURE + 1).to_bytes(4, "big")
    + bytes(64),
    "items": framed([wire.LIST, *[[wire.LIST]] * 2_100_000]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused(name: str) -> None:
    assert read(HOSTILE[name]) is Refused


def test_colliding_keys_do_not_slow_the_reader_down() -> None:
    # Each int has hash 1: a dict of them takes quadratic time.
    keys = [n * (2**61 - 1) + 1 for n in range(60_000)]
    flat = [
        part
        for key in keys
        for part in ([wire.INT, key.to_bytes(16, "little")], 0)
    ]
    start = time.process_time()
    assert read(framed([wire.DICT, *flat])) is Refused
    assert time.process_time() - start < 3


def test_a_small_message_takes_no_large_memory() -> None:
    data = framed([wire.LIST, *[[wire.LIST, [wire.TUPLE]]] * 900_000])
    read(data)
    tracemalloc.start()
    try:
        # not by `read`: tracing takes most of the time
        with contextlib.suppress(Refused):
            decode(data, lambda number, label: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 600 * 2**20


def test_a_bool_has_two_values() -> None:
    array = decode(framed([wire.ARRAY, "|b1", 3, 3], b"\0\1\xfe"))
    assert array.view(np.uint8).tolist() == [0, 1, 1]
    tensor = decode(framed([wire.TENSOR, "bool", 3, 3], b"\0\1\xfe"))
    assert tensor.view(torch.uint8).tolist() == [0, 1, 1]


def test_without_arrays_numpy_and_torch_stay_untouched() -> None:
    for value in (np.ones(2), np.float32(1), torch.ones(2), torch.float32):
        with pytest.raises(Refused):
            decode(encode(value), arrays=False)
    assert decode(encode([1, "a"]), arrays=False) == [1, "a"]


# -- the channel -----------------------------------------------------------------------


def test_messages_keep_their_order_and_their_ends() -> None:
    one, other = Channel.pair()
    with one, other:
        one.send([1, "một"])
        one.send({"hai": np.arange(3)})
        assert other.receive(5) == [1, "một"]
        assert other.receive(5)["hai"].tolist() == [0, 1, 2]


def test_a_channel_says_when_the_other_end_is_gone() -> None:
    one, other = Channel.pair()
    other.sock.sendall(b"\0\0\1\0abc")
    other.close()
    with one:
        with pytest.raises(Ended):
            one.receive(5)
        with pytest.raises(Ended):
            one.send(bytes(1 << 20))


def test_a_flood_is_noticed_before_it_is_read() -> None:
    one, other = Channel.pair()
    with one, other:
        other.sock.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(Flood):
            one.receive(5)


def test_the_deadline_is_for_the_message_not_for_its_bytes() -> None:
    one, other = Channel.pair()
    with one, other:
        other.sock.sendall(b"\0\0\1\0" + bytes(100))
        with pytest.raises(TimeoutError):
            one.receive(0.05)
        with pytest.raises(TimeoutError):
            one.receive(0)
        with pytest.raises(TimeoutError):
            one.send(bytes(32 << 20), timeout=0.05)


def test_descriptors_are_taken_only_where_they_are_expected() -> None:
    one, other = Channel.pair()
    with one, other:
        one.send("take", [one.sock.fileno()])
        assert other.receive(5) == "take"
        with pytest.raises(Refused):
            other.take_fd()
        other.take_fds = True
        one.send("take", [one.sock.fileno()])
        assert other.receive(5) == "take"
        with Channel.from_fd(other.take_fd()) as third:
            other.send("hello")
            assert third.receive(5) == "hello"
