"""The CRF beside an enumeration of all label sequences, and beside pytorch-crf as it is published."""

import itertools

import pytest
import torch
import torchcrf
from torch import Tensor

from bilstm_crf import kernels
from bilstm_crf.inference.network import best_paths
from bilstm_crf.model.crf import CRF, mask_of
from networks import by_sentence


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


def viterbi(crf: CRF, emissions: Tensor, sizes: Tensor) -> Tensor:
    """The best paths (N,), compiled or in NumPy."""
    scores = (crf.start_transitions, crf.end_transitions, crf.transitions)
    start, end, pairs = (each.detach().double().numpy() for each in scores)
    return torch.from_numpy(best_paths(emissions.detach().numpy(), (start, end, pairs), sizes.numpy()))


SIZES = torch.tensor([3, 2, 2, 1, 1])  # of LENGTHS, packed


def problem(seed: int, labels: int = K) -> tuple[Tensor, Tensor]:
    """Emissions (N, K) and gold ids (N,) in packed order."""
    random = torch.Generator().manual_seed(seed)
    emissions = torch.randn(sum(LENGTHS), labels, generator=random, dtype=torch.float64) * 2
    return emissions, torch.randint(0, labels, (sum(LENGTHS),), generator=random)


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
    emissions, gold = problem(seed, labels)
    sentences = zip(by_sentence(emissions, SIZES), by_sentence(gold, SIZES), strict=True)
    expected = sum(enumerated_loss(crf, *sentence) for sentence in sentences)
    torch.testing.assert_close(crf.negative_log_likelihood(emissions, gold, SIZES), expected)


@pytest.mark.parametrize(("seed", "labels"), [(0, 3), (1, 3), (2, 4), (3, 1)])
def test_viterbi_finds_the_best_of_all_label_sequences(seed: int, labels: int) -> None:
    crf = random_crf(labels, seed).double()
    emissions, _ = problem(seed, labels)
    paths = by_sentence(viterbi(crf, emissions, SIZES), SIZES)
    for path, sentence in zip(paths, by_sentence(emissions, SIZES), strict=True):
        scores = all_scores(crf, sentence)
        assert tuple(path.tolist()) == max(scores, key=lambda candidate: scores[candidate])


def test_the_probabilities_of_all_label_sequences_add_up_to_one() -> None:
    """So the loss's second term is the logarithm of the partition function."""
    crf = random_crf()
    emissions = by_sentence(problem(4)[0], SIZES)[0][:3]
    losses = [
        crf.negative_log_likelihood(emissions, torch.tensor(path), torch.tensor([1, 1, 1]))
        for path in itertools.product(range(K), repeat=3)
    ]
    assert torch.exp(-torch.stack(losses)).sum().item() == pytest.approx(1)


def test_gradients_are_those_of_an_enumeration() -> None:
    crf = random_crf().double()
    emissions, gold = problem(5)
    emissions.requires_grad_()
    inputs = [emissions, *crf.parameters()]
    got = torch.autograd.grad(crf.negative_log_likelihood(emissions, gold, SIZES), inputs)
    sentences = zip(by_sentence(emissions, SIZES), by_sentence(gold, SIZES), strict=True)
    expected = torch.autograd.grad(sum(enumerated_loss(crf, *sentence) for sentence in sentences), inputs)
    for mine, enumerated in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, enumerated)


@pytest.mark.parametrize("labels", [3, 17, 40])
@pytest.mark.parametrize("lengths", [[4], [9, 7, 7, 2, 1], [120, 3]])
def test_it_is_pytorch_crf(lengths: list[int], labels: int) -> None:
    ours = random_crf(labels, seed=len(lengths)).double()
    theirs = torchcrf.CRF(labels).double()
    theirs.load_state_dict(ours.state_dict())
    sizes = torch.tensor([sum(length > step for length in lengths) for step in range(max(lengths))])
    mask = mask_of(sizes)
    random = torch.Generator().manual_seed(labels)
    padded = torch.randn(*mask.shape, labels, generator=random, dtype=torch.float64, requires_grad=True)
    gold = torch.randint(0, labels, mask.shape, generator=random)
    loss, expected = (
        ours.negative_log_likelihood(padded[mask], gold[mask], sizes),
        -theirs(padded, gold, mask=mask),
    )
    torch.testing.assert_close(loss, expected)
    got = torch.autograd.grad(loss, [padded, *ours.parameters()])
    for mine, other in zip(got, torch.autograd.grad(expected, [padded, *theirs.parameters()]), strict=True):
        torch.testing.assert_close(mine, other)
    paths = by_sentence(viterbi(ours, padded[mask], sizes), sizes)
    assert [path.tolist() for path in paths] == theirs.decode(padded, mask=mask)


def test_scores_begin_at_zero() -> None:
    """So without emissions every label sequence is as likely: the loss is T ln K."""
    emissions, gold = problem(6)
    loss = CRF(K).negative_log_likelihood(torch.zeros_like(emissions), gold, SIZES)
    assert loss.item() == pytest.approx(sum(LENGTHS) * torch.tensor(3.0).log().item())


@pytest.mark.parametrize("which", ["start_transitions", "end_transitions"])
def test_start_and_end_scores_decide_where_nothing_else_does(which: str) -> None:
    crf = CRF(K)
    getattr(crf, which).data[2] = 1
    path = viterbi(crf, torch.zeros(2, K), torch.tensor([1, 1])).tolist()
    assert path == ([2, 0] if which == "start_transitions" else [0, 2])


