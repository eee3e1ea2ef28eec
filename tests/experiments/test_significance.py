"""The paired test, its correction and the interval of a mean, against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bilstm_crf.evaluation.bootstrap import bootstrap
from bilstm_crf.evaluation.significance import compare, holm, interval_of_mean, mean_f1

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
def test_the_interval_of_one_seed_is_that_of_the_bootstrap(both: tuple[Counts, Counts]) -> None:
    one = both[0][:1]
    assert interval_of_mean(one) == bootstrap([(c, g, p) for c, g, p in one[0].tolist()])


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
