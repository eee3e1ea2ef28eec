"""A mixture brings each corpus by its weight, and one corpus of weight 1 as training always did."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bilstm_crf.corpus.mixture import MAX_WEIGHT, Mixture
from bilstm_crf.errors import UsageError

weights = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.floats(0, 4))
corpora = st.lists(st.tuples(st.integers(0, 30), weights), min_size=1, max_size=4)
seeds = st.integers(0, 3)


def mixture_of(sizes_and_weights: list[tuple[int, float]]) -> Mixture:
    """The mixture, where there is one."""
    assume(all(round(size * weight) or not (size and weight) for size, weight in sizes_and_weights))
    assume(any(round(size * weight) for size, weight in sizes_and_weights))
    sizes, weights = zip(*sizes_and_weights, strict=True)
    return Mixture(sizes, weights)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=3), st.integers(0, 2**32))
def test_weights_of_one_are_the_permutation_that_training_always_drew(sizes: list[int], seed: int) -> None:
    """Also in what it leaves of the generator, so that old seeds keep their results."""
    assume(sum(sizes) > 0)
    ours, before = np.random.default_rng(seed), np.random.default_rng(seed)
    order, expected = Mixture(sizes, [1] * len(sizes)).epoch(ours), before.permutation(sum(sizes))
    assert order.dtype == expected.dtype == np.int64
    assert order.tolist() == expected.tolist()
    assert ours.bit_generator.state == before.bit_generator.state


@given(corpora, seeds)
def test_each_corpus_brings_its_size_by_its_weight_and_no_sentence_is_favoured(
    sizes_and_weights: list[tuple[int, float]], seed: int
) -> None:
    mixture = mixture_of(sizes_and_weights)
    order = mixture.epoch(np.random.default_rng(seed))
    assert len(order) == len(mixture)
    times = Counter(order.tolist())
    first = 0
    for size, weight in sizes_and_weights:
        of_corpus = [times.pop(number, 0) for number in range(first, first + size)]
        assert sum(of_corpus) == round(size * weight)
        assert all(math.floor(weight) <= each <= math.floor(weight) + 1 for each in of_corpus)
        first += size
    assert not times  # no number of a sentence that there is not


@given(corpora, seeds)
def test_an_epoch_is_its_generators_alone(sizes_and_weights: list[tuple[int, float]], seed: int) -> None:
    """Epochs before it change nothing: a resumed run sees what an uninterrupted one sees."""
    used, fresh = mixture_of(sizes_and_weights), mixture_of(sizes_and_weights)
    used.epoch(np.random.default_rng(seed + 1))
    again = used.epoch(np.random.default_rng(seed))
    assert again.tolist() == fresh.epoch(np.random.default_rng(seed)).tolist()


@pytest.mark.parametrize(("weight", "epochs"), [(0.5, 2), (0.1, 10), (1.25, 3), (0.5, 10)])
def test_epochs_together_see_what_independent_draws_see(weight: float, epochs: int) -> None:
    """Not all sentences in two epochs of one half, but three quarters."""
    size, random = 20_000, np.random.default_rng(5)
    mixture = Mixture([size], [weight])
    orders = [mixture.epoch(random) for _ in range(epochs)]
    seen = len(np.unique(np.concatenate(orders))) / size
    assert seen == pytest.approx(1 - max(0, 1 - weight) ** epochs, abs=0.01)
    times = np.bincount(np.concatenate(orders), minlength=size)
    assert times.mean() == pytest.approx(weight * epochs)
    halves = times[: size // 2].mean(), times[size // 2 :].mean()
    assert halves[0] == pytest.approx(halves[1], rel=0.02)  # early sentences and late ones alike


def test_the_corpora_are_shuffled_together() -> None:
    order = Mixture([1000, 500], [0.5, 1]).epoch(np.random.default_rng(0))
    of_second = order >= 1000
    assert of_second[:500].mean() == pytest.approx(0.5, abs=0.06)


def test_a_corpus_of_weight_0_is_left_out_and_an_empty_one_is_no_harm() -> None:
    mixture = Mixture([3, 0, 2], [0, 5, 1])
    assert mixture.counts == [0, 0, 2]
    assert sorted(mixture.epoch(np.random.default_rng(0)).tolist()) == [3, 4]


@pytest.mark.parametrize("weight", [-1.0, -1e-9, math.nan, math.inf, -math.inf, MAX_WEIGHT + 1, 1e300])
def test_what_is_no_weight_is_refused_by_its_corpus(weight: float) -> None:
    message = rf"training corpus 2 is {weight:g}, expected 0 to 1,000".replace("+", r"\+")
    with pytest.raises(UsageError, match=message):
        Mixture([5, 5], [1, weight])


@pytest.mark.parametrize(
    ("sizes", "weights", "message"),
    [
        ([5, 5], [1.0], "sampling weights: found 1, expected 2"),
        ([5], [1.0, 2.0], "sampling weights: found 2, expected 1"),
        ([5, 6], [0.0, 0.0], r"no sentence \(corpora: 5 with weight 0, 6 with weight 0\)"),
        ([0, 6], [1.0, 0.0], r"\(corpora: 0 with weight 1, 6 with weight 0\)"),
        ([], [], "no sentence"),
        ([9, 40], [1.0, 0.01], "0.01 takes no sentence of training corpus 2, of 40"),
    ],
)
def test_weights_that_make_no_epoch_are_refused(sizes: list[int], weights: list[float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Mixture(sizes, weights)


@given(st.integers(1, 100_000))
def test_the_smallest_weight_that_an_error_offers_is_taken(size: int) -> None:
    with pytest.raises(UsageError) as caught:
        Mixture([size], [0.4 / size])
    offered = float(str(caught.value.hint).split()[1])
    assert len(Mixture([size], [offered])) == 1
