"""One question: the student's side of a test, answering calls until it is over.

    the judge sends [n, op, argument, …]      the answer is [n, "ok", value],
                                              [n, "raised", …] or [n, "end"]

A value that is plain data goes as such, everything else stays here under a number. What
these calls do is the student's code, and what they answer the student's word; the judge
reads it as such.
"""

from __future__ import annotations

import builtins
import contextlib
import math
import resource
from collections.abc import Callable
from typing import Any

from aulac.lesson.checks import local
from aulac_grader.judge.cells.capture import Capture
from aulac_grader.judge.cells.notebook import Notebook, message_of
from aulac_grader.judge.cells.notebook import seed as seed_all
from aulac_grader.judge.wire.encode import encode
from aulac_grader.judge.wire.protocol import Channel, Ended
from aulac_grader.judge.wire.wire import Refused

MAX_HANDLES = 200_000


def answer(notebook: Notebook, channel: Channel) -> None:
    """Serve calls until the judge closes its end."""
    table = ObjectTable(notebook)
    channel.keep_handle = table.keep
    channel.make_handle = lambda number, label: table.objects[number]
    with Capture():  # nobody reads what a test makes the answer print
        while True:
            try:
                number, op, *arguments = channel.receive()
            except Ended:
                return
            channel.send_bytes(table.reply(number, op, arguments))


class ObjectTable:
    """The objects of one question, by number, and what can be done with them."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def keep(self, value: Any, why: str = "") -> tuple[int, str]:
        """The number under which `value` stays here, and what it is called."""
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.objects) >= MAX_HANDLES:
                raise Refused("too many objects")
            number = len(self.objects)
            self.objects.append(
                value
            )  # which also keeps its id from being reused
            self.numbers[id(value)] = number
        label = type(value).__name__
        return number, f"{label} ({why})" if why else label

    def reply(self, number: int, op: str, arguments: list[Any]) -> bytes:
        """The bytes of the answer; whatever the call raises is one, too."""
        try:
            value = _OPS[op](self, *arguments)
            if value is _END:
                return encode([number, "end"])
            return self.encode(number, value)
        except (
            BaseException
        ) as error:  # also exit(), and what only tests catch
            return encode([number, "raised", *self.describe(error)])

    def encode(self, number: int, value: Any) -> bytes:
        try:
            return encode([number, "ok", value], self.keep)
        except Refused as refused:
            # A list that contains itself, a dict of objects: it stays here.
            why = str(refused)
            handle = _Kept(value, why)
            return encode(
                [number, "ok", handle],
                lambda kept: self.keep(kept.value, kept.why),
                _Kept,
            )

    def describe(self, error: BaseException) -> list[Any]:
        """Names of the error's classes, its message, its plain arguments, its place."""
        names = [kind.__name__ for kind in type(error).__mro__[:16]]
        try:
            encode(error.args)
            arguments = error.args
        except Exception:
            arguments = None
        places = self.notebook.places(error)
        return [names, message_of(error), arguments, "\n".join(places)]

    # -- what the judge can ask for

    def begin(self, seed: int, seconds: float) -> None:
        """Seed what gives random numbers, and limit the CPU time of this process."""
        seed_all(seed)
        limit = math.ceil(seconds)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))

    def name(self, name: str) -> Any:
        return self.notebook.namespace[name]

    def call(self, function: Any, arguments: tuple, named: dict) -> Any:
        return function(*arguments, **named)

    def attribute(self, thing: Any, name: str) -> Any:
        return getattr(thing, name)

    def item(self, thing: Any, key: Any) -> Any:
        return thing[key]

    def length(self, thing: Any) -> int:
        return len(thing)

    def iterator(self, thing: Any) -> Any:
        return iter(thing)

    def next(self, iterator: Any) -> Any:
        try:
            return next(iterator)
        except StopIteration:
            return _END

    def convert(self, thing: Any, kind: str) -> Any:
        """`bool(thing)`, `float(thing)`, … as an exact builtin."""
        return getattr(builtins, kind)(thing)

    def check(self, name: str, arguments: tuple, named: dict) -> Any:
        """A function of `aulac.lesson.checks`, done on this side."""
        return local.CHECKS[name](*arguments, **named)


class _Kept:
    """Stands for a value that is sent as a handle, though it looks plain."""

    def __init__(self, value: Any, why: str) -> None:
        self.value, self.why = value, why


_END = object()
_OPS: dict[str, Callable[..., Any]] = {
    name: getattr(ObjectTable, name)
    for name in (
        *("begin", "name", "call", "attribute", "item", "length"),
        *("iterator", "next", "convert", "check"),
    )
}
