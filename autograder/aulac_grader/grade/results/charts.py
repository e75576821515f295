"""Two kinds of chart as inline SVG: columns, and one bar cut into shares.

Everything that goes in is a number or a word of `words`, never a student's text. Each
chart has a name for screen readers; the numbers stand in a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def columns(
    counts: Sequence[int],
    labels: Sequence[str],
    *,
    alt: str,
    across: str,
    upward: str,
) -> str:
    """A column for each count, its number above it and its label below."""
    width, height, left, foot, head = 640, 240, 34, 46, 26
    top = max(max(counts, default=0), 1)
    step = (width - left) / max(len(counts), 1)
    room = height - head - foot
    parts = [
        f'<line class="axis" x1="{left}" x2="{width}" '
        f'y1="{height - foot}" y2="{height - foot}"/>'
    ]
    for place, (value, label) in enumerate(zip(counts, labels, strict=True)):
        x = left + place * step
        tall = room * value / top
        middle = x + step / 2
        parts.append(
            f'<rect class="bar" x="{x + step * 0.1:.1f}" '
            f'y="{height - foot - tall:.1f}" width="{step * 0.8:.1f}" '
            f'height="{tall:.1f}"/>'
            f'<text x="{middle:.1f}" y="{height - foot - tall - 6:.1f}">'
            f"{value or ''}</text>"
            f'<text x="{middle:.1f}" y="{height - foot + 18}">'
            f"{escape(label)}</text>"
        )
    parts.append(
        f'<text class="name" x="{(left + width) / 2}" y="{height - 6}">'
        f"{escape(across)}</text>"
        f'<text class="name" x="14" y="{(height - foot + head) / 2}" '
        f'transform="rotate(-90 14 {(height - foot + head) / 2})">'
        f"{escape(upward)}</text>"
    )
    return (
        f'<svg class="columns" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(alt)}">{"".join(parts)}</svg>'
    )


def shares(counts: Sequence[int], classes: Sequence[str], alt: str) -> str:
    """One bar, cut in proportion to `counts`; each piece has a class of its own."""
    total = sum(counts)
    pieces, at = [], 0.0
    for value, name in zip(counts, classes, strict=True):
        wide = 100 * value / total if total else 0
        if wide:
            pieces.append(
                f'<rect class="{name}" x="{at:.2f}" y="0" '
                f'width="{wide:.2f}" height="10"/>'
            )
        at += wide
    return (
        '<svg class="shares" viewBox="0 0 100 10" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(alt)}">{"".join(pieces)}</svg>'
    )
