"""The weights file of a saved model: one safetensors file, read into NumPy arrays and checked.

    words, characters     UTF-8 text as bytes (uint8); words one per line
    words.usual           1 for the most frequent of the words that differ only in case (features/reading.py)
    embedding.weight      the word table (float16)
    subwords.*            n-grams and their vectors, where any were fitted
    everything else       parameters of the network (float32), by the names PyTorch gives them

A packed model's file holds some of these in smaller forms (packed.py).

The folder may come from anyone: every array is held against model.json before it is used.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import Description, require_regular_file
from bilstm_crf.model.packed import Arrays, unpack_arrays
from bilstm_crf.util.files import sha256_of

Shape = tuple[int, ...]

_PART = 1 << 18  # numbers that fit into the processor's cache


@dataclass(frozen=True)
class Weights:
    """The content of a weights file."""

    words: list[str]
    characters: list[str]
    usual: NDArray[np.uint8] | None  # for each word, whether it is in its usual case
    subwords: Subwords | None
    parameters: Arrays  # the word table among them


def read_weights(path: Path, description: Description) -> Weights:
    """Read a model's weights. Raises ModelFolderError where they are damaged, or do not fit model.json."""
    _check_whole(path, description.sha256)
    try:
        arrays = load_file(path)
    except Exception as error:  # SafetensorError, or what NumPy says of an unknown number type
        raise ModelFolderError(f"is no safetensors file: {_first_line(error)}", path=path) from error
    try:
        return _weights(unpack_arrays(arrays) if description.packed else arrays, description)
    except (KeyError, ValueError) as error:
        fault = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFolderError(f"does not fit model.json: {fault}", path=path) from error


def _weights(arrays: Arrays, description: Description) -> Weights:
    words = _unique("words", _lines(_take_text(arrays, "words")))
    characters = _unique("characters", list(_take_text(arrays, "characters")))
    if len(words) != description.words:
        raise ValueError(f"{len(words):,} words, but model.json says {description.words:,}")
    usual = _take(arrays, "words.usual", np.uint8, (len(words),)) if "words.usual" in arrays else None
    subwords = _subwords(arrays, description.dim)
    table = _take(arrays, "embedding.weight", np.float16, (len(words) + 1, description.dim))
    architecture, labels = description.architecture, len(description.labels)
    parameters = {"embedding.weight": table}
    # One by one: a hostile size asks for no memory, and for no more names than there are arrays
    for name, shape in parameter_shapes(architecture, len(characters), labels, description.dim):
        parameters[name] = _take(arrays, name, np.float32, shape)
    for name in arrays:
        raise ValueError(f"{name!a} is no tensor of this network")
    return Weights(words, characters, usual, subwords, parameters)


def parameter_shapes(
    a: Architecture, characters: int, labels: int, word_dim: int
) -> Iterator[tuple[str, Shape]]:
    """Yield each parameter of a network and its shape, without the word table."""
    dim = word_dim + a.contextual_dim
    if a.characters:
        yield "char_cnn.embedding.weight", (characters + 1, a.character_dim)
        yield "char_cnn.convolution.weight", (a.character_filters, a.character_dim, a.character_width)
        yield "char_cnn.convolution.bias", (a.character_filters,)
        dim += a.character_filters
    if a.contextual_layers:
        yield "mix.weights", (a.contextual_layers,)
        yield "mix.gamma", ()
    for number in range(a.ensemble_size):
        prefix, inputs = f"members.{number}.", dim
        if a.head.startswith("bilstm"):
            for layer in range(a.layers):
                for direction in ("", "_reverse"):
                    gates = 2 * a.hidden  # four gates of half the units
                    yield f"{prefix}lstm.weight_ih_l{layer}{direction}", (gates, inputs)
                    yield f"{prefix}lstm.weight_hh_l{layer}{direction}", (gates, a.hidden // 2)
                    yield f"{prefix}lstm.bias_ih_l{layer}{direction}", (gates,)
                    yield f"{prefix}lstm.bias_hh_l{layer}{direction}", (gates,)
                inputs = a.hidden
        yield f"{prefix}to_labels.weight", (labels, inputs)
        yield f"{prefix}to_labels.bias", (labels,)
        if a.document_memory:
            yield f"{prefix}memory.inner.weight", (a.document_memory, inputs)
            yield f"{prefix}memory.inner.bias", (a.document_memory,)
            yield f"{prefix}memory.to_labels.weight", (labels, a.document_memory)
        if a.head.endswith("crf"):
            yield f"{prefix}crf.start_transitions", (labels,)
            yield f"{prefix}crf.end_transitions", (labels,)
            yield f"{prefix}crf.transitions", (labels, labels)


def _take(arrays: Arrays, name: str, dtype: Any, shape: Sequence[int | None]) -> NDArray[Any]:
    """Remove and return an array. Raises KeyError if it is missing, ValueError for a wrong form or NaN."""
    array = arrays.pop(name)
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        raise ValueError(
            f"{name} is {_form(array.dtype, array.shape)}, expected {_form(np.dtype(dtype), shape)}"
        )
    if not _is_finite(array):
        raise ValueError(f"{name} holds NaN or infinity")
    return array


def _form(dtype: np.dtype[Any], shape: Sequence[int | None]) -> str:
    sizes = ", ".join("…" if size is None else str(size) for size in shape)
    return f"{dtype} ({sizes})"


def _is_finite(array: NDArray[Any]) -> bool:
    """Return whether all values are finite, from their bits: `isfinite` converts float16, which is slow."""
    exponent = {"float16": (np.uint16, 0x7C00), "float32": (np.uint32, 0x7F800000)}.get(array.dtype.name)
    if exponent is None:
        return True
    unsigned, mask = exponent
    bits = array.reshape(-1).view(unsigned)
    return all(
        bool(((bits[start : start + _PART] & unsigned(mask)) < mask).all())
        for start in range(0, len(bits), _PART)
    )


def _take_text(arrays: Arrays, name: str) -> str:
    text = _take(arrays, name, np.uint8, (None,)).tobytes()
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 at byte {error.start}") from error


def _unique(what: str, entries: list[str]) -> list[str]:
    """Return the entries. Raises ValueError for one that occurs twice: a number would name two."""
    if len(set(entries)) < len(entries):
        twice, _ = Counter(entries).most_common(1)[0]
        raise ValueError(f"{what} holds {reprlib.repr(twice)} twice")
    return entries


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _subwords(arrays: Arrays, dim: int) -> Subwords | None:
    if "subwords.ngrams" not in arrays:
        return None
    ngrams = _unique("subwords.ngrams", _lines(_take_text(arrays, "subwords.ngrams")))
    steps = arrays.get("subwords.steps")
    kind = np.float16 if steps is not None and steps.dtype == np.float16 else np.int8  # float16: unpacked
    steps = _take(arrays, "subwords.steps", kind, (len(ngrams), dim))
    scales = _take(arrays, "subwords.scales", np.float32, (len(ngrams),))
    return Subwords(ngrams, steps, scales, _take(arrays, "subwords.mean", np.float32, (dim,)))


def _check_whole(path: Path, expected: str) -> None:
    try:
        require_regular_file(path)
        found = sha256_of(path)
    except FileNotFoundError:
        raise ModelFolderError("is missing, but model.json names it", path=path) from None
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error.strerror}", path=path) from error
    if found != expected:
        raise ModelFolderError(
            "is damaged: its SHA-256 is not the one in model.json",
            path=path,
            hint="copy the whole folder again, or train it again",
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
