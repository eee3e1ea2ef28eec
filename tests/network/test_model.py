"""The whole network: batches never change a score, and a plain NCRF++ of the same weights agrees."""

import dataclasses

import numpy as np
import pytest
import torch
import torchcrf
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bilstm_crf import kernels
from bilstm_crf.batching import make_batch
from bilstm_crf.network.model import BiLSTMCRF
from bilstm_crf.vocabulary import Vocabulary
from networks import GOLD, LABELS, SENTENCES, SMALL, VOCABULARY, batch_of, network

ALL = range(len(SENTENCES))


def assert_same(got: Tensor, expected: Tensor) -> None:
    """But for the order in which float64 numbers were added."""
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def emissions_by_sentence(model: BiLSTMCRF, *chosen: int) -> dict[int, Tensor]:
    """Each sentence's own (T, K) part of a batch's emissions."""
    batch = batch_of(*chosen)
    emissions = model.emissions(batch)  # (T, B, K)
    lengths = zip(batch.sentences.tolist(), batch.lengths, strict=True)
    return {sentence: emissions[:length, b] for b, (sentence, length) in enumerate(lengths)}


@pytest.mark.parametrize("layers", [1, 2])
def test_padding_never_changes_a_score(layers: int) -> None:
    model = network(dataclasses.replace(SMALL, layers=layers))
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
    batch = batch_of()
    for number, path in zip(batch.sentences.tolist(), model.decode(batch), strict=True):
        assert model.decode(batch_of(number)) == [path]
        assert len(path) == len(SENTENCES[number])


def test_emissions_are_zero_where_there_is_no_token() -> None:
    batch = batch_of()
    emissions = network().emissions(batch)
    assert emissions.shape == (*batch.mask.shape, len(LABELS))
    assert not emissions[~batch.mask].any()
    assert emissions[batch.mask].all()


def test_a_batch_without_gold_labels_has_no_loss() -> None:
    batch = make_batch(VOCABULARY.encode(SENTENCES), np.array([0]))
    with pytest.raises(ValueError, match="gold"):
        network().loss(batch)


class PlainNCRFpp(nn.Module):
    """The architecture as NCRF++ has it, padded and plain, with the weights of one of ours.

    But for the maximum over padding (docs: where we differ): here too it is over a word's own characters.
    """

    def __init__(self, model: BiLSTMCRF) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(model.embedding.weight.detach().half().double())
        self.characters, self.convolution = model.char_cnn.embedding, model.char_cnn.convolution
        self.lstm = nn.LSTM(model.lstm.input_size, SMALL.hidden // 2, bidirectional=True, batch_first=True)
        self.lstm.double().load_state_dict(model.lstm.state_dict())
        self.to_labels = model.to_labels
        self.crf = torchcrf.CRF(len(LABELS), batch_first=True).double()
        self.crf.load_state_dict(model.crf.state_dict())

    def representation(self, word: str) -> Tensor:
        """(D + F,)"""
        ids = torch.tensor([[VOCABULARY.characters.get(c, 0) for c in word]])
        convolved = self.convolution(self.characters(ids).transpose(1, 2))  # (1, F, C)
        return torch.cat((self.words(torch.tensor(VOCABULARY.word_id(word))), convolved.amax(2)[0]))

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


def test_gradients_are_the_slopes_of_the_loss() -> None:
    """Of every parameter, by central differences in a random direction."""
    model, batch = network(dataclasses.replace(SMALL, dropout=0.0)).train(), batch_of()
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


def test_float32_gives_what_float64_does() -> None:
    exact, batch = network(), batch_of()
    loss = exact.loss(batch).item()
    assert network().float().loss(batch).item() == pytest.approx(loss, rel=1e-6)


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
    assert [len(path) for path in model.decode(batch)] == [10_000, 1]


def test_an_empty_word_spoils_no_score() -> None:
    """Only Python can give one."""
    batch = make_batch(VOCABULARY.encode([["Kari", "", "Oslo"], [""]]), np.array([0, 1]))
    assert torch.isfinite(network().emissions(batch)).all()


@pytest.mark.parametrize("word", ["x" * 5_000, "\ud83d", "e\u0301", "\u200b", "🧑‍🚀"])
def test_a_strange_word_has_finite_scores(word: str) -> None:
    batch = make_batch(VOCABULARY.encode([["Kari", word]]), np.array([0]))
    assert torch.isfinite(network().emissions(batch)).all()


def test_one_label_is_enough() -> None:
    """A corpus without a name: every path is `O`."""
    vocabulary = Vocabulary(["a"], "a", ["O"])
    model = BiLSTMCRF(SMALL, 1, 1, torch.zeros(2, 5)).eval()
    batch = make_batch(vocabulary.encode([["a", "b"]], [["O", "O"]]), np.array([0]))
    assert model.decode(batch) == [[0, 0]]
    assert model.loss(batch).item() == pytest.approx(0)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_word_that_stands_once_gives_every_occurrence_its_score(
    compiled: bool, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "NUMBA", compiled)
    model = network(dataclasses.replace(SMALL, layers=layers)).float()
    encoded = VOCABULARY.encode(SENTENCES, GOLD)
    each, once = (make_batch(encoded, np.arange(5), distinct_words=distinct) for distinct in (False, True))
    assert len(once.words) == len(encoded.word_ids) < len(each.words)
    torch.testing.assert_close(model.emissions(once), model.emissions(each))

    gradients = [torch.autograd.grad(model.loss(batch), model.lstm.weight_ih_l0)[0] for batch in (each, once)]
    torch.testing.assert_close(*gradients)
