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
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from bilstm_crf.bert.encoder import Encoder
from bilstm_crf.bert.folder import is_local
from bilstm_crf.bert.settings import FeatureSettings
from bilstm_crf.config import Digits
from bilstm_crf.contextual import EncoderUse
from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError, ModelFolderError, UsageError
from bilstm_crf.files import sha256_of, write_json, write_whole
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.network.architecture import Architecture
from bilstm_crf.network.model import BiLSTMCRF
from bilstm_crf.version import __version__
from bilstm_crf.vocabulary import Vocabulary
from bilstm_crf.word_forms import plain_form, zero_digits

FORMAT = 2  # raised when an older program could not read a newer folder
DIGITS_FORMAT = 3  # of a model that looks words up with their own digits first, which older programs do not
WORD_BYTES = 160_000_000  # room for the word table, so that a model stays under 200 MB


@dataclass(frozen=True)
class SavedModel:
    """A network with all that is needed to use it."""

    network: BiLSTMCRF
    architecture: Architecture
    vocabulary: Vocabulary
    encoding: str
    label_set: LabelSet
    provenance: dict[str, Any]  # where it comes from: data, vectors, recipe, seed, epoch, scores
    subwords: Subwords | None = None  # vectors for words that neither table has
    contextual: EncoderUse | None = None

    def attach(self, vectors: AttachedVectors) -> None:
        """Puts a table of vectors behind the model's own, for words that it does not have."""
        self.vocabulary.attach(vectors)
        self.network.embedding.attached = vectors


def save_model(
    model: SavedModel, folder: Path, vectors: WordVectors | None, *, embed_encoder: bool = False
) -> None:
    """Writes the model, with the most frequent words of `vectors` as far as there is room.

    An encoder that did not learn is referred to by its name and hash, unless a copy is to be embedded.
    """
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
            "labels": model.vocabulary.labels,
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


def _save_encoder(use: EncoderUse, folder: Path, embed: bool) -> dict[str, Any]:
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


def _lines(text: Tensor) -> list[str]:
    return bytes(text.numpy()).decode("utf-8").split("\n") if len(text) else []


