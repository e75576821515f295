"""The deduplication viewer: two texts side by side, what they share, how alike.

`demo(a, b)` highlights every word that stands in a shared shingle and shows the exact
Jaccard similarity beside MinHash's estimate. Sliders change the length of a shingle,
the number of hash functions and the threshold from which two texts count as one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from aulac.corpus.dedup import (
    bands_for,
    jaccard,
    match_probability,
    minhash,
    shingles,
    similarity,
    syllables_and_numbers,
)
from aulac.lesson.language import choose, spans
from aulac.lesson.outcome import written
from aulac.lesson.widgets import present
from aulac.text import normalise

MOST_WORDS = (
    90  # of each text shown; the numbers are always those of the whole text
)
EXAMPLES = (
    (
        "Con mèo mà trèo cây cau, hỏi thăm chú chuột đi đâu vắng nhà.",
        "Con mèo mà trèo cây dừa, hỏi thăm chú chuột đi đâu vắng nhà.",
    ),
    (
        "Con mèo mà trèo cây cau, hỏi thăm chú chuột đi đâu vắng nhà.",
        "Chú chuột đi chợ đàng xa, mua mắm mua muối giỗ cha con mèo.",
    ),
)
_WORD = re.compile(r"\w+")
# Dark ink on a pale ground reads on light and dark pages; the underline says the same
# to readers who do not see the colour.
_SHARED = (
    "background:#f3e79b;color:#1a1a1a;text-decoration:underline;text-underline-offset:"
    ".2em;padding:0 .1em"
)
_HALF = (
    "flex:1 1 16em;border-left:.25em solid #8aa;padding:.2em .8em;max-height:16em;"
    "overflow:auto;line-height:1.6"
)


def shared_words(text: str, other: set[str], size: int) -> list[bool]:
    """For each word of `text`: does it stand in a shingle that is also in `other`?"""
    words = syllables_and_numbers(text)
    inside = [False] * len(words)
    for start in range(max(len(words) - size + 1, min(len(words), 1))):
        if " ".join(words[start : start + size]) in other:
            inside[start : start + size] = [True] * len(
                words[start : start + size]
            )
    return inside


def highlighted(text: str, other: set[str], size: int) -> str:
    """The text as HTML, its shared words marked, cut after `MOST_WORDS` words."""
    text = normalise(text)
    inside = shared_words(text, other, size)
    parts, at, open_mark = [], 0, False
    for number, match in enumerate(_WORD.finditer(text)):
        if number == MOST_WORDS:
            parts.append(" …")
            at = len(text)
            break
        if inside[number] != open_mark:
            gap = escape(text[at : match.start()])
            mark = f'<mark style="{_SHARED}">'
            parts.append(f"{gap}{mark}" if inside[number] else f"</mark>{gap}")
            open_mark = not open_mark
        else:
            parts.append(escape(text[at : match.start()]))
        parts.append(escape(match[0]))
        at = match.end()
    tail = "</mark>" if open_mark else ""
    return "".join(parts) + tail + escape(text[at:])


def _numbers(a: str, b: str, size: int, num: int, threshold: float) -> str:
    one, two = shingles(a, size), shingles(b, size)
    exact = jaccard(one, two)
    estimate = similarity(minhash(a, num, size), minhash(b, num, size))
    bands, rows = bands_for(threshold, num)
    chance = float(match_probability(exact, bands, rows))
    same = estimate >= threshold
    verdict = (
        spans("coi là một, giữ bản đầu", "one text: the first is kept")
        if same
        else spans("hai văn bản khác nhau", "two texts: both are kept")
    )

    def row(vi: str, en: str, value: str) -> str:
        return (
            f'<tr><th scope="row" style="text-align:left;padding:.1em 1em .1em 0">'
            f'{spans(vi, en)}</th><td style="text-align:left">{value}</td></tr>'
        )

    def number(value: float | int) -> str:
        if isinstance(value, float):
            value = round(value, 3)
        return spans(written(value, "vi"), written(value, "en"))

    return (
        '<table style="border-collapse:collapse;margin:.4em 0">'
        + row(
            "mảnh chữ chung / tất cả",
            "shingles shared / in all",
            f"{len(one & two)} / {len(one | two)}",
        )
        + row("độ giống Jaccard (đúng)", "Jaccard (exact)", number(exact))
        + row(
            f"ước lượng với {num} hàm băm",
            f"estimate with {num} hashes",
            number(estimate),
        )
        + row(
            f"khả năng được đem so ({bands} dải × {rows})",
            f"chance of being compared ({bands} bands × {rows})",
            number(chance),
        )
        + row("kết luận", "verdict", f"<b>{verdict}</b>")
        + "</table>"
    )


def compare_html(
    a: str, b: str, size: int = 2, num: int = 128, threshold: float = 0.8
) -> str:
    """Both texts side by side with what they share marked, and the numbers below."""
    one, two = shingles(a, size), shingles(b, size)
    halves = "".join(
        f'<div lang="vi" style="{_HALF}">{highlighted(text, other, size)}</div>'
        for text, other in ((a, two), (b, one))
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:.8em">{halves}</div>'
        + _numbers(a, b, size, num, threshold)
    )


def demo(
    a: str = EXAMPLES[0][0],
    b: str = EXAMPLES[0][1],
    size: int = 2,
    num: int = 128,
    threshold: float = 0.8,
    examples: Sequence[tuple[str, str]] = (),
) -> None:
    """Show the viewer live on `a` and `b`; without widgets, these and `examples`.

    Args:
        size: words in a shingle; num: hash functions; threshold: see `deduplicate`.
    """

    def widget():
        import ipywidgets

        wide = ipywidgets.Layout(width="98%", height="5em")
        style = {"description_width": "9em"}
        boxes = [
            ipywidgets.Textarea(
                value=text,
                description=choose(f"Văn bản {name}", f"Text {name}"),
                layout=wide,
                style=style,
            )
            for name, text in (("A", a), ("B", b))
        ]
        sizes = ipywidgets.IntSlider(
            size,
            1,
            8,
            description=choose("Tiếng mỗi mảnh", "Syllables a shingle"),
            style=style,
        )
        nums = ipywidgets.SelectionSlider(
            options=(4, 8, 16, 32, 64, 128, 256, 512),
            value=num,
            description=choose("Số hàm băm", "Hash functions"),
            style=style,
        )
        thresholds = ipywidgets.FloatSlider(
            threshold,
            min=0.1,
            max=1.0,
            step=0.05,
            description=choose("Ngưỡng trùng", "Threshold"),
            style=style,
        )
        answer = ipywidgets.HTML()

        def update(_=None) -> None:
            answer.value = compare_html(
                boxes[0].value,
                boxes[1].value,
                sizes.value,
                nums.value,
                thresholds.value,
            )

        for control in (*boxes, sizes, nums, thresholds):
            control.observe(update, names="value")
        update()
        return ipywidgets.VBox([*boxes, sizes, nums, thresholds, answer])

    pairs = [(a, b), *examples]
    blocks = [compare_html(x, y, size, num, threshold) for x, y in pairs]
    present(widget, "<hr>".join(blocks))
