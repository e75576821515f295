"""Intervals and paired tests, held against scipy and against their own laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.evaluate.stats import bootstrap, bootstrap_ratio, hit_rate, paired

stats = pytest.importorskip("scipy.stats")
SCORES = st.lists(st.floats(-100, 100), min_size=1, max_size=40)


def test_mean_interval_is_scipys_percentile_interval() -> None:
    scores = np.random.default_rng(3).exponential(size=200)
    ours = bootstrap(scores)
    reference = stats.bootstrap(
        (scores,),
        np.mean,
        method="percentile",
        n_resamples=10_000,
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert ours.value == pytest.approx(scores.mean())
    assert ours.low == pytest.approx(reference.low, abs=0.01)
    assert ours.high == pytest.approx(reference.high, abs=0.01)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        found = bootstrap(random.normal(size=60), resamples=500)
        hits += found.low <= 0 <= found.high
    assert 0.90 <= hits / 300 <= 0.985


def test_ratio_weighs_documents_by_their_bytes() -> None:
    bits, sizes = [10.0, 300.0], [10, 100]
    found = bootstrap_ratio(bits, sizes)
    assert found.value == pytest.approx(310 / 110)
    assert (found.low, found.high) == (1.0, 3.0)


@settings(max_examples=40)
@given(SCORES)
def test_interval_holds_its_value_and_repeats(scores: list[float]) -> None:
    found = bootstrap(scores, resamples=200)
    assert min(scores) - 1e-9 <= found.low <= found.high <= max(scores) + 1e-9
    assert found == bootstrap(scores, resamples=200)


@pytest.mark.parametrize("count", [1, 2, 54, 400])
def test_all_or_none_hit_is_not_certainty(count: int) -> None:
    reference = stats.binomtest(count, count).proportion_ci(method="wilson")
    every, none = hit_rate([1.0] * count), hit_rate([0.0] * count)
    assert (every.value, every.high) == (1.0, 1.0)
    assert every.low == pytest.approx(reference.low)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - reference.low)


def test_other_hit_rates_are_bootstrapped() -> None:
    hits = [1.0] * 30 + [0.0] * 12
    assert hit_rate(hits) == bootstrap(hits)


def test_paired_is_exact_on_few_items() -> None:
    first = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    second = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    # Four differences of 1: only all plus or all minus is as far, 2 of 16.
    assert paired(first, second).p == pytest.approx(2 / 16)


def test_paired_agrees_with_scipys_permutation_test() -> None:
    random = np.random.default_rng(11)
    first = random.normal(0.25, 1, size=80)
    second = random.normal(0, 1, size=80)
    reference = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(1),
    ).pvalue
    assert paired(first, second).p == pytest.approx(reference, abs=0.02)


def test_pairing_sees_what_two_separate_intervals_hide() -> None:
    hard = np.random.default_rng(2).uniform(0, 50, size=100)
    found = paired(hard + 0.5, hard + np.linspace(-0.5, 0.5, 100))
    assert found.p < 0.001
    assert found.difference.low > 0
    assert bootstrap(hard).high - bootstrap(hard).low > 5


def test_weights_make_a_difference_of_ratios() -> None:
    bits, other, sizes = [10.0, 300.0, 5.0], [12.0, 280.0, 9.0], [10, 100, 5]
    found = paired(bits, other, weights=sizes)
    ratio = bootstrap_ratio(bits, sizes).value
    assert found.difference.value == pytest.approx(
        ratio - bootstrap_ratio(other, sizes).value
    )
    assert found.p == paired(bits, other).p
    assert found.difference.low == pytest.approx(-4 / 5)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1))
def test_paired_is_antisymmetric(pairs: list[tuple[float, float]]) -> None:
    first, second = (list(column) for column in zip(*pairs, strict=True))
    there = paired(first, second, resamples=200)
    back = paired(second, first, resamples=200)
    assert there.p == pytest.approx(back.p)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert 0 < there.p <= 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bootstrap([]), "no item"),
        (lambda: bootstrap([1.0, float("nan")]), "NaN"),
        (lambda: bootstrap([1.0], level=95), "between 0 and 1"),
        (lambda: bootstrap_ratio([1.0], [0.0]), "above 0"),
        (lambda: paired([1.0], [1.0, 2.0]), "equal length"),
    ],
)
def test_bad_input_is_named(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
