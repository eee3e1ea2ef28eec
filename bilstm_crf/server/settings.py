"""Limits of a server, and the models that it serves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from bilstm_crf.errors import UsageError
from bilstm_crf.hub.names import Repository, parse_name
from bilstm_crf.inference.tagger import Tagger

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Limits and secrets of a server. Raises UsageError for values that make no sense."""

    host: str = "127.0.0.1"
    token: str | None = None  # that clients must send; None: anyone may ask
    max_body: int = 4 * MEGABYTE  # bytes of a request that is read as a whole
    max_stream: int = 1_000 * MEGABYTE  # bytes of a file that is tagged while it arrives
    timeout: float = 60.0  # seconds: for a whole body, and between two parts of a stream
    threads: int = 1  # that tag
    max_waiting: int = 256  # requests in the queue; more are refused
    max_streams: int = 16  # files that are tagged at once; more are refused

    def __post_init__(self) -> None:
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable()):
            raise UsageError("the token holds characters that no HTTP header can hold: expected ASCII")
        if self.token is not None and not self.token.strip():
            raise UsageError("the token is empty, expected at least one character")
        if self.token is not None and self.token != self.token.strip():
            raise UsageError("the token begins or ends with white space, which no HTTP header keeps")

    @property
    def max_annotation(self) -> int:
        """Bytes of annotation to convert: with the offsets of all words it is several times its text."""
        return 8 * self.max_body

    @property
    def on_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        return is_loopback(self.host)


@dataclass(frozen=True)
class ServedModel:
    """A model under the name that requests use."""

    name: str
    tagger: Tagger

    def describe(self) -> dict[str, Any]:
        """Return what `/v1/models` says about it."""
        model = self.tagger.model
        return {
            "name": self.name,
            "entity_types": sorted(self.tagger.entity_types),
            "label_set": model.label_set.name,
            "encoding": model.encoding,
            "reads_neighbours": self.tagger.reads_neighbours,
        }


def is_loopback(host: str) -> bool:
    """Return whether a name or address is this machine's for itself. `127.0.0.1.example.org` is not."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def named_models(given: Iterable[str]) -> dict[str, str | None]:
    """Return the model of each `--model NAME=MODEL` or `MODEL` by its name; the box without any.

    MODEL is a folder or OWNER/NAME (`hub.names.parse_name`). Raises UsageError for a name twice, and for one
    that cannot stand in an address.
    """
    models: dict[str, str | None] = {}
    for each in given:
        name, equals, model = each.partition("=")
        if not equals or "/" in name:
            name, model = _name_of(each), each
        if not NAME.fullmatch(name):
            raise UsageError(
                f"--model {each}: {name!r} is no name for a model, expected letters, digits, . _ or -",
                hint="--model NAME=MODEL gives it one",
            )
        if name in models:
            raise UsageError(f"--model {each}: another model is called {name}", hint="--model NAME=MODEL")
        models[name] = model
    return models or {"box": None}


def _name_of(model: str) -> str:
    """Return the name of a model that was given without one."""
    place = parse_name(model)
    return place.id.rpartition("/")[2] if isinstance(place, Repository) else place.resolve().name
