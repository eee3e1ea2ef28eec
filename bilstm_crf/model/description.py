"""Read `model.json` and check every value in it before any weight is read.

model.json ─► `read_description` ─► Description (every field of its type, within bounds) ─► model_folder

The folder may come from anyone. Any content gives a Description or one ModelFolderError.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import reprlib
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError, ModelFolderError, UsageError, did_you_mean
from bilstm_crf.labels import ENCODINGS, LabelSet, is_entity_type
from bilstm_crf.model.architecture import OLD_NAMES, Architecture, Size
from bilstm_crf.util.records import Bounds, parse_record
from bilstm_crf.util.word_forms import Digits
from bilstm_crf.version import __version__

DESCRIPTION = "model.json"  # the file of a model's folder that names all others
FORMAT = 4  # raised when an older program could not read a newer folder
PACKED_FORMAT = 5  # of packed models
READABLE = (2, 3, FORMAT, PACKED_FORMAT)
MAX_BYTES = 16_000_000  # of model.json, which has a few thousand bytes, and more where there are many labels


@dataclass(frozen=True)
class EncoderDescription:
    name: str
    sha256: str
    folder: str | None  # of its copy, inside the model's folder; None: where `name` says
    tuned: bool
    settings: FeatureSettings

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise ValueError(f"name is {self.name[:40]!r}, expected a folder or a name on the hub")
        if self.folder is not None:
            _require_file_name(self.folder, "folder")


@dataclass(frozen=True)
class Description:
    """The content of model.json."""

    weights: str  # a file in the model's folder
    sha256: str  # of that file
    labels: list[str]
    encoding: Literal["iob", "iobe", "iobs", "iobes"]
    label_set: LabelSet
    architecture: Architecture
    words: Size
    dim: Size
    provenance: dict[str, Any]
    digits: Digits = "zero"  # older versions do not say
    encoder: EncoderDescription | None = None
    temperature: Annotated[float, Bounds(0.01, 100)] = 1.0  # older versions do not say
    packed: bool = False  # whether the weights file has the arrays of packed.py

    def __post_init__(self) -> None:
        _require_file_name(self.weights, "weights")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 is {reprlib.repr(self.sha256)}, expected 64 hexadecimal digits")
        require_labels(self.labels, self.encoding)
        for type_, to in (self.label_set.types or {}).items():
            if not is_entity_type(to):
                found = f"{reprlib.repr(type_)} is {reprlib.repr(to)}"
                raise ValueError(f"label_set: {found}, expected an entity type")


def read_description(folder: Path) -> Description:
    """Return what a folder's model.json says. Raises ModelFolderError where that cannot be a model."""
    path = folder / DESCRIPTION
    content = _content(path)
    try:
        content["architecture"] = _with_new_names(content.get("architecture"))
        for part, cls in (("architecture", Architecture), ("encoder", EncoderDescription)):
            _require_known(content.get(part), cls, part)
        return parse_record(Description, content, "")
    except (InputError, UsageError, ValueError) as error:
        fault = str(error).removeprefix(": ")
        raise ModelFolderError(_short(fault, 200), path=path) from error
    except RecursionError as error:
        raise ModelFolderError("is nested too deeply", path=path) from error


def _with_new_names(sizes: Any) -> Any:
    """Return the architecture by today's names."""
    if not isinstance(sizes, dict):
        return sizes
    return {OLD_NAMES.get(name, name): value for name, value in sizes.items()}


def _require_known(value: Any, cls: type, place: str) -> None:
    """Raise ValueError for a field that is unknown: without its meaning, the weights mean something else."""
    if not isinstance(value, dict):
        return
    known = [each.name for each in dataclasses.fields(cls)]
    for name in value:
        if name not in known:
            raise ValueError(f"{place} has no field {name[:40]!r}.{did_you_mean(name[:40], known)}")
    _require_known(value.get("settings"), FeatureSettings, f"{place}.settings")


def require_regular_file(path: Path) -> int:
    """Return the size of a file. Raises ModelFolderError for folders, pipes and devices, OSError, ValueError.

    A pipe would be waited for, and a device may have no end.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ModelFolderError("Is a directory, expected a file", path=path)
    if not stat.S_ISREG(found.st_mode):
        raise ModelFolderError("is a pipe or a device, expected a regular file", path=path)
    return found.st_size


def require_labels(labels: Sequence[str], encoding: str) -> None:
    """Raise ValueError for labels that are not those of the encoding, or that no file can hold.

    Everything that is written is read again, and a label with a line end would be another line.
    """
    types = list(dict.fromkeys(label[2:] for label in labels[1:]))
    for type_ in types:
        if not is_entity_type(type_) or any(unicodedata.category(c) in ("Cc", "Cs") for c in type_):
            found = f"the entity type {reprlib.repr(type_)}"
            raise ValueError(f"labels: {found} is empty or has blanks, control characters or |")
    if list(labels) != ENCODINGS[encoding].labels(types):
        raise ValueError(f"labels: {reprlib.repr(list(labels))} are not the labels of {encoding}")


def _require_file_name(name: str, what: str) -> None:
    """Raise ValueError for a name that is not one of a file in the model's own folder."""
    outside = name in ("", ".", "..") or set(name) & {"/", os.sep, os.altsep}
    if outside or not name.isprintable() or len(name.encode()) > 255:
        raise ValueError(f"{what} is {reprlib.repr(name)}, expected the name of a file in this folder")


def _content(path: Path) -> dict[str, Any]:
    """Return the object in model.json, once it is known to be ours and readable by this program."""
    folder = path.parent
    try:
        if require_regular_file(path) > MAX_BYTES:
            raise ModelFolderError(f"has more than {MAX_BYTES:,} bytes, expected a description", path=path)
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        what = "no such folder" if not folder.exists() else "not a saved model: it has no model.json"
        raise ModelFolderError(what, path=folder, hint="`bilstm-crf train --output DIR` makes one") from None
    except NotADirectoryError:
        raise ModelFolderError("is a file, expected the folder of a saved model", path=folder) from None
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"cannot be read as JSON: {_short(str(error), 80)}", path=path) from error
    if not isinstance(content, dict) or content.get("model") != "bilstm_crf":
        raise ModelFolderError("is not a model of bilstm_crf", path=path)
    if content.get("format") not in READABLE or isinstance(content["format"], bool | float):
        raise ModelFolderError(
            f"has format {_plain(content.get('format'))} (written by {_plain(content.get('version'))}); "
            f"this is bilstm_crf {__version__}, which reads the formats {' '.join(map(str, READABLE))}",
            path=path,
            hint="install the version that wrote it, or train the model again",
        )
    return content


def _plain(value: Any) -> str:
    """Return a value that need not be quoted, such as the number of a version."""
    return _short(str(value), 40) if str(value).isprintable() else reprlib.repr(value)


def _short(text: str, limit: int) -> str:
    line = " ".join(ascii(text)[1:-1].split() if not text.isprintable() else text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
