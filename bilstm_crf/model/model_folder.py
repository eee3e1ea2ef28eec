"""A saved model: a folder with `model.json` and one safetensors file; nothing else is needed.

    model.json                         version, labels, label set, sizes, provenance; names the weights file
    weights-0123456789ab.safetensors   see weights.py
    encoder-0123456789ab/              a Hugging Face encoder, if it was trained or a copy was asked for

The weights file has the start of its SHA-256 in its name, and `model.json` is replaced last. A save that is
killed at any moment therefore leaves the old model or the new one, never a mixture.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.loading import files_of, is_local
from bilstm_crf.errors import InputError, ModelFolderError, UsageError
from bilstm_crf.features.reading import RobustReading, usual_words
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.labels import LabelSet
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import (
    FORMAT,
    PACKED_FORMAT,
    EncoderDescription,
    read_description,
    require_labels,
)
from bilstm_crf.model.packed import Arrays, pack_arrays
from bilstm_crf.model.quantised import Quantised
from bilstm_crf.model.weights import read_weights
from bilstm_crf.util.files import read_json, write_json, write_whole
from bilstm_crf.util.word_forms import plain_form, zero_digits
from bilstm_crf.version import __version__

if TYPE_CHECKING:
    from bilstm_crf.encoder.contextual import EncoderSpec

MAX_WORD_BYTES = 160_000_000  # of the word table, so that a model stays below 200 MB


@dataclass(frozen=True)
class Model:
    """A trained network's weights, and everything needed to use them."""

    architecture: Architecture
    vocabulary: Vocabulary
    encoding: str
    label_set: LabelSet
    weights: Arrays  # by the parameters' names; the word table in float16, in training float32
    provenance: dict[str, Any]  # where it comes from: data, vectors, recipe, seed, epoch, scores
    subwords: Subwords | None = None  # vectors for words that have no other
    contextual: EncoderSpec | None = None
    temperature: float = 1.0  # what the CRF's scores are divided by for probabilities; fitted on dev

    @property
    def word_table(self) -> NDArray[np.floating[Any]]:
        """(V + 1, D): the vectors of the vocabulary's words; the first row belongs to unknown words."""
        return self.weights["embedding.weight"]

    def with_vectors(self, vectors: WordVectors) -> Model:
        """Return the model with a table of vectors for words that its own table lacks."""
        return dataclasses.replace(self, vocabulary=self.vocabulary.with_vectors(vectors))


