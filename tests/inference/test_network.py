"""The network in NumPy beside the one in PyTorch: the same emissions and paths, compiled and plain."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bilstm_crf import Tagger, kernels
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.batches import layout_of, tagging_batches
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.formats import read
from bilstm_crf.inference import network
from bilstm_crf.inference.network import Network, best_paths, mean_transitions
from bilstm_crf.inference.torch_network import TorchNetwork
from bilstm_crf.labels import LabelSet
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.model_folder import Model, load_model
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.model.weights import parameter_shapes
from bilstm_crf.sentence import Sentence
from runs import DEV, ROOT, TEST

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
SMALL = Architecture(character_dim=4, character_filters=6, hidden=10)
ARCHITECTURES = {
    "one": SMALL,
    "wide": dataclasses.replace(SMALL, hidden=200, character_width=5),
    "two layers": dataclasses.replace(SMALL, layers=2),
    "ensemble": dataclasses.replace(SMALL, ensemble_size=3),
    "memory": dataclasses.replace(SMALL, document_memory=7, ensemble_size=2),
    "no characters": dataclasses.replace(SMALL, characters=False),
    "bilstm-linear": dataclasses.replace(SMALL, head="bilstm-linear"),
    "crf": dataclasses.replace(SMALL, head="crf", ensemble_size=2),
    "linear": dataclasses.replace(SMALL, head="linear"),
}


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return [sentence for path in (DEV, TEST) for sentence in read(path)]


class Ngrams:
    """Vectors for some words."""

    def __init__(self, dim: int) -> None:
        self._dim = dim

    def vector(self, word: str) -> np.ndarray | None:
        return None if len(word) % 3 else np.full(self._dim, len(word) / 10, np.float32)


def model_of(architecture: Architecture, sentences: list[Sentence], dim: int = 12) -> Model:
    """Random weights of every sign; every other word has a row, others vectors from n-grams, or nothing."""
    random = np.random.default_rng(7)
    attached = WordVectors("n-grams", [], np.empty((0, dim), np.float32), Ngrams(dim))
    known = list(dict.fromkeys(word for sentence in sentences for word in sentence.tokens))[::2]
    vocabulary = Vocabulary(known, sorted(set("".join(known)))[::2], LABELS, attached=attached)
    sizes = (len(vocabulary.characters), len(LABELS), dim)
    weights = {
        name: random.normal(scale=0.5, size=shape).astype(np.float32)
        for name, shape in parameter_shapes(architecture, *sizes)
    }
    weights["embedding.weight"] = random.normal(size=(len(vocabulary.words) + 1, dim)).astype(np.float16)
    return Model(architecture, vocabulary, "iob", LabelSet.named("full"), weights, {})


def assert_same(model: Model, sentences: list[Sentence], tolerance: float = 2e-5) -> None:
    encoded = model.vocabulary.encode([sentence.tokens for sentence in sentences])
    layouts = [layout_of(encoded, chosen) for chosen in tagging_batches(encoded.lengths, 500)]
    index = MemoryIndex(sentences) if model.architecture.document_memory else None
    oracle = TorchNetwork(model, torch.device("cpu"))
    expected = oracle.emissions(sentences, encoded, layouts, index, None)
    got = Network(model).emissions(encoded, layouts, index)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)
    assert expected.std() > 0.1
    transitions = mean_transitions(model.weights)
    for layout in layouts:
        paths = [best_paths(each[layout.tokens], transitions, layout.batch_sizes) for each in (got, expected)]
        assert np.array_equal(*paths)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("compiled", [True, False])
def test_emissions_and_paths_are_those_of_pytorch(
    name: str, compiled: bool, sentences: list[Sentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "NUMBA", compiled)
    assert_same(model_of(ARCHITECTURES[name], sentences), sentences)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_trained_model_has_pytorchs_emissions(
    compiled: bool, tiny_model: Path, sentences: list[Sentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "NUMBA", compiled)
    for folder in (tiny_model, ROOT / "tests" / "models" / "version-0.1.0"):
        assert_same(load_model(folder), sentences)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_shapes_of_parameters_are_those_of_the_pytorch_network(name: str) -> None:
    architecture = ARCHITECTURES[name]
    made = BiLSTMCRF(architecture, 9, len(LABELS), torch.zeros(3, 12))
    expected = {each: tuple(parameter.shape) for each, parameter in made.named_parameters()}
    del expected["embedding.weight"]
    assert dict(parameter_shapes(architecture, 9, len(LABELS), 12)) == expected


def test_short_texts_are_tagged_in_plain_numpy_first_and_then_compiled(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_compiled", None)
    monkeypatch.setattr(network, "_plain_tokens", 0)
    loaded: list[int] = []
    load: Callable[[], Any] = network._load_compiled
    monkeypatch.setattr(network, "_load_compiled", lambda: loaded.append(1) or load())
    tagger, words = Tagger.load(tiny_model), ["Kari", "Nordmann", "bur", "i", "Oslo"]
    first = tagger.tag_tokens(words).token_spans
    assert not loaded
    later = [tagger.tag_tokens(words).token_spans for _ in range(network.PLAIN_TOKENS // len(words) + 2)]
    assert len(loaded) == 1
    assert all(spans == first for spans in later)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_word_longer_than_any_and_a_sentence_of_one_token(
    compiled: bool, sentences: list[Sentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "NUMBA", compiled)
    given = [Sentence(["x" * 20_000]), Sentence(["Å"]), Sentence(["Kari", "x"])]
    assert_same(model_of(SMALL, sentences), given)
