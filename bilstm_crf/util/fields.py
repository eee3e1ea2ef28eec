"""Settings in nested frozen dataclasses: one reader and one writer for TOML, JSON and the command line.

A field made by `setting` carries its default, bounds, unit and help. A setting is named by its path,
`lstm.hidden`. Tables may nest (`[lstm] hidden = 300`) or name paths; the name of a part stands for its main
setting (`optimizer = "adam"`), and a bare name for its path where only one part has it (`hidden`).
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import reprlib
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar

from bilstm_crf.errors import UsageError, did_you_mean

T = TypeVar("T")
NONE = (None, "none")  # what stands for no value, and for the absence of an optional part
MAX_NUMBER = sys.float_info.max  # infinity is no setting
FLAGS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def setting(default: Any, help: str, otherwise: str = "", *, compare: bool = True, **info: Any) -> Any:
    """Return a dataclass field that holds one setting.

    `help` says what it is, with its unit, and `otherwise` what holds by default, where that is not the
    default's text. With `compare=False`, configurations that differ in this setting alone are equal. `info`
    are the fields of `SettingInfo`.
    """
    info = {"info": SettingInfo(help, otherwise, **info)}
    return field(default=default, compare=compare, metadata=info)


def option(option: str, default: Any, help: str, otherwise: str = "", **more: Any) -> Any:
    """Return a `setting` with an option of its own on the command line, such as "--seed N"."""
    return setting(default, help, otherwise, option=option, **more)


@dataclass(frozen=True)
class SettingInfo:
    """The metadata of a setting: help, bounds and option."""

    help: str
    otherwise: str
    low: float = 0  # the smallest value
    high: float = MAX_NUMBER  # the largest value
    below: float = math.inf  # what a value must be less than
    remainder: int | None = None  # of a division by 2
    pattern: str = ""  # that a text must match as a whole
    expected: str = ""  # what a value must be, for an error; "": as type and bounds say
    option: str = ""  # its own option of the command line, with a placeholder
    main: bool = False  # whether the name of its part alone means this setting


@dataclass(frozen=True)
class Setting:
    """One setting of a configuration: its path, type, default and the metadata given to `setting`."""

    path: str
    kind: Any  # int, float, bool, str or a Literal
    several: bool  # whether the setting is a tuple of these
    optional: bool  # whether None is a value
    default: Any
    info: SettingInfo

    @property
    def option(self) -> str:
        """The option of the command line that sets it; empty for one that only --set does."""
        return self.info.option.partition(" ")[0]

    def read(self, value: Any, *, text: bool = False) -> Any:
        """Return a value from a file, or with `text` from the command line, as the type of the setting.

        Raises UsageError for a value of another type, and for one outside the bounds.
        """
        if self.optional and (value is None or (text and value == "none")):
            return None
        try:
            if not self.several:
                return self._within(_typed(self.kind, value, text))
            if not isinstance(value, list | tuple):
                value = value.split(",") if text else [value]
            return tuple(self._within(_typed(self.kind, each, text)) for each in value)
        except (KeyError, TypeError, ValueError, OverflowError):
            guess = did_you_mean(str(value), typing.get_args(self.kind)).replace(" Did", ". Did")
            shown = as_text(value) if isinstance(value, tuple | list) else value
            found = f"{self.path} is {reprlib.repr(shown)}"
            raise UsageError(f"{found}, expected {self.expected}{guess}") from None

    def _within(self, value: Any) -> Any:
        """Return the value. Raises ValueError where it is outside the bounds."""
        info = self.info
        if self.kind in (int, float):
            right = info.low <= value <= info.high and value < info.below  # false for NaN too
            right &= info.remainder is None or value % 2 == info.remainder
        else:
            right = not info.pattern or re.fullmatch(info.pattern, value) is not None
        if not right:
            raise ValueError
        return value

    @property
    def expected(self) -> str:
        """A description of the expected value, for an error."""
        info = self.info
        if info.expected:
            return info.expected
        if self.kind not in (int, float):
            *first, last = typing.get_args(self.kind) or [{bool: "true or false"}.get(self.kind, "text")]
            return f"{', '.join(first)} or {last}" if first else last
        whole = {None: "a whole number", 0: "an even number", 1: "an odd number"}[info.remainder]
        limits = {"{:,} or more": info.low, "at most {:,}": info.high, "less than {:,}": info.below}
        bounds = [text.format(limit) for text, limit in limits.items() if limit < MAX_NUMBER]
        return f"{whole if self.kind is int else 'a number'}, {' and '.join(bounds)}"


def _typed(kind: Any, value: Any, text: bool) -> Any:
    """Return the value as this type. Raises an error for one that is none of it."""
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)[typing.get_args(kind).index(value)]
    if text and isinstance(value, str):
        return FLAGS[value.lower()] if kind is bool else kind(value)
    allowed = {bool: (bool,), str: (str, int), int: (int,), float: (int, float)}[kind]
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return kind(value)  # a number may stand for the text of a column or a layer


# ---------------------------------------------------------------- the settings of a configuration


@cache
def settings_of(cls: type) -> dict[str, Setting]:
    """Return the settings of a configuration and of all its parts, by path, in order."""
    return {each.path: each for each in _settings(cls)}


def _settings(cls: type) -> Iterator[Setting]:
    hints = typing.get_type_hints(cls)
    for each in dataclasses.fields(cls):
        kind, optional = _without_none(hints[each.name])
        if dataclasses.is_dataclass(kind):
            for inner in settings_of(typing.cast(type, kind)).values():
                yield dataclasses.replace(inner, path=f"{each.name}.{inner.path}")
        else:
            several = typing.get_origin(kind) is tuple
            kind = typing.get_args(kind)[0] if several else kind
            yield Setting(each.name, kind, several, optional, each.default, each.metadata["info"])


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type without None, and whether it allowed None."""
    kinds = [each for each in typing.get_args(hint) if each is not types.NoneType]
    is_union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return (kinds[0], True) if is_union else (hint, False)


