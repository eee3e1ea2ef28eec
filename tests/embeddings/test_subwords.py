"""Vectors from fitted n-grams: near the true ones of words that the fit never saw, finite for any text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.embeddings import subwords
from bilstm_crf.embeddings.subwords import Subwords, fit, fit_once, ngrams_of

STEMS = ["fisk", "bil", "hus", "skole", "avis", "stat", "radio", "kirke", "lærer", "øy"]
ENDINGS = ["", "en", "ene", "er", "s", "ens", "båt", "mann", "eier", "fest"]


def composed_words() -> tuple[list[str], np.ndarray]:
    """Words of a stem and an ending, each vector the sum of its two parts' vectors."""
    random = np.random.default_rng(1)
    stems, endings = random.normal(size=(len(STEMS), 12)), random.normal(size=(len(ENDINGS), 12))
    words = [stem + ending for stem in STEMS for ending in ENDINGS]
    vectors = (stems[:, None] + endings[None]).reshape(-1, 12).astype(np.float32)
    return words, vectors


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_vector_of_a_word_that_was_held_out_is_near_the_true_one() -> None:
    words, vectors = composed_words()
    held_out = range(0, 100, 9)  # each stem and each ending occurs in other words
    rest = [row for row in range(100) if row not in held_out]
    fitted = fit([words[row] for row in rest], vectors[rest], 1000)
    made = [fitted.vector(words[row]) for row in held_out]
    assert all(vector is not None for vector in made)
    assert (
        np.mean([cosine(v, vectors[row]) for v, row in zip(made, held_out, strict=True) if v is not None])
        > 0.8
    )


def test_the_fit_is_the_ridge_regression_that_it_says_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    words, vectors = composed_words()
    monkeypatch.setattr(subwords, "ITERATIONS", 500)
    fitted = fit(words, vectors, 10_000)
    shares = np.array(
        [[ngrams_of(word).count(ngram) / len(ngrams_of(word)) for ngram in fitted.ngrams] for word in words]
    )
    centred = vectors - vectors.mean(axis=0)
    exact = shares.T @ np.linalg.solve(shares @ shares.T + subwords.RIDGE * np.eye(len(words)), centred)
    found = fitted.steps * fitted.scales[:, None]
    assert np.abs(found - exact).max() < np.abs(exact).max() / 127  # a step of eight bits


def test_the_order_of_the_blocks_of_dimensions_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    words, vectors = composed_words()
    whole = fit(words, vectors, 300)
    monkeypatch.setattr(subwords, "BLOCK", 5)
    parts = fit(words, vectors, 300)
    assert np.allclose(whole.steps * whole.scales[:, None], parts.steps * parts.scales[:, None], atol=1e-2)


def test_only_the_commonest_ngrams_are_kept() -> None:
    fitted = fit(["abab", "abc", "abd"], np.eye(3, dtype=np.float32), 2)
    assert fitted.ngrams == [
        "<ab",
        "aba",
    ]  # "aba" is the first of those in one word


def test_a_word_without_a_known_ngram_has_no_vector() -> None:
    words, vectors = composed_words()
    fitted = fit(words, vectors, 100)
    assert fitted.vector("漢字") is None
    assert fitted.vector("") is None


def test_a_fit_is_made_once_and_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, vectors = composed_words()
    made = fit_once(words, vectors, 300, tmp_path)
    (kept,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(subwords, "fit", None)
        again = fit_once(words, vectors, 300, tmp_path)
    assert again.ngrams == made.ngrams
    for name in ("steps", "scales", "mean"):
        assert np.array_equal(getattr(again, name), getattr(made, name))
    for size in (0, 10, 2000):
        os.truncate(kept, size)
        assert fit_once(words, vectors, 300, tmp_path).ngrams == made.ngrams
    assert fit_once(words, vectors, 200, tmp_path).ngrams == made.ngrams[:200]


@given(st.text(max_size=30))
def test_any_text_has_a_finite_vector_or_none(word: str) -> None:
    vector = FITTED.vector(word)
    assert vector is None or (
        vector.shape == (12,) and np.isfinite(vector).all() and vector.dtype == np.float32
    )


FITTED: Subwords = fit(*composed_words(), 500)


@pytest.mark.slow
def test_real_vectors_of_held_out_words_are_found_again(shared: Path, tmp_path: Path) -> None:
    """The figure that chose the ridge and the n-grams' lengths; docs/recipe.md quotes it."""
    table = np.load(shared / "embeddings" / "sg100.npz")
    words = bytes(table["words"]).decode().split("\n")
    vectors = (table["vectors"] * table["scale"].reshape(-1, 1)).astype(np.float32)
    held_out = np.random.default_rng(0).choice(np.arange(20_000, len(words)), 1_000, replace=False)
    rest = np.setdiff1d(np.arange(len(words)), held_out)
    fitted = fit([words[row] for row in rest], vectors[rest], 65_536)
    mean = vectors.mean(axis=0)
    cosines = [
        cosine(vector - mean, vectors[row] - mean)
        for row in held_out
        if (vector := fitted.vector(words[row])) is not None
    ]
    assert len(cosines) > 990
    assert np.mean(cosines) > 0.85
