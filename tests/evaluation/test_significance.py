"""The paired test, its correction and the interval of a mean, against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bilstm_crf.evaluation.significance import (
    Interval,
    SeedComparison,
    compare,
    compare_seeds,
    holm,
    interval_of_difference,
    interval_of_mean,
    mean_f1,
    resample_f1,
    spread,
)

Counts = NDArray[np.int64]


@st.composite
def pairs(draw: st.DrawFn, most: int = 6) -> tuple[Counts, Counts]:
    """Counts (S, N, 3) of two systems on the same gold spans."""
    seeds, sentences = draw(st.integers(1, 3)), draw(st.integers(0, most))
    gold = draw(st.lists(st.integers(0, 3), min_size=sentences, max_size=sentences))

    def system() -> Counts:
        rows = []
        for _ in range(seeds):
            row = []
            for spans in gold:
                predicted = draw(st.integers(0, 3))
                row.append((draw(st.integers(0, min(spans, predicted))), spans, predicted))
            rows.append(row)
        return np.array(rows, np.int64).reshape(seeds, sentences, 3)

    return system(), system()


def f1(counts: Counts) -> float:
    """The mean over seeds, written out."""
    scores = []
    for of_seed in counts:
        correct, gold, predicted = (int(sum(sentence[part] for sentence in of_seed)) for part in range(3))
        scores.append(2 * correct / (gold + predicted) if gold + predicted else 0.0)
    return sum(scores) / len(scores)


def by_brute_force(a: Counts, b: Counts) -> float:
    """The share of all exchanges of whole sentences that give as large a difference."""
    observed = abs(f1(b) - f1(a))
    as_large = []
    for exchange in product([False, True], repeat=a.shape[1]):
        swapped = np.array(exchange, bool)[None, :, None]
        difference = f1(np.where(swapped, a, b)) - f1(np.where(swapped, b, a))
        as_large.append(abs(difference) >= observed - 1e-12)
    return sum(as_large) / len(as_large)


@given(pairs())
def test_few_sentences_give_the_p_of_all_exchanges(both: tuple[Counts, Counts]) -> None:
    result = compare(*both)
    assert result.exact
    assert result.p_value == pytest.approx(by_brute_force(*both))
    assert result.difference == pytest.approx(f1(both[1]) - f1(both[0]))


@given(pairs(most=8))
def test_drawn_exchanges_come_near_the_p_of_all(both: tuple[Counts, Counts]) -> None:
    drawn = compare(*both, resamples=63)
    whole = compare(*both)
    # 63 draws and the observed one: six standard errors
    assert abs(drawn.p_value - whole.p_value) <= (0 if drawn.exact else 6 * 0.5 / 8)


@given(pairs(), st.integers(1, 200))
def test_p_is_a_probability_above_0_and_the_same_both_ways(
    both: tuple[Counts, Counts], resamples: int
) -> None:
    a, b = both
    there, back = compare(a, b, resamples=resamples), compare(b, a, resamples=resamples)
    assert 0 < there.p_value <= 1
    assert there.p_value == back.p_value
    assert there.difference == -back.difference


@given(pairs())
def test_identical_systems_have_p_1(both: tuple[Counts, Counts]) -> None:
    assert compare(both[0], both[0]).p_value == 1.0


def test_systems_of_equal_worth_are_seldom_called_different() -> None:
    random = np.random.default_rng(1)
    p_values = []
    for _ in range(200):
        gold = random.integers(0, 3, size=(1, 150))
        systems = []
        for _ in range(2):
            predicted = random.integers(0, 3, size=(1, 150))
            correct = random.binomial(np.minimum(gold, predicted), 0.7)
            systems.append(np.stack((correct, gold, predicted), axis=-1))
        p_values.append(compare(*systems, resamples=200).p_value)
    assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.1
    assert 0.4 <= np.median(p_values) <= 0.6


def test_a_clear_difference_is_found() -> None:
    gold = np.ones((2, 300), np.int64)
    good = np.stack((gold, gold, gold), axis=-1)
    bad = good.copy()
    bad[:, :40, 0] = 0
    assert compare(bad, good).p_value < 0.001


def test_seeds_are_paired_and_not_independent_sentences() -> None:
    # The same sentence wrong in three seeds is one piece of evidence, not three.
    one = np.array([[[0, 1, 1], [1, 1, 1]]])
    other = np.array([[[1, 1, 1], [1, 1, 1]]])
    assert compare(one, other).p_value == compare(one.repeat(3, 0), other.repeat(3, 0)).p_value == 1.0


def test_other_sentences_or_another_number_of_seeds_cannot_be_compared() -> None:
    one = np.array([[[0, 1, 1]]])
    for other in (np.array([[[0, 2, 1]]]), one.repeat(2, 0), one.repeat(2, 1)):
        with pytest.raises(ValueError, match="same sentences"):
            compare(one, other)


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0, 1))
def test_holm_rejects_what_its_stepwise_procedure_rejects(p_values: list[float], level: float) -> None:
    rejected = set()
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for step, position in enumerate(order):
        if (len(p_values) - step) * p_values[position] > level:
            break
        rejected.add(position)
    adjusted = holm(p_values)
    assert {position for position, p in enumerate(adjusted) if p <= level} == rejected or level == 1
    assert all(0 <= before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))


@given(pairs())
def test_equal_seeds_have_the_interval_of_one(both: tuple[Counts, Counts]) -> None:
    one = both[0][:1]
    several = interval_of_mean(one.repeat(3, 0))
    assert (several.low, several.high) == pytest.approx(
        (interval_of_mean(one).low, interval_of_mean(one).high)
    )


@given(pairs())
def test_the_mean_lies_between_the_seeds(both: tuple[Counts, Counts]) -> None:
    each = [f1(both[0][seed : seed + 1]) for seed in range(len(both[0]))]
    mean = float(mean_f1(both[0].sum(axis=1)))
    assert min(each) - 1e-9 <= mean <= max(each) + 1e-9


def bootstrap(counts: list[tuple[int, int, int]]) -> Interval:
    return interval_of_mean(np.array(counts, np.int64).reshape(1, -1, 3))


def test_the_bootstrap_interval_holds_the_score_and_narrows_with_more_data() -> None:
    counts = [(1, 1, 1), (0, 1, 1), (2, 2, 3), (0, 0, 0), (1, 2, 1)] * 20
    correct, gold, predicted = map(sum, zip(*counts, strict=True))
    few, many = bootstrap(counts), bootstrap(counts * 25)
    assert few.low < 2 * correct / (gold + predicted) < few.high
    assert many.high - many.low == pytest.approx((few.high - few.low) / 5, rel=0.2)
    assert bootstrap(counts) == few


def test_the_bootstrap_agrees_with_drawing_whole_sentences() -> None:
    counts = np.array([(1, 1, 1), (0, 1, 0), (2, 2, 3), (0, 0, 1), (1, 2, 1), (3, 3, 3)] * 5)
    drawn = np.random.default_rng(7).integers(0, len(counts), size=(20_000, len(counts)))
    correct, gold, predicted = counts[drawn].sum(axis=1).T
    expected = np.quantile(2 * correct / (gold + predicted), [0.025, 0.975])
    interval = interval_of_mean(counts[None], resamples=20_000)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("counts", [[], [(0, 0, 0)], [(0, 0, 0)] * 9])
def test_the_interval_of_nothing_is_zero(counts: list[tuple[int, int, int]]) -> None:
    interval = bootstrap(counts)
    assert (interval.low, interval.high) == (0, 0)


# ---------------------------------------------------------------- differences, seeds


def simulate(random: np.random.Generator, quality: list[float], gold: Counts) -> Counts:
    """One system: of each seed the share of gold spans that it gets right; no spurious spans."""
    correct = np.stack([random.binomial(gold, share) for share in quality])
    return np.stack([correct, np.broadcast_to(gold, correct.shape), np.broadcast_to(gold, correct.shape)], -1)


def by_seeds(a: Counts, b: Counts, resamples: int = 10_000) -> SeedComparison:
    return compare_seeds(resample_f1(a, resamples=resamples), resample_f1(b, resamples=resamples))


def test_the_interval_of_a_difference_agrees_with_drawing_whole_sentences() -> None:
    random = np.random.default_rng(3)
    gold = random.integers(0, 3, size=60)
    a, b = simulate(random, [0.6, 0.7], gold), simulate(random, [0.8, 0.75], gold)
    drawn = random.integers(0, 60, size=(20_000, 60))
    differences = [f1(b[:, each]) - f1(a[:, each]) for each in drawn[:4000]]
    found = interval_of_difference(a, b, resamples=20_000)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(differences, [0.025, 0.975])), abs=0.01)
    back = interval_of_difference(b, a, resamples=20_000)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), abs=0.01)


def test_drawn_seeds_and_sentences_give_the_p_and_the_interval_of_all_draws() -> None:
    """Two seeds each: the bootknife draws one of them twice, so that all draws can be counted."""
    gold = np.array([1, 2, 3])
    a = simulate(np.random.default_rng(5), [0.3, 0.9], gold)
    b = simulate(np.random.default_rng(6), [0.9, 0.6], gold)
    observed = f1(b) - f1(a)
    differences = [
        f1(b[[of_b]][:, list(drawn)]) - f1(a[[of_a]][:, list(drawn)])
        for drawn in product(range(3), repeat=3)
        for of_a, of_b in product(range(2), repeat=2)
    ]
    expected = np.mean(np.abs(np.array(differences) - observed) >= abs(observed) - 1e-12)
    found = by_seeds(a, b)
    assert found.difference == pytest.approx(observed)
    assert found.p_value == pytest.approx(expected, abs=0.02)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        tuple(np.quantile(differences, [0.025, 0.975])), abs=0.05
    )


def test_drawn_seeds_have_the_variance_of_a_mean_of_seeds() -> None:
    """All sentences alike: what varies is the mean of S seeds, with the variance s² / S."""
    gold = np.full(200, 2)
    shares = [0.60, 0.66, 0.75, 0.79]
    a = np.stack([np.stack([np.full(200, 2 * share), gold, gold], -1) for share in shares])
    fixed = np.stack([np.stack([np.full(200, 1.4), gold, gold], -1)] * 4)
    found = by_seeds(fixed, a)  # type: ignore[arg-type]
    sd = np.std(shares, ddof=1) / 2
    width = found.interval.high - found.interval.low
    assert width == pytest.approx(2 * 1.96 * sd, rel=0.12)


def test_systems_whose_seeds_differ_are_seldom_called_different() -> None:
    """Each seed draws its own quality: a test of sentences alone finds too much, one of seeds does not."""
    random = np.random.default_rng(7)
    found = {"sentences": 0, "seeds": 0}
    for _ in range(100):
        gold = random.integers(0, 4, size=200)
        a, b = (simulate(random, list(random.normal(0.7, 0.05, size=5)), gold) for _ in range(2))
        found["sentences"] += compare(a, b, resamples=200).p_value <= 0.05
        found["seeds"] += by_seeds(a, b, resamples=400).p_value <= 0.05
    assert found["sentences"] >= 30
    assert found["seeds"] <= 15


def test_a_clear_difference_is_found_in_spite_of_seeds() -> None:
    random = np.random.default_rng(8)
    gold = random.integers(0, 4, size=200)
    a, b = simulate(random, [0.5, 0.52, 0.51], gold), simulate(random, [0.8, 0.79, 0.82], gold)
    found = by_seeds(a, b)
    assert found.p_value < 0.01
    assert 0.2 < found.interval.low < found.difference < found.interval.high < 0.4
    assert by_seeds(a, b) == found


def test_seeds_of_one_model_cannot_be_compared() -> None:
    counts = np.array([[[1, 1, 1]], [[0, 1, 1]]])
    with pytest.raises(ValueError, match="one seed"):
        by_seeds(counts, counts[:1])
    with pytest.raises(ValueError, match="same sentences"):
        by_seeds(counts, counts.repeat(2, 1))
    assert by_seeds(counts, counts[[0, 1, 0]]).p_value <= 1, "the numbers of seeds may differ"


def test_the_spread_tells_whether_seeds_or_rows_differ_more() -> None:
    wide = spread([[0.80, 0.90], [0.84, 0.88], [0.7]])
    assert wide is not None
    assert wide.seeds == pytest.approx(((0.1**2 + 0.04**2) / 4) ** 0.5)
    assert wide.rows == pytest.approx(0.01 / 2**0.5)
    assert wide.seeds_dominate
    narrow = spread([[0.80, 0.81], [0.90, 0.91]])
    assert narrow is not None
    assert not narrow.seeds_dominate
    assert spread([[0.8, 0.9], [0.8]]) is None
