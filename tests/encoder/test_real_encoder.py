"""A real encoder on real sentences gives what a plain use of transformers gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import build_windows, compute_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.formats import read
from bilstm_crf.sentence import Sentence

BOTH = ("nob", "nno")


@pytest.fixture(scope="module")
def real(shared: Path, written: Callable[..., Path]) -> Encoder:
    """`written` skips the test where `transformers` is missing."""
    folder = shared / "encoders" / "e5-small-no"
    if not folder.is_dir():
        pytest.skip("needs the encoder in shared/encoders")
    return Encoder.load(str(folder))


def some(shared: Path, language: str, count: int) -> list[Sentence]:
    (path,) = (shared / "norne" / language).glob("*-dev.conllu")
    return list(islice((sentence for sentence in read(path, None) if len(sentence)), count))


def test_its_sizes_are_those_of_its_readme(real: Encoder) -> None:
    assert (real.dim, real.hidden_states, real.window) == (384, 13, 512)
    assert (real.prefix, real.suffix, real.padding, real.unknown, real.spaced) == ([0], [2], 1, 3, False)


@pytest.mark.parametrize("language", BOTH)
@torch.inference_mode()
def test_words_have_the_vectors_of_a_pass_for_each_sentence(
    language: str, real: Encoder, shared: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(real.name)
    model = AutoModel.from_pretrained(real.name, add_pooling_layer=False)
    sentences = some(shared, language, 20)
    settings = FeatureSettings("mean", "mix")
    found = compute_vectors(real, build_windows(real, sentences, settings), range(20), settings)
    expected = []
    for sentence in sentences:
        encoding = tokenizer(sentence.tokens, is_split_into_words=True, return_tensors="pt")
        states = torch.stack(model(**encoding, output_hidden_states=True).hidden_states, dim=2)[0]
        word_of = encoding.word_ids()
        for word in range(len(sentence)):
            expected.append(states[[place for place, of in enumerate(word_of) if of == word]].mean(0))
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-4, rtol=0)


@pytest.mark.slow
@torch.inference_mode()
def test_a_sentence_of_2000_words_has_the_vectors_of_its_windows(real: Encoder, shared: Path) -> None:
    words = [word for sentence in some(shared, "nob", 150) for word in sentence.tokens][:2000]
    settings = FeatureSettings()
    windows = build_windows(real, [Sentence(words)], settings)
    found = compute_vectors(real, windows, [0], settings)
    assert found.shape == (2000, 384)
    assert found.isfinite().all()
    subwords = windows.subwords
    inside = windows.bounds[windows.window_of]
    shorter = [
        min(start - inside[start, 0], inside[start, 1] - end)
        for start, end in pairwise(subwords.words)
        if min(start, subwords.words[-1] - end) >= 120
    ]
    assert min(shorter) >= 120  # subwords, about a quarter of a window, wherever the sentence has as many
    number = len(windows.bounds) // 2
    first, last = windows.bounds[number]
    ids = torch.tensor([[0, *subwords.ids[first:last], 2]])
    states = real.model(ids).last_hidden_state[0, 1:-1]
    starts = subwords.words[:-1]
    mine = windows.window_of[starts] == number
    assert mine.sum() > 100
    torch.testing.assert_close(found[mine], states[starts[mine] - first], atol=1e-4, rtol=0)