@cache
def parts_of(cls: type) -> dict[str, type]:
    """Return the classes of a configuration's parts, by name."""
    kinds = {name: _without_none(hint)[0] for name, hint in typing.get_type_hints(cls).items()}
    return {name: kind for name, kind in kinds.items() if hasattr(kind, "__dataclass_fields__")}


def full_path(cls: type, name: str) -> str:
    """Return the path of a setting that is named by its path, its part or its bare name.

    Raises UsageError for a name that is unknown, or that several parts have.
    """
    known, name = settings_of(cls), name.strip().replace("-", "_")
    if name in known:
        return name
    main = [path for path, each in known.items() if each.info.main and path.startswith(f"{name}.")]
    bare = [path for path in known if path.endswith(f".{name}")]
    # An optional part, which is absent by default, does not make its neighbours' names ambiguous
    always = [path for path in bare if getattr(cls, path.partition(".")[0]) is not None]
    found = main or always or bare
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"the setting {name} could be {' or '.join(found)}", hint="give its whole name")
    near = known if "." in name else {path.rpartition(".")[2] for path in known}
    guess = did_you_mean(name, near)
    hint = None if guess else f"settings: {' '.join(known)}"
    raise UsageError(f"{name!r} is not a setting.{guess}", hint=hint)


def short_name(cls: type, path: str) -> str:
    """Return the shortest name of a setting, the inverse of `full_path`."""
    part, _, name = path.partition(".")
    if settings_of(cls)[path].info.main:
        return part
    try:
        return name if full_path(cls, name) == path else path
    except UsageError:
        return path