def save_model(
    model: Model, folder: Path, vectors: WordVectors | None, *, embed_encoder: bool = False
) -> None:
    """Write the model, with the most frequent words of `vectors` as far as there is room.

    An encoder that was not trained is referred to by its name and hash, unless a copy is to be
    embedded. Raises ValueError for labels that no format can hold.
    """
    require_labels(model.vocabulary.labels, model.encoding)
    folder.mkdir(parents=True, exist_ok=True)
    if vectors is not None:
        room = MAX_WORD_BYTES - 2 * model.word_table.size
        room -= sum(array.nbytes for array in _subword_arrays(model.subwords).values())
        model = with_words_of(model, vectors, max(0, room // (2 * model.word_table.shape[1])))
    arrays = _arrays(model, list(model.vocabulary.words), model.word_table.astype(np.float16, copy=False))
    words = len(model.vocabulary.words)
    encoder = None if model.contextual is None else _save_encoder(model.contextual, folder, embed_encoder)
    _write(model, folder, arrays, words=words, encoder=encoder)


def save_packed(model: Model, folder: Path, tables: dict[str, Quantised]) -> None:
    """Write a model with quantised `tables` (`embedding`, `subwords`) in place of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    words = list(model.vocabulary.words)
    arrays = pack_arrays(_arrays(model, words, model.word_table), tables)
    _write(model, folder, arrays, words=len(words), packed=True)


def copy_model(source: Path, folder: Path) -> None:
    """Copy the files of a saved model, byte for byte, in the order of a save: model.json last.

    Raises ModelFolderError for a folder that holds no model.
    """
    description = read_description(source)
    encoder = None if description.encoder is None else description.encoder.folder
    folder.mkdir(parents=True, exist_ok=True)
    if encoder is not None and not (folder / encoder).is_dir():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".encoder.") as place:
            (Path(place) / encoder).mkdir()
            for path in files_of(source / encoder):
                shutil.copyfile(path, Path(place) / encoder / path.name)
            (Path(place) / encoder).rename(folder / encoder)
    for name in (description.weights, "model.json"):
        with open(source / name, "rb") as stream, write_whole(folder / name) as copy:
            shutil.copyfileobj(stream, copy)
    _remove_old(folder, description.weights, encoder)


def _arrays(model: Model, words: Sequence[str], table: NDArray[np.float16]) -> Arrays:
    """Return everything that the weights file of an ordinary model holds."""
    return {
        **model.weights,
        "embedding.weight": table,
        "words": _bytes("\n".join(words)),  # `zero_digits` leaves no line end in a word
        "characters": _bytes("".join(model.vocabulary.characters)),
        **_reading_arrays(model.vocabulary.reading, words),
        **_subword_arrays(model.subwords),
    }


def _write(
    model: Model,
    folder: Path,
    arrays: Arrays,
    *,
    words: int,
    encoder: dict[str, Any] | None = None,
    packed: bool = False,
) -> None:
    """Write the weights, then model.json; remove the files of an earlier save."""
    content = save(arrays)
    digest = hashlib.sha256(content).hexdigest()
    weights = f"weights-{digest[:12]}.safetensors"
    with write_whole(folder / weights) as stream:
        stream.write(content)
    write_json(
        folder / "model.json",
        {
            "model": "bilstm_crf",
            "format": PACKED_FORMAT if packed else FORMAT,
            "version": __version__,
            "weights": weights,
            "sha256": digest,
            "labels": model.vocabulary.labels,
            "encoding": model.encoding,
            "digits": model.vocabulary.digits,
            "temperature": model.temperature,
            "label_set": {"name": model.label_set.name, "types": model.label_set.types},
            "architecture": dataclasses.asdict(model.architecture),
            **({} if encoder is None else {"encoder": encoder}),
            **({"packed": True} if packed else {}),
            "words": words,
            "dim": model.word_table.shape[1],
            "provenance": model.provenance,
        },
    )
    _remove_old(folder, weights, None if encoder is None else encoder["folder"])


def _remove_old(folder: Path, weights: str, encoder: str | None) -> None:
    """Remove the weights and encoders of earlier saves."""
    for old in folder.glob("weights-*.safetensors"):
        if old.name != weights:
            with contextlib.suppress(OSError):
                old.unlink()
    for other in folder.glob("encoder-" + 12 * "[0-9a-f]"):
        if other.name != encoder:
            shutil.rmtree(other, ignore_errors=True)


def with_words_of(model: Model, vectors: WordVectors, most: int | None = None) -> Model:
    """Return the model with further words of `vectors`, `most` at most, in its own table (float16)."""
    rows = list(islice(further_rows(model.vocabulary, vectors), most))
    old = model.vocabulary
    reading = old.reading
    if reading is not None:
        reading = RobustReading(usual_words([*vectors.words, *reading.usual.values()]))
    words = [*old.words, *(plain_form(vectors.words[row]) for row in rows)]
    vocabulary = Vocabulary(words, old.characters, old.labels, old.digits, old.attached, reading)
    table = np.concatenate((model.word_table.astype(np.float16), vectors.matrix[rows].astype(np.float16)))
    return dataclasses.replace(
        model, vocabulary=vocabulary, weights={**model.weights, "embedding.weight": table}
    )


def further_rows(vocabulary: Vocabulary, vectors: WordVectors) -> Iterator[int]:
    """Yield the rows of `vectors` that a look-up can reach and the vocabulary lacks."""
    for row, word in enumerate(vectors.words):
        form = plain_form(word)
        reached = vocabulary.digits == "own_first" or form == zero_digits(form)
        if reached and form not in vocabulary.words and vectors.index[form] == row:
            yield row


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)


def _reading_arrays(reading: RobustReading | None, words: Sequence[str]) -> Arrays:
    if reading is None:
        return {}
    return {"words.usual": np.array([reading.usual.get(w.lower()) == w for w in words], np.uint8)}


def _subword_arrays(subwords: Subwords | None) -> Arrays:
    if subwords is None:
        return {}
    arrays = {f"subwords.{name}": getattr(subwords, name) for name in ("steps", "scales", "mean")}
    return {"subwords.ngrams": _bytes("\n".join(subwords.ngrams)), **arrays}


def load_model(folder: str | Path, *, encoder: str | None = None, trust_remote_code: bool = False) -> Model:
    """Load the model of a folder. `encoder`: the path of its encoder, if that has moved.

    Raises ModelFolderError for a model that is missing, damaged, foreign or too new, or whose encoder
    has changed; for the encoder also what `Encoder.load` raises.
    """
    folder = Path(folder)
    description = read_description(folder)
    weights = read_weights(folder / description.weights, description)
    vocabulary = Vocabulary(
        weights.words,
        weights.characters,
        description.labels,
        description.digits,
        reading=None if weights.usual is None else RobustReading(compress(weights.words, weights.usual)),
    )
    if weights.subwords is not None:
        vocabulary = vocabulary.with_vectors(WordVectors.of_subwords(weights.subwords))
    contextual = _load_encoder(description.encoder, folder, encoder, trust_remote_code)
    architecture = description.architecture
    sizes = (0, 0) if contextual is None else (contextual.encoder.dim, contextual.layers)
    if sizes != (architecture.contextual_dim, architecture.contextual_layers):
        message = "what it says about the encoder does not fit the weights"
        raise ModelFolderError(message, path=folder / "model.json")
    return Model(
        architecture,
        vocabulary,
        description.encoding,
        description.label_set,
        weights.parameters,
        description.provenance,
        weights.subwords,
        contextual,
        description.temperature,
    )


def set_temperature(folder: str | Path, temperature: float) -> None:
    """Write a temperature into a model's folder; all else in model.json stays. Raises ModelFolderError."""
    read_description(Path(folder))
    path = Path(folder) / "model.json"
    write_json(path, {**read_json(path), "temperature": temperature})


def weights_of(folder: str | Path) -> tuple[Path, str]:
    """Return the file of a model's weights, and its SHA-256."""
    description = read_description(Path(folder))
    return Path(folder) / description.weights, description.sha256


def settings_of_model(folder: str | Path) -> dict[str, Any]:
    """Return the settings of a configuration, by path, that make a network like that of a saved model.

    Raises ModelFolderError for a folder that holds no model, or a damaged one.
    """
    folder = Path(folder)
    description = read_description(folder)
    architecture, encoder = description.architecture, description.encoder
    parts = {
        "static": description.dim > 0,
        "char": architecture.characters,
        "encoder": encoder is not None,
    }
    settings: dict[str, Any] = architecture.settings()
    settings["network.features"] = ",".join(name for name in parts if parts[name])
    if description.dim:
        settings["words.dim"] = description.dim
    if encoder is not None:
        found = encoder.settings
        settings |= {f"encoder.{name}": getattr(found, name) for name in ("pooling", "layers", "precision")}
        settings["encoder.context"] = found.context_text
        settings["encoder.name"] = _place(encoder, folder)
    return settings


# ---------------------------------------------------------------- the encoder


def _save_encoder(spec: EncoderSpec, folder: Path, embed: bool) -> dict[str, Any]:
    """Return what model.json says about the encoder; write a copy if it was trained, or one is asked for."""
    name, sha256, copied = spec.encoder.name, spec.encoder.sha256, None
    if is_local(name):
        name = str(Path(name).expanduser().resolve())  # the model may be used from another folder
    if embed and not spec.tuned and (folder / f"encoder-{sha256[:12]}").is_dir():
        copied = f"encoder-{sha256[:12]}"  # of an earlier epoch
    elif spec.tuned or embed:
        sha256 = spec.encoder.save_copy(folder / ".encoder", tuned=spec.tuned)
        copied = f"encoder-{sha256[:12]}"
        if (folder / copied).is_dir():  # the same one, which the present model.json may name
            shutil.rmtree(folder / ".encoder")
        else:
            (folder / ".encoder").rename(folder / copied)
    settings = dataclasses.asdict(spec.settings)
    return {"name": name, "sha256": sha256, "folder": copied, "tuned": spec.tuned, "settings": settings}


def _place(described: EncoderDescription, folder: Path, path: str | None = None) -> str:
    """Return where a model's encoder is: at `path`, else in its folder, else where it was in training."""
    if path is not None:
        return path
    if described.folder is not None:
        return str((folder / described.folder).resolve())  # a path, never a name on the hub
    return described.name


def _load_encoder(
    described: EncoderDescription | None, folder: Path, path: str | None, trust_remote_code: bool
) -> EncoderSpec | None:
    """Load the encoder that model.json names. Raises ModelFolderError where it has changed."""
    if described is None:
        if path is not None:
            raise UsageError(f"--encoder {path}: the model in {folder} has no encoder")
        return None
    from bilstm_crf.encoder.contextual import EncoderSpec
    from bilstm_crf.encoder.encoder import Encoder

    name = _place(described, folder, path)
    hint = "--encoder PATH names the folder of the model's encoder"
    try:
        encoder = Encoder.load(name, trust_remote_code=trust_remote_code)
    except InputError as error:
        raise ModelFolderError(f"needs an encoder: {error}", path=folder, hint=hint) from error
    if encoder.sha256 != described.sha256:
        raise ModelFolderError(
            f"was trained with another encoder than {name}: its SHA-256 differs", path=folder, hint=hint
        )
    return EncoderSpec(encoder, described.settings, described.tuned)
