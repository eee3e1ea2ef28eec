"""Word vectors: those of a plain pass of transformers, whatever else is in the batch."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bilstm_crf.config import Pooling
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import BATCH_PADDING, batches_of, build_windows, compute_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import split_words
from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.sentence import Sentence
from tiny_encoders import frozen_vectors

TEXTS = ["Kari bur i Oslo .", "ikke", "", "blåbær og nordmann i Oslo", "bur \x01 i 😀 , é"]
SENTENCES = [Sentence(text.split(), document="1") for text in TEXTS]
LONG = Sentence((TEXTS[0] + " Nordmann , ikke mann ; er i Nord og Oslo " + TEXTS[3]).split() * 2)


def plain_states(encoder: Encoder, ids: list[int]) -> Tensor:
    """(P, L, D): the hidden states of subwords in one pass of transformers, special ones left out."""
    whole = torch.tensor([[*encoder.prefix, *ids, *encoder.suffix]])
    states = encoder.model(whole, output_hidden_states=True).hidden_states
    return torch.stack(states, dim=2)[0, len(encoder.prefix) : len(encoder.prefix) + len(ids)]


def reduced(states: Tensor, layers: str) -> Tensor:
    """(P, L, D) to (P, D), or as they are."""
    several = {"last": states[:, -1], "last4": states[:, -3:].mean(1), "mix": states}  # of three layers
    return several[layers] if layers in several else states[:, int(layers)]


def pooled(states: Tensor, bounds: np.ndarray, pooling: Pooling) -> Tensor:
    """(P, …) to (N, …), word by word."""
    words = [states[start:end] for start, end in pairwise(bounds)]
    pool = {"first": lambda word: word[0], "last": lambda word: word[-1], "mean": lambda word: word.mean(0)}
    return torch.stack([pool[pooling](word) for word in words])


def plain(encoder: Encoder, words: list[str], settings: FeatureSettings) -> Tensor:
    """The vectors of one sentence in one pass."""
    subwords = split_words(encoder, [words])
    states = plain_states(encoder, subwords.ids.tolist())
    return pooled(reduced(states, settings.layers), subwords.words, settings.pooling)


def all_vectors(
    encoder: Encoder, sentences: list[Sentence], settings: FeatureSettings, **options: int
) -> Tensor:
    windows = build_windows(encoder, sentences, settings)
    return compute_vectors(encoder, windows, range(len(sentences)), settings, **options)


@pytest.mark.parametrize("layers", ["last", "last4", "mix", "0", "2", "3"])
@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_a_sentence_that_fits_has_the_vectors_of_a_plain_pass(
    encoder: Encoder, pooling: Pooling, layers: str
) -> None:
    settings = FeatureSettings(pooling, layers)
    found = all_vectors(encoder, SENTENCES, settings)
    expected = torch.cat([plain(encoder, s.tokens, settings) for s in SENTENCES if s.tokens])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch_subwords", [1, 20, 1000])
def test_the_batch_changes_no_vector(encoder: Encoder, batch_subwords: int) -> None:
    settings = FeatureSettings("mean", "mix")
    sentences = [*SENTENCES, LONG, *SENTENCES]
    windows = build_windows(encoder, sentences, settings)
    found = compute_vectors(encoder, windows, range(len(sentences)), settings, batch_subwords=batch_subwords)
    one_by_one = [compute_vectors(encoder, windows, [number], settings) for number in range(len(sentences))]
    torch.testing.assert_close(found, torch.cat(one_by_one), atol=1e-5, rtol=0)


@given(
    lengths=st.lists(st.integers(3, 24), max_size=40),
    batch_subwords=st.integers(1, 200),
)
def test_a_batch_holds_what_there_is_room_for_and_little_padding(
    lengths: list[int], batch_subwords: int, loaded: Callable[..., Encoder]
) -> None:
    sizes = np.array(lengths, np.int64)
    batches = list(batches_of(loaded("wordpiece"), sizes, batch_subwords))
    assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * sizes[batch].max()
        assert len(batch) == 1 or padded <= batch_subwords
        assert padded - sizes[batch].sum() <= BATCH_PADDING["cpu"]


def test_sentences_come_in_the_order_asked_for(encoder: Encoder) -> None:
    settings = FeatureSettings()
    windows = build_windows(encoder, SENTENCES, settings)
    found = compute_vectors(encoder, windows, [3, 0, 2, 3], settings)
    parts = [plain(encoder, SENTENCES[number].tokens, settings) for number in (3, 0, 3)]
    torch.testing.assert_close(found, torch.cat(parts), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layers", ["last", "mix"])
def test_no_sentence_and_no_word_have_no_vectors(encoder: Encoder, layers: str) -> None:
    shape = (0, 4, 32) if layers == "mix" else (0, 32)
    for sentences in ([], [Sentence([])]):
        assert all_vectors(encoder, sentences, FeatureSettings("mean", layers)).shape == shape
        assert frozen_vectors(encoder, sentences, FeatureSettings("first", layers)).shape == shape


def test_a_long_sentence_has_the_vectors_of_its_windows(encoder: Encoder) -> None:
    """Each word has the vector of a plain pass over the subwords of the window that was chosen for it."""
    settings = FeatureSettings("mean", "last4")
    windows = build_windows(encoder, [LONG], settings)
    assert len(windows.bounds) > 2
    found = all_vectors(encoder, [LONG], settings)
    subwords = windows.subwords
    for word, (start, end) in enumerate(pairwise(subwords.words)):
        first, last = windows.bounds[windows.window_of[start]]
        states = reduced(plain_states(encoder, subwords.ids[first:last].tolist()), "last4")
        torch.testing.assert_close(
            found[word], states[start - first : end - first].mean(0), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
@pytest.mark.parametrize("kind", ["wordpiece", "byte-level", "unigram"])
def test_windows_give_what_one_pass_gives_where_both_are_possible(
    kind: str, pooling: Pooling, loaded: Callable[..., Encoder]
) -> None:
    """Of an encoder without attention and positions, a subword's state depends on the subword alone.

    So whatever the windows, a long sentence and a word of 100 subwords have the vectors of one pass.
    """
    encoder = copy.deepcopy(loaded(kind, window=400))
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "position_embeddings" in name or "attention.self.value" in name:
                parameter.zero_()
    settings = FeatureSettings(pooling, "mix")
    sentence = Sentence([*LONG.tokens, "å" * 90, "Oslo"])
    one_pass = all_vectors(encoder, [sentence], settings)
    torch.testing.assert_close(one_pass, plain(encoder, sentence.tokens, settings), atol=1e-5, rtol=0)
    for window in (3, 8, 24):
        encoder.window = window
        torch.testing.assert_close(all_vectors(encoder, [sentence], settings), one_pass, atol=1e-5, rtol=0)


def test_context_changes_the_vectors_as_a_pass_over_all_of_it_does(encoder: Encoder) -> None:
    sentences = [Sentence(text.split(), document="1") for text in ("Kari .", "i Oslo", "ikke")]
    settings = FeatureSettings(context=1)
    found = all_vectors(encoder, sentences, settings)
    together = plain(encoder, ["Kari", ".", "i", "Oslo", "ikke"], settings)
    torch.testing.assert_close(found[2:4], together[2:4], atol=1e-5, rtol=0)
    alone = plain(encoder, ["i", "Oslo"], settings)
    assert (found[2:4] - alone).abs().max() > 1e-2


DOCUMENT = FeatureSettings("mean", "last4", 1, "document")


def test_a_document_shorter_than_a_window_has_the_vectors_of_one_pass(encoder: Encoder) -> None:
    texts = [("Kari . ,", "1"), ("", "1"), ("i Oslo", "1"), ("ikke", "2"), ("i", None), ("Oslo", None)]
    sentences = [Sentence(text.split(), document=document) for text, document in texts]
    passes = [["Kari", ".", ",", "i", "Oslo"], ["ikke"], ["i"], ["Oslo"]]
    expected = torch.cat([plain(encoder, words, DOCUMENT) for words in passes])
    torch.testing.assert_close(all_vectors(encoder, sentences, DOCUMENT), expected, atol=1e-5, rtol=0)
    frozen = torch.from_numpy(frozen_vectors(encoder, sentences, DOCUMENT)).float()
    torch.testing.assert_close(frozen, expected, atol=2e-3, rtol=1e-3)  # float16


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_a_long_document_has_the_vectors_of_its_windows(encoder: Encoder, pooling: Pooling) -> None:
    """Whatever else is there: short documents, sentences without one, a word longer than a window."""
    settings = dataclasses.replace(DOCUMENT, pooling=pooling)
    long = [*SENTENCES, *SENTENCES, Sentence(["å" * 60], document="1")]
    sentences = [*long, Sentence(["Kari"]), LONG, Sentence(["bur", "i"], document="2")]
    windows = build_windows(encoder, sentences, settings)
    subwords = windows.subwords
    states = [reduced(plain_states(encoder, subwords.ids[a:b].tolist()), "last4") for a, b in windows.bounds]
    of_subword = torch.stack(
        [states[window][at - windows.bounds[window, 0]] for at, window in enumerate(windows.window_of)]
    )
    expected = pooled(of_subword, subwords.words, pooling)
    torch.testing.assert_close(all_vectors(encoder, sentences, settings), expected, atol=1e-5, rtol=0)
    frozen = torch.from_numpy(frozen_vectors(encoder, sentences, settings)).float()
    torch.testing.assert_close(frozen, expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("layers", ["last4", "2"])
def test_gradients_are_those_of_a_plain_pass(layers: str, encoder: Encoder) -> None:
    encoder, settings = copy.deepcopy(encoder), FeatureSettings("mean", layers)

    def gradients(vectors: Tensor) -> list[Tensor]:
        encoder.zero_grad(set_to_none=False)
        (vectors**2).sum().backward()
        return [p.grad.clone() for p in encoder.parameters() if p.grad is not None]

    expected = gradients(torch.cat([plain(encoder, s.tokens, settings) for s in SENTENCES if s.tokens]))
    found = gradients(all_vectors(encoder, SENTENCES, settings, batch_subwords=20))
    assert len(found) > 10
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)


def test_frozen_vectors_are_the_same_without_gradient_and_dropout(encoder: Encoder) -> None:
    settings = FeatureSettings("mean", "mix")
    sentences = [*SENTENCES, LONG] * 5
    expected = all_vectors(encoder, sentences, settings).detach().numpy()
    seen: list[tuple[int, int]] = []
    encoder.train()
    found = frozen_vectors(
        encoder, sentences, settings, progress=lambda done, total: seen.append((done, total))
    )
    assert encoder.training
    encoder.eval()
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=1e-3)  # float16
    assert seen[-1] == (len(expected), len(expected))
    assert seen == sorted(seen)


@pytest.mark.parametrize(("value", "shown"), [(1e6, "1e+06"), (float("nan"), "nan")])
def test_a_value_that_float16_does_not_hold_is_an_error(
    value: float, shown: str, loaded: Callable[..., Encoder]
) -> None:
    encoder = copy.deepcopy(loaded("wordpiece"))
    with torch.no_grad():
        encoder.model.encoder.layer[-1].output.LayerNorm.bias[3] = value
    with pytest.raises(BilstmCrfError, match="float16") as caught:
        frozen_vectors(encoder, SENTENCES, FeatureSettings())
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"pooling": "fist"}, "Did you mean first?"),
        ({"layers": "lost4"}, "last, last4, mix or a number"),
        ({"layers": "-1"}, "last, last4, mix or a number"),
        ({"precision": "bf16"}, "Did you mean bfloat16?"),
        ({"context_unit": "word"}, "words or sentences"),
        ({"context": -1}, "expected 0 or more"),
        ({"context": 2, "context_unit": "document"}, "1 document"),
    ],
)
def test_settings_that_cannot_be_say_so(wrong: dict[str, object], expected: str) -> None:
    with pytest.raises(UsageError, match=expected.replace("?", r"\?")):
        FeatureSettings(**wrong)  # type: ignore[arg-type]
