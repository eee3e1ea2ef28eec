"""The whole network: batches never change a score, and a plain NCRF++ of the same weights agrees."""

import dataclasses

import numpy as np
import pytest
import torch
import torchcrf
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bilstm_crf import kernels
from bilstm_crf.features.batches import make_batch
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.inference.network import best_paths
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.autograd import can_compile
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.util.threads import use_threads
from networks import (
    GOLD,
    LABELS,
    SENTENCES,
    SMALL,
    VOCABULARY,
    batch_of,
    by_sentence,
    network,
    paths,
    transitions_of,
)

ALL = range(len(SENTENCES))


def assert_same(got: Tensor, expected: Tensor) -> None:
    """But for the order in which float64 numbers were added."""
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def emissions_by_sentence(model: BiLSTMCRF, *chosen: int) -> dict[int, Tensor]:
    """Each sentence's own (T, K) part of a batch's emissions."""
    batch = batch_of(*chosen)
    parts = by_sentence(model.emissions(batch), batch.layout.batch_sizes)
    return dict(zip(batch.layout.sentences.tolist(), parts, strict=True))


@pytest.mark.parametrize(("layers", "members"), [(1, 1), (2, 1), (1, 3)])
def test_padding_never_changes_a_score(layers: int, members: int) -> None:
    model = network(dataclasses.replace(SMALL, layers=layers, ensemble_size=members))
    for chosen in ((), (0, 1), (4, 2, 0), (3, 2, 1, 0, 4)):
        for number, emissions in emissions_by_sentence(model, *chosen).items():
            alone = emissions_by_sentence(model, number)[number]
            assert_same(emissions, alone)


def test_the_loss_of_a_batch_is_the_sum_of_its_sentences() -> None:
    model = network()
    alone = torch.stack([model.loss(batch_of(number)) for number in ALL])
    assert_same(model.loss(batch_of()), alone.sum())
    assert_same(model.loss(batch_of(2, 0)), alone[[0, 2]].sum())


