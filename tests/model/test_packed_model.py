"""A packed model is a small copy of the same network, and is loaded and checked like any other."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bilstm_crf import Tagger
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.features.batches import layout_of, tagging_batches
from bilstm_crf.formats import read
from bilstm_crf.inference.network import Network
from bilstm_crf.model.model_folder import Model, load_model, save_model, save_packed
from bilstm_crf.model.pack import Sizes, pack, reduce_words
from bilstm_crf.model.quantised import Quantised, balanced_groups, quantise
from done import Done
from runs import TEST


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Model:
    """The tiny model, with vectors of a few n-grams."""
    model = load_model(tiny_model)
    random = np.random.default_rng(2)
    dim = model.word_table.shape[1]
    ngrams = ["<ka", "kar", "ari", "ri>", "<os", "osl", "øya", "<øy"]
    steps = random.integers(-127, 128, (len(ngrams), dim)).astype(np.int8)
    subwords = Subwords(ngrams, steps, np.full(len(ngrams), 0.01, np.float32), np.zeros(dim, np.float32))
    attached = model.vocabulary.with_vectors(WordVectors.of_subwords(subwords))
    return dataclasses.replace(model, subwords=subwords, vocabulary=attached)


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    packed = pack(model, Sizes(16, 8, 4))
    save_packed(packed.model, tmp_path / "packed", packed.tables)
    return tmp_path / "packed"


def emissions(model: Model) -> np.ndarray:
    """The scores of each label for some sentences, with words from n-grams among them."""
    sentences = list(read(TEST))[:40]
    sentences[0].tokens += ["kari", "øyari"]
    encoded = model.vocabulary.encode([each.tokens for each in sentences])
    layouts = [layout_of(encoded, each) for each in tagging_batches(encoded.lengths, 1000)]
    return Network(model).emissions(encoded, layouts, None)


# ---------------------------------------------------------------- codes


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_decoding_copies_each_groups_centroid(size: int) -> None:
    random = np.random.default_rng(size)
    codes = random.integers(0, 256, (5000, 3)).astype(np.uint8)
    centroids = random.standard_normal((3, 256, size)).astype(np.float16)
    expected = np.concatenate([centroids[group][codes[:, group]] for group in range(3)], axis=1)
    assert np.array_equal(Quantised(codes, centroids).decode(), expected)


def test_a_table_of_few_distinct_vectors_is_kept_exactly() -> None:
    random = np.random.default_rng(0)
    distinct = random.standard_normal((200, 8)).astype(np.float16)
    table = distinct[random.integers(0, 50, 3000)].astype(np.float32)
    table[:200] = distinct
    few = table[random.permutation(200)]
    assert np.array_equal(quantise(few, 2).decode(), few)


def test_more_bytes_come_nearer_to_the_table() -> None:
    table = np.random.default_rng(0).standard_normal((3000, 16)).astype(np.float32)
    errors = [float(((quantise(table, groups).decode() - table) ** 2).mean()) for groups in (2, 4, 8, 16)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.001


def test_quantising_twice_gives_the_same_codes() -> None:
    table = np.random.default_rng(0).standard_normal((1000, 8)).astype(np.float32)
    once, again = quantise(table, 4), quantise(table, 4)
    assert np.array_equal(once.codes, again.codes)
    assert np.array_equal(once.centroids, again.centroids)


def test_groups_get_variances_of_about_the_same_product() -> None:
    variances = np.float32(2.0) ** -np.arange(32, dtype=np.float32)
    order = balanced_groups(variances, 8)
    assert sorted(order.tolist()) == list(range(32))
    products = np.log2(variances[order].reshape(8, 4)).sum(axis=1)
    assert products.max() - products.min() <= 4  # consecutive groups differ by 16 · 7


# ---------------------------------------------------------------- the network


def test_all_dimensions_give_the_same_emissions(model: Model) -> None:
    whole = reduce_words(model, model.word_table.shape[1], 1)
    assert np.abs(emissions(whole) - emissions(model)).max() < 0.02  # its table is float16


def test_fewer_dimensions_are_the_best_of_their_number(model: Model) -> None:
    dim = model.word_table.shape[1]
    errors = [
        np.abs(emissions(reduce_words(model, size, 1)) - emissions(model)).mean()
        for size in (dim // 4, dim // 2, dim)
    ]
    assert errors == sorted(errors, reverse=True)


def test_what_is_loaded_is_what_was_packed(model: Model, tmp_path: Path) -> None:
    packed = pack(model, Sizes(16, 8, 4))
    save_packed(packed.model, tmp_path / "packed", packed.tables)
    loaded = load_model(tmp_path / "packed")
    assert loaded.weights.keys() == packed.model.weights.keys()
    for name, array in loaded.weights.items():
        assert np.array_equal(array, packed.model.weights[name]), name
        assert array.dtype == packed.model.weights[name].dtype
    assert list(loaded.vocabulary.words) == list(model.vocabulary.words)
    assert np.array_equal(emissions(loaded), emissions(packed.model))


def test_a_packed_model_finds_what_the_model_found(model: Model, folder: Path) -> None:
    sentences = list(read(TEST))
    expected = Tagger(model).predict(sentences)
    found = Tagger.load(folder).predict(sentences)
    pairs = zip(expected, found, strict=True)
    assert sum(len(set(ours) & set(theirs)) for ours, theirs in pairs) > 0.7 * sum(map(len, expected)) > 3


def test_a_packed_model_can_be_saved_as_an_ordinary_one(folder: Path, tmp_path: Path) -> None:
    loaded = load_model(folder)
    save_model(loaded, tmp_path / "ordinary", None)
    assert np.array_equal(emissions(load_model(tmp_path / "ordinary")), emissions(loaded))


# ---------------------------------------------------------------- the command


def test_the_command_keeps_to_a_size(tiny_model: Path, tmp_path: Path, cli: Callable[..., Done]) -> None:
    sizes = []
    for size in (0.08, 1):
        output = tmp_path / str(size)
        done = cli("model", "pack", "--model", tiny_model, "-o", output, "--size", size)
        assert done.status == 0, done.err
        sizes.append(sum(path.stat().st_size for path in output.iterdir()))
        assert sizes[-1] < size * 1e6
        assert cli("tag", "--model", output, "--text", "Kari bor i Oslo.").status == 0
    assert cli("model", "pack", "--model", tiny_model, "-o", tmp_path / "x", "--size", "0.001").status == 2
    assert not (tmp_path / "x").exists()
    assert cli("model", "pack", "--model", tiny_model, "-o", tiny_model).status == 2
    assert cli("tag", "--model", tiny_model, "--text", "Oslo").status == 0, "nothing was replaced"
    assert cli("model", "pack", "--model", output, "-o", tmp_path / "again").status == 2  # packed already


# ---------------------------------------------------------------- damage


def bomb() -> bytes:
    return zlib.compress(bytes(65_000_000), 9)


CHANGES = {
    "no codes": lambda arrays: arrays.pop("embedding.codes"),
    "no centroids": lambda arrays: arrays.pop("subwords.centroids"),
    "codes of another type": lambda arrays: arrays.update(
        {"embedding.codes": arrays["embedding.codes"].astype(np.int16)}
    ),
    "fewer words": lambda arrays: arrays.update({"embedding.codes": arrays["embedding.codes"][1:].copy()}),
    "fewer groups": lambda arrays: arrays.update({"subwords.codes": arrays["subwords.codes"][:, 1:].copy()}),
    "a large group": lambda arrays: arrays.update(
        {"embedding.centroids": np.zeros((8, 256, 17), np.float16)}
    ),
    "not a number": lambda arrays: arrays["embedding.centroids"].fill(np.nan),
    "text cut short": lambda arrays: arrays.update({"words": arrays["words"][:-9].copy()}),
    "no zlib": lambda arrays: arrays.update({"words": np.frombuffer(b"plain text", np.uint8)}),
    "a bomb": lambda arrays: arrays.update({"words": np.frombuffer(bomb(), np.uint8)}),
    "an unknown array": lambda arrays: arrays.update({"more": np.zeros(3, np.float16)}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_damaged_packed_weights_give_one_error(change: str, folder: Path) -> None:
    (weights,) = folder.glob("weights-*")
    arrays = load_file(weights)
    CHANGES[change](arrays)
    save_file(arrays, weights)
    description = json.loads((folder / "model.json").read_text("utf-8"))
    description["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(description), "utf-8")
    with pytest.raises(ModelFolderError) as caught:
        load_model(folder)
    assert str(weights) in str(caught.value)
