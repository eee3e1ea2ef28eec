"""What a saved model is: a folder with `model.json` and one safetensors file, nothing else needed.

    model.json                         version, labels, label set, sizes, provenance; names the weights file
    weights-0123456789ab.safetensors   parameters (float32), word table (float16), words, characters (UTF-8),
                                       n-grams and their vectors, where any were fitted
    encoder-0123456789ab/              a Hugging Face encoder, where one learnt or a copy was asked for

The weights file carries the start of its SHA-256 in its name, and `model.json` is replaced last: so a save
that is killed at any moment leaves the old model or the new one, never a mixture.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.contextual import EncoderSpec
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import InputError, ModelFolderError, UsageError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import (
    DIGITS_FORMAT,
    FORMAT,
    EncoderDescription,
    check_labels,
    read_description,
    require_regular_file,
    shown,
)
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.util.files import sha256_of, write_json, write_whole
from bilstm_crf.util.word_forms import plain_form, zero_digits
from bilstm_crf.version import __version__

WORD_BYTES = 160_000_000  # room for the word table, so that a model stays under 200 MB


@dataclass(frozen=True)
class Model:
    """A network with all that is needed to use it."""

    network: BiLSTMCRF
    architecture: Architecture
    vocabulary: Vocabulary
    encoding: str
    label_set: LabelSet
    provenance: dict[str, Any]  # where it comes from: data, vectors, recipe, seed, epoch, scores
    subwords: Subwords | None = None  # vectors for words that neither table has
    contextual: EncoderSpec | None = None

    def attach(self, vectors: AttachedVectors) -> None:
        """Puts a table of vectors behind the model's own, for words that it does not have."""
        self.vocabulary.attach(vectors)
        self.network.embedding.attached = vectors


