"""The tokenizer playground: one sentence under several vocabularies, piece by piece.

`demo()` cuts a sentence with every tokenizer it is given, colours the pieces, counts
them, and lets the reader switch between NFC and NFD: the two look the same on the
screen and cost very different amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from aulac.lesson.language import choose, localise, spans
from aulac.lesson.widgets import present
from aulac.text import decompose, normalise
from aulac.tokenizer.references import (
    REFERENCES,
    VocabularyMissingError,
    reference,
)

SENTENCE = "Tiếng Việt giàu và đẹp. Nước Việt Nam độc lập năm 1945."
MOST = 2_000  # characters cut at once: a playground, not a benchmark

# Dark ink on pale colours, neighbours told apart by a border as well as by colour.
_PALE = ("#f6c89f", "#a9d6f5", "#f3e79b", "#a8dcc2", "#e3c1e6")
_PIECE = (
    "display:inline-block;color:#1a1a1a;border:1px solid #8888;border-radius:.25em;"
    "padding:0 .15em;margin:.08em 1px;white-space:pre-wrap"
)
_CELL = "padding:.2em .7em;text-align:left;vertical-align:top"


def known(extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The tokenizers given, then the reference vocabularies on this machine."""
    found = dict(extra or {})
    for name, source in REFERENCES.items():
        try:
            found[source.model] = reference(name)
        except VocabularyMissingError:
            continue
    return found


def pieces_html(pieces: list[str | bytes], ids: list[int]) -> str:
    """Each piece in its colour; a space shows as a dot, stray bytes as base sixteen."""
    boxes = []
    for place, (piece, number) in enumerate(zip(pieces, ids, strict=True)):
        if isinstance(piece, bytes):
            shown, data = f"<small>‹{piece.hex(' ')}›</small>", piece
        else:
            shown, data = escape(piece), piece.encode()
            shown = shown.replace(" ", "·").replace("\n", "⏎")
        colour = _PALE[place % len(_PALE)]
        boxes.append(
            f'<span style="{_PIECE};background:{colour}" '
            f'title="id {number} · {len(data)} byte">{shown or "–"}</span>'
        )
    return "".join(boxes)


def _number(value: float, lang: str) -> str:
    text = f"{value:.2f}"
    return text.replace(".", ",") if lang == "vi" else text


def _size(count: int, lang: str) -> str:
    text = f"{count:,}"
    return text.replace(",", ".") if lang == "vi" else text


def table_html(text: str, tokenizers: Mapping[str, Any]) -> str:
    """One row a tokenizer: vocabulary, tokens, tokens a syllable, the pieces."""
    syllables = len(text.split())
    if not syllables:
        return spans("Hãy gõ một câu.", "Type a sentence.")
    head = "".join(
        f'<th scope="col" style="{_CELL}">{spans(vi, en)}</th>'
        for vi, en in (
            ("bộ tách token", "tokenizer"),
            ("từ vựng", "vocabulary"),
            ("số token", "tokens"),
            ("mỗi âm tiết", "per syllable"),
            ("các mảnh", "pieces"),
        )
    )
    rows = []
    for name, tokenizer in tokenizers.items():
        ids = tokenizer.encode(text)
        ratio = len(ids) / syllables
        size = tokenizer.vocab_size
        rows.append(
            f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th>'
            f'<td style="{_CELL}">{spans(_size(size, "vi"), _size(size, "en"))}</td>'
            f'<td style="{_CELL}"><b>{len(ids)}</b></td>'
            f'<td style="{_CELL}">{spans(_number(ratio, "vi"), _number(ratio, "en"))}'
            f'</td><td style="{_CELL};line-height:1.9" lang="vi">'
            f"{pieces_html(tokenizer.pieces(text), ids)}</td></tr>"
        )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _form_html(form: str, text: str, tokenizers: Mapping[str, Any]) -> str:
    text = (normalise(text) if form == "NFC" else decompose(text))[:MOST]
    points, size = len(text), len(text.encode())
    note = spans(
        f"dạng {form}: {points} điểm mã, {size} byte",
        f"{form}: {points} code points, {size} bytes",
    )
    return f"<p>{note}</p>{table_html(text, tokenizers)}"


def playground_html(text: str, tokenizers: Mapping[str, Any]) -> str:
    """The static page: the sentence in NFC, and folded away beneath it in NFD."""
    nfd = spans("Cùng câu ấy ở dạng NFD", "The same sentence in NFD")
    return (
        f'<p lang="vi"><b>{escape(normalise(text))}</b></p>'
        f"{_form_html('NFC', text, tokenizers)}"
        f"<details><summary>{nfd}</summary>"
        f"{_form_html('NFD', text, tokenizers)}</details>"
    )


def demo(
    text: str = SENTENCE, tokenizers: Mapping[str, Any] | None = None
) -> None:
    """Show the playground on `text`.

    tokenizers: name to anything with `encode`, `pieces` and `vocab_size`; GPT-4o,
    GPT-4, Llama 3 and Llama 4 are added where their packages are installed.
    """
    chosen = known(tokenizers)
    present(lambda: _widget(text, chosen), playground_html(text, chosen))


def _widget(text: str, tokenizers: Mapping[str, Any]) -> Any:
    import ipywidgets

    wide = ipywidgets.Layout(width="95%")
    entry = ipywidgets.Textarea(
        value=text,
        description=choose("Câu", "Sentence"),
        placeholder=choose("gõ một câu", "type a sentence"),
        layout=wide,
    )
    form = ipywidgets.ToggleButtons(
        options=["NFC", "NFD"],
        description="Unicode",
        tooltips=[
            choose("dạng dựng sẵn", "composed"),
            choose("tổ hợp", "decomposed"),
        ],
    )
    shown = ipywidgets.SelectMultiple(
        options=list(tokenizers),
        value=list(tokenizers),
        rows=min(6, len(tokenizers)),
        description=choose("Từ vựng", "Vocabularies"),
    )
    answer = ipywidgets.HTML()

    def refresh(_: Any = None) -> None:
        some = {name: tokenizers[name] for name in shown.value}
        answer.value = localise(_form_html(form.value, entry.value, some))

    for control in (entry, form, shown):
        control.observe(refresh, names="value")
    refresh()
    return ipywidgets.VBox([entry, ipywidgets.HBox([form, shown]), answer])
