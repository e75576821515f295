"""What stands in the judge's process for what stays in the student's.

A `Handle` can be called, asked for attributes, items and length, gone through, and
turned into a bool, an int, a float or text. Each of these asks the student's process
and gets plain values or further handles. It cannot be compared, counted with, searched
or hashed: those would have the student's code see the expected value and then say
whether it likes it.

Where a function is declared to return plain data (its annotation says so), an object in
that place is *sealed*: it can be looked at, but nothing of it can be called.
"""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from aulac_grader.judge.wire.encode import encode
from aulac_grader.judge.wire.protocol import Channel, Ended
from aulac_grader.judge.wire.wire import Refused

from .outcome import Status

MAX_PULLED = 100_000  # items taken from one handle by going through it
MAX_TEXT = 2_000


class Stop(BaseException):
    """The test is over, whatever it catches: not an `Exception`."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class NotPlainError(Exception):
    """A test does with an object what it can only do with a plain value."""


class StudentError(Exception):
    """An exception of the student's. Its class is also of the builtin it came from."""

    places = ""

    said = ""

    def __str__(self) -> str:
        return self.said


class _EndError(Exception):
    """There is no next item."""


class Link:
    """Asks the student's process, one question at a time, until a deadline."""

    def __init__(self, channel: Channel, wall_seconds: float) -> None:
        self.channel = channel
        self.deadline = time.monotonic() + wall_seconds
        self.number = 0
        self.stopped: Stop | None = None
        self._sealed = False
        self._origin = ""
        channel.make_handle = self._make

    def ask(
        self,
        op: str,
        *arguments: Any,
        sealed: bool = False,
        origin: str = "",
    ) -> Any:
        """The answer to one request: a plain value or a handle.

        Raises:
            StudentError: the student's code raised.
            _EndError: there is no `next` item.
            Stop: no answer, or one that is none.
        """
        if self.stopped is not None:
            raise self.stopped
        self.number += 1
        self._sealed, self._origin = sealed, origin
        body = self._encode(op, arguments)
        try:
            self.channel.send_bytes(body, timeout=self._left())
            kind, rest = self._reply(self.channel.receive(self._left()))
            error = _student_error(*rest) if kind == "raised" else None
        except TimeoutError:
            self.stop("time", TOO_SLOW)
        except Ended:
            self.stop("ended", ENDED)
        except Refused as refused:
            self.stop("refused", f"{REFUSED} ({refused})")
        if error is not None:
            raise error
        if kind == "end":
            raise _EndError
        return rest[0]

    def _left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def _encode(self, op: str, arguments: tuple) -> bytes:
        try:
            return encode([self.number, op, *arguments], self._keep, Handle)
        except Refused as refused:
            what = _culprit(arguments, self._keep)
            self.stop(
                "error",
                f"the test sends {what} to the student's process, where it cannot go "
                f"({refused}): send plain values, have an answer cell provide it, or "
                "ask with aulac.lesson.checks.probe",
            )

    def stop(self, status: Status, message: str) -> NoReturn:
        """End the test; what it asks from now on gets the same answer."""
        self.stopped = Stop(status, message)
        raise self.stopped

    def _reply(self, reply: Any) -> tuple[str, list[Any]]:
        """What kind of reply it is, and its parts, when it is one to this request."""
        if type(reply) is not list or len(reply) < 2:
            raise Refused("no answer")
        number, kind, *rest = reply
        if type(number) is not int or number != self.number:
            raise Refused("an answer out of turn")
        if type(kind) is not str or len(rest) != _PARTS.get(kind):
            raise Refused("no answer")
        return kind, rest

    def _keep(self, value: Any) -> tuple[int, str]:
        if type(value) is Handle and state_of(value).link is self:
            return state_of(value).number, ""
        raise Refused(f"a {type(value).__name__} is no plain value")

    def _make(self, number: int, label: str) -> Handle:
        return Handle(_State(self, number, label, self._sealed, self._origin))


def _culprit(arguments: tuple, keep: Any) -> str:
    """Which of a call's arguments does not cross, in words."""
    parts: dict[str, Any] = {}
    name = "the call"
    for part in arguments:
        if type(part) is Handle:
            name = state_of(part).origin or name
        elif type(part) is dict:
            parts |= part
        elif type(part) is tuple:
            parts |= {str(n): value for n, value in enumerate(part, 1)}
    rows = [
        (f"argument {key} of {name}", value) for key, value in parts.items()
    ]
    for what, value in rows:
        try:
            encode(value, keep, Handle)
        except Refused:
            return what
    return "a value"


_PARTS = {"ok": 1, "end": 0, "raised": 4}  # of a reply, after its number
TOO_SLOW = "chạy quá lâu / took too long"
ENDED = (
    "tiến trình của bài làm đã kết thúc giữa chừng / the answer's process ended "
    "half-way"
)
REFUSED = "kết quả không nhận được / the result cannot be received"


class _State:
    """What a handle knows; kept apart so that no name of the student's is taken."""

    __slots__ = ("label", "link", "number", "origin", "plain_result", "sealed")

    def __init__(
        self, link: Link, number: int, label: str, sealed: bool, origin: str
    ) -> None:
        self.link = link
        self.number = number
        self.label = re.sub(r"[^\w.(): ,'-]", "?", label)[:160] or "?"
        self.origin = origin  # the provided name it came from
        self.sealed = sealed
        self.plain_result = False


