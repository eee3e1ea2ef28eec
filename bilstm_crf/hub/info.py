"""Describe a model without loading it, from model.json and the header of the weights file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.hub.files import model_files
from bilstm_crf.model.description import DESCRIPTION, Description, read_description, require_regular_file

SPLITS = ("train", "dev", "test")
SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class DataFile:
    """A file that a model was trained or scored on."""

    split: str
    name: str
    sha256: str
    sentences: int | None


@dataclass(frozen=True)
class ModelInfo:
    """A model's description, and the sizes that only its files tell."""

    folder: Path
    description: Description
    ngrams: int  # with vectors of their own
    parameters: int  # numbers in the weights, codes of a packed model counted as they are stored
    bytes: int  # of all files that model.json names, and itself

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.description.provenance

    @property
    def entity_types(self) -> list[str]:
        return list(dict.fromkeys(label[2:] for label in self.description.labels[1:]))

    @property
    def data(self) -> list[DataFile]:
        """The files that the model's records name."""
        data = self.provenance.get("data")
        return [
            DataFile(split, _last_part(each.get("path")), each["sha256"], _count(each.get("sentences")))
            for split in SPLITS
            for each in _list(data.get(split) if isinstance(data, dict) else None)
            if isinstance(each, dict) and isinstance(each.get("sha256"), str)
        ]

    @property
    def dev_scores(self) -> dict[str, float]:
        """Strict precision, recall and F1 on dev, as fractions; empty where none were recorded."""
        dev = self.provenance.get("dev")
        found = {name: dev.get(name) for name in SCORES} if isinstance(dev, dict) else {}
        return {
            name: float(value)
            for name, value in found.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }

    @property
    def dev_note(self) -> str:
        """A caveat on the dev scores; empty if there is none."""
        return "Scored in training, before the model was packed." if self.description.packed else ""

    @property
    def needs(self) -> list[str]:
        """Requirements of the model beyond the base installation."""
        encoder = self.description.encoder
        if encoder is None:
            return []
        needed = ["the extras train and encoder"]
        if encoder.folder is None:
            where = "in a folder" if is_local(encoder.name) else "of the hub, fetched when it is used"
            needed.append(f"the encoder {encoder.name} {where}")
        return needed

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as JSON has them."""
        described = self.description
        return {
            "folder": str(self.folder),
            "bytes": self.bytes,
            "weights": described.weights,
            "sha256": described.sha256,
            "packed": described.packed,
            "words": described.words,
            "dim": described.dim,
            "ngrams": self.ngrams,
            "parameters": self.parameters,
            "layers": described.architecture.layers,
            "hidden": described.architecture.hidden,
            "document_memory": described.architecture.document_memory,
            "entity_types": self.entity_types,
            "label_set": described.label_set.name,
            "encoding": described.encoding,
            "dev": self.dev_scores,
            "data": [vars(each) for each in self.data],
            "encoder": None if described.encoder is None else described.encoder.name,
            "needs": self.needs,
        }


def read_info(folder: Path) -> ModelInfo:
    """Return what is known about the model of a folder; its weights are not read.

    Raises ModelFolderError for a folder that holds no model, or not all of it; InputError for an encoder in
    it that is not whole.
    """
    description = read_description(folder)
    path = folder / description.weights
    shapes = _shapes(path)
    names = model_files(folder, description)
    rows = [shapes[name][0] for name in ("subwords.steps", "subwords.codes") if shapes.get(name)]
    return ModelInfo(
        folder,
        description,
        ngrams=rows[0] if rows else 0,
        parameters=sum(math.prod(shape) for name, shape in shapes.items() if name not in _TEXTS),
        bytes=sum((folder / name).stat().st_size for name in names),
    )


_TEXTS = ("words", "characters", "words.usual", "subwords.ngrams")


def _shapes(path: Path) -> dict[str, list[int]]:
    """Return the shape of each array in a weights file. Raises ModelFolderError."""
    try:
        require_regular_file(path)
        with safe_open(path, framework="numpy") as arrays:
            return {name: arrays.get_slice(name).get_shape() for name in arrays.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ModelFolderError(f"is missing, but {DESCRIPTION} names it", path=path) from None
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error.strerror}", path=path) from error
    except ModelFolderError:
        raise
    except Exception as error:  # SafetensorError
        raise ModelFolderError(f"is no safetensors file: {error}", path=path) from error


def _list(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list) else ())


def _last_part(path: Any) -> str:
    return str(path).replace("\\", "/").rpartition("/")[2]


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
