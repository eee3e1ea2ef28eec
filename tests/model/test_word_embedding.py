"""The word table: sparse updates, float16 outside training, attached vectors behind it."""

import dataclasses

import numpy as np
import pytest
import torch

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.batches import Words, words_of
from bilstm_crf.features.vocabulary import UNKNOWN, Encoded, Vocabulary
from bilstm_crf.model.dropout import set_generator
from bilstm_crf.model.tensors import words_tensors
from bilstm_crf.model.word_embedding import WordEmbedding
from networks import LABELS, SENTENCES, SMALL, VOCABULARY, batch_of, network

ids = torch.tensor


def tensors(encoded: Encoded) -> Words[torch.Tensor]:
    return words_tensors(words_of(encoded, np.arange(len(encoded.word_ids))), torch.device("cpu"))


class Lengths:
    def vector(self, word: str) -> np.ndarray | None:
        return None if word == "¤" else np.full(5, len(word), np.float32)


def attached() -> WordVectors:
    """Rows 0 to 2; behind them what is made from n-grams: the word's length in every dimension."""
    matrix = np.arange(15, dtype=np.float32).reshape(3, 5) + 100
    return WordVectors("test", ["Bergen", "bergen", "fjell"], matrix, Lengths())


def test_only_the_batchs_words_get_a_gradient() -> None:
    model, batch = network().train(), batch_of(0, 1)
    model.loss(batch).backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    touched = set(gradient.coalesce().indices()[0].tolist())
    assert touched == set(batch.words.ids.tolist()) == {VOCABULARY.words[w] for s in SENTENCES[:2] for w in s}


def test_a_step_leaves_every_other_row_as_it_was_bit_for_bit() -> None:
    model, batch = network(dataclasses.replace(SMALL, dropout=0.0)).float().train(), batch_of(0)
    before = model.embedding.weight.detach().clone()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    model.loss(batch).backward()
    optimiser.step()
    same = (model.embedding.weight.detach() == before).all(dim=1)
    assert set((~same).nonzero().flatten().tolist()) == set(batch.words.ids.tolist())


def test_a_sparse_gradient_is_the_dense_one() -> None:
    """A word that comes twice gets both its gradients."""
    weight = torch.randn(4, 3, dtype=torch.float64)
    module = WordEmbedding(weight.clone().float()).double().train()
    dense = weight.clone().requires_grad_()
    words = ids([1, 3, 1, 0])
    scale = torch.randn(4, 3, dtype=torch.float64)
    (module(words) * scale).sum().backward()
    (dense[words] * scale).sum().backward()
    assert module.weight.grad is not None
    assert dense.grad is not None
    torch.testing.assert_close(module.weight.grad.to_dense(), dense.grad)


def test_training_sees_full_precision_and_scoring_what_is_saved() -> None:
    weight = torch.tensor([[0.0], [0.1], [1 / 3]])
    module = WordEmbedding(weight)
    assert torch.equal(module.train()(ids([2, 1])), weight[[2, 1]])
    scored = module.eval()(ids([2, 1]))
    assert scored.dtype == torch.float32
    assert torch.equal(scored, weight[[2, 1]].half().float())


def test_a_model_gives_the_same_scores_once_its_table_is_float16() -> None:
    """As `save_model` writes it, so that an epoch's dev score is that of the model saved from it."""
    model, batch = network().float(), batch_of()
    expected = model.emissions(batch)
    model.embedding = WordEmbedding(model.embedding.weight.detach().half()).eval()
    assert torch.equal(model.emissions(batch), expected)


def test_ids_behind_the_table_are_the_attached_vectors() -> None:
    module = WordEmbedding(torch.zeros(4, 5)).eval()
    rows = module(ids([6, 0, 4, 6]), torch.arange(15.0).reshape(3, 5) + 100)
    assert rows[[0, 3], 0].tolist() == [110, 110]
    assert rows[2].tolist() == [100, 101, 102, 103, 104]
    assert not rows[1].any()


def test_an_id_behind_the_table_without_vectors_is_an_error() -> None:
    module = WordEmbedding(torch.zeros(4, 5)).eval()
    with pytest.raises(IndexError, match="no vectors"):
        module(ids([1, 4]))


def test_attached_vectors_reach_the_words_that_need_them() -> None:
    """Vocabulary and table agree on what an id means: own row, unknown, attached, made from n-grams."""
    vocabulary = Vocabulary(VOCABULARY.words, VOCABULARY.characters, LABELS, attached=attached())
    module = WordEmbedding(torch.arange(7.0).unsqueeze(1).expand(7, 5).clone()).eval()
    words = ["Kari", "Bergen", "FJELL", "nyord", "KARI", "¤"]
    given = tensors(vocabulary.encode([words]))
    assert module(given.ids, given.vectors)[:, 0].tolist() == [1, 100, 110, 5, 4, UNKNOWN]


def test_an_unknown_word_has_the_tables_first_row() -> None:
    given = tensors(VOCABULARY.encode([["ukjent"]]))
    assert network().embedding(given.ids).tolist() == network().embedding(ids([0])).tolist()


def test_a_float16_table_asks_for_no_gradient() -> None:
    assert not WordEmbedding(torch.zeros(2, 3).half()).weight.requires_grad
    assert WordEmbedding(torch.zeros(2, 3)).weight.requires_grad


def test_a_tuned_word_comes_with_its_first_vector_as_often_as_asked() -> None:
    module = WordEmbedding(torch.zeros(3, 2)).train()
    module.add_replacement(module.weight.detach().clone(), torch.tensor([0.0, 0.25, 1.0]))
    set_generator(module, np.random.default_rng(1))
    with torch.no_grad():
        module.weight += 1  # as training moves it
    got = module(ids([0] * 100 + [1] * 4000 + [2] * 100))
    assert (got[:100] == 1).all()
    assert got[100:4100, 0].mean().item() == pytest.approx(0.75, abs=0.03)
    assert (got[4100:] == 0).all()
    assert torch.equal(got[:, 0], got[:, 1])
    assert (module.eval()(ids([0, 1, 2])) == 1).all(), "only training looks back"


def test_two_replacements_are_drawn_independently() -> None:
    module = WordEmbedding(torch.zeros(1, 2)).train()
    module.add_replacement(torch.full((1, 2), 1.0), torch.tensor([0.5]))
    module.add_replacement(torch.full((1, 2), 2.0), torch.tensor([0.1]))
    set_generator(module, np.random.default_rng(2))
    got = module(ids([0] * 10_000))[:, 0]
    shares = [(got == value).float().mean().item() for value in (0, 1, 2)]
    assert shares == pytest.approx([0.45, 0.45, 0.1], abs=0.02)
    assert module.state_dict().keys() == {"weight"}, "they are not saved"


def test_a_word_that_came_untuned_is_not_moved() -> None:
    module = WordEmbedding(torch.zeros(3, 2)).train()
    module.add_replacement(module.weight.detach().clone(), torch.tensor([0.0, 0.0, 1.0]))
    module(ids([0, 1, 2])).sum().backward()
    assert module.weight.grad is not None
    assert module.weight.grad.to_dense().tolist() == [[1, 1], [1, 1], [0, 0]]
