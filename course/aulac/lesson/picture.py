"""Pictures that everybody can read: alt text in both languages, numbers as a table."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any

from aulac.lesson.language import choose, emit, localise, spans
from aulac.lesson.outcome import written

DOTS_PER_INCH = 144


def show(
    picture: Any,
    alt: Mapping[str, str] | None = None,
    table: Any = None,
    *,
    slot: str | None = None,
) -> None:
    """Show a picture or a piece of HTML in both languages.

    picture: a matplotlib figure or axes, a PIL image, PNG bytes, or HTML (a string,
        or an object with `_repr_html_`) that may hold `aulac-vi`/`aulac-en` elements.
    alt: {"vi": …, "en": …}, what a reader who cannot see the picture should know.
        Every figure and image needs it.
    table: the chart's numbers for readers and screen readers: a list of rows whose
        first row is the head, or a mapping of column to values. A heading may be a
        pair (vi, en).
    slot: a name; showing again in the same slot and cell replaces the picture
        (a curve that grows while a model trains).

    Raises ValueError when a picture comes without alt text in both languages.
    """
    alt = alt or {}
    image = _png(picture)
    if image is not None:
        if not (alt.get("vi", "").strip() and alt.get("en", "").strip()):
            raise ValueError(
                "show() got a picture without alt text; pass "
                'alt={"vi": "…", "en": "…"} that says what the picture shows.'
            )
        body = _figure(image, alt)
    else:
        body = localise(_html(picture))
        if alt:
            body = _labelled(body, alt)
    if table is not None:
        numbers = spans("Bảng số liệu", "The numbers")
        body += (
            f'<details class="aulac-table"><summary>{numbers}</summary>'
            f"{table_html(table)}</details>"
        )
    words = choose(alt.get("vi", "hình"), alt.get("en", "figure"))
    emit({"text/html": body, "text/plain": words}, slot)


def _png(picture: Any) -> bytes | None:
    if isinstance(picture, bytes):
        return picture
    figure = (
        picture
        if hasattr(picture, "savefig")
        else getattr(picture, "figure", None)
    )
    buffer = BytesIO()
    if figure is not None and hasattr(figure, "savefig"):
        figure.savefig(
            buffer,
            format="png",
            dpi=DOTS_PER_INCH,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},
        )
        _close(figure)
        return buffer.getvalue()
    if hasattr(picture, "save") and hasattr(picture, "getpixel"):
        picture.save(buffer, format="PNG")
        return buffer.getvalue()
    return None


def _close(figure: Any) -> None:
    """The inline backend would show an open figure once more, without alt text."""
    from matplotlib import pyplot

    pyplot.close(figure)


def _html(picture: Any) -> str:
    if isinstance(picture, str):
        return picture
    if hasattr(picture, "_repr_html_"):
        return picture._repr_html_() or ""
    raise TypeError(
        f"show() cannot draw a {type(picture).__name__}; give it a matplotlib figure, "
        "an image, PNG bytes or HTML."
    )


def _figure(png: bytes, alt: Mapping[str, str]) -> str:
    # One image serves both languages: its name is the hidden caption, of which a
    # screen reader reads only the language that the page shows. `alt` holds both for
    # readers that do not follow `aria-labelledby`.
    name = "aulac-alt-" + hashlib.sha256(alt["vi"].encode()).hexdigest()[:10]
    both = escape(choose(alt["vi"], alt["en"]), quote=True)
    data = base64.b64encode(png).decode()
    return (
        f'<figure class="aulac-figure" style="margin:0">'
        f'<img src="data:image/png;base64,{data}" alt="{both}" '
        f'aria-labelledby="{name}" style="max-width:100%;height:auto">'
        f"{_caption(name, alt)}</figure>"
    )


def _labelled(body: str, alt: Mapping[str, str]) -> str:
    name = (
        "aulac-alt-"
        + hashlib.sha256(alt.get("vi", "").encode()).hexdigest()[:10]
    )
    return f'<div role="group" aria-labelledby="{name}">{_caption(name, alt)}{body}</div>'


def _caption(name: str, alt: Mapping[str, str]) -> str:
    unseen = (
        "position:absolute;width:1px;height:1px;overflow:hidden;"
        "clip-path:inset(50%);white-space:nowrap"
    )
    words = spans(escape(alt.get("vi", "")), escape(alt.get("en", "")))
    return (
        f'<span id="{name}" class="aulac-alt" style="{unseen}">{words}</span>'
    )


def table_html(table: Any) -> str:
    """A table of numbers or words as HTML, written the way each language writes them.

    `table` is a list of rows with the head first, or a mapping of column to values;
    a cell may be a pair (vi, en).
    """
    if isinstance(table, Mapping):
        rows: list[Sequence[Any]] = [list(table)]
        rows += [list(row) for row in zip(*table.values(), strict=True)]
    else:
        rows = [list(row) for row in table]
    if not rows:
        raise ValueError(
            "show() got an empty table; its first row must be the head."
        )
    head = "".join(f'<th scope="col">{_cell(cell)}</th>' for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[1:]
    )
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(cell: Any) -> str:
    if isinstance(cell, tuple) and len(cell) == 2:
        return spans(escape(str(cell[0])), escape(str(cell[1])))
    if hasattr(cell, "item"):
        cell = cell.item()
    vi, en = written(cell, "vi"), written(cell, "en")
    return vi if vi == en else spans(vi, en)
