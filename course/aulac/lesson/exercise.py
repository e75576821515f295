"""Exercises that are checked in the notebook, kindly.

A check never raises: a reader who has not begun, or whose function breaks, gets a
sentence, and the notebook runs on.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from aulac.lesson.language import choose, emit, plain, spans

CHECK_MIME = "application/vnd.aulac.check+json"
WIDEST = 200


def check(function: Any, cases: Iterable[tuple[Any, Any]]) -> None:
    """Try `function` on `cases` and say, in both languages, how it went.

    Each case is `(arguments, expected)`: a tuple of arguments (anything else counts
    as the one argument) and what should come back. Floats need to agree to six
    digits; arrays and tensors are compared by their items; an `expected` that is a
    function is asked whether the result is right. Arguments are copied first, so a
    function that changes them cannot spoil a later case.
    """
    name = getattr(function, "__name__", "hàm / function")
    outcomes = [
        _try(function, arguments, expected) for arguments, expected in cases
    ]
    total = len(outcomes)
    passed = sum(outcome.state == "right" for outcome in outcomes)
    if not callable(function) or all(o.state == "empty" for o in outcomes):
        state = "unattempted"
        vi = f"<code>{escape(name)}</code>: chưa làm. Hãy viết thân hàm rồi chạy lại."
        en = (
            f"<code>{escape(name)}</code>: not attempted yet. "
            "Write its body and run this cell again."
        )
    elif passed == total:
        state = "right"
        vi = f"<code>{escape(name)}</code>: đúng cả {total} trường hợp."
        en = f"<code>{escape(name)}</code>: all {total} cases are right."
    else:
        state = "wrong"
        first = next(o for o in outcomes if o.state != "right")
        vi = f"<code>{escape(name)}</code>: đúng {passed}/{total}. {first.vi}"
        en = f"<code>{escape(name)}</code>: {passed} of {total} right. {first.en}"
    emit(
        {
            "text/html": f'<div class="aulac-check aulac-{state}">{spans(vi, en)}</div>',
            "text/plain": choose(plain(vi), plain(en)),
            CHECK_MIME: {
                "function": name,
                "state": state,
                "passed": passed,
                "total": total,
            },
        }
    )


class _Outcome:
    def __init__(self, state: str, vi: str = "", en: str = "") -> None:
        self.state, self.vi, self.en = state, vi, en


def _try(function: Any, arguments: Any, expected: Any) -> _Outcome:
    if not callable(function):
        return _Outcome("empty")
    if not isinstance(arguments, tuple):
        arguments = (arguments,)
    call = f"<code>{_short(', '.join(_repr(a) for a in arguments))}</code>"
    try:
        got = function(*_copied(arguments))
    except NotImplementedError:
        return _Outcome("empty")
    except Exception as error:
        what = f"<code>{_short(f'{type(error).__name__}: {error}')}</code>"
        return _Outcome(
            "broken",
            f"Với {call}, hàm dừng vì lỗi {what}.",
            f"Given {call}, it stops with {what}.",
        )
    if got is ... or (got is None and expected is not None):
        return _Outcome(
            "empty",
            f"Với {call}, hàm không trả về gì (thiếu <code>return</code>?).",
            f"Given {call}, it returns nothing (a missing <code>return</code>?).",
        )
    result = f"<code>{_short(_repr(got))}</code>"
    if isinstance(expected, Callable):  # type: ignore[arg-type]
        if _holds(expected, got):
            return _Outcome("right")
        return _Outcome(
            "wrong",
            f"Với {call}, kết quả {result} chưa thỏa điều kiện.",
            f"Given {call}, the result {result} does not meet the condition.",
        )
    if same(got, expected):
        return _Outcome("right")
    wanted = f"<code>{_short(_repr(expected))}</code>"
    return _Outcome(
        "wrong",
        f"Với {call}, cần {wanted}, hàm trả về {result}.",
        f"Given {call}, expected {wanted}, got {result}.",
    )


def _copied(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return copy.deepcopy(arguments)
    except (
        Exception
    ):  # generators, open files, tensors inside a graph: given as they are
        return arguments


def _holds(condition: Any, got: Any) -> bool:
    try:
        return bool(condition(got))
    except Exception:  # a result of the wrong type is a wrong result
        return False


def same(got: Any, expected: Any) -> bool:
    """Are two results equal, floats to six digits, arrays item by item?"""
    got, expected = _listed(got), _listed(expected)
    if isinstance(expected, bool) or isinstance(got, bool):
        return got is expected
    if isinstance(expected, float) or isinstance(got, float):
        if not all(isinstance(x, int | float) for x in (got, expected)):
            return False
        return math.isclose(got, expected, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(expected, list | tuple):
        return (
            type(got) is type(expected)
            and len(got) == len(expected)
            and all(same(a, b) for a, b in zip(got, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(got[key], expected[key]) for key in expected)
        )
    try:
        return bool(got == expected)
    except Exception:  # objects that refuse to be compared are not equal
        return False


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # a reader's own class may have a broken __repr__
        return f"<{type(value).__name__}>"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return escape(text if len(text) <= WIDEST else text[: WIDEST - 1] + "…")
