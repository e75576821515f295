"""Cells, run one after another in one namespace as a kernel would run them.

A cell that a kernel takes is taken here: a notebook's own commands (`%`, `%%`, `!`,
`?`) become sentences or nothing, `await` works at the top level, the last expression is
shown, a figure left open is a picture. What editors leave in a source (Windows line
ends, a byte order mark, no-break spaces, line separators) costs nobody a mark.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import io
import linecache
import os
import random
import signal
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy

from .capture import CAP, Capture
from .magics import install

MAX_TEXT = 2_000  # characters of an error's message
MAX_PICTURES = 8
MAX_PIXELS = 4_000_000
MAX_PICTURE_BYTES = 2 << 20

# Characters that a kernel's editor shows as blank, and Python does not take.
_BLANKS: dict[int, str | None] = {
    **dict.fromkeys(
        map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2009\u202f\u3000"), " "
    ),
    **dict.fromkeys(map(ord, "\u2028\u2029\u0085"), "\n"),
    **dict.fromkeys(
        map(ord, "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f"), None
    ),
}


class CellTimeoutError(BaseException):
    """A cell ran past its CPU time. Not an `Exception`: cells catch those."""


class Notebook:
    """One namespace, the module `__main__`, and the cells that were run in it."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__
        self.files: dict[str, str] = {}  # compiled name -> cell id
        self.loop: asyncio.AbstractEventLoop | None = None
        # Classes, and what pickles them, look their module up there.
        sys.modules["__main__"] = self.module
        builtins.input = _no_keyboard
        install(self)
        seed(0)

    def run(
        self,
        cell_id: str,
        source: str,
        seconds: float = 20.0,
        output_kb: int = CAP >> 10,
    ) -> dict[str, Any]:
        """Run a cell and say what came of it; never raises for what the cell does.

        The report has `status` ("ok", "raised", "time", "output"), `error`, `printed`
        and `pictures` (PNG files).
        """
        status, error = "ok", ""
        pictures: list[bytes] = []
        capture = Capture(output_kb << 10)
        try:
            with capture, _cpu_limit(seconds):
                try:
                    self.execute(cell_id, source)
                finally:
                    pictures = _pictures()
        except CellTimeoutError:
            status = "time"
            error = f"quá {seconds:g} giây / over {seconds:g} seconds"
        except BaseException as caught:  # exit() too: it ends the cell, not us
            status, error = "raised", self.describe(caught)
        if status == "ok" and capture.over:
            status = "output"
        return {
            "status": status,
            "error": error,
            "printed": capture.text,
            "pictures": pictures,
        }

    def execute(self, cell_id: str, source: str) -> None:
        """Run `source`, and show the value of its last expression."""
        value = self.evaluate(cell_id, source)
        if value is not None:
            self.namespace["_"] = value
            builtins.print(_repr(value))

    def evaluate(
        self,
        cell_id: str,
        source: str,
        namespace: dict[str, Any] | None = None,
    ) -> Any:
        """Run `source`; the value of its last expression, None where it has none."""
        scope = self.namespace if namespace is None else namespace
        source = _readable(source)
        name = f"<{cell_id}>"
        self.files[name] = cell_id
        # Tracebacks and `inspect.getsource` find the lines there.
        lines = [line + "\n" for line in source.split("\n")]
        linecache.cache[name] = (len(source), None, lines, name)
        tree = ast.parse(source, name)
        last = tree.body[-1] if tree.body else None
        shown = isinstance(last, ast.Expr)
        if isinstance(last, ast.Expr):
            tree.body.pop()
        self._run(compile(tree, name, "exec", _FLAGS, True), scope)
        if not isinstance(last, ast.Expr) or not shown:
            return None
        code = compile(ast.Expression(last.value), name, "eval", _FLAGS, True)
        value = self._run(code, scope)
        return None if source.rstrip().endswith(";") else value

    def _run(self, code: types.CodeType, scope: dict[str, Any]) -> Any:
        value = eval(code, scope)
        if code.co_flags & inspect.CO_COROUTINE:  # it awaits at the top level
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
            return self.loop.run_until_complete(value)
        return value

    def describe(self, error: BaseException) -> str:
        """The error as a student needs it: what it says, and their own lines."""
        said = message_of(error)
        lines = [
            f"{type(error).__name__}: {said}" if said else type(error).__name__
        ]
        lines += self.places(error)
        return "\n".join(lines)[:MAX_TEXT]

    def places(self, error: BaseException) -> list[str]:
        """Where in the cells the error came from, the innermost place last."""
        if isinstance(error, SyntaxError) and error.filename in self.files:
            where = self.files[error.filename]
            return [_place(where, error.lineno or 0, error.text or "")]
        places = []
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name in self.files:
                line = linecache.getline(name, trace.tb_lineno)
                places.append(_place(self.files[name], trace.tb_lineno, line))
            trace = trace.tb_next
        return [*places[:1], "…", *places[-4:]] if len(places) > 6 else places


def seed(number: int) -> None:
    """Seed what gives random numbers, as far as it is loaded.

    torch loaded later starts from a fixed seed of its own.
    """
    random.seed(number)
    numpy.random.seed(number % (1 << 32))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(number % (1 << 63))


_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def _place(cell_id: str, line: int, text: str) -> str:
    return f"  {cell_id}, dòng / line {line}: {text.strip()[:160]}"


def message_of(error: BaseException) -> str:
    """What an exception says, as an exact str; a `__str__` that fails says nothing."""
    try:
        return str.__str__(str(error))[:MAX_TEXT]
    except BaseException:
        return ""


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: {message_of(error)}>"


# -- sources ---------------------------------------------------------------------------


def _readable(source: str) -> str:
    """`source` as Python takes it, or unchanged when nothing helps."""
    source = source.removeprefix("\ufeff").replace("\r\n", "\n")
    source = source.replace("\r", "\n")
    if _parses(source):
        return source
    for attempt in _attempts(source):
        if _parses(attempt):
            return attempt
    return source


def _attempts(source: str) -> Iterator[str]:
    plain = source.translate(_BLANKS)
    yield plain
    with contextlib.suppress(Exception):
        # A kernel rewrites a notebook's own commands with this, before Python looks.
        from IPython.core.inputtransformer2 import TransformerManager

        yield TransformerManager().transform_cell(plain)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


# -- what a cell finds round it --------------------------------------------------------


def _no_keyboard(prompt: object = "", /) -> str:
    raise RuntimeError(
        "input() không có bàn phím khi chấm: hãy gán thẳng giá trị. / "
        "input() has no keyboard during grading: assign the value instead."
    )


@contextlib.contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after `seconds` of CPU time.

    A courtesy that lets the cells after this one go on: a cell can swallow it, and
    then the controller's watchdog ends the student process.
    """

    def interrupt(*_: Any) -> None:
        raise CellTimeoutError

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _pictures() -> list[bytes]:
    """Figures left open, as PNG files, and closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    pictures = []
    with contextlib.suppress(Exception):
        for number in pyplot.get_fignums()[:MAX_PICTURES]:
            data = png_of(pyplot.figure(number))
            if len(data) <= MAX_PICTURE_BYTES:
                pictures.append(data)
        pyplot.close("all")
    return pictures


def png_of(figure: Any) -> bytes:
    """A figure as a PNG file of at most `MAX_PIXELS`."""
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi, (MAX_PIXELS / max(width * height, 1e-6)) ** 0.5)
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi)
    return target.getvalue()


os.environ.setdefault("MPLBACKEND", "agg")
