"""A Sphinx extension: what Jupyter Book does not do for this book.

- formulas become MathML when the book is built: no script, no font service, and a
  formula that cannot be read fails the build instead of the reader;
- every section gets an anchor that is the same in both editions (`s-3`), so the
  language switch can stay at the place;
- predictions, exercises and "when it breaks" sections get a class to be styled by;
- templates learn the other edition's address of the same page.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

SECTIONS = {
    "khi nó hỏng": "aulac-breaks",
    "when it breaks": "aulac-breaks",
    "bài tập": "aulac-exercises",
    "exercises": "aulac-exercises",
}
LEADS = {
    "đoán trước": "aulac-predict-note",
    "guess before": "aulac-predict-note",
    "predict": "aulac-predict-note",
    "thay đổi một": "aulac-change",
    "change one": "aulac-change",
}
_LABELS = {
    "vi": {
        "other": "English",
        "switch": "Đọc trang này bằng tiếng Anh",
        "skip": "Đến nội dung chính",
        "menu": "Mục lục",
        "onpage": "Trong trang này",
        "search": "Tìm trong sách",
        "mode": "Sáng, tối hoặc theo máy",
        "previous": "Trang trước",
        "next": "Trang sau",
        "home": "Trang đầu",
        "noscript": "Hãy bật JavaScript để tìm kiếm.",
        "licence": "Mã nguồn: Apache-2.0. Lời văn: CC BY 4.0.",
    },
    "en": {
        "other": "Tiếng Việt",
        "switch": "Read this page in Vietnamese",
        "skip": "Skip to the text",
        "menu": "Contents",
        "onpage": "On this page",
        "search": "Search the book",
        "mode": "Light, dark or as the system",
        "previous": "Previous page",
        "next": "Next page",
        "home": "Start page",
        "noscript": "Please turn JavaScript on to search.",
        "licence": "Code: Apache-2.0. Prose: CC BY 4.0.",
    },
}


def visit_math(self: Any, node: nodes.math) -> None:
    """An inline formula as MathML."""
    self.body.append(_mathml(node, block=False))
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    """A displayed formula as MathML, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math", tabindex="0"))
    if node.get("number"):
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(_mathml(node, block=True) + "</div>\n")
    raise nodes.SkipNode


def _mathml(node: nodes.Element, block: bool) -> str:
    formula = node.astext().strip()
    try:
        markup = tex2mathml(_plain_environment(formula), as_block=block)
    except (MathError, SyntaxError) as error:
        logger.warning(
            "formula %r cannot be set: %s", formula, error, location=node
        )
        return f"<code>{formula}</code>"
    # What is read aloud where MathML is not supported, and what is copied.
    alt = (
        formula.replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("<", "&lt;")
    )
    return markup.replace("<math ", f'<math alttext="{alt}" ', 1)


def _plain_environment(formula: str) -> str:
    """The outer align or equation is what a display block is anyway."""
    for name in ("align*", "align", "equation*", "equation", "aligned"):
        begin, end = rf"\begin{{{name}}}", rf"\end{{{name}}}"
        if formula.startswith(begin) and formula.endswith(end):
            return formula[len(begin) : -len(end)].strip()
    return formula


class MarkSections(SphinxTransform):
    """Anchors that both editions share, and classes by kind of section.

    Runs before Sphinx collects the contents of a page. Exercises written under
    "when it breaks" are moved out of it: they are about the whole lesson.
    """

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        for section in list(self.document.findall(nodes.section)):
            kind = _kind(section)
            if not kind:
                continue
            section["classes"].append(kind)
            parent = section.parent
            if kind == "aulac-exercises" and _kind(parent) == "aulac-breaks":
                at = parent.index(section)
                moved = parent.children[at:]
                del parent.children[at:]
                place = parent.parent.index(parent) + 1
                for offset, node in enumerate(moved):
                    parent.parent.insert(place + offset, node)
        for number, section in enumerate(self.document.findall(nodes.section)):
            section["ids"].append(f"s-{number}")
        for paragraph in self.document.findall(nodes.paragraph):
            # MyST leaves an empty text before a leading strong.
            filled = (child for child in paragraph.children if child.astext())
            first = next(filled, None)
            if isinstance(first, nodes.strong):
                words = first.astext().casefold()
                for lead, kind in LEADS.items():
                    if words.startswith(lead):
                        paragraph["classes"].append(kind)


def _kind(node: nodes.Node) -> str:
    if not isinstance(node, nodes.section):
        return ""
    title = node.next_node(nodes.title)
    return SECTIONS.get(title.astext().strip().casefold(), "") if title else ""


def add_context(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """What the templates need to say."""
    lang = app.config.language
    other = "en" if lang == "vi" else "vi"
    context["other_lang"] = other
    context["other_url"] = (
        f"{'../' * (pagename.count('/') + 1)}{other}/{pagename}.html"
    )
    context["labels"] = _LABELS[lang]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_html_math_renderer(
        "aulac", (visit_math, None), (visit_math_block, None)
    )
    app.add_transform(MarkSections)
    # Before the theme, which renders some templates while it looks at them.
    app.connect("html-page-context", add_context, priority=100)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
