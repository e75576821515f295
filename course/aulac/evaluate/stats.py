"""How sure a measured number is: bootstrap intervals and paired tests.

A score over a few hundred questions moves by points when other questions are drawn.
Every number of this course's evaluation therefore comes with an interval, and two
models are compared on the same items, pair by pair.

- `bootstrap`: a mean over items, with the percentile interval of its resamples
  (Efron, 1979; Efron and Tibshirani, 1993, chapter 13).
- `bootstrap_ratio`: a ratio of sums, such as bits per byte over documents.
- `hit_rate`: a share of items, also where all of them hit, or none.
- `paired`: the mean difference of two models on the same items, its interval, and
  the p-value of a sign-flip permutation test (Fisher, 1935).

An interval speaks of other items drawn as these were. It knows nothing of another
training run of the same model, of items of another kind, or of a mistake in the items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from aulac.evaluate.errors import EvaluationError

Scores = Sequence[float] | np.ndarray  # (n,)

# An edge then moves by 1.5 % of the half width from seed to seed (200 normal scores),
# with 1,000 by 4.5 %, with 100 by 14 %.
RESAMPLES = 10_000
CELLS = 4_000_000  # random numbers drawn at a time: 32 MB
EXACT = 14  # up to so many items every pattern of signs is tried


@dataclass(frozen=True)
class Interval:
    """An estimate over `n` items, and where `level` of its resamples lie."""

    value: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Comparison:
    """First minus second on the same items; `p` is two-sided."""

    difference: Interval
    p: float

    def __str__(self) -> str:
        return f"{self.difference}, p = {self.p:.3g}"


def bootstrap(
    scores: Scores,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean of `scores` (n,) and its percentile interval.

    Equal scores make equal resamples, so the interval is a point: with one item
    always, and it says nothing then. For shares see `hit_rate`.

    Raises ValueError for no scores, scores that are not finite, or a level
    outside (0, 1).
    """
    ones = np.ones(len(scores))
    return bootstrap_ratio(
        scores, ones, level=level, resamples=resamples, seed=seed
    )


def bootstrap_ratio(
    numerators: Scores,
    denominators: Scores,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """sum(numerators) / sum(denominators) over items (n,), resampling items.

    Bits per byte of a set of documents is such a ratio: documents are drawn, not
    bytes, because the bytes of one document stand or fall together.

    Raises ValueError for no items, unequal lengths, values that are not finite,
    denominators not above 0, or a level outside (0, 1).
    """
    top, bottom = _columns(numerators, denominators)
    if not 0 < level < 1:
        raise EvaluationError(
            f"level must lie between 0 and 1, not {level}.",
            f"level phải nằm giữa 0 và 1, không thể là {level}.",
        )
    if (bottom <= 0).any():
        raise EvaluationError(
            "every item needs a weight above 0.",
            "mỗi mục cần một trọng số lớn hơn 0.",
        )
    n = len(top)
    ratios = np.concatenate(
        [
            top[drawn].sum(1) / bottom[drawn].sum(1)
            for drawn in _draws(n, resamples, seed)
        ]
    )
    edges = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(ratios, edges)
    value = float(top.sum() / bottom.sum())
    return Interval(value, float(low), float(high), n, level)


def hit_rate(
    hits: Scores,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The share of ones among `hits` (n,), each 0 or 1, with its interval.

    The bootstrap's, unless all hit or none: 54 of 54 would have the interval from
    1 to 1, as if the next item could not fail. There it is Wilson's score interval
    (1927), which begins at n / (n + z²): 0.93 for 54 of 54.

    Raises ValueError as `bootstrap` does.
    """
    found = bootstrap(hits, level=level, resamples=resamples, seed=seed)
    if found.value not in (0.0, 1.0):
        return found
    z = NormalDist().inv_cdf((1 + level) / 2)
    room = z**2 / (found.n + z**2)
    if found.value:
        return replace(found, low=1 - room)
    return replace(found, high=room)


def paired(
    first: Scores,
    second: Scores,
    *,
    weights: Scores | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Mean of `first - second` over the same items (n,), with interval and p.

    weights (n,): what to divide by instead of n, for ratios of sums: the bytes of
    documents where the scores are their bits.
    p is the share of sign patterns whose sum of differences is at least as far from 0
    as the one found: exact up to 14 items, from `resamples` random patterns beyond
    (the found one counts too, so p is never 0: Phipson and Smyth, 2010).

    Raises ValueError as `bootstrap_ratio` does.
    """
    one, other = _columns(first, second)
    difference = one - other
    interval = bootstrap_ratio(
        difference,
        np.ones(len(difference)) if weights is None else weights,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    found = abs(difference.sum()) - 1e-12 * np.abs(difference).sum()
    n = len(difference)
    if n <= EXACT:
        patterns = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        sums = np.abs((1 - 2 * patterns) @ difference)
        return Comparison(interval, float((sums >= found).mean()))
    reached = 0
    for drawn in _draws(2, resamples, seed + 1, width=n):
        reached += int((np.abs((1 - 2 * drawn) @ difference) >= found).sum())
    return Comparison(interval, (reached + 1) / (resamples + 1))


def _columns(first: Scores, second: Scores) -> tuple[np.ndarray, np.ndarray]:
    one = np.asarray(first, dtype=np.float64)
    other = np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise EvaluationError(
            f"two rows of equal length are needed, not {one.shape} and "
            f"{other.shape}.",
            f"cần hai dãy dài bằng nhau, không phải {one.shape} và {other.shape}.",
        )
    if not len(one):
        raise EvaluationError(
            "there is no item to measure: give at least one.",
            "không có mục nào để đo: hãy cho ít nhất một.",
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise EvaluationError(
            "a score is NaN or infinite: leave that item out.",
            "có điểm số là NaN hoặc vô hạn: hãy bỏ mục ấy ra.",
        )
    return one, other


def _draws(
    n: int, resamples: int, seed: int, width: int | None = None
) -> Iterator[np.ndarray]:
    """Random indices below `n`, (rows, width) at a time, `resamples` rows in all."""
    width = n if width is None else width
    random = np.random.default_rng(seed)
    rows = max(1, CELLS // width)
    for start in range(0, resamples, rows):
        yield random.integers(n, size=(min(rows, resamples - start), width))
