"""Read `model.json` and check every value in it before any weight is read.

model.json ─► `read_description` ─► Description (every field of its type and in its range) ─► model_folder

The folder may come from anyone. Any content gives a Description or one ModelFolderError.
"""

from __future__ import annotations

import json
import os
import re
import stat
import types
import typing
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from bilstm_crf.config import RunConfig
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import ModelFolderError, UsageError, did_you_mean
from bilstm_crf.labels import ENCODINGS, Encoding, LabelSet, is_entity_type
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.util.word_forms import Digits
from bilstm_crf.version import __version__

FORMAT = 2  # raised when an older program could not read a newer folder
DIGITS_FORMAT = 3  # of a model that looks words up with their own digits first, which older programs do not
MAX_BYTES = 16_000_000  # of model.json, which has some thousand bytes, and more where there are many labels

T = TypeVar("T")


@dataclass(frozen=True)
class EncoderDescription:
    name: str
    sha256: str
    folder: str | None  # of its copy, inside the model's folder; None: where `name` says
    tuned: bool
    settings: FeatureSettings


@dataclass(frozen=True)
class Description:
    """The content of model.json."""

    weights: str  # a file in the model's folder
    sha256: str  # of that file
    labels: list[str]
    encoding: Encoding
    label_set: LabelSet
    architecture: Architecture
    digits: Digits
    encoder: EncoderDescription | None
    words: int
    dim: int
    provenance: dict[str, Any]


def read_description(folder: Path) -> Description:
    """Return what a folder's model.json says. Raises ModelFolderError where that cannot be a model."""
    path = folder / "model.json"
    content = _content(path)
    try:
        return _description(content)
    except (ValueError, UsageError) as error:
        raise ModelFolderError(_short(str(error), 200), path=path) from error
    except RecursionError as error:
        raise ModelFolderError("is nested too deeply", path=path) from error


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


def check_labels(labels: Iterable[Any], encoding: Encoding) -> list[str]:
    """Return the labels of a model. Raises ValueError where they are not those of `encoding`, or unwritable.

    All that is written is read again, so that a label with a line end would be another line.
    """
    labels = list(labels)
    for label in labels:
        if not isinstance(label, str):
            raise ValueError(f"labels holds {shown(label)}, expected text such as 'B-PER'")
    types = list(dict.fromkeys(label[2:] for label in labels[1:]))
    for type_ in types:
        if not is_entity_type(type_) or any(unicodedata.category(c) in ("Cc", "Cs") for c in type_):
            raise ValueError(
                f"labels: the entity type {shown(type_)} is empty or has blanks, control characters or |"
            )
    if labels != encoding.labels(types):
        raise ValueError(f"labels: {shown(labels)} are not the labels of {encoding.name}")
    return labels


# ---------------------------------------------------------------- the file


def _content(path: Path) -> dict[str, Any]:
    """The object in model.json, once it is sure that it is ours and that this program can read it."""
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
    if content.get("format") not in (FORMAT, DIGITS_FORMAT) or isinstance(content["format"], bool | float):
        raise ModelFolderError(
            f"has format {_plain(content.get('format'))} (written by {_plain(content.get('version'))}); "
            f"this is bilstm_crf {__version__}, which reads formats {FORMAT} and {DIGITS_FORMAT}",
            path=path,
            hint="install the version that wrote it, or train the model again",
        )
    return content


# ---------------------------------------------------------------- its values


def _description(content: Mapping[str, Any]) -> Description:
    encoding = ENCODINGS.get(_value(content, "encoding", str))
    if encoding is None:
        raise ValueError(f"encoding is {shown(content['encoding'])}, expected {' or '.join(ENCODINGS)}")
    digits = content.get("digits", "zero")  # older versions do not say
    if digits not in get_args(Digits):
        raise ValueError(f"digits is {shown(digits)}, expected {' or '.join(get_args(Digits))}")
    return Description(
        weights=_file_name(_value(content, "weights", str), "weights"),
        sha256=_sha256(content, "sha256"),
        labels=check_labels(_value(content, "labels", list), encoding),
        encoding=encoding,
        label_set=_label_set(_value(content, "label_set", dict)),
        architecture=_architecture(_value(content, "architecture", dict)),
        digits=digits,
        encoder=None if content.get("encoder") is None else _encoder(_value(content, "encoder", dict)),
        words=_count(content, "words"),
        dim=_count(content, "dim"),
        provenance=_value(content, "provenance", dict),
    )


