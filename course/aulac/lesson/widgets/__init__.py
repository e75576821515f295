"""Demonstrations to play with, each readable where nothing can be clicked.

`present` shows one output that holds the live widget and a static HTML twin.
JupyterLab, Notebook, VS Code and Colab prefer the widget; a page without a widget
front end (GitHub, a printed page) shows the HTML. In a verify run, whose outputs
become the book, only the HTML is written, so the book asks no network for widget
code.
"""

from __future__ import annotations

import os
from typing import Any

from aulac.lesson.language import emit, localise, plain

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def live() -> bool:
    """False in a verify run (`AULAC_STATIC=1`), where nobody can click."""
    return os.environ.get("AULAC_STATIC", "") not in ("1", "true", "yes")


def present(widget: Any, fallback_html: str) -> None:
    """Show a widget where it can live, and `fallback_html` everywhere else.

    widget: an ipywidgets widget, or a function without arguments that makes one
        (called only where a widget can live, so a verify run imports no ipywidgets);
        None shows the fallback alone.
    fallback_html: a static example of what the widget shows. It may hold both
        languages in elements of class `aulac-vi` and `aulac-en`
        (`aulac.lesson.spans` writes them).
    """
    html = f'<div class="aulac-fallback">{localise(fallback_html)}</div>'
    data: dict[str, Any] = {
        "text/plain": " ".join(plain(html).split()),
        "text/html": html,
    }
    if live() and widget is not None:
        made = widget() if not hasattr(widget, "_repr_mimebundle_") else widget
        bundle = made._repr_mimebundle_()
        if isinstance(bundle, tuple):  # (data, metadata)
            bundle = bundle[0]
        if bundle and WIDGET_MIME in bundle:
            data[WIDGET_MIME] = bundle[WIDGET_MIME]
    emit(data)
