"""What a test cell may use besides `assert`.

    from aulac.lesson.checks import printed

    def _check():
        assert printed(greet, "An") == "Chào An!\\n"

A test runs twice: in the student's own notebook, where their functions are at hand,
and when it is graded, in a process where only plain values arrive. What cannot be said
with values alone (what a call prints or draws, what becomes of its argument, gradients)
is asked for here, and answered the same way in both.

    listed      the items of a generator or any other iterable
    probe       the value of a snippet that runs where the student's code runs
    printed     what a call prints
    picture     the figure a call draws, as a PNG file; `pixels` reads it
    changed     the arguments of a call as they are after it
    raises      the message of the error that a call has to raise
    within      a call that may take so much time and no more
    close       numbers of the same shape that differ by rounding only
    artefact    a file that an answer cell has written, read safely
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from . import local
from .files import pixels

__all__ = [
    "artefact",
    "changed",
    "close",
    "listed",
    "picture",
    "pixels",
    "printed",
    "probe",
    "raises",
    "within",
]


class Side(Protocol):
    """Where the student's functions are: here, or in another process."""

    def do(self, check: str, arguments: tuple, named: dict) -> Any: ...

    def artefact(self, name: str, max_mb: float) -> Any: ...


_side: Side = local.Here()


def use(side: Side) -> None:
    """From now on ask `side`: the judge calls this in its own process."""
    global _side
    _side = side


def listed(items: Iterable[Any], limit: int = 1000) -> list[Any]:
    """The items of `items`, at most the first `limit` of them."""
    return _side.do("listed", (items, limit), {})


def probe(code: str, /, **names: Any) -> Any:
    """The value of the last expression of `code`, run where the student's code runs.

    `code` sees the names of the notebook and `names`; what it binds is gone afterwards.
    Its result crosses as plain data: gradients, shapes, the state of an object.

        grads = probe(
            "model(x).sum().backward()\\n"
            "{n: p.grad for n, p in model.named_parameters()}",
            model=model, x=x,
        )

    What `code` says can be read by the student's code, as any argument can: put no
    expected value into it.
    """
    return _side.do("probe", (code,), names)


def printed(function: Callable[..., Any], /, *args: Any, **named: Any) -> str:
    """What `function(*args, **named)` prints."""
    return _side.do("printed", (function, *args), named)


def picture(
    function: Callable[..., Any], /, *args: Any, **named: Any
) -> bytes:
    """The figure that `function(*args, **named)` draws with matplotlib, as PNG bytes.

    That is the figure it returns, or the one that is current afterwards.

    Raises:
        AssertionError: it draws nothing.
    """
    return _side.do("picture", (function, *args), named)


def changed(
    function: Callable[..., Any], /, *args: Any, **named: Any
) -> tuple[Any, ...]:
    """Copies of `args` as they are after `function(*args, **named)`.

    (after,) = changed(sort_in_place, [3, 1, 2])
    """
    return _side.do("changed", (function, *args), named)


def within(
    seconds: float, function: Callable[..., Any], /, *args: Any, **named: Any
) -> Any:
    """`function(*args, **named)`, if it takes at most `seconds` of CPU time.

    It is the student's process that watches its clock, so this tells a student that
    their way is too slow. What a cheat may take at most is the test cell's own limit:
    `:aulac: {seconds: 2}` in the assignment's source.

    Raises:
        TimeoutError: it takes longer.
    """
    return _side.do("within", (seconds, function, *args), named)


def raises(
    error: type[Exception],
    function: Callable[..., Any],
    /,
    *args: Any,
    **named: Any,
) -> str:
    """The message of the `error` that `function(*args, **named)` has to raise.

    Raises:
        AssertionError: it returns; an error of another class comes through.
    """
    try:
        function(*args, **named)
    except error as raised:
        return str(raised)
    raise AssertionError(
        f"phải ném {error.__name__} / must raise {error.__name__}"
    )


def close(got: Any, want: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Are numbers, lists, arrays or tensors of one shape equal up to rounding?

    Unlike `numpy.allclose`, which is true of an empty array whatever is expected, this
    wants the same shape on both sides. NaN is close to nothing, not even to NaN.
    """
    return local.close(got, want, rtol, atol)


def artefact(name: str, max_mb: float = 64.0) -> Any:
    """The contents of a file that an answer cell has written, by its suffix.

    .npy and .safetensors give arrays and tensors, .npz a dict of arrays, .json what it
    holds, .jsonl a list, .csv a list of rows, .txt a str, .png pixels.

    Raises:
        ValueError: the file is missing, too large, of another kind, or not what its
            suffix says.
    """
    return _side.artefact(name, max_mb)