def _architecture(content: Mapping[str, Any]) -> Architecture:
    """Return the architecture, checked against the bounds of the recipe's settings of the same names."""
    hints = get_type_hints(Architecture)
    check_fields(content, hints, required=(), where="architecture")
    for name, value in content.items():
        if not is_of_type(value, hints[name]):
            raise ValueError(f"architecture: {name} is {shown(value)}, expected {_type_name(hints[name])}")
        if hints[name] is int and not 0 <= value < 1 << 31:
            raise ValueError(f"architecture: {name} is {shown(value)}, expected a size")
    for name, value in content.items():
        if hints[name] is float and abs(value) > 1e15:  # and be it an int of a thousand digits
            raise ValueError(f"architecture: {name} is {shown(value)}, expected a number within its bounds")
    architecture = Architecture(**content)
    try:
        RunConfig().replace(architecture.settings())
    except UsageError as error:
        raise ValueError(f"architecture: {error}") from error
    return architecture


def _label_set(content: Mapping[str, Any]) -> LabelSet:
    check_fields(content, ("name", "types"), required=("name", "types"), where="label_set")
    name, types = _value(content, "name", str), content["types"]
    if types is not None:
        for type_, to in _value(content, "types", dict).items():
            if not isinstance(to, str) or not is_entity_type(to):
                raise ValueError(f"label_set: {shown(type_)} is {shown(to)}, expected an entity type")
    return LabelSet(name, types)


def _encoder(content: Mapping[str, Any]) -> EncoderDescription:
    known = [each.name for each in fields(EncoderDescription)]
    check_fields(content, known, required=known, where="encoder")
    folder = None if content["folder"] is None else _file_name(_value(content, "folder", str), "folder")
    settings, hints = _value(content, "settings", dict), get_type_hints(FeatureSettings)
    check_fields(settings, hints, required=(), where="the encoder's settings")
    for name, value in settings.items():
        if not is_of_type(value, hints[name]):
            raise ValueError(f"encoder: {name} is {shown(value)}, expected {_type_name(hints[name])}")
    name = _value(content, "name", str)
    if not name or not name.isprintable():
        raise ValueError(f"encoder: name is {shown(name)}, expected a folder or a name of the hub")
    return EncoderDescription(
        name,
        _value(content, "sha256", str),
        folder,
        _value(content, "tuned", bool),
        FeatureSettings(**settings),
    )


_NOTHING: Any = object()


def _value(content: Mapping[str, Any], name: str, type_: type[T], default: Any = _NOTHING) -> T:
    value = content.get(name, default)
    if value is _NOTHING:
        raise ValueError(f"{name} is missing")
    if not is_of_type(value, type_):
        raise ValueError(f"{name} is {shown(value)}, expected {_type_name(type_)}")
    return value


def _count(content: Mapping[str, Any], name: str) -> int:
    number = _value(content, name, int)
    if not 0 <= number < 1 << 31:
        raise ValueError(f"{name} is {shown(number)}, expected a number from 0")
    return number


def _sha256(content: Mapping[str, Any], name: str) -> str:
    digest = _value(content, name, str)
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{name} is {shown(digest)}, expected 64 hexadecimal digits")
    return digest


def _file_name(name: str, what: str) -> str:
    """The name, where it is one of a file in the model's own folder: no model reaches outside of it."""
    outside = name in ("", ".", "..") or set(name) & {"/", os.sep, os.altsep}
    if outside or not name.isprintable() or len(name.encode()) > 255:
        raise ValueError(f"{what} is {shown(name)}, expected the name of a file in this folder")
    return name


def check_fields(
    content: Iterable[str], known: Iterable[str], *, required: Iterable[str], where: str
) -> None:
    """Raises UsageError for a name in `content` that is not known, or a required one that is missing."""
    for name in content:
        if name not in known:
            raise UsageError(f"{where} has no field {name}.{did_you_mean(name, known)}")
    for name in required:
        if name not in content:
            raise UsageError(f"{where} lacks the field {name}")


def is_of_type(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of a field's type: a class, a list of one, literals, or a union of such."""
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return isinstance(value, list) and all(is_of_type(each, typing.get_args(hint)[0]) for each in value)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(is_of_type(value, each) for each in typing.get_args(hint))
    if hint is float:
        hint = (float, int)  # JSON and TOML write 1 for 1.0
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _type_name(hint: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    names |= {list: "a list", dict: "an object"}
    return names.get(hint) or " or ".join(map(str, get_args(hint)))


def shown(value: Any) -> str:
    r"""Return a value of JSON for a message: on one line, and short.

    >>> shown(None), shown("B-\n"), shown([1] * 99)
    ('null', "'B-\\n'", '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,…')
    """
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a number of more than 40 digits"
    return _short(ascii(value[:40]) if isinstance(value, str | list) else ascii(value), 40)


def _plain(value: Any) -> str:
    """A value that need not be quoted: the number of a version."""
    return _short(str(value), 40) if str(value).isprintable() else shown(value)


def _short(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
