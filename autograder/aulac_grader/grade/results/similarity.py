"""Which answers are alike: a pointer for a human reader, never a verdict.

Winnowing (Schleimer, Wilkerson, Aiken: "Winnowing: Local Algorithms for Document
Fingerprinting", SIGMOD 2003) over normalised Python tokens:

- names become one symbol, so renaming hides nothing; keywords, Python's built-in
  names and the methods of its own types stay, since a rename cannot touch them;
- numbers stay, strings become one symbol, comments, docstrings and layout go;
- a fingerprint is a hash of `gram` tokens in a row, and of each `window` of them the
  smallest is kept: every shared run of `gram + window - 1` tokens is found, and
  functions in another order are found too;
- what the assignment itself gives, and what more than a stated share of the class
  wrote, counts for nobody.

Nothing is parsed, so code that does not parse is compared like any other, and no
expression backtracks, so no answer is slow to read. copydetect 0.5.0, the one Python
library for this, was tried first: it hashes characters with Python's `hash`, which
changes from run to run, cannot leave out what a class has in common, and drops only
one copy of each piece of boilerplate.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

import numpy as np


@dataclass(frozen=True)
class Settings:
    """What counts as alike; each number is printed with the report."""

    gram: int = 10  # tokens in a fingerprint
    window: int = 4  # fingerprints of which one is kept
    common: float = 0.1  # share of the class above which code is common
    common_students: int = 5  # and it must be more students than this
    smallest: int = 12  # fingerprints of one's own; less is not compared
    threshold: float = 0.4  # share of either side's own fingerprints
    one_answer: float = 0.8  # the same for a single answer
    identical: int = 30  # tokens from which equal answers are listed
    most_pairs: int = 60  # pairs reported, the most alike first
    most_characters: int = 20_000  # of one answer; the rest is not read


@dataclass(frozen=True)
class Side:
    """One answer of a pair: pieces of its text, True where it matches."""

    cell: str
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Pair:
    """Two students: shares of each one's own fingerprints found in the other's.

    in_left: of the left student's fingerprints, how many stand in the right one's;
    in_right: the other way round. cells: answers that are alike by themselves.
    """

    left: str
    right: str
    in_left: float
    in_right: float
    shared: int
    cells: tuple[str, ...]
    sides: tuple[tuple[Side, Side], ...]


@dataclass(frozen=True)
class Same:
    """Students whose answers to one cell are the same but for names and layout."""

    cell: str
    tokens: int
    students: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What was found in a class.

    students: how many handed in anything; compared: how many of them had enough
    code of their own; over: how many pairs reached the threshold, shown or not.
    """

    settings: Settings
    students: int
    compared: int
    over: int
    pairs: tuple[Pair, ...]
    same: tuple[Same, ...]


def report(
    answers: Mapping[str, Mapping[str, str]],
    given: Iterable[str] = (),
    settings: Settings | None = None,
) -> Report:
    """Compare every student with every other.

    answers: student → answer cell → source. given: sources that everyone had (the
    released assignment). The order of students and cells does not matter.
    """
    settings = settings or Settings()
    read = {
        student: {
            cell: _Answer.read(source, settings)
            for cell, source in sorted(answers[student].items())
        }
        for student in sorted(answers)
    }
    released = _given(given, settings)
    dropped = released | _common(read, settings)
    own = {s: _marks(cells.values()) - dropped for s, cells in read.items()}
    found = _pairs(own, settings, settings.threshold)
    alone = _alone(read, dropped, settings)
    pairs = [
        Pair(
            left,
            right,
            in_left=_share(own[left], own[right]),
            in_right=_share(own[right], own[left]),
            shared=len(own[left] & own[right]),
            cells=alone.get((left, right), ()),
            sides=(),
        )
        for left, right in found | alone.keys()
    ]
    pairs.sort(key=lambda p: _rank(p, (p.left, p.right) in found))
    return Report(
        settings=settings,
        students=len(answers),
        compared=sum(len(o) >= settings.smallest for o in own.values()),
        over=len(pairs),
        pairs=tuple(
            replace(
                pair,
                sides=_sides(
                    read[pair.left],
                    read[pair.right],
                    own[pair.left] & own[pair.right],
                ),
            )
            for pair in pairs[: settings.most_pairs]
        ),
        same=_same(read, released, settings),
    )


def _rank(pair: Pair, whole: bool) -> tuple[object, ...]:
    """Alike as a whole before alike in one answer, then by how much."""
    larger = max(pair.in_left, pair.in_right)
    smaller = min(pair.in_left, pair.in_right)
    return (not whole, -larger, -smaller, pair.left, pair.right)


