"""Generated Vietnamese: children's stories, facts, sums, dialogues, proverbs, verse.

The course's own text, made by a grammar with a seed: as much as asked for, free to
use, simple and consistent enough for a model of a million parameters to learn in
minutes. Document `index` of `seed` can be made by itself (`document`), and
`generate` streams them in order, each different from all before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random

from aulac.corpus.document import Document

from . import (
    arithmetic,
    dialogues,
    facts,
    lexicon,
    lucbat,
    proverbs,
    tales,
    talks,
)
from .engine import Rand
from .lexicon import load

SOURCE = "stories"
LICENCE = "Apache-2.0 / CC BY 4.0 (the project's own)"

# kind -> (share of documents, writer). The shares are what a model of a million
# parameters learns well from in a minute or two: half of it stories.
WRITERS: dict[str, tuple[float, Callable[[Rand], tuple[str, str]]]] = {
    "story": (0.46, tales.write),
    "dialogue": (0.14, dialogues.write),
    "fact": (0.14, facts.write),
    "arithmetic": (0.12, arithmetic.write),
    "proverb": (0.06, proverbs.write),
    "lucbat": (0.08, lucbat.write),
}
KINDS = tuple(WRITERS)
WEIGHTS = {kind: share for kind, (share, _) in WRITERS.items()}

_ATTEMPTS = 1000


def _random(seed: int, index: int, attempt: int, stream: int) -> Random:
    # Distinct (seed, index, attempt, stream) give distinct integers, so no two
    # documents share a generator; Random hashes the integer itself.
    mixed = (((seed & 0xFFFFFFFF) << 40 | index) << 12 | attempt) << 2 | stream
    return Random(mixed)


def document(
    index: int,
    seed: int = 0,
    kinds: Sequence[str] | Mapping[str, float] | None = None,
    *,
    attempt: int = 0,
) -> Document:
    """Document number `index` of `seed`, made without making those before it.

    `kinds` limits the kinds, or gives each its weight; None is `WEIGHTS`.
    Raises ValueError for a kind that does not exist.
    """
    return _write(index, seed, _shares(kinds), attempt)


def generate(
    count: int,
    seed: int = 0,
    kinds: Sequence[str] | Mapping[str, float] | None = None,
) -> Iterator[Document]:
    """Yield `count` documents, no two with the same text, in an order set by `seed`.

    Document i is `document(i, seed, kinds)`, unless its text was there before: then
    it is the first later attempt that is new. Raises ValueError for an unknown kind,
    or when the kinds asked for cannot give that many different texts.
    """
    shares = _shares(kinds)
    seen: set[int] = set()
    for index in range(count):
        for attempt in range(_ATTEMPTS):
            made = _write(index, seed, shares, attempt)
            key = int(made.id, 16)
            if key not in seen:
                break
        else:
            raise ValueError(
                f"document {index} of {sorted(dict(shares[0]))}: nothing new in "
                f"{_ATTEMPTS} attempts; ask for fewer documents or more kinds"
            )
        seen.add(key)
        yield made


def conversations(count: int, seed: int = 0) -> Iterator[list[dict[str, str]]]:
    """Yield `count` conversations for instruction tuning, from the same worlds.

    Each is a list of ``{"role": "system" | "user" | "assistant", "content": …}``,
    one to three turns, a system message in some.
    """
    load()
    for index in range(count):
        yield talks.conversation(_random(seed, index, 0, 1).random)


def counts() -> dict[str, int]:
    """How large the grammar is.

    ``plots`` are whole documents' templates, ``templates`` the alternatives written
    out in them (each a clause or a sentence), ``lines`` the lines of verse that scan,
    ``facts`` the single statements, ``words`` the entries of the lexicon.
    """
    load()
    pieces = [plot for _, plot in tales.plots() + dialogues.plots()]
    pieces += [t for group in proverbs.scenes().values() for t in group]
    pieces += [t for group in talks.tiny_tales().values() for t in group]
    groups = (
        lexicon.nouns(),
        lexicon.phrases(),
        lexicon.critters(),
        lexicon.names(),
    )
    places = facts.provinces()
    return {
        "plots": len(pieces),
        "templates": sum(max(piece.choices, 1) for piece in pieces),
        "lines": sum(
            len(t.starts) + len(t.eights) for t in lucbat.themes().values()
        ),
        "facts": len(facts.facts()) + sum(len(p.sights) for p in places),
        "proverbs": len(proverbs.proverbs()),
        "words": sum(
            len(items) for group in groups for items in group.values()
        )
        + len(lexicon.elders())
        + sum(1 + len(p.formed_from) for p in places),
    }


def _shares(
    kinds: Sequence[str] | Mapping[str, float] | None,
) -> tuple[list[tuple[str, float]], float]:
    if kinds is None:
        wanted: Mapping[str, float] = WEIGHTS
    elif isinstance(kinds, Mapping):
        wanted = kinds
    else:
        names = [kinds] if isinstance(kinds, str) else list(kinds)
        wanted = {name: WEIGHTS.get(name, 0.0) for name in names}
    unknown = [name for name in wanted if name not in WRITERS]
    if unknown or not wanted:
        raise ValueError(
            f"no kind of story named {unknown}: choose from {KINDS}"
        )
    totals = list(zip(wanted, accumulate(wanted.values()), strict=True))
    return totals, totals[-1][1]


def _write(
    index: int,
    seed: int,
    shares: tuple[list[tuple[str, float]], float],
    attempt: int,
) -> Document:
    load()
    r = _random(seed, index, attempt, 0).random
    totals, whole = shares
    at = r() * whole
    kind = next((name for name, upto in totals if at < upto), totals[-1][0])
    title, text = WRITERS[kind][1](r)
    return Document(
        text=text,
        source=SOURCE,
        licence=LICENCE,
        title=title,
        meta={"kind": kind},
    )
