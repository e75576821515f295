"""The reader's guess and the measured outcome."""

from __future__ import annotations

import math
from contextlib import suppress
from html import escape
from typing import Any

from aulac.lesson.language import choose, emit, plain, spans

RECORD_MIME = "application/vnd.aulac.record+json"

_guesses: dict[str, Any] = {}


def predict(name: str, guess: Any) -> None:
    """Keep the reader's guess; `record` with the same name shows it beside the truth.

    `guess` may be a number, a text, or None or `...` for "not guessed yet".
    """
    if guess is None or guess is ...:
        _guesses.pop(name, None)
        vi = "Bạn chưa đoán. Hãy ghi một con số rồi chạy lại ô này; sai cũng không sao."
        en = (
            "No guess yet. Write a number and run this cell again; "
            "a wrong one teaches too."
        )
    else:
        _guesses[name] = guess
        vi = f"Đã ghi lời đoán của bạn: <b>{written(guess, 'vi')}</b>."
        en = f"Your guess is kept: <b>{written(guess, 'en')}</b>."
    _say(vi, en, "aulac-predict")


def record(name: str, value: Any, unit: str | tuple[str, str] = "") -> Any:
    """Show an outcome, hand it to the verifier, and return it.

    `value` is a number (NumPy and torch scalars too), a bool or a text; `unit` is
    one text, or a pair (vi, en). Where the lesson's header has a band of this name,
    the value must land in it at scale `tiny`.

    Raises TypeError for anything else, since a band could not be checked.
    """
    value = plain_value(name, value)
    units = (unit, unit) if isinstance(unit, str) else unit
    parts = {}
    for lang, its_unit in zip(("vi", "en"), units, strict=True):
        after = f" {escape(its_unit)}" if its_unit else ""
        parts[lang] = (
            f"<code>{escape(name)}</code> = <b>{written(value, lang)}</b>"
            + (after)
        )
    if name in _guesses:
        vi, en = _beside(_guesses[name], value)
        parts["vi"] += vi
        parts["en"] += en
    _say(
        parts["vi"],
        parts["en"],
        "aulac-record",
        {
            RECORD_MIME: {
                "name": name,
                "value": finite(value),
                "unit": units[1],
            }
        },
    )
    return value


def _beside(guess: Any, value: Any) -> tuple[str, str]:
    vi = f" · bạn đoán {written(guess, 'vi')}"
    en = f" · you guessed {written(guess, 'en')}"
    both_numbers = all(
        isinstance(x, int | float) and not isinstance(x, bool)
        for x in (guess, value)
    )
    if guess == value:
        return vi + ": đúng", en + ": right"
    if both_numbers and guess * value > 0:
        ratio = max(guess / value, value / guess)
        if ratio >= 1.005:
            return (
                f"{vi} (lệch {written(round(ratio, 2), 'vi')} lần)",
                f"{en} (off by a factor of {written(round(ratio, 2), 'en')})",
            )
    return vi, en


def plain_value(name: str, value: Any) -> Any:
    """A Python number, bool or text; NumPy and torch scalars are unwrapped."""
    if hasattr(value, "item"):
        with suppress(ValueError, RuntimeError):  # an array of many items
            value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"record({name!r}, …) got a {type(value).__name__}; "
            "give it one number, True/False or a text."
        )
    return value


def finite(value: Any) -> Any:
    """JSON has no NaN or infinity: those travel as text, and no band accepts them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def written(value: Any, lang: str) -> str:
    """A value as a reader of `lang` writes it, HTML-escaped: 1.234,5 or 1,234.5."""
    if isinstance(value, bool):
        words = {"vi": ("sai", "đúng"), "en": ("false", "true")}
        return words[lang][value]
    if isinstance(value, int):
        text = f"{value:,}"
    elif isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        text = f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
        if "e" in text:
            return text
    else:
        return escape(str(value))
    if lang == "vi":
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def _say(
    vi: str, en: str, css: str, extra: dict[str, Any] | None = None
) -> None:
    html = f'<div class="{css}">{spans(vi, en)}</div>'
    data: dict[str, Any] = {
        "text/html": html,
        "text/plain": choose(plain(vi), plain(en)),
    }
    emit(data | (extra or {}))
