"""Lục bát: six- and eight-syllable lines that scan and rhyme, and mean something.

The lines stand by theme in ``lucbat.txt``, with choices; each is written out, held
against the rules, and filed under its rhyme. A couplet takes a six and an eight of
one theme; the next couplet begins with a six that rhymes with the last syllable.

The rules are those of `aulac.text.lucbat`, kept without exception.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise

from aulac.text import rhyme, syllables
from aulac.text.lucbat import line_faults

from .engine import Context, Rand, capitalised, pick, render


def expand(line: str) -> list[str]:
    """Every way through the choices of a line (choices do not nest here)."""
    start = line.find("[")
    if start < 0:
        return [line]
    end = line.index("]", start)
    tails = expand(line[end + 1 :])
    heads = [
        line[:start] + choice for choice in line[start + 1 : end].split("|")
    ]
    return [head + tail for head in heads for tail in tails]


def lines() -> Iterator[tuple[str, int, str]]:
    """Every line of the file written out: theme, 6 or 8, the line."""
    text = (files(__package__) / "lucbat.txt").read_text(encoding="utf-8")
    theme = ""
    for row in text.splitlines():
        if row.startswith("= "):
            theme = row[2:].strip()
        elif row[:2] in ("6 ", "8 "):
            for line in expand(row[2:]):
                yield theme, int(row[0]), line


class _Theme:
    """The lines of a theme by rhyme; only sixes that some eight answers."""

    def __init__(self) -> None:
        self.sixes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.eights: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self.starts: list[tuple[str, str, str]] = []

    def add(self, length: int, line: str) -> None:
        row = [s.lower() for s in syllables(line)]
        if any(True for _ in line_faults(row, length)):
            return
        if length == 6:
            self.sixes[rhyme(row[5])].append((line, row[5]))
        else:
            self.eights[rhyme(row[5])].append((line, row[5], rhyme(row[7])))

    def close(self) -> None:
        self.starts = [
            (line, end, key)
            for key, rows in self.sixes.items()
            for line, end in rows
            if any(inner != end for _, inner, _ in self.eights.get(key, ()))
        ]


@cache
def themes() -> dict[str, _Theme]:
    """The themes, each with the lines that keep the rules."""
    found: dict[str, _Theme] = defaultdict(_Theme)
    for name, length, line in lines():
        found[name].add(length, line)
    for theme in found.values():
        theme.close()
    return dict(found)


@cache
def shares() -> tuple[str, ...]:
    """The themes, each as often as it has couplets (bounded), to draw from."""
    found: list[str] = []
    for name, theme in themes().items():
        pairs = sum(len(theme.eights[key]) for _, _, key in theme.starts)
        found += [name] * max(1, min(pairs, 150) // 5)
    return tuple(found)


def _overlap(a: str, b: str) -> int:
    """How many two-syllable stretches two lines share: repetition grates."""
    one, two = (x.lower().replace(",", "").split() for x in (a, b))
    return len(set(pairwise(one)) & set(pairwise(two)))


def compose(
    theme: str, r: Rand, couplets: int = 1, choose: Callable = pick
) -> list[str]:
    """Lines on `theme`: `couplets` couplets, fewer where no rhyme carries on.

    `choose` draws from the lines that fit: `pick`, or `common` for a smaller repertoire.
    """
    stock = themes()[theme]
    line, end, key = choose(stock.starts, r)
    made: list[str] = []
    while True:
        answers = [
            eight
            for eight in stock.eights[key]
            if eight[1] != end and not _shared(eight[0], [*made, line])
        ]
        if not answers:
            if made:
                return made
            line, end, key = choose(stock.starts, r)
            continue
        eight = choose(answers, r)
        made += [line, eight[0]]
        if len(made) >= 2 * couplets:
            return made
        last = syllables(eight[0])[-1].lower()
        nexts = [
            six
            for six in stock.sixes.get(eight[2], ())
            if six[1] != last and not _shared(six[0], made)
        ]
        if not nexts:
            return made
        line, end = choose(nexts, r)
        key = eight[2]


def _shared(line: str, others: list[str]) -> bool:
    return any(_overlap(line, other) for other in others)


_FRAMES = (
    "Thơ lục bát về {h}:\n{verse}",
    "{p:pupil} đọc cho {k:kin} nghe [{so} câu thơ|bài thơ nhỏ] về {h}:\n{verse}",
    "Trong giờ tiếng Việt, {t:teacher} đọc cho lớp của {p:pupil} nghe {so} câu lục bát về {h}:\n{verse}",
    "{k:kin} dạy {p:child} đọc {so} câu lục bát về {h}:\n{verse}",
    "{p:pupil} tập làm thơ lục bát về {h}. {p.dai} viết:\n{verse}",
    "{p:pupil} tặng {t:teacher} {so} câu thơ [em|do em] tự viết về {h}:\n{verse}",
)
_AFTER = (
    "",
    "",
    "",
    "\nTiếng {six} ở câu sáu vần với tiếng {eight} ở câu tám.",
    "\nCâu trên sáu tiếng, câu dưới tám tiếng; {six} vần với {eight}.",
)


def write(r: Rand) -> tuple[str, str]:
    """One or two couplets in a frame: a title and the text."""
    theme = pick(shares(), r)
    made = compose(theme, r)
    if r() < 0.6:
        # Not every couplet has a rhyme to go on with: try a few.
        made = next(
            (m for m in (compose(theme, r, 2) for _ in range(6)) if m[2:]),
            made,
        )
    c: Context = {
        "h": {"": theme},
        "verse": {"": "\n".join(made)},
        "so": {"": "bốn" if len(made) == 4 else "hai"},
        "six": {"": syllables(made[0])[5].lower()},
        "eight": {"": syllables(made[1])[5].lower()},
    }
    frame = _FRAMES[int(r() * len(_FRAMES))]
    text = render(frame, c, r) + render(pick(_AFTER, r), c, r)
    return f"Lục bát về {theme}", capitalised(text)
