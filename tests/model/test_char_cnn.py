"""The character CNN beside a plain padded convolution, word by word."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bilstm_crf.model.autograd import can_compile
from bilstm_crf.model.char_cnn import CharCNN

CHARACTERS = 6


def cnn(width: int = 3, dropout: float = 0.0) -> CharCNN:
    """In float64, which takes the plain path."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return CharCNN(CHARACTERS, dim=4, filters=5, width=width, dropout=dropout).double()


def features(module: CharCNN, words: list[list[int]]) -> Tensor:
    """(N, F) from the words' character ids."""
    flat = torch.tensor([character for word in words for character in word], dtype=torch.int64)
    return module(flat, torch.tensor([len(word) for word in words]))


def plain(module: CharCNN, word: list[int]) -> Tensor:
    """(F,): Conv1d pads the one word with zeros; the maximum is over its own characters."""
    embedded = module.embedding(torch.tensor([word]))  # (1, C, E)
    return module.convolution(embedded.transpose(1, 2)).amax(dim=2)[0]


words = st.lists(st.integers(0, CHARACTERS), min_size=1, max_size=7)


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from([1, 3, 5]))
def test_every_words_features_are_those_it_has_alone(given_words: list[list[int]], width: int) -> None:
    module = cnn(width)
    expected = torch.stack([plain(module, word) for word in given_words])
    torch.testing.assert_close(features(module, given_words), expected)


@pytest.mark.parametrize("width", [1, 3, 7])
@pytest.mark.parametrize("word", [[0], [6], [1, 2], [3] * 5_000], ids=["unknown", "one", "two", "5,000"])
def test_words_of_any_length(word: list[int], width: int) -> None:
    """Shorter than a filter as well as far longer than any word."""
    module = cnn(width)
    got = features(module, [[1, 2, 3], word, [4]])
    torch.testing.assert_close(got[1], plain(module, word))
    torch.testing.assert_close(got[2], plain(module, [4]))


def test_zeros_between_words_never_win_the_maximum() -> None:
    """NCRF++ takes the maximum over padding too; here all features of a word may be below zero."""
    module = cnn()
    torch.nn.init.constant_(module.convolution.weight, -1)
    assert module.convolution.bias is not None
    torch.nn.init.constant_(module.convolution.bias, 0)
    torch.nn.init.constant_(module.embedding.weight, 1)
    assert features(module, [[1], [1, 1], [2, 2, 2, 2]])[:, 0].tolist() == [-4, -8, -8]


def test_gradients_are_those_of_one_word_at_a_time() -> None:
    module = cnn()
    given_words = [[1, 2, 3], [4], [2, 2]]
    weights = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    one_by_one = torch.stack([plain(module, word) for word in given_words])
    parameters = list(module.parameters())
    got = torch.autograd.grad((features(module, given_words) * weights).sum(), parameters)
    expected = torch.autograd.grad((one_by_one * weights).sum(), parameters)
    for mine, alone in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, alone)


def test_gradients_are_the_slopes() -> None:
    module = cnn()
    weight = module.embedding.weight.detach().clone().requires_grad_()

    def call(embedding: Tensor) -> Tensor:
        characters = (torch.tensor([1, 2, 3, 4]), torch.tensor([3, 1]))
        return torch.func.functional_call(module, {"embedding.weight": embedding}, characters)

    assert torch.autograd.gradcheck(call, (weight,))


def test_the_unknown_character_is_trained_like_any_other() -> None:
    module = cnn()
    features(module, [[0, 1]]).sum().backward()
    assert module.embedding.weight.grad is not None
    assert module.embedding.weight.grad[0].any()


def test_dropout_is_on_characters_and_in_training_alone() -> None:
    module = cnn(dropout=0.5)
    given_words = [[1, 2, 3, 4, 5]] * 20
    assert len(torch.unique(features(module.train(), given_words), dim=0)) > 1
    assert len(torch.unique(features(module.eval(), given_words), dim=0)) == 1


def test_embeddings_begin_uniform_within_the_recipes_bound() -> None:
    weight = CharCNN(200, dim=30, filters=50, width=3, dropout=0).embedding.weight
    assert weight.shape == (201, 30)
    assert 0.99 * 0.1**0.5 < weight.abs().max() <= 0.1**0.5  # sqrt(3 / 30)


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from([1, 3, 5]))
def test_the_compiled_path_has_the_plain_ones_features_and_gradients(
    given_words: list[list[int]], width: int
) -> None:
    plain_one, fast = cnn(width), cnn(width).float()
    assert can_compile(fast.embedding.weight)
    exact, got = features(plain_one, given_words), features(fast, given_words)
    torch.testing.assert_close(got.double(), exact, rtol=1e-5, atol=1e-6)
    weights = torch.randn(exact.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    expected = torch.autograd.grad((exact * weights).sum(), list(plain_one.parameters()))
    mine = torch.autograd.grad((got * weights.float()).sum(), list(fast.parameters()))
    for one, other in zip(mine, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
def test_equal_windows_share_one_gradient(compiled: bool) -> None:
    """`segment_reduce` gives it to each of them in full."""
    module = cnn(width=1).float() if compiled else cnn(width=1)
    features(module, [[2, 2, 2]]).sum().backward()
    assert module.embedding.weight.grad is not None
    torch.testing.assert_close(module.embedding.weight.grad[2], module.convolution.weight[:, :, 0].sum(0))
