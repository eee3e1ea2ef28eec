"""Probabilities beside an enumeration of all label sequences and pytorch-crf; compiled and plain."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torchcrf
from numpy.typing import NDArray

from bilstm_crf.inference import marginals
from bilstm_crf.inference.marginals import Crf, Marginals
from bilstm_crf.kernels import crf as crf_kernels
from bilstm_crf.kernels import marginals as compiled
from bilstm_crf.kernels import plain
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan

LABELS = {
    1: ("iob", ["O"]),
    3: ("iob", ["O", "B-X", "I-X"]),
    4: ("iobs", ["O", "B-X", "I-X", "S-X"]),
    40: ("iobe", ["O", "B-X", "I-X", "E-X"]),
    5: ("iobes", ["O", "B-X", "I-X", "E-X", "S-X"]),
    50: ("iob", ["O", "B-X", "I-X", "B-Y", "I-Y"]),
}
SPREADS = [1, 740, 2_000]


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every test here holds for the compiled loops and for those in NumPy."""
    chosen = SimpleNamespace(**vars(compiled)) if request.param == "compiled" else plain
    monkeypatch.setattr(marginals, "load_loops", lambda _: chosen)
    return chosen


class Everything(NamedTuple):
    """All label sequences of a sentence, with their scores."""

    paths: NDArray[np.int64]  # (K ** T, T)
    scores: NDArray[np.float64]  # (K ** T,)

    @property
    def log_z(self) -> float:
        return float(plain.log_sum_exp(self.scores))

    def probability(self, chosen: NDArray[np.bool_]) -> float:
        """Of the paths that are chosen, together."""
        return float(np.exp(plain.log_sum_exp(self.scores[chosen]) - self.log_z))


def enumerated(emissions: NDArray[np.float64], crf: Crf) -> Everything:
    """By the definition of a path's score."""
    length, labels = emissions.shape
    paths = np.array(list(itertools.product(range(labels), repeat=length)))
    scores = emissions[np.arange(length), paths].sum(1) + crf.start[paths[:, 0]] + crf.end[paths[:, -1]]
    scores = scores + crf.between[paths[:, :-1], paths[:, 1:]].sum(1)
    return Everything(paths, scores / crf.temperature)


def problem(kind: int, length: int, spread: float, *, constrained: bool) -> tuple[Crf, NDArray[np.float64]]:
    encoding, labels = LABELS[kind]
    random = np.random.default_rng(kind + 100 * length)
    size = len(labels)
    start, end, between = (spread * random.normal(size=shape) for shape in (size, size, (size, size)))
    crf = Crf.of(ENCODINGS[encoding], labels, (start, end, between))
    crf = crf.constrained(ENCODINGS[encoding], labels) if constrained else crf
    return crf, spread * random.normal(size=(length, size))


def of_one(crf: Crf, emissions: NDArray[np.float64]) -> Marginals:
    return crf.marginals(emissions, np.array([0, len(emissions)]))


def all_spans(crf: Crf, length: int) -> NDArray[np.int64]:
    return np.array(
        [
            (0, start, end, type_)
            for start in range(length)
            for end in range(start + 1, length + 1)
            for type_ in range(len(crf.types))
        ],
        np.int64,
    ).reshape(-1, 4)


def enumerated_span(crf: Crf, kind: int, everything: Everything, row: NDArray[np.int64]) -> float:
    """The probability that the span is labelled as the encoding writes it, and does not go on after that."""
    encoding, labels = LABELS[kind]
    _, start, end, type_ = row.tolist()
    written = [f"{prefix}-{crf.types[type_]}" for prefix in ENCODINGS[encoding].prefixes(end - start)]
    ids = [labels.index(label) for label in written]
    chosen = (everything.paths[:, start:end] == ids).all(1)
    if end < everything.paths.shape[1]:
        follows = [not ENCODINGS[encoding].continues(written[-1], label) for label in labels]
        chosen &= np.array(follows)[everything.paths[:, end]]
    return everything.probability(chosen)


