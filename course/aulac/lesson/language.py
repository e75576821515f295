"""One output for two languages.

An output holds both languages, each in an element of class `aulac-vi` or
`aulac-en`. A notebook that runs live hides the other one by a style on the element
itself: a style sheet in the set-up cell would reach every open notebook of a
JupyterLab window, and would not reach Colab, where each output is a frame of its
own. In a verify run (`AULAC_LANG=both`) nothing is hidden, because the same outputs
then serve both editions of the book, whose style sheets choose.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

LANGUAGES = ("vi", "en")
_ELEMENT = re.compile(
    r"""<(?P<tag>[a-z][a-z0-9]*)(?P<attributes>[^<>]*?\sclass=(?P<quote>["'])"""
    r"""(?P<classes>[^"']*)(?P=quote)[^<>]*)>""",
    re.IGNORECASE,
)


def language() -> str:
    """The language of this notebook: "vi", "en", or "both" in a verify run.

    Taken from `AULAC_LANG`, else from the notebook's own path: Jupyter tells it to the
    kernel in `JPY_SESSION_NAME`, VS Code in a variable, papermill and `jupyter execute`
    only in their command line. On Colab and Kaggle, which tell nothing, outputs show
    both; anywhere else they are Vietnamese.
    """
    chosen = os.environ.get("AULAC_LANG", "").strip().lower()
    if chosen in ("vi", "en", "both"):
        return chosen
    for tell in (_session_path, _vscode_path, _runner_path):
        parts = tell().replace("\\", "/").split("/")[:-1]
        for part in reversed(parts):
            if part in LANGUAGES:
                return part
    return "both" if _HOSTED & set(os.environ) else "vi"


_HOSTED = {"COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"}


def _session_path() -> str:
    return os.environ.get("JPY_SESSION_NAME", "")


def _vscode_path() -> str:
    shell = _shell()
    return str(shell.user_ns.get("__vsc_ipynb_file__", "")) if shell else ""


@cache
def _runner_path() -> str:
    """The notebook named in the command line of the process that runs this kernel."""
    if _shell() is None:
        return ""
    try:
        import psutil

        words = psutil.Process(os.getppid()).cmdline()
    except (ImportError, OSError, psutil.Error):
        return ""
    return next((word for word in words if word.endswith(".ipynb")), "")


def spans(vi: str, en: str, tag: str = "span") -> str:
    """HTML with both languages; `vi` and `en` are HTML already.

    The same text in both is written once. Use `tag="div"` where the content is block-level (tables, lists, figures).
    """
    if vi == en:
        return vi
    return localise(
        f'<{tag} lang="vi" class="aulac-vi">{vi}</{tag}>'
        f'<{tag} lang="en" class="aulac-en">{en}</{tag}>'
    )


def localise(html: str) -> str:
    """Hide the elements of the language not chosen, in HTML that holds both."""
    chosen = language()
    if chosen == "both":
        return html
    hidden = "aulac-en" if chosen == "vi" else "aulac-vi"

    def hide(match: re.Match[str]) -> str:
        if (
            hidden not in match["classes"].split()
            or "display:none" in match[0]
        ):
            return match[0]
        return f'<{match["tag"]} style="display:none"{match["attributes"]}>'

    return _ELEMENT.sub(hide, html)


def choose(vi: str, en: str) -> str:
    """The plain-text twin of `spans`: one language, or both on one line."""
    chosen = language()
    if chosen == "both" and vi != en:
        return f"{vi} / {en}"
    return vi if chosen == "vi" else en


@dataclass(frozen=True)
class Bilingual:
    """A displayable text in both languages (`bilingual` makes it)."""

    vi: str
    en: str
    html: bool = True

    def _repr_html_(self) -> str:
        if self.html:
            return spans(self.vi, self.en)
        return spans(escape(self.vi), escape(self.en))

    def __str__(self) -> str:
        return choose(plain(self.vi), plain(self.en))

    __repr__ = __str__


def bilingual(vi: str, en: str, html: bool = True) -> Bilingual:
    """An object that a cell displays in the reader's language.

    `vi` and `en` are HTML; with `html=False` they are plain text and are escaped.
    """
    return Bilingual(vi, en, html)


def plain(html: str) -> str:
    """HTML without its tags, for `text/plain`."""
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", "", html))


def _shell() -> Any:
    """The running IPython, or None; never imports IPython."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def emit(data: dict[str, Any], slot: str | None = None) -> None:
    """Show one output: `data` maps MIME types to content and has "text/plain".

    Outside IPython the plain text is printed. Two outputs with the same `slot`
    share one place in the notebook: the second replaces the first.
    """
    shell = _shell()
    if shell is None:
        print(data["text/plain"])
        return
    from IPython.display import display, update_display

    if slot is None:
        display(data, raw=True)
        return
    shown = shell.user_ns.setdefault("__aulac_slots__", {})
    cell = shell.execution_count
    if shown.get(slot) == cell:
        update_display(data, raw=True, display_id=f"{slot}-{cell}")
    else:
        shown[slot] = cell
        display(data, raw=True, display_id=f"{slot}-{cell}")