def _share(here: set[int], there: set[int]) -> float:
    """Containment (Broder 1997): how much of `here` stands in `there`."""
    return round(len(here & there) / len(here), 4) if here else 0.0


def _marks(answers: Iterable[_Answer]) -> set[int]:
    return set(chain.from_iterable(answer.chosen for answer in answers))


def _pairs(
    own: Mapping[str, set[int]], settings: Settings, threshold: float
) -> set[tuple[str, str]]:
    """Pairs of which either side has at least `threshold` of its own in the other."""
    students = [s for s in own if len(own[s]) >= settings.smallest]
    if not students:
        return set()
    holders: dict[int, list[int]] = defaultdict(list)
    for place, student in enumerate(students):
        for mark in own[student]:
            holders[mark].append(place)
    shared = np.zeros((len(students), len(students)), dtype=np.int32)
    for places in holders.values():
        if len(places) > 1:
            shared[np.ix_(places, places)] += 1
    sizes = np.array([len(own[s]) for s in students], dtype=np.float64)
    share = shared / np.minimum(sizes[:, None], sizes[None, :])
    alike = (share >= threshold) & (shared >= settings.smallest)
    found = zip(*np.nonzero(np.triu(alike, 1)), strict=True)
    return {(students[i], students[j]) for i, j in found}


