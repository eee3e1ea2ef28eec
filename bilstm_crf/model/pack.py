"""Make a trained model small: fewer dimensions of a word, vectors as codes, all other weights in float16.

The network uses a word's vector x only in the product A x with the input weights of its LSTMs. With U the
R principal directions of A x over all words, z = Uᵀ A (x - mean) is a vector of R numbers whose product U z
is as near to A (x - mean) as R numbers can be, and a rounding error in z is an error of the same size in
the gates. So z becomes the word's vector, U the weights, and A mean goes into the bias.

Letters: V words, D dimensions of a word, R of a reduced one, J gates of all directions and members.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import UsageError
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.packed import Arrays
from bilstm_crf.model.quantised import Quantised, balanced_groups, quantise

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sizes:
    """The sizes of packed vectors."""

    dim: int  # of a word
    word_bytes: int  # of a word's codes; divides `dim`
    ngram_bytes: int  # of an n-gram's


# From the best to the smallest; docs/results/box_packing.json has what each costs on dev
LADDER = (
    Sizes(256, 128, 64),
    Sizes(192, 96, 48),
    Sizes(192, 64, 48),
    Sizes(128, 64, 32),
    Sizes(192, 48, 24),
    Sizes(128, 32, 32),
    Sizes(96, 48, 24),
    Sizes(64, 32, 16),
    Sizes(64, 16, 16),
    Sizes(32, 8, 8),
    Sizes(16, 4, 4),
)
DESCRIPTION_BYTES = 16_000  # of model.json and the header of the weights


@dataclass(frozen=True)
class PackedModel:
    """A model with the weights that will be read from its folder, and its quantised tables by prefix."""

    model: Model
    tables: dict[str, Quantised]


def sizes_within(model: Model, limit: int) -> Sizes:
    """Return the largest of the known sizes with which the model takes at most `limit` bytes.

    Raises UsageError if there is none.
    """
    _require_packable(model)
    most = min(stacked_inputs(model).shape)
    known = [sizes for sizes in LADDER if sizes.dim <= most] or [Sizes(most, most, most)]
    for sizes in known:
        if (needed := bytes_of(model, sizes)) <= limit:
            return sizes
    raise UsageError(f"the model takes at least {needed / 1e6:.1f} MB, more than {limit / 1e6:.1f} MB")


def bytes_of(model: Model, sizes: Sizes) -> int:
    """Estimate the bytes of a packed model; compressed texts are taken to be half as long."""
    texts = [model.vocabulary.words, () if model.subwords is None else model.subwords.ngrams]
    total = DESCRIPTION_BYTES + sum(len("\n".join(text).encode()) // 2 for text in texts)
    total += sum(2 * array.size for name, array in model.weights.items() if name != "embedding.weight")
    stacked = stacked_inputs(model)
    total += 2 * len(stacked) * (sizes.dim - stacked.shape[1])
    total += len(model.word_table) * sizes.word_bytes + 512 * sizes.dim
    if model.subwords is not None:
        total += len(model.subwords.ngrams) * sizes.ngram_bytes + 512 * sizes.dim
    return total


def pack(model: Model, sizes: Sizes) -> PackedModel:
    """Return the model in a small form. Raises UsageError for one that cannot be packed to these sizes."""
    _require_packable(model)
    for name, size in (("word", sizes.word_bytes), ("n-gram", sizes.ngram_bytes)):
        if size < 1 or sizes.dim % size:
            raise UsageError(f"{size} bytes of a {name} do not divide {sizes.dim} dimensions")
    reduced = reduce_words(model, sizes.dim, sizes.word_bytes)
    tables = {"embedding": quantise(reduced.word_table.astype(np.float32), sizes.word_bytes)}
    subwords = reduced.subwords
    if subwords is not None:
        tables["subwords"] = quantise(subwords.steps.astype(np.float32), sizes.ngram_bytes)
        decoded = Subwords(
            subwords.ngrams, tables["subwords"].decode(), subwords.scales, _round(subwords.mean)
        )
        reduced = _with_subwords(reduced, decoded)
    weights: Arrays = {name: _round(array) for name, array in reduced.weights.items()}
    weights["embedding.weight"] = tables["embedding"].decode()
    return PackedModel(dataclasses.replace(reduced, weights=weights), tables)


def _round(array: NDArray[np.floating]) -> Floats:
    """Return the array as it will be when it has been stored in float16."""
    return array.astype(np.float16).astype(np.float32)


def _with_subwords(model: Model, subwords: Subwords) -> Model:
    vocabulary = model.vocabulary.with_vectors(WordVectors.of_subwords(subwords))
    return dataclasses.replace(model, subwords=subwords, vocabulary=vocabulary)


def _require_packable(model: Model) -> None:
    if model.contextual is not None:
        raise UsageError("a model with an encoder cannot be packed: the encoder is most of it")
    if not model.word_table.shape[1] or not model.architecture.head.startswith("bilstm"):
        raise UsageError("only a model with word vectors and an LSTM can be packed")


def stacked_inputs(model: Model) -> Floats:
    """Return the weights (J, D) of the gates that a word's vector is multiplied with."""
    dim = model.word_table.shape[1]
    return np.concatenate([model.weights[name][:, :dim] for name in _input_weights(model)])


def _input_weights(model: Model) -> list[str]:
    return [name for name in model.weights if ".lstm.weight_ih_l0" in name]


def reduce_words(model: Model, dim: int, groups: int) -> Model:
    """Return the model with word vectors of `dim` dimensions, ordered for `groups` codes each.

    Raises UsageError for more dimensions than there are.
    """
    table = model.word_table.astype(np.float32)
    old_dim = table.shape[1]
    stacked = stacked_inputs(model)  # (J, D)
    if dim > min(stacked.shape):
        raise UsageError(f"{dim} dimensions of a word, expected at most {min(stacked.shape)} for this model")
    mean = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    directions, variances = principal_directions(stacked, table - mean, dim)  # (J, R), (R,)
    directions = directions[:, balanced_groups(variances, groups)]
    project = (directions.T @ stacked).astype(np.float32)  # (R, D)
    weights: Arrays = dict(model.weights)
    weights["embedding.weight"] = ((table - mean) @ project.T).astype(np.float16)
    start = 0
    for name in _input_weights(model):
        weight = model.weights[name]
        rows = directions[start : start + len(weight)].astype(np.float32)
        weights[name] = np.concatenate((rows, weight[:, old_dim:]), axis=1)
        bias = name.replace("weight", "bias")
        weights[bias] = weights[bias] + weight[:, :old_dim] @ mean
        start += len(weight)
    reduced = dataclasses.replace(model, weights=weights)
    if (subwords := model.subwords) is not None:
        vectors = subwords.steps.astype(np.float32) * subwords.scales[:, None]
        ones = np.ones(len(vectors), np.float32)
        mean = project @ (subwords.mean - mean)
        reduced = _with_subwords(reduced, Subwords(subwords.ngrams, vectors @ project.T, ones, mean))
    return reduced


def principal_directions(stacked: Floats, centred: Floats, dim: int) -> tuple[Floats, Floats]:
    """Return the directions (J, R) in which A x varies most over the words x (V, D), and their variances."""
    covariance = centred.astype(np.float64).T @ centred.astype(np.float64) / len(centred)  # (D, D)
    product = stacked.astype(np.float64) @ covariance @ stacked.astype(np.float64).T  # (J, J)
    values, vectors = np.linalg.eigh(product)
    chosen = slice(None, -dim - 1, -1)  # eigh sorts by rising eigenvalue
    return vectors[:, chosen], values[chosen]
