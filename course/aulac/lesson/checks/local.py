"""`aulac.lesson.checks` where the student's functions are at hand."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .files import load


class Here:
    """Answers the checks in this process."""

    def do(self, check: str, arguments: tuple, named: dict) -> Any:
        return CHECKS[check](*arguments, **named)

    def artefact(self, name: str, max_mb: float) -> Any:
        return load(Path(name), max_mb)


def listed(items: Iterable[Any], limit: int) -> list[Any]:
    return list(itertools.islice(items, limit))


def probe(code: str, /, **names: Any) -> Any:
    scope = dict(vars(sys.modules["__main__"])) | names
    tree = ast.parse(code, "<probe>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, "<probe>", "exec"), scope)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<probe>", "eval"), scope)


def printed(function: Callable[..., Any], /, *args: Any, **named: Any) -> str:
    target = io.StringIO()
    with contextlib.redirect_stdout(target):
        function(*args, **named)
    return target.getvalue()


def picture(
    function: Callable[..., Any], /, *args: Any, **named: Any
) -> bytes:
    from matplotlib import pyplot

    pyplot.close("all")
    result = function(*args, **named)
    figure = getattr(result, "figure", None) or result
    if not hasattr(figure, "savefig"):
        figure = pyplot.gcf() if pyplot.get_fignums() else None
    if figure is None:
        raise AssertionError("không vẽ hình nào / draws no figure")
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100)
    pyplot.close("all")
    return target.getvalue()


def changed(
    function: Callable[..., Any], /, *args: Any, **named: Any
) -> tuple[Any, ...]:
    # The test's own objects stay as they are, as they would in another process.
    copies = copy.deepcopy(args)
    function(*copies, **named)
    return copies


def within(
    seconds: float, function: Callable[..., Any], /, *args: Any, **named: Any
) -> Any:
    start = time.process_time()
    with _interrupted(seconds):
        result = function(*args, **named)
    if time.process_time() - start > seconds:
        raise TimeoutError(late(seconds))
    return result


class _OutOfTimeError(BaseException):
    """Not an `Exception`: the function under test may catch those."""


@contextlib.contextmanager
def _interrupted(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after `seconds` of CPU time, where the system can."""
    here = threading.current_thread() is threading.main_thread()
    if not (here and hasattr(signal, "SIGPROF")):
        yield
        return

    def interrupt(*_: Any) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGPROF, interrupt)
    timer = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except _OutOfTimeError:
        raise TimeoutError(late(seconds)) from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, *timer)
        signal.signal(signal.SIGPROF, before)


def close(got: Any, want: Any, rtol: float, atol: float) -> bool:
    import numpy

    left, right = _numbers(got), _numbers(want)
    if left is None or right is None or left.shape != right.shape:
        return False
    return bool(numpy.allclose(left, right, rtol, atol))


def _numbers(value: Any) -> Any:
    """`value` as an array of numbers, None where it is something else."""
    import numpy

    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        wide = torch.complex128 if value.is_complex() else torch.float64
        return value.detach().cpu().to(wide).numpy()
    kinds = (bool, int, float, complex, list, tuple)
    if type(value) not in (*kinds, numpy.ndarray) and not issubclass(
        type(value), numpy.generic
    ):
        return None
    try:
        array = numpy.asarray(value)
    except (ValueError, TypeError, OverflowError):  # rows of different lengths
        return None
    return array if array.dtype.kind in "biufc" else None


def late(seconds: float) -> str:
    """What a call is told that takes too long."""
    return f"quá {seconds:g} giây / took over {seconds:g} seconds"


CHECKS: dict[str, Callable[..., Any]] = {
    "listed": listed,
    "probe": probe,
    "printed": printed,
    "picture": picture,
    "changed": changed,
    "within": within,
}