def _alone(
    read: Mapping[str, Mapping[str, _Answer]],
    dropped: set[int],
    settings: Settings,
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Pairs alike in one answer: which answers."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in sorted({cell for cells in read.values() for cell in cells}):
        own = {
            student: _marks([cells[cell]]) - dropped
            for student, cells in read.items()
            if cell in cells
        }
        for pair in _pairs(own, settings, settings.one_answer):
            found[pair].append(cell)
    return {pair: tuple(cells) for pair, cells in found.items()}


def _sides(
    left: Mapping[str, _Answer], right: Mapping[str, _Answer], both: set[int]
) -> tuple[tuple[Side, Side], ...]:
    """Left answers that share something, each beside the answer it shares most with."""
    rows = []
    for cell, answer in left.items():
        here = both & answer.chosen.keys()
        others = {name: here & right[name].chosen.keys() for name in right}
        if not any(others.values()):
            continue
        # The same cell where that is as good as any.
        best = max(others, key=lambda name: (len(others[name]), name == cell))
        marks = others[best]
        rows.append(
            (
                Side(cell, answer.pieces(marks)),
                Side(best, right[best].pieces(marks)),
            )
        )
    return tuple(rows)


def _same(
    read: Mapping[str, Mapping[str, _Answer]],
    released: set[int],
    settings: Settings,
) -> tuple[Same, ...]:
    """Equal answers, long enough, that are not just what was given."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for student, cells in read.items():
        for cell, answer in cells.items():
            if len(answer.words) >= settings.identical:
                groups[cell, answer.words].append(student)
    found = [
        Same(cell, len(words), tuple(students))
        for (cell, words), students in groups.items()
        if len(students) > 1
        and not read[students[0]][cell].chosen.keys() <= released
    ]
    return tuple(sorted(found, key=lambda s: (-s.tokens, s.cell, s.students)))


def _given(sources: Iterable[str], settings: Settings) -> set[int]:
    """Every fingerprint of the given code, chosen or not."""
    found: set[int] = set()
    for source in sources:
        words = tuple(w.text for w in tokens(source))
        found.update(int(h) for h in _grams(words, settings.gram))
    return found


def _common(
    read: Mapping[str, Mapping[str, _Answer]], settings: Settings
) -> set[int]:
    """Fingerprints of more students than chance and habit explain."""
    holders: dict[int, int] = defaultdict(int)
    for cells in read.values():
        for mark in _marks(cells.values()):
            holders[mark] += 1
    limit = max(settings.common_students, settings.common * len(read))
    return {mark for mark, count in holders.items() if count > limit}


@dataclass(frozen=True)
class _Answer:
    """One answer, read: its text, its tokens, where each chosen fingerprint stands."""

    source: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    chosen: dict[int, tuple[int, ...]]
    gram: int

    @classmethod
    def read(cls, source: str, settings: Settings) -> _Answer:
        source = source.replace("\r\n", "\n")[: settings.most_characters]
        found = list(tokens(source))
        words = tuple(token.text for token in found)
        grams = _grams(words, settings.gram)
        places: dict[int, list[int]] = defaultdict(list)
        for place in _winnow(grams, settings.window):
            places[int(grams[place])].append(place)
        return cls(
            source=source,
            words=words,
            spans=tuple((token.start, token.end) for token in found),
            chosen={mark: tuple(where) for mark, where in places.items()},
            gram=settings.gram,
        )

    def pieces(self, marks: set[int]) -> tuple[tuple[str, bool], ...]:
        """The text cut where matches begin and end."""
        starts = sorted(chain.from_iterable(self.chosen[m] for m in marks))
        cuts: list[list[int]] = []
        for first in starts:
            begin = self.spans[first][0]
            end = self.spans[first + self.gram - 1][1]
            if cuts and first <= cuts[-1][2]:
                cuts[-1][1:] = [end, first + self.gram]
            else:
                cuts.append([begin, end, first + self.gram])
        pieces, at = [], 0
        for begin, end, _ in cuts:
            pieces += [
                (self.source[at:begin], False),
                (self.source[begin:end], True),
            ]
            at = end
        pieces.append((self.source[at:], False))
        return tuple(piece for piece in pieces if piece[0])


def _grams(words: tuple[str, ...], gram: int) -> np.ndarray:
    """A 64-bit hash of every `gram` tokens in a row: uint64 [len(words) - gram + 1].

    A polynomial over the tokens' own hashes, modulo 2 to the 64: the same on every
    machine and in every run.
    """
    if len(words) < gram:
        return np.zeros(0, dtype=np.uint64)
    values = np.array([_number(word) for word in words], dtype=np.uint64)
    rows = np.lib.stride_tricks.sliding_window_view(values, gram)
    powers = [pow(0x9E3779B97F4A7C15, n, 2**64) for n in range(gram)]
    mixed = (rows * np.array(powers, dtype=np.uint64)).sum(1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(31)  # the low bits alone would order badly
    return mixed * np.uint64(0xBF58476D1CE4E5B9)


@cache
def _number(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _winnow(hashes: np.ndarray, window: int) -> list[int]:
    """Places of the smallest hash of each window, the rightmost of equals."""
    if not len(hashes):
        return []
    if len(hashes) < window:
        return [int(np.argmin(hashes))]
    rows = np.lib.stride_tricks.sliding_window_view(hashes, window)[:, ::-1]
    places = np.arange(len(rows)) + window - 1 - rows.argmin(axis=1)
    return [int(place) for place in np.unique(places)]


@dataclass(frozen=True)
class Token:
    """A normalised token and where it stood: source[start:end]."""

    text: str
    start: int
    end: int


# Possessive repetition: nothing is ever tried twice, whatever a student writes.
_LEXEMES = re.compile(
    r"""
    (?P<line>\n)
  | (?P<skip>[^\S\n]++ | \\ | ; | \#[^\n]*+)
  | (?P<text>(?i:[rbuft]{0,2})(?:
        \"{3}(?:[^"\\] | \\[\s\S] | "(?!""))*+(?:"{3})?
      | '{3}(?:[^'\\] | \\[\s\S] | '(?!''))*+(?:'{3})?
      | "(?:[^"\\\n] | \\[\s\S])*+"?
      | '(?:[^'\\\n] | \\[\s\S])*+'? ))
  | (?P<number>\d[\w.]*+ | \.\d\w*+)
  | (?P<name>[^\W\d]\w*+)
  | (?P<sign>\*\*=? | //=? | <<=? | >>=? | -> | [-+*/%@&|^=<>!:]= | \.{3} | .)
    """,
    re.VERBOSE,
)
_OWN_METHODS = frozenset(
    name
    for kind in (str, bytes, list, dict, set, tuple, int, float)
    for name in dir(kind)
    if not name.startswith("_")
)
_KEPT = frozenset(keyword.kwlist) | frozenset(
    name for name in dir(builtins) if not name.startswith("_")
)


def tokens(source: str) -> Iterator[Token]:
    """Normalised tokens of Python code, whether or not it parses."""
    depth, fresh, before = 0, True, ""
    for found in _LEXEMES.finditer(source):
        kind, text = found.lastgroup, found[0]
        if kind == "line":
            fresh = fresh or depth == 0
            continue
        if kind == "skip":
            continue
        if kind == "text":
            if not (fresh and _ends_line(source, found.end())):
                yield Token('"', found.start(), found.end())
                before = '"'
            fresh = False
            continue
        if kind == "sign":
            depth = max(0, depth + (text in "([{") - (text in ")]}"))
        elif kind == "name" and not (
            text in _OWN_METHODS if before == "." else text in _KEPT
        ):
            text = "name"
        yield Token(text, found.start(), found.end())
        fresh, before = False, text


def _ends_line(source: str, place: int) -> bool:
    """Whether nothing but blanks or a comment follows: a string here says nothing."""
    line_end = source.find("\n", place)
    rest = source[place : line_end if line_end >= 0 else len(source)]
    return not rest.strip() or rest.lstrip().startswith("#")
