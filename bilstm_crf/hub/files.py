"""The files of a model, wherever they are: those that model.json names, and no pickle among them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bilstm_crf.encoder.loading import files_of
from bilstm_crf.errors import ModelFolderError
from bilstm_crf.model.description import DESCRIPTION, Description

CARD = "README.md"
SAFE = ".safetensors"
# What the folder of an encoder may hold; its code (.py) is only run with --trust-remote-code
ENCODER_SUFFIXES = (SAFE, ".json", ".txt", ".model", ".py")
OLD = re.compile(r"weights-[0-9a-f]{12}\.safetensors|encoder-[0-9a-f]{12}/.+")  # by the names of `save_model`


def model_files(folder: Path, description: Description) -> list[str]:
    """Return the files of a model, by their paths in its folder, model.json last.

    Raises ModelFolderError for weights that are no safetensors, and what `files_of` raises for an encoder.
    """
    encoder = description.encoder
    names = [description.weights]
    if encoder is not None and encoder.folder is not None:
        names += [f"{encoder.folder}/{path.name}" for path in files_of(folder / encoder.folder)]
    require_safetensors(names, folder)
    return [*names, DESCRIPTION]


def encoder_files(names: Iterable[str], folder: str) -> list[str]:
    """Return those of the names that belong to an encoder in `folder`."""
    inside = [name for name in names if name.rpartition("/")[0] == folder]
    return sorted(name for name in inside if name.endswith(ENCODER_SUFFIXES))


def require_safetensors(names: Iterable[str], place: object) -> None:
    """Raise ModelFolderError for a file that may be a pickle: reading one can run any program."""
    for name in names:
        in_encoder = "/" in name and name.endswith(ENCODER_SUFFIXES)
        if not (in_encoder or name.endswith(SAFE)):
            raise ModelFolderError(
                f"{name} is not allowed: weights must be safetensors",
                path=place,
                hint="other formats, such as pytorch_model.bin, can run any program when they are read; "
                "`save_pretrained` of transformers writes an encoder as safetensors",
            )