def read(cls: type, content: Mapping[str, Any], *, text: bool = False) -> dict[str, Any]:
    """Return the values of a table by path, each as the type of its setting; an absent part is None.

    With `text`, the values are strings of the command line. Raises UsageError for an unknown name, a value
    of another type and one outside its bounds.
    """
    found: dict[str, Any] = {}
    for name, value in content.items():
        is_part = name.strip() in parts_of(cls) and isinstance(value, Mapping)
        inner = {f"{name.strip()}.{key}": each for key, each in value.items()} if is_part else {name: value}
        for path, each in ((full_path(cls, key), each) for key, each in inner.items()):
            if path in found:
                raise UsageError(f"the setting {path} is given twice", hint=f"give {path} once")
            setting, (part, _, _) = settings_of(cls)[path], path.partition(".")
            if setting.info.main and getattr(cls, part) is None and each in NONE:
                found[part] = None
            else:
                found[path] = setting.read(each, text=text)
    return found


def merge(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of several tables by path; later ones win. An absent part has no settings."""
    merged: dict[str, Any] = {}
    for path, value in (item for table in tables for item in table.items()):
        part, dot, _ = path.partition(".")
        if dot:
            merged.pop(part, None)
        else:
            merged = {name: each for name, each in merged.items() if not name.startswith(f"{path}.")}
        merged[path] = value
    return merged


def replace(config: T, content: Mapping[str, Any], *, text: bool = False) -> T:
    """Return the configuration with the values of a table.

    Raises UsageError as `read` does, and for settings of an optional part that is not there and that the
    table does not name.
    """
    cls: type = type(config)
    given_of: dict[str, dict[str, Any]] = {}
    own: dict[str, Any] = {}
    for path, value in read(cls, content, text=text).items():
        part, dot, name = path.partition(".")
        if dot:
            given_of.setdefault(part, {})[name] = value
        else:
            own[part] = value
    for part, given in given_of.items():
        there = own.get(part, getattr(config, part))
        kind = parts_of(cls)[part]
        first = dataclasses.fields(kind)[0].name
        if there is None and first not in given:
            named = ", ".join(f"{part}.{name}={as_text(value)}" for name, value in given.items())
            option = settings_of(cls)[f"{part}.{first}"].info.option
            raise UsageError(f"{named}, but there is no {part}", hint=f"name one: {option or part}")
        own[part] = kind(**given) if there is None else dataclasses.replace(there, **given)
    return dataclasses.replace(config, **own)  # type: ignore[type-var]


def check_bounds(config: Any) -> None:
    """Raise UsageError for a value that its setting would not read."""
    cls: type = type(config)
    for path, each in settings_of(cls).items():
        if (value := get(config, path, ...)) is not ...:
            each.read(value)


def get(config: Any, path: str, absent: Any = None) -> Any:
    """Return the value of a setting; `absent` where its part is not there."""
    part, dot, name = path.partition(".")
    if not dot:
        return getattr(config, part)
    return absent if getattr(config, part) is None else getattr(getattr(config, part), name)


def changes(config: T, base: T) -> dict[str, Any]:
    """Return the settings, by path, that `config` has otherwise than `base`; `replace` takes them back."""
    found: dict[str, Any] = {}
    cls: type = type(config)
    for path, each in settings_of(cls).items():
        value = get(config, path, each.default)
        if value != get(base, path, each.default):
            found[path] = value
    gone = [part for part in parts_of(cls) if getattr(config, part) is None]
    return found | {part: None for part in gone if getattr(base, part) is not None}


# ---------------------------------------------------------------- the writer


def to_toml(values: Mapping[str, Any]) -> str:
    """Return settings by path, as of `changes`, as the lines of a TOML file that `replace` reads back."""
    as_json = (json.dumps("none" if each is None else each, ensure_ascii=False) for each in values.values())
    lines = (f"{path} = {value}\n" for path, value in zip(values, as_json, strict=True))
    return "".join(lines).replace("\x7f", r"\u007f")  # which JSON takes and TOML does not


def as_text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(as_text, value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