def save_model(
    model: Model, folder: Path, vectors: WordVectors | None, *, embed_encoder: bool = False
) -> None:
    """Writes the model, with the most frequent words of `vectors` as far as there is room.

    An encoder that did not learn is referred to by its name and hash, unless a copy is to be embedded.
    Raises ValueError for labels that no format could hold.
    """
    labels = check_labels(model.vocabulary.labels, ENCODINGS[model.encoding])
    folder.mkdir(parents=True, exist_ok=True)
    table = model.network.embedding.weight.detach().cpu().half()
    words = list(model.vocabulary.words)
    subwords = _subword_tensors(model.subwords)
    if vectors is not None:
        room = WORD_BYTES - table.nbytes - sum(tensor.nbytes for tensor in subwords.values())
        room = max(0, room // (2 * table.shape[1]))
        rows = list(islice(further_rows(model.vocabulary, vectors), room))
        words += [plain_form(vectors.words[row]) for row in rows]
        table = torch.cat((table, torch.from_numpy(vectors.matrix[rows].astype(np.float16))))
    tensors = {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.network.named_parameters()
        if name != "embedding.weight" and not name.startswith("encoder.")
    }
    tensors["embedding.weight"] = table
    tensors["words"] = _text("\n".join(words))  # `normalise` leaves no line end in a word
    tensors["characters"] = _text("".join(model.vocabulary.characters))
    tensors.update(subwords)
    content = save(tensors)
    digest = hashlib.sha256(content).hexdigest()
    weights = f"weights-{digest[:12]}.safetensors"
    with write_whole(folder / weights) as stream:
        stream.write(content)
    encoder = None if model.contextual is None else _save_encoder(model.contextual, folder, embed_encoder)
    write_json(
        folder / "model.json",
        {
            "model": "bilstm_crf",
            "format": FORMAT if model.vocabulary.digits == "zero" else DIGITS_FORMAT,
            "version": __version__,
            "weights": weights,
            "sha256": digest,
            "labels": labels,
            "encoding": model.encoding,
            "digits": model.vocabulary.digits,
            "label_set": {"name": model.label_set.name, "types": model.label_set.types},
            "architecture": dataclasses.asdict(model.architecture),
            **({} if encoder is None else {"encoder": encoder}),
            "words": len(words),
            "dim": table.shape[1],
            "provenance": model.provenance,
        },
    )
    for old in folder.glob("weights-*.safetensors"):
        if old.name != weights:
            with contextlib.suppress(OSError):
                old.unlink()
    for other in folder.glob("encoder-" + 12 * "[0-9a-f]"):  # nobody else's
        if encoder is None or other.name != encoder["folder"]:
            shutil.rmtree(other, ignore_errors=True)


def _save_encoder(use: EncoderSpec, folder: Path, embed: bool) -> dict[str, Any]:
    """What model.json says of the encoder; a copy is written where it learnt, or where one is asked for."""
    name, sha256, copied = use.encoder.name, use.encoder.sha256, None
    if is_local(name):
        name = str(Path(name).expanduser().resolve())  # the model may be used from another folder
    if embed and not use.tuned and (folder / f"encoder-{sha256[:12]}").is_dir():
        copied = f"encoder-{sha256[:12]}"  # of an earlier epoch
    elif use.tuned or embed:
        sha256 = use.encoder.save_copy(folder / ".encoder", tuned=use.tuned)
        copied = f"encoder-{sha256[:12]}"
        if (folder / copied).is_dir():  # the same one, which the present model.json may name
            shutil.rmtree(folder / ".encoder")
        else:
            (folder / ".encoder").rename(folder / copied)
    settings = dataclasses.asdict(use.settings)
    return {"name": name, "sha256": sha256, "folder": copied, "tuned": use.tuned, "settings": settings}


def further_rows(vocabulary: Vocabulary, vectors: WordVectors) -> Iterator[int]:
    """The rows of `vectors` that a look-up reaches and the vocabulary lacks."""
    for row, word in enumerate(vectors.words):
        form = plain_form(word)
        reached = vocabulary.digits == "own_first" or form == zero_digits(form)
        if reached and form not in vocabulary.words and vectors.index[form] == row:
            yield row


def _text(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(text.encode("utf-8"), dtype=np.uint8).copy())


def _subword_tensors(subwords: Subwords | None) -> dict[str, Tensor]:
    if subwords is None:
        return {}
    arrays = {name: getattr(subwords, name) for name in ("steps", "scales", "mean")}
    tensors = {f"subwords.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    return {"subwords.ngrams": _text("\n".join(subwords.ngrams)), **tensors}


def load_model(folder: str | Path, *, bert: str | None = None, trust_remote_code: bool = False) -> Model:
    """Load the model of a folder. `bert`: where its encoder lies now, if not where it lay.

    Raises ModelFolderError for one that is absent, damaged, foreign or too new, or whose encoder is another
    one now; and for the encoder what `Encoder.load` does.
    """
    folder = Path(folder)
    description = read_description(folder)
    architecture, labels = description.architecture, description.labels
    weights = folder / description.weights
    _check_whole(weights, description.sha256)
    tensors = _load_tensors(weights)
    try:
        words = _unique("words", _lines(_take_text(tensors, "words")))
        characters = _unique("characters", list(_take_text(tensors, "characters")))
        table = _take(tensors, "embedding.weight", torch.float16, (len(words) + 1, description.dim))
        if len(words) != description.words:
            raise ValueError(f"{len(words):,} words, where model.json says {description.words:,}")
        subwords = _subwords(tensors, description.dim)
        tensors["embedding.weight"] = table
        # The sizes first, before room is made for any other
        if (found := _architecture_of(tensors, architecture, description.dim)) != architecture:
            raise ValueError(f"the weights are those of {_difference(found, architecture)}")
        with torch.device("meta"):  # without memory, for the weights come from the file
            network = BiLSTMCRF(architecture, len(characters), len(labels), torch.empty_like(table))
        _check_tensors(tensors, network)
        network.load_state_dict(tensors, assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        fault = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error).splitlines()[-1]
        raise ModelFolderError(f"does not fit model.json: {fault.strip()}", path=weights) from error
    network.eval()
    vocabulary = Vocabulary(words, characters, labels, description.digits)
    contextual = _load_encoder(description.encoder, folder, bert, trust_remote_code)
    sizes = (0, 0) if contextual is None else (contextual.encoder.dim, contextual.layers)
    if sizes != (architecture.contextual_dim, architecture.contextual_layers):
        message = "what it says of the encoder does not fit the weights"
        raise ModelFolderError(message, path=folder / "model.json")
    model = Model(
        network,
        architecture,
        vocabulary,
        description.encoding.name,
        description.label_set,
        description.provenance,
        subwords,
        contextual,
    )
    if subwords is not None:
        model.attach(AttachedVectors({}, np.empty((0, table.shape[1]), np.float32), subwords.vector))
    return model


def weights_of(folder: str | Path) -> tuple[Path, str]:
    """The file of a whole model's weights, and its SHA-256."""
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
        settings["encoder.context"] = f"{found.context}{'w' * (found.context_unit == 'words')}"
        settings["encoder.name"] = _place(encoder, folder)
    return settings


# ---------------------------------------------------------------- the weights


def _load_tensors(weights: Path) -> dict[str, Tensor]:
    """The tensors of a file, whose sizes safetensors holds against the file's."""
    try:
        return load_file(weights)
    except Exception as error:  # SafetensorError, or what PyTorch says of a kind of number that it lacks
        raise ModelFolderError(f"is no safetensors file: {_first_line(error)}", path=weights) from error


def _take(tensors: dict[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int | None, ...]) -> Tensor:
    """Take a tensor out. Raises KeyError where it is missing, ValueError for another form, or NaN in it."""
    tensor = tensors.pop(name)
    fits = len(tensor.shape) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(tensor.shape, shape, strict=True)
    )
    if not fits or tensor.dtype != dtype:
        raise ValueError(f"{name} is {_form(tensor.dtype, tensor.shape)}, expected {_form(dtype, shape)}")
    if not _is_finite(tensor):
        raise ValueError(f"{name} holds NaN or infinity")
    return tensor


def _form(dtype: torch.dtype, shape: Sequence[int | None]) -> str:
    sizes = ", ".join("…" if size is None else str(size) for size in shape)
    return f"{str(dtype).removeprefix('torch.')} ({sizes})"


def _is_finite(tensor: Tensor) -> bool:
    """Return whether all values are finite, from their bits: PyTorch needs four times as long and a copy."""
    exponent = {torch.float16: (np.uint16, 0x7C00), torch.float32: (np.uint32, 0x7F800000)}.get(tensor.dtype)
    if exponent is None:
        return True
    unsigned, mask = exponent
    bits = tensor.contiguous().view(-1).numpy().view(unsigned)
    return all(
        bool(((bits[start : start + _PART] & unsigned(mask)) < mask).all())
        for start in range(0, len(bits), _PART)
    )


_PART = 1 << 18  # numbers, which the processor's cache holds


def _check_tensors(tensors: dict[str, Tensor], network: BiLSTMCRF) -> None:
    """Raise ValueError or KeyError where they are not the parameters of the network, all float32."""
    expected = dict(network.named_parameters())
    for name, parameter in expected.items():
        if name != "embedding.weight":
            tensors[name] = _take(tensors, name, torch.float32, tuple(parameter.shape))
    for name in tensors.keys() - expected.keys():
        raise ValueError(f"{name!a} is no tensor of this network")


def _take_text(tensors: dict[str, Tensor], name: str) -> str:
    text = bytes(_take(tensors, name, torch.uint8, (None,)).numpy())
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no UTF-8 at byte {error.start}") from error


def _unique(what: str, entries: list[str]) -> list[str]:
    """The entries. Raises ValueError where one is there twice, so that numbers would name two."""
    if len(set(entries)) < len(entries):
        twice, _ = Counter(entries).most_common(1)[0]
        raise ValueError(f"{what} holds {shown(twice)} twice")
    return entries


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _subwords(tensors: dict[str, Tensor], dim: int) -> Subwords | None:
    """The n-grams among the tensors, which are taken out."""
    if "subwords.ngrams" not in tensors:
        return None
    ngrams = _unique("subwords.ngrams", _lines(_take_text(tensors, "subwords.ngrams")))
    steps = _take(tensors, "subwords.steps", torch.int8, (len(ngrams), dim)).numpy()
    scales = _take(tensors, "subwords.scales", torch.float32, (len(ngrams),)).numpy()
    return Subwords(ngrams, steps, scales, _take(tensors, "subwords.mean", torch.float32, (dim,)).numpy())


def _architecture_of(tensors: dict[str, Tensor], described: Architecture, word_dim: int) -> Architecture:
    """The sizes that the weights have; what leaves no trace in them as it is described.

    Raises KeyError for a tensor that is missing, ValueError for one of another number of dimensions.
    """

    def size(name: str, dimension: int, dimensions: int) -> int:
        shape = tensors[name].shape
        if len(shape) != dimensions:
            raise ValueError(f"{name} has {len(shape)} dimensions, expected {dimensions}")
        return shape[dimension]

    sizes: dict[str, Any] = {}
    inputs = word_dim
    if described.characters:
        names = ("character_filters", "character_dim", "character_width")
        sizes |= {name: size("char_cnn.convolution.weight", place, 3) for place, name in enumerate(names)}
        inputs += sizes["character_filters"]
    sizes["members"] = sum(name.endswith(".to_labels.bias") for name in tensors)
    first = "members.0."
    read = size(f"{first}to_labels.weight", 1, 2)  # what the labels are read off
    if described.head.startswith("bilstm"):
        layers = sum(name.startswith(f"{first}lstm.weight_hh_l") for name in tensors) // 2  # two directions
        sizes |= {"hidden": read, "layers": layers}
        read = size(f"{first}lstm.weight_ih_l0", 1, 2)
    sizes["contextual_dim"] = read - inputs
    if described.contextual_layers:
        sizes["contextual_layers"] = size("mix.weights", 0, 1)
    if described.document_memory:
        sizes["document_memory"] = size(f"{first}memory.inner.bias", 0, 1)
    return dataclasses.replace(described, **sizes)


def _difference(found: Architecture, described: Architecture) -> str:
    """Where the two differ: `hidden 20, not 22`."""
    pairs = [(name, value, getattr(described, name)) for name, value in vars(found).items()]
    return ", ".join(f"{name} {mine}, not {other}" for name, mine, other in pairs if mine != other)


def _check_whole(weights: Path, expected: str) -> None:
    try:
        require_regular_file(weights)
        found = sha256_of(weights)
    except FileNotFoundError:
        raise ModelFolderError("is missing, though model.json names it", path=weights) from None
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error.strerror}", path=weights) from error
    if found != expected:
        raise ModelFolderError(
            "is damaged: its SHA-256 is not the one in model.json",
            path=weights,
            hint="copy the whole folder again, or train it again",
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


# ---------------------------------------------------------------- the encoder


def _place(described: EncoderDescription, folder: Path, bert: str | None = None) -> str:
    """Where a model's encoder is: where `bert` says, else in its folder, else where it was in training."""
    if bert is not None:
        return bert
    if described.folder is not None:
        return str((folder / described.folder).resolve())  # a path, never a name of the hub
    return described.name


def _load_encoder(
    described: EncoderDescription | None, folder: Path, bert: str | None, trust_remote_code: bool
) -> EncoderSpec | None:
    """The encoder that model.json names. Raises ModelFolderError where it is another one now."""
    if described is None:
        if bert is not None:
            raise UsageError(f"--encoder {bert}: the model in {folder} has no encoder")
        return None
    name = _place(described, folder, bert)
    try:
        encoder = Encoder.load(name, trust_remote_code=trust_remote_code)
    except InputError as error:
        hint = "--encoder PATH says where the model's encoder lies now"
        raise ModelFolderError(f"needs an encoder: {error}", path=folder, hint=hint) from error
    if encoder.sha256 != described.sha256:
        raise ModelFolderError(
            f"was trained with another encoder than {name} is now: their SHA-256 differ",
            path=folder,
            hint="--encoder PATH names the folder of the right one",
        )
    return EncoderSpec(encoder, described.settings, described.tuned)