def state_of(handle: Handle) -> _State:
    return object.__getattribute__(handle, "_aulac")


class Handle:
    """Something of the student's that is no plain value. See the module's docstring."""

    __slots__ = ("_aulac",)
    __array_ufunc__ = None  # NumPy leaves `array == handle` to us

    def __init__(self, state: _State) -> None:
        object.__setattr__(self, "_aulac", state)

    def __call__(self, *args: Any, **named: Any) -> Any:
        state = state_of(self)
        if state.sealed:
            refuse(self, "gọi", "be called")
        sealed = state.plain_result
        return self._ask("call", args, named, sealed=sealed)

    # What `isinstance` asks for.
    __class__ = property(
        lambda self: refuse(self, "hỏi kiểu", "be asked for its type")
    )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        value = self._ask("attribute", name)
        state = state_of(self)
        if state.sealed and type(value) is Handle:
            state_of(value).label = state.label  # whose method it is
        return value

    def __getitem__(self, key: Any) -> Any:
        return self._ask("item", key)

    def __iter__(self) -> Iterator[Any]:
        iterator = self._ask("iterator")
        if type(iterator) is not Handle:
            state_of(self).link.stop("refused", REFUSED)
        for _ in range(MAX_PULLED):
            try:
                item = iterator._ask("next")
            except _EndError:
                return
            yield item
        state_of(self).link.stop("refused", f"{REFUSED} (> {MAX_PULLED:,})")

    def __next__(self) -> Any:
        try:
            return self._ask("next")
        except _EndError:
            raise StopIteration from None

    def __len__(self) -> int:
        size = self._exact("length", int)
        if not 0 <= size < 1 << 63:
            state_of(self).link.stop("refused", REFUSED)
        return size

    def __bool__(self) -> bool:
        return self._exact("convert", bool, "bool")

    def __int__(self) -> int:
        return self._exact("convert", int, "int")

    def __float__(self) -> float:
        return self._exact("convert", float, "float")

    def __str__(self) -> str:
        return self._exact("convert", str, "str")

    def __repr__(self) -> str:
        return self._exact("convert", str, "repr")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def _ask(self, op: str, *arguments: Any, sealed: bool = False) -> Any:
        state = state_of(self)
        return state.link.ask(
            op,
            self,
            *arguments,
            sealed=state.sealed or sealed,
            origin=state.origin,
        )

    def _exact(self, op: str, kind: type, *arguments: Any) -> Any:
        """The answer, which has to be of exactly that type."""
        value = self._ask(op, *arguments)
        if type(value) is not kind:
            state_of(self).link.stop("refused", REFUSED)
        return value


def refuse(handle: Handle, vi: str, en: str) -> NoReturn:
    """Say that something cannot be done with a handle.

    Raises:
        NotPlainError: always.
    """
    state = state_of(handle)
    raise NotPlainError(
        f"{state.origin}: {state.label} là một đối tượng, không phải dữ liệu thường, "
        f"nên không {vi} được / {state.label} is an object, not plain data, and "
        f"cannot {en}"
    )


def _refusing(vi: str, en: str) -> Any:
    return lambda self, *_: refuse(self, vi, en)


def _forbid() -> None:
    """Give `Handle` the operations in which the student's code would be the judge."""
    for name in ["eq", "ne", "lt", "le", "gt", "ge"]:
        setattr(Handle, f"__{name}__", _refusing("so sánh", "be compared"))
    arithmetic = (
        "add sub mul matmul truediv floordiv mod divmod pow lshift rshift"
    )
    for name in f"{arithmetic} and or xor".split():
        for form in (f"__{name}__", f"__r{name}__", f"__i{name}__"):
            setattr(Handle, form, _refusing("tính", "be counted with"))
    for name in [
        "neg",
        "pos",
        "abs",
        "invert",
        "round",
        "trunc",
        "floor",
        "ceil",
        "index",
        "complex",
    ]:
        setattr(Handle, f"__{name}__", _refusing("tính", "be counted with"))
    for name in ["setattr", "delattr", "setitem", "delitem"]:
        setattr(
            Handle, f"__{name}__", _refusing("sửa", "be changed from here")
        )
    for name, vi, en in (
        ("hash", "làm khóa", "be a key"),
        ("contains", "tìm trong đó", "be searched: list its items"),
        ("enter", "dùng với with", "be used in `with`"),
    ):
        setattr(Handle, f"__{name}__", _refusing(vi, en))


_forbid()


# -- exceptions of the student's -------------------------------------------------------


def _student_error(
    names: Any, said: Any, arguments: Any, places: Any
) -> StudentError:
    """An exception that tests can catch as the builtin it is."""
    plain = type(names) is list and all(type(name) is str for name in names)
    if (
        not plain
        or not names
        or type(said) is not str
        or type(places) is not str
    ):
        raise Refused("no exception")
    base = next((b for b in map(_builtin, names) if b is not None), Exception)
    name = names[0][:80] if names[0].isidentifier() else "StudentError"
    bases = (StudentError,) if base is Exception else (StudentError, base)
    kind: Any = type(
        name, bases, {"said": said[:MAX_TEXT], "places": places[:MAX_TEXT]}
    )
    error: StudentError = kind.__new__(kind)
    exact = type(arguments) is tuple
    error.args = arguments if exact else (said[:MAX_TEXT],)
    return error


def _builtin(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return None
    return None if issubclass(kind, ExceptionGroup) else kind