def _subword_tensors(subwords: Subwords | None) -> dict[str, Tensor]:
    if subwords is None:
        return {}
    arrays = {name: getattr(subwords, name) for name in ("steps", "scales", "mean")}
    tensors = {f"subwords.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    return {"subwords.ngrams": _text("\n".join(subwords.ngrams)), **tensors}


def _subwords(tensors: dict[str, Tensor], dim: int) -> Subwords | None:
    """The n-grams among the tensors, which are taken out. Raises ValueError for shapes that do not fit."""
    if "subwords.ngrams" not in tensors:
        return None
    ngrams = _lines(tensors.pop("subwords.ngrams"))
    steps, scales, mean = (tensors.pop(f"subwords.{name}").numpy() for name in ("steps", "scales", "mean"))
    if (steps.shape, scales.shape, mean.shape) != ((len(ngrams), dim), (len(ngrams),), (dim,)):
        raise ValueError(f"{len(ngrams):,} n-grams, and their vectors of shape {steps.shape}")
    return Subwords(ngrams, steps, scales, mean)


def load_model(folder: str | Path, *, bert: str | None = None, trust_remote_code: bool = False) -> SavedModel:
    """The model of a folder. `bert`: where its encoder lies now, if not where it lay.

    Raises ModelFolderError for one that is absent, damaged, foreign or too new, or whose encoder is another
    one now; and for the encoder what `Encoder.load` does.
    """
    folder = Path(folder)
    description = _description(folder)
    try:
        weights = folder / str(description["weights"])
        encoding = ENCODINGS[str(description["encoding"])]
        labels = [str(label) for label in description["labels"]]
        if labels != encoding.labels(dict.fromkeys(label[2:] for label in labels[1:])):
            raise ValueError(f"labels: these are not the labels of {encoding.name}")
        architecture = Architecture(**description["architecture"])
        types = description["label_set"]["types"]
        label_set = LabelSet(str(description["label_set"]["name"]), None if types is None else dict(types))
        digits = _digits(description)
        expected = str(description["sha256"])
        provenance = dict(description["provenance"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFolderError(f"lacks or misstates {error}", path=folder / "model.json") from error
    _check_whole(weights, expected)
    try:
        tensors = load_file(weights)
        words = _lines(tensors.pop("words"))
        characters = bytes(tensors.pop("characters").numpy()).decode("utf-8")
        table = tensors["embedding.weight"]
        if table.shape != (len(words) + 1, description["dim"]):
            raise ValueError(f"{len(words):,} words, and a table of shape {tuple(table.shape)}")
        subwords = _subwords(tensors, table.shape[1])
        if (found := _architecture_of(tensors, architecture)) != architecture:
            raise ValueError(f"the weights are those of {found}")  # before room is made for any other size
        vocabulary = Vocabulary(words, characters, labels, digits)
        with torch.random.fork_rng(devices=[]):  # the weights that are drawn give way to the saved ones
            network = BiLSTMCRF(architecture, len(characters), len(labels), table)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        fault = str(error).splitlines()[-1].strip()  # PyTorch puts a line above the faults that it lists
        raise ModelFolderError(f"does not fit model.json: {fault}", path=weights) from error
    network.eval()
    contextual = _load_encoder(description.get("encoder"), folder, bert, trust_remote_code)
    sizes = (0, 0) if contextual is None else (contextual.encoder.dim, contextual.layers)
    if sizes != (architecture.contextual_dim, architecture.contextual_layers):
        message = "what it says of the encoder does not fit the weights"
        raise ModelFolderError(message, path=folder / "model.json")
    model = SavedModel(
        network, architecture, vocabulary, encoding.name, label_set, provenance, subwords, contextual
    )
    if subwords is not None:
        model.attach(AttachedVectors({}, np.empty((0, table.shape[1]), np.float32), subwords.vector))
    return model


def weights_of(folder: str | Path) -> tuple[Path, str]:
    """The file of a whole model's weights, and its SHA-256."""
    description = _description(Path(folder))
    return Path(folder) / str(description["weights"]), str(description["sha256"])


def recipe_of(folder: str | Path) -> tuple[dict[str, Any], str | None]:
    """The settings of a recipe that make a network of a saved model's form, and its encoder's name.

    Raises ModelFolderError for a folder that holds no model, or a damaged one.
    """
    folder = Path(folder)
    description = _description(folder)
    try:
        sizes = dict(description["architecture"])
        dim = description["dim"]
        static = dim > 0
        digits = _digits(description)
        encoder = description.get("encoder")
        bert = None if encoder is None else _place(encoder, folder)
        parts = {"static": static, "char": sizes.pop("characters", True), "bert": bert is not None}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFolderError(f"lacks or misstates {error}", path=folder / "model.json") from error
    for name in ("contextual_dim", "contextual_layers"):
        sizes.pop(name, None)
    if static:
        sizes["word_dim"] = dim
    settings = {} if encoder is None else {f"bert_{key}": value for key, value in encoder["settings"].items()}
    return {
        "features": ",".join(name for name in parts if parts[name]),
        "digits": digits,
        **sizes,
        **settings,
    }, bert


def _digits(description: dict[str, Any]) -> Digits:
    """How digits are looked up; models of older versions do not say. Raises ValueError for another word."""
    digits: Digits = description.get("digits", "zero")
    if digits not in get_args(Digits):
        raise ValueError(f"digits: {digits!r}")
    return digits


def _place(described: dict[str, Any], folder: Path, bert: str | None = None) -> str:
    """Where a model's encoder is: where `bert` says, else in its folder, else where it was in training."""
    if bert is not None:
        return bert
    if described["folder"] is not None:
        return str((folder / str(described["folder"])).resolve())  # a path, never a name of the hub
    return str(described["name"])


def _load_encoder(
    described: dict[str, Any] | None, folder: Path, bert: str | None, trust_remote_code: bool
) -> EncoderUse | None:
    """The encoder that model.json names. Raises ModelFolderError where it is another one now."""
    if described is None:
        if bert is not None:
            raise UsageError(f"--bert {bert}: the model in {folder} has no encoder")
        return None
    try:
        settings = FeatureSettings(**described["settings"])
        name = _place(described, folder, bert)
        tuned, expected = bool(described["tuned"]), str(described["sha256"])
    except (KeyError, TypeError, UsageError) as error:
        raise ModelFolderError(f"lacks or misstates {error}", path=folder / "model.json") from error
    try:
        encoder = Encoder.load(name, trust_remote_code=trust_remote_code)
    except InputError as error:
        hint = "--bert PATH says where the model's encoder lies now"
        raise ModelFolderError(f"needs an encoder: {error}", path=folder, hint=hint) from error
    if encoder.sha256 != expected:
        raise ModelFolderError(
            f"was trained with another encoder than {name} is now: their SHA-256 differ",
            path=folder,
            hint="--bert PATH names the folder of the right one",
        )
    return EncoderUse(encoder, settings, tuned)


def _architecture_of(tensors: dict[str, Tensor], described: Architecture) -> Architecture:
    """The sizes that the weights have; what leaves no trace in them as it is described."""
    sizes: dict[str, Any] = {}
    if described.characters:
        filters, dim, width = tensors["char_cnn.convolution.weight"].shape
        sizes |= {"character_dim": dim, "character_filters": filters, "character_width": width}
    sizes["members"] = sum(name.endswith(".to_labels.bias") for name in tensors)
    if described.head.startswith("bilstm"):
        first = "members.0."
        layers = sum(name.startswith(f"{first}lstm.weight_hh_l") for name in tensors) // 2  # two directions
        sizes |= {"hidden": tensors[f"{first}to_labels.weight"].shape[1], "layers": layers}
    if described.document_memory:
        sizes["document_memory"] = len(tensors["members.0.memory.inner.bias"])
    return dataclasses.replace(described, **sizes)


def _check_whole(weights: Path, expected: str) -> None:
    try:
        found = sha256_of(weights)
    except FileNotFoundError:
        raise ModelFolderError("is missing, though model.json names it", path=weights) from None
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"cannot be read: {error}", path=weights) from error
    if found != expected:
        raise ModelFolderError(
            "is damaged: its SHA-256 is not the one in model.json",
            path=weights,
            hint="copy the whole folder again, or train it again",
        )


def _description(folder: Path) -> dict[str, Any]:
    """The content of model.json, once it is sure that it is ours and that this program can read it."""
    path = folder / "model.json"
    try:
        description = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        what = "no such folder" if not folder.exists() else "not a saved model: it has no model.json"
        raise ModelFolderError(what, path=folder, hint="`bilstm-crf train --output DIR` makes one") from None
    except NotADirectoryError:
        raise ModelFolderError("is a file, expected the folder of a saved model", path=folder) from None
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"cannot be read as JSON: {error}", path=path) from error
    if not isinstance(description, dict) or description.get("model") != "bilstm_crf":
        raise ModelFolderError("is not a model of bilstm_crf", path=path)
    if description.get("format") not in (FORMAT, DIGITS_FORMAT):
        raise ModelFolderError(
            f"has format {description.get('format')} (written by {description.get('version')}); "
            f"this is bilstm_crf {__version__}, which reads formats {FORMAT} and {DIGITS_FORMAT}",
            path=path,
            hint="install the version that wrote it, or train the model again",
        )
    return description