CASES = pytest.mark.parametrize("length", [1, 2, 3, 4, 5])


@CASES
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("constrained", [True, False])
def test_probabilities_are_those_of_an_enumeration(
    kind: int, length: int, spread: float, constrained: bool
) -> None:
    crf, emissions = problem(kind, length, spread, constrained=constrained)
    everything, found = enumerated(emissions, crf), of_one(crf, emissions)
    assert found.log_partitions[0] == pytest.approx(everything.log_z, rel=1e-12, abs=1e-12)
    for token, label in itertools.product(range(length), range(emissions.shape[1])):
        expected = everything.probability(everything.paths[:, token] == label)
        assert found.labels[token, label] == pytest.approx(expected, rel=1e-6, abs=1e-10)
    rows = all_spans(crf, length)
    for row, probability in zip(rows, found.span_probabilities(rows), strict=True):
        assert probability == pytest.approx(enumerated_span(crf, kind, everything, row), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("spread", SPREADS)
def test_uncertainty_is_that_of_an_enumeration(spread: float) -> None:
    for kind, length, temperature in itertools.product(LABELS, (1, 2, 5), (1.0, 3.0)):
        crf, emissions = problem(kind, length, spread, constrained=True)
        crf = crf.at(temperature)
        everything = enumerated(emissions, crf)
        probabilities = np.exp(everything.scores - everything.log_z)
        likely = probabilities[probabilities > 0]
        (found,) = of_one(crf, emissions).uncertainties(crf.best_sequences(emissions, 1)[0][0])
        assert found.least_confidence == pytest.approx(1 - likely.max(), rel=1e-6, abs=1e-10)
        assert found.entropy == pytest.approx(-(likely * np.log(likely)).sum(), rel=1e-6, abs=1e-8)


def test_the_uncertainty_of_a_sentence_depends_on_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on how many tokens are computed together; without tokens there is no doubt."""
    crf, emissions = problem(50, 40, 1, constrained=True)
    parts = [emissions[:0], emissions[:7], emissions[7:8], emissions[:0], emissions[8:31], emissions[31:]]
    paths = [crf.best_sequences(part, 1)[0][0] if len(part) else np.zeros(0, np.int64) for part in parts]
    alone = [of_one(crf, part).uncertainties(path)[0] for part, path in zip(parts, paths, strict=True)]
    assert [number for number, each in enumerate(alone) if each == (0, 0)] == [0, 3]
    together = crf.marginals(emissions, np.array([0, 0, 7, 8, 8, 31, 40]))
    assert together.uncertainties(np.concatenate(paths)) == alone
    monkeypatch.setattr(marginals, "PAIR_TOKENS", 3)
    assert together.uncertainties(np.concatenate(paths)) == alone


@CASES
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("spread", SPREADS)
def test_the_n_best_are_those_of_an_enumeration(kind: int, length: int, spread: float) -> None:
    crf, emissions = problem(kind, length, spread, constrained=True)
    everything, found = enumerated(emissions, crf), of_one(crf, emissions)
    legal = everything.scores > -np.inf
    order = np.argsort(-everything.scores, kind="stable")[: legal.sum()]
    for n in (1, 2, 7, 100):
        paths, scores = crf.best_sequences(emissions, n)
        np.testing.assert_array_equal(paths, everything.paths[order[:n]])
        np.testing.assert_allclose(scores, everything.scores[order[:n]], rtol=1e-12)
    if len(order) <= 100:  # all of them, so that they add up to one
        assert np.exp(scores - found.log_partitions[0]).sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", [3, 4, 40, 5, 50])
@pytest.mark.parametrize("threshold", [1e-5, 0.1, 0.5])
def test_the_sweep_finds_every_span_of_the_threshold(kind: int, threshold: float) -> None:
    for length in (1, 2, 5, 12):
        crf, emissions = problem(kind, length, 1, constrained=length % 2 == 0)
        found = of_one(crf, emissions)
        rows = all_spans(crf, length)
        probabilities = found.span_probabilities(rows)
        spans, theirs = found.probable_spans(threshold)
        expected = {
            tuple(row): p for row, p in zip(rows.tolist(), probabilities, strict=True) if p >= threshold
        }
        assert dict(zip(map(tuple, spans.tolist()), theirs, strict=True)) == pytest.approx(expected)
        assert spans.tolist() == sorted(spans.tolist(), key=lambda row: (row[1], row[3], row[2]))


def test_the_sweep_grows_with_the_number_of_its_spans(loops: Any) -> None:
    """More of them than there is room for at first, over several sentences."""
    crf, _ = problem(50, 1, 1, constrained=True)
    emissions = np.random.default_rng(1).normal(size=(300, 5))
    found = crf.marginals(emissions, np.array([0, 100, 100, 299, 300]))
    spans, probabilities = found.probable_spans(1e-4)
    assert len(spans) > 500
    np.testing.assert_allclose(probabilities, found.span_probabilities(spans), rtol=1e-9)
    assert set(spans[:, 0].tolist()) == {0, 2, 3}


@pytest.mark.parametrize("labels", [3, 17])
@pytest.mark.parametrize("lengths", [[4], [9, 7, 1], [120, 3]])
def test_the_partition_function_is_pytorch_crfs(lengths: list[int], labels: int) -> None:
    random = torch.Generator().manual_seed(labels)
    theirs = torchcrf.CRF(labels, batch_first=True).double()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=2, generator=random)
    scores = (theirs.start_transitions, theirs.end_transitions, theirs.transitions)
    start, end, between = (each.detach().numpy() for each in scores)
    types = ["O", *(f"B-{n}" for n in range(labels - 1))]
    crf = Crf(start, end, between, types, np.empty((0, 4), np.int64), np.zeros((labels, labels), bool))
    emissions = [torch.randn(1, n, labels, generator=random, dtype=torch.float64) * 3 for n in lengths]
    packed = torch.cat([each[0] for each in emissions]).numpy()
    found = crf.marginals(packed, np.concatenate(([0], np.cumsum(lengths))))
    for each, log_z in zip(emissions, found.log_partitions, strict=True):
        best = torch.tensor(theirs.decode(each))
        paths, own_scores = crf.best_sequences(each[0].numpy(), 3)
        assert paths[0].tolist() == best[0].tolist()
        assert own_scores[0] - log_z == pytest.approx(theirs(each, best).item(), rel=1e-9)
        for path, score in zip(paths, own_scores, strict=True):
            likelihood = theirs(each, torch.from_numpy(path)[None]).item()
            assert score - log_z == pytest.approx(likelihood, rel=1e-9)


@pytest.mark.parametrize("spread", SPREADS)
def test_marginals_are_the_gradient_of_the_partition_function(spread: float) -> None:
    """As the kernel of training computes it."""
    crf, emissions = problem(50, 30, spread, constrained=False)
    gradient = np.zeros_like(emissions)
    sums = [np.zeros_like(each) for each in crf.transitions]
    gold, sizes = np.zeros(30, np.int64), np.ones(30, np.int64)
    crf_kernels.forward_backward(emissions, *crf.transitions, gold, sizes, gradient, *sums)
    gradient[:, 0] += 1
    np.testing.assert_allclose(of_one(crf, emissions).labels, gradient, rtol=1e-6, atol=1e-9)


def test_an_all_but_impossible_label_can_be_part_of_the_only_path() -> None:
    """Its forward probability is too small for a float64; what follows makes up for it."""
    crf = Crf.of(ENCODINGS["iob"], ["O", "B-X", "I-X"], (np.zeros(3), np.zeros(3), np.zeros((3, 3))))
    crf = crf.constrained(ENCODINGS["iob"], ["O", "B-X", "I-X"])
    emissions = np.array([[2_000.0, 0, 0], [0, 0, 5_000.0]])
    span = np.array([(0, 0, 2, 0)])
    found = of_one(crf, emissions)
    assert found.span_probabilities(span).tolist() == [1.0]
    assert found.labels == pytest.approx(np.array([[0, 1, 0], [0, 0, 1]]))
    assert crf.best_sequences(emissions, 1)[0].tolist() == [[1, 2]]


def test_a_temperature_flattens_the_probabilities_and_keeps_their_order() -> None:
    crf, emissions = problem(50, 6, 2, constrained=True)
    spans = all_spans(crf, 6)
    flat = of_one(crf.at(1000.0), emissions)
    assert flat.span_probabilities(spans).max() < of_one(crf, emissions).span_probabilities(spans).max()
    one, other = crf.best_sequences(emissions, 5), crf.at(3.0).best_sequences(emissions, 5)
    assert one[0].tolist() == other[0].tolist()
    np.testing.assert_allclose(one[1], other[1] * 3)
    half = of_one(crf.at(2.0), emissions)
    assert half.log_partitions[0] == pytest.approx(enumerated(emissions, crf.at(2.0)).log_z)


def test_sentences_do_not_change_one_another() -> None:
    crf, _ = problem(50, 1, 1, constrained=True)
    random = np.random.default_rng(3)
    parts = [random.normal(size=(length, 5)) * scale for length, scale in ((7, 1), (3, 900), (0, 1), (5, 2))]
    offsets = np.array([0, 7, 10, 10, 15])
    together = crf.marginals(np.concatenate(parts), offsets)
    for number, part in enumerate(parts):
        if len(part):
            alone = of_one(crf, part)
            np.testing.assert_array_equal(
                together.labels[offsets[number] : offsets[number + 1]], alone.labels
            )
            assert together.log_partitions[number] == alone.log_partitions[0]


def test_a_span_of_the_best_path_is_found_by_its_place() -> None:
    crf, emissions = problem(50, 6, 1, constrained=True)
    found = crf.marginals(emissions, np.array([0, 2, 6]))
    row = found.rows(1, [TokenSpan(1, 3, "Y")])[0]
    assert row == (1, 3, 5, 1)
    assert found.token_span(row) == TokenSpan(1, 3, "Y")


@CASES
@pytest.mark.parametrize("labels", [1, 2, 3, 4])
@pytest.mark.parametrize("spread", SPREADS)
def test_any_scores_may_be_impossible(length: int, labels: int, spread: float) -> None:
    """Whatever is -inf: labels, starts, ends and transitions, in no encoding's pattern."""
    random = np.random.default_rng(labels + 10 * length)
    none = (np.empty((0, 4), np.int64), np.zeros((labels, labels), bool))
    for _ in range(3):
        drawn = [spread * random.normal(size=shape) for shape in ((labels,), (labels,), (labels, labels))]
        emissions = spread * random.normal(size=(length, labels))
        for scores in (*drawn, emissions):
            scores[random.random(scores.shape) < 0.2] = -np.inf
        crf = Crf(*drawn, [], *none)
        everything = enumerated(emissions, crf)
        legal = int((everything.scores > -np.inf).sum())
        paths, _ = crf.best_sequences(emissions, 100)
        order = np.argsort(-everything.scores, kind="stable")[: min(legal, 100)]
        np.testing.assert_array_equal(paths, everything.paths[order])
        if not legal:
            continue
        found = of_one(crf, emissions)
        assert found.log_partitions[0] == pytest.approx(everything.log_z, rel=1e-12, abs=1e-12)
        for token, label in itertools.product(range(length), range(labels)):
            expected = everything.probability(everything.paths[:, token] == label)
            assert found.labels[token, label] == pytest.approx(expected, rel=1e-6, abs=1e-10)
