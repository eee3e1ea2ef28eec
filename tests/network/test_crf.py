"""The CRF beside an enumeration of all label sequences, and beside pytorch-crf as it is published."""

import itertools

import pytest
import torch
import torchcrf
from torch import Tensor

from bilstm_crf import kernels
from bilstm_crf.network.crf import CRF


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here holds for the compiled CRF and for pytorch-crf's own loops."""
    monkeypatch.setattr(kernels, "NUMBA", request.param == "compiled")


K = 3
LENGTHS = (5, 3, 1)  # of the sentences of one batch


def random_crf(labels: int = K, seed: int = 0) -> CRF:
    """Scores far from zero, so that start, end and transitions each decide something."""
    crf = CRF(labels)
    random = torch.Generator().manual_seed(seed)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter, std=2, generator=random)
    return crf


def problem(seed: int, labels: int = K) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions (T, B, K), gold ids (T, B), mask (T, B); what lies behind a sentence's end is no zero."""
    random = torch.Generator().manual_seed(seed)
    shape = (max(LENGTHS), len(LENGTHS))
    emissions = torch.randn(*shape, labels, generator=random, dtype=torch.float64) * 2
    gold = torch.randint(0, labels, shape, generator=random)
    mask = torch.arange(shape[0])[:, None] < torch.tensor(LENGTHS)
    return emissions, gold, mask


def score(crf: CRF, emissions: Tensor, path: tuple[int, ...]) -> Tensor:
    """The definition: start, emissions, transitions, end (Lample et al. 2016, section 2.2)."""
    transitions = [crf.transitions[a, b] for a, b in itertools.pairwise(path)]
    emitted = [emissions[position, label] for position, label in enumerate(path)]
    ends = [crf.start_transitions[path[0]], crf.end_transitions[path[-1]]]
    return torch.stack([*transitions, *emitted, *ends]).sum()


def all_scores(crf: CRF, emissions: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Of every label sequence of one sentence, from its (T, K) emissions."""
    length, labels = emissions.shape
    return {path: score(crf, emissions, path) for path in itertools.product(range(labels), repeat=length)}


def enumerated_loss(crf: CRF, emissions: Tensor, gold: Tensor) -> Tensor:
    """The negative log-likelihood of one sentence."""
    scores = all_scores(crf, emissions)
    return torch.logsumexp(torch.stack(list(scores.values())), 0) - scores[tuple(gold.tolist())]


@pytest.mark.parametrize(("seed", "labels"), [(0, 3), (1, 3), (2, 4), (3, 1)])
def test_the_loss_is_that_of_an_enumeration(seed: int, labels: int) -> None:
    crf = random_crf(labels, seed).double()
    emissions, gold, mask = problem(seed, labels)
    expected = sum(
        enumerated_loss(crf, emissions[:length, b], gold[:length, b]) for b, length in enumerate(LENGTHS)
    )
    torch.testing.assert_close(crf.negative_log_likelihood(emissions, gold, mask), expected)


@pytest.mark.parametrize(("seed", "labels"), [(0, 3), (1, 3), (2, 4), (3, 1)])
def test_viterbi_finds_the_best_of_all_label_sequences(seed: int, labels: int) -> None:
    crf = random_crf(labels, seed).double()
    emissions, _, mask = problem(seed, labels)
    for b, (path, length) in enumerate(zip(crf.viterbi(emissions, mask), LENGTHS, strict=True)):
        scores = all_scores(crf, emissions[:length, b])
        assert tuple(path) == max(scores, key=lambda candidate: scores[candidate])


def test_the_probabilities_of_all_label_sequences_add_up_to_one() -> None:
    """So the loss's second term is the logarithm of the partition function."""
    crf = random_crf()
    emissions = problem(4)[0][:3, :1]
    mask = torch.ones(3, 1, dtype=torch.bool)
    losses = [
        crf.negative_log_likelihood(emissions, torch.tensor(path)[:, None], mask)
        for path in itertools.product(range(K), repeat=3)
    ]
    assert torch.exp(-torch.stack(losses)).sum().item() == pytest.approx(1)


def test_gradients_are_those_of_an_enumeration() -> None:
    crf = random_crf().double()
    emissions, gold, mask = problem(5)
    emissions.requires_grad_()
    inputs = [emissions, *crf.parameters()]
    got = torch.autograd.grad(crf.negative_log_likelihood(emissions, gold, mask), inputs)
    one_by_one = [enumerated_loss(crf, emissions[:n, b], gold[:n, b]) for b, n in enumerate(LENGTHS)]
    expected = torch.autograd.grad(torch.stack(one_by_one).sum(), inputs)
    for mine, enumerated in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, enumerated)
    assert not got[0][~mask].any()


@pytest.mark.parametrize("seed", range(3))
def test_it_is_pytorch_crf(seed: int) -> None:
    ours = random_crf(seed=seed).double()
    theirs = torchcrf.CRF(K).double()
    theirs.load_state_dict(ours.state_dict())
    emissions, gold, mask = problem(seed)
    torch.testing.assert_close(
        ours.negative_log_likelihood(emissions, gold, mask), -theirs(emissions, gold, mask=mask)
    )
    assert ours.viterbi(emissions, mask) == theirs.decode(emissions, mask=mask)


def test_scores_begin_at_zero() -> None:
    """So without emissions every label sequence is as likely: the loss is T ln K."""
    emissions, gold, mask = problem(6)
    loss = CRF(K).negative_log_likelihood(torch.zeros_like(emissions), gold, mask)
    assert loss.item() == pytest.approx(sum(LENGTHS) * torch.tensor(3.0).log().item())


@pytest.mark.parametrize("which", ["start_transitions", "end_transitions"])
def test_start_and_end_scores_decide_where_nothing_else_does(which: str) -> None:
    crf = CRF(K)
    getattr(crf, which).data[2] = 1
    (path,) = crf.viterbi(torch.zeros(2, 1, K), torch.ones(2, 1, dtype=torch.bool))
    assert path == ([2, 0] if which == "start_transitions" else [0, 2])


def test_what_stands_behind_a_sentences_end_changes_nothing() -> None:
    crf = random_crf()
    emissions, gold, mask = problem(7)
    other, other_gold = emissions.clone(), gold.clone()
    other[~mask] = 1e4
    other_gold[~mask] = K - 1
    loss = crf.negative_log_likelihood(emissions, gold, mask)
    assert loss == crf.negative_log_likelihood(other, other_gold, mask)
    assert crf.viterbi(emissions, mask) == crf.viterbi(other, mask)


def test_float32_scores_lose_no_digit_over_thousands_of_tokens() -> None:
    """A float32 sum of them does: of the gold path's score as much as of the partition function."""
    crf = random_crf()
    random = torch.Generator().manual_seed(8)
    emissions = torch.randn(3_000, 1, K, generator=random) * 5
    mask = torch.ones(3_000, 1, dtype=torch.bool)
    (path,) = crf.viterbi(emissions, mask)
    assert len(path) == 3_000
    gold = torch.tensor(path)[:, None]
    loss = crf.negative_log_likelihood(emissions, gold, mask).item()
    exact = random_crf().double().negative_log_likelihood(emissions.double(), gold, mask).item()
    assert exact > 0
    assert loss == pytest.approx(exact, rel=1e-12)


def test_gradients_arrive_in_the_parameters_own_precision() -> None:
    crf = random_crf()
    emissions, gold, mask = problem(9)
    crf.negative_log_likelihood(emissions.float(), gold, mask).backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in crf.parameters())