def test_other_sentences_never_change_a_path() -> None:
    model = network()
    for sentence, path in zip(SENTENCES, paths(model, VOCABULARY, SENTENCES), strict=True):
        assert paths(model, VOCABULARY, [sentence]) == [path]
        assert len(path) == len(sentence)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("layers", "members"), [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_a_path_is_that_of_the_emissions(
    compiled: bool, layers: int, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tagging computes a word once and a token's emissions from that; training computes each token whole."""
    monkeypatch.setattr(kernels, "NUMBA", compiled)
    model = network(dataclasses.replace(SMALL, layers=layers, ensemble_size=members)).float()
    expected = {}
    for number, emissions in emissions_by_sentence(model).items():
        sizes = np.ones(len(emissions), np.int64)
        path = best_paths(emissions.detach().numpy(), transitions_of(model), sizes)
        expected[number] = path.tolist()
    assert paths(model, VOCABULARY, SENTENCES) == [expected[number] for number in ALL]


def test_members_score_by_the_mean_and_each_learns_as_if_alone() -> None:
    """A path's score is the mean of the members' scores of it; the loss is the mean of their losses."""
    model = network(dataclasses.replace(SMALL, ensemble_size=3))
    alone = [network() for _ in model.members]
    for single, member in zip(alone, model.members, strict=True):
        single.embedding, single.char_cnn = model.embedding, model.char_cnn
        single.members[0] = member
    batch = batch_of()
    assert_same(model.emissions(batch), torch.stack([each.emissions(batch) for each in alone]).mean(0))
    assert_same(model.loss(batch), torch.stack([each.loss(batch) for each in alone]).mean())
    means = transitions_of(model)
    assert means is not None
    for name, scores in zip(("start_transitions", "end_transitions", "transitions"), means, strict=True):
        expected = torch.stack([member.crf.get_parameter(name) for member in model.members]).mean(0)
        assert_same(torch.from_numpy(scores), expected)


def test_tagging_computes_each_distinct_word_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = network(), []
    forward = model.char_cnn.forward
    monkeypatch.setattr(
        model.char_cnn,
        "forward",
        lambda c, lengths, part: seen.append(len(lengths)) or forward(c, lengths, part),
    )
    paths(model, VOCABULARY, SENTENCES)
    assert seen == [len({word for sentence in SENTENCES for word in sentence})]


class PlainNCRFpp(nn.Module):
    """The architecture as NCRF++ has it, padded and plain, with the weights of one of ours.

    But for the maximum over padding (docs: where we differ): here too it is over a word's own characters.
    """

    def __init__(self, model: BiLSTMCRF) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(model.embedding.weight.detach().half().double())
        self.characters, self.convolution = model.char_cnn.embedding, model.char_cnn.convolution
        self.lstm = nn.LSTM(
            model.members[0].lstm.input_size, SMALL.hidden // 2, bidirectional=True, batch_first=True
        )
        self.lstm.double().load_state_dict(model.members[0].lstm.state_dict())
        self.to_labels = model.members[0].to_labels
        self.crf = torchcrf.CRF(len(LABELS), batch_first=True).double()
        self.crf.load_state_dict(model.members[0].crf.state_dict())

    def representation(self, word: str) -> Tensor:
        """(D + F,)"""
        ids = torch.tensor([[VOCABULARY.characters.get(c, 0) for c in word]])
        convolved = self.convolution(self.characters(ids).transpose(1, 2))  # (1, F, C)
        return torch.cat((self.words(torch.tensor(VOCABULARY.words.get(word, 0))), convolved.amax(2)[0]))

    def forward(self, sentences: list[list[str]], labels: list[list[str]]) -> tuple[list[Tensor], Tensor]:
        """The (T, K) emissions of each sentence and the loss of all."""
        lengths = torch.tensor([len(sentence) for sentence in sentences])
        rows = [torch.stack([self.representation(word) for word in sentence]) for sentence in sentences]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        emissions = self.to_labels(states)  # (B, T, K)
        gold = nn.utils.rnn.pad_sequence(
            [torch.tensor([LABELS.index(label) for label in each]) for each in labels], batch_first=True
        )
        mask = torch.arange(gold.shape[1]) < lengths[:, None]
        loss = -self.crf(emissions, gold, mask=mask, reduction="sum")
        return [each[:length] for each, length in zip(emissions, lengths, strict=True)], loss


def test_a_plain_ncrfpp_with_these_weights_gives_these_scores() -> None:
    model = network()
    emissions, loss = PlainNCRFpp(model)(SENTENCES, GOLD)
    ours = emissions_by_sentence(model)
    for number in ALL:
        assert_same(ours[number], emissions[number])
    assert_same(model.loss(batch_of()), loss)


@pytest.mark.parametrize("members", [1, 2])
def test_gradients_are_the_slopes_of_the_loss(members: int) -> None:
    """Of every parameter, by central differences in a random direction."""
    model, batch = network(dataclasses.replace(SMALL, dropout=0.0, ensemble_size=members)).train(), batch_of()
    model.loss(batch).backward()
    random = torch.Generator().manual_seed(4)
    for name, parameter in model.named_parameters():
        direction = torch.randn(parameter.shape, generator=random, dtype=torch.float64)
        losses = []
        for step in (1e-5, -2e-5):  # there, back past where it was
            with torch.no_grad():
                parameter.add_(direction, alpha=step)
                losses.append(model.loss(batch))
        with torch.no_grad():
            parameter.add_(direction, alpha=1e-5)
        assert parameter.grad is not None, name
        gradient = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
        slope = (losses[0] - losses[1]) / 2e-5
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_fast_path_has_the_loss_and_gradients_of_plain_autograd_in_float64(
    layers: int, threads: int, threads_as_before: None
) -> None:
    """At the recipe's sizes: float32 and compiled beside nn.LSTM, pytorch-crf and float64."""
    use_threads(threads)
    sizes = Architecture(dropout=0.0, layers=layers)
    fast, plain = network(sizes, 60).float().train(), network(sizes, 60).train()
    assert can_compile(fast.members[0].to_labels.weight)
    assert not can_compile(plain.members[0].to_labels.weight)
    losses = [model.loss(batch_of()) for model in (fast, plain)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    got, expected = (
        torch.autograd.grad(loss, list(model.parameters()))
        for loss, model in zip(losses, (fast, plain), strict=True)
    )
    for mine, exact in zip(got, expected, strict=True):
        torch.testing.assert_close(mine.to_dense().double(), exact.to_dense(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_dropout_is_drawn_anew_in_training_and_never_outside(seed: int) -> None:
    model, batch = network(), batch_of()
    assert model.loss(batch) == model.loss(batch)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        losses = {model.train().loss(batch).item() for _ in range(4)}
    assert len(losses) == 4


def test_a_sentence_of_ten_thousand_tokens_has_a_loss_and_a_path() -> None:
    words = ["Kari", "bur", "i", "ukjend", "Oslo"] * 2_000
    encoded = VOCABULARY.encode([words, ["Ja"]], [["O"] * 10_000, ["B-PER"]])
    model, batch = network().float(), make_batch(encoded, np.array([0, 1]))
    with torch.no_grad():
        assert torch.isfinite(model.loss(batch))
    assert [len(path) for path in paths(model, VOCABULARY, [words, ["Ja"]])] == [10_000, 1]


def test_an_empty_word_spoils_no_score() -> None:
    """Only Python can give one."""
    labels = [["O", "O", "O"], ["O"]]
    batch = make_batch(VOCABULARY.encode([["Kari", "", "Oslo"], [""]], labels), np.array([0, 1]))
    assert torch.isfinite(network().emissions(batch)).all()


@pytest.mark.parametrize("word", ["x" * 5_000, "\ud83d", "e\u0301", "\u200b", "🧑‍🚀"])
def test_a_strange_word_has_finite_scores(word: str) -> None:
    batch = make_batch(VOCABULARY.encode([["Kari", word]], [["O", "O"]]), np.array([0]))
    assert torch.isfinite(network().emissions(batch)).all()


def test_one_label_is_enough() -> None:
    """A corpus without a name: every path is `O`."""
    vocabulary = Vocabulary(["a"], "a", ["O"])
    model = BiLSTMCRF(SMALL, 1, 1, torch.zeros(2, 5)).eval()
    batch = make_batch(vocabulary.encode([["a", "b"]], [["O", "O"]]), np.array([0]))
    assert paths(model, vocabulary, [["a", "b"]]) == [[0, 0]]
    assert model.loss(batch).item() == pytest.approx(0)