def test_of_equal_paths_the_lower_label_ids_win() -> None:
    assert viterbi(CRF(K), torch.zeros(7, K), torch.tensor([3, 2, 2])).tolist() == [0] * 7


def test_float32_scores_lose_no_digit_over_thousands_of_tokens() -> None:
    """A float32 sum of them does: of the gold path's score as much as of the partition function."""
    crf = random_crf()
    random = torch.Generator().manual_seed(8)
    emissions = torch.randn(3_000, K, generator=random) * 5
    sizes = torch.ones(3_000, dtype=torch.int64)
    gold = viterbi(crf, emissions, sizes)
    assert len(gold) == 3_000
    loss = crf.negative_log_likelihood(emissions, gold, sizes).item()
    exact = random_crf().double().negative_log_likelihood(emissions.double(), gold, sizes).item()
    assert exact > 0
    assert loss == pytest.approx(exact, rel=1e-12)


def test_gradients_arrive_in_the_parameters_own_precision() -> None:
    crf = random_crf()
    emissions, gold = problem(9)
    crf.negative_log_likelihood(emissions.float(), gold, SIZES).backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in crf.parameters())


# ---------------------------------------------------------------- scores that lie far apart


def enumerated(
    emissions: Tensor, start: Tensor, end: Tensor, transitions: Tensor, gold: Tensor
) -> tuple[Tensor, ...]:
    """The loss of one sentence and its gradients, from the scores of all label sequences at once."""
    inputs = [each.detach().requires_grad_() for each in (emissions, start, end, transitions)]
    e, s, z, t = inputs
    length, labels = emissions.shape
    paths = torch.tensor(list(itertools.product(range(labels), repeat=length)))  # (K ** T, T)
    scores = e[torch.arange(length), paths].sum(1) + s[paths[:, 0]] + z[paths[:, -1]]
    scores = scores + t[paths[:, :-1], paths[:, 1:]].sum(1)
    loss = torch.logsumexp(scores, 0) - scores[(paths == gold).all(1)][0]
    return (loss.detach(), *torch.autograd.grad(loss, inputs, materialize_grads=True))


@pytest.mark.parametrize("spread", [1, 740, 746, 2_000])
@pytest.mark.parametrize("labels", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_scores_that_lie_far_apart_lose_nothing(length: int, labels: int, spread: float) -> None:
    """Of emissions alone, of transitions, start and end alone, of all, of one label, and step by step."""
    random = torch.Generator().manual_seed(labels + 10 * length)
    shapes = [(length, labels), (labels,), (labels,), (labels, labels)]
    ones = torch.ones(length, dtype=torch.int64)
    for wide in ({0}, {1, 2, 3}, {0, 1, 2, 3}, {"one label"}, {"in steps"}):
        near = [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]
        drawn = [score * (spread if number in wide else 1) for number, score in enumerate(near)]
        if "one label" in wide:
            drawn[0][length // 2, labels - 1] += spread
            drawn[3][:, labels - 1] -= 2 * spread
        elif "in steps" in wide:  # each small, but the only possible path begins where nothing seems to be
            drawn[1][0] += spread
            drawn[3] -= torch.eye(labels, dtype=torch.float64) * spread / 3
            drawn[3][0, 1:] -= 3 * spread
        gold = torch.randint(0, labels, (length,), generator=random)
        expected = enumerated(*drawn, gold)
        emissions = drawn[0].requires_grad_()
        crf = CRF(labels).double()
        parameters = [crf.start_transitions, crf.end_transitions, crf.transitions]
        for parameter, scores in zip(parameters, drawn[1:], strict=True):
            parameter.data.copy_(scores)
        loss = crf.negative_log_likelihood(emissions, gold, ones)
        gradients = torch.autograd.grad(loss, [emissions, *parameters], allow_unused=True)
        # A sum of scores has no more digits than its largest term
        torch.testing.assert_close(loss, expected[0], rtol=1e-9, atol=1e-14 * spread)
        for mine, theirs in zip(gradients, expected[1:], strict=True):
            torch.testing.assert_close(
                torch.zeros_like(theirs) if mine is None else mine,
                theirs,
                rtol=1e-7,
                atol=1e-13 * spread + 1e-12,
            )


def test_a_sentence_of_far_scores_changes_nothing_for_the_others() -> None:
    crf = random_crf().double()
    emissions, gold = problem(1)
    far = emissions.detach().clone()
    rows = by_sentence(torch.arange(len(far)), SIZES)[1]
    far[rows[0], 0] = 3_000.0
    far.requires_grad_()
    emissions.requires_grad_()
    one = torch.autograd.grad(crf.negative_log_likelihood(emissions, gold, SIZES), emissions)[0]
    other = torch.autograd.grad(crf.negative_log_likelihood(far, gold, SIZES), far)[0]
    kept = [row for row in range(len(far)) if row not in rows.tolist()]
    assert torch.equal(one[kept], other[kept])
    assert other.isfinite().all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_makes_the_loss_none(bad: float) -> None:
    """So that training stops with DivergedError, and does not go on with what was lost."""
    crf = random_crf().double()
    emissions, gold = problem(2)
    emissions[4, 1] = bad
    assert not crf.negative_log_likelihood(emissions, gold, SIZES).isfinite()
