"""Read what clients send: JSON to be tagged, the options of an address, annotation to be written.

Every value is checked before anything is tagged. Any bytes give a request or one ProblemError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.inference.arguments import check_text, check_texts, check_tokens
from bilstm_crf.inference.decoding import MAX_NBEST, Decoding
from bilstm_crf.server.problems import ProblemError

Object = dict[str, Any]

INPUTS = ("text", "texts", "tokens")
# The options of a request in JSON, and what each must be
OPTIONS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "model": (str, "the name of a model"),
    "scores": (bool, "true or false"),
    "min_score": ((int, float), "a number from 0 to 1"),
    "recall": ((int, float), "a number from 0 to 1"),
    "nbest": (int, f"a whole number from 1 to {MAX_NBEST}"),
    "consistent": (bool, "true or false"),
    "utf16": (bool, "true or false"),
}
DECODING = ("scores", "min_score", "recall", "nbest", "consistent")


@dataclass(frozen=True)
class TagRequest:
    """Texts, or sentences of words, and how to tag them."""

    texts: list[str] | None
    sentences: list[list[str]] | None
    model: str | None
    options: Object  # fields of `Decoding`
    utf16: bool


def parse_json(body: bytes) -> Object:
    """Return the object that a body holds. Raises ProblemError for anything else."""
    try:
        content = body.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ProblemError(400, f"the body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise ProblemError(400, "the body is nested too deeply") from None
    except ValueError:  # NaN, and numbers of thousands of digits
        raise ProblemError(400, "the body holds a number that JSON has not") from None
    if not isinstance(value, dict):
        raise ProblemError(400, f"the body is {kind_of(value)}, expected an object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def tag_request(body: bytes) -> TagRequest:
    """Return the request that a JSON body describes. Raises ProblemError."""
    content = parse_json(body)
    check_keys(content, (*INPUTS, *OPTIONS))
    given = [key for key in INPUTS if key in content]
    if len(given) != 1:
        found = "none of them" if not given else " and ".join(map(repr, given))
        raise ProblemError(400, f"found {found}, expected one of 'text', 'texts' and 'tokens'")
    options = {key: _option(key, content[key]) for key in OPTIONS if content.get(key) is not None}
    texts, sentences = _inputs(given[0], content[given[0]])
    return TagRequest(
        texts,
        sentences,
        options.get("model"),
        {key: options[key] for key in DECODING if key in options},
        options.get("utf16", False),
    )


def _inputs(key: str, value: Any) -> tuple[list[str] | None, list[list[str]] | None]:
    """Return texts, or sentences of words: `tokens` holds those of one sentence, or a list of these."""
    try:
        if key == "text":
            return [check_text(value, "'text'")], None
        if not isinstance(value, list):
            raise TypeError(f"{key!r} is {kind_of(value)}, expected a list")
        if key == "texts":
            return list(check_texts(value)), None
        if value and all(isinstance(each, list) for each in value):
            return None, [check_tokens(each, f"item {number}") for number, each in enumerate(value)]
        return None, [check_tokens(value)] if value else []
    except (TypeError, ValueError) as error:
        raise ProblemError(400, str(error)) from None


def _option(key: str, value: Any) -> Any:
    """Return the value of an option of a JSON body."""
    types, expected = OPTIONS[key]
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise ProblemError(400, f"{key!r} is {kind_of(value)}, expected {expected}")
    return value


def decoding_of(options: Mapping[str, Any]) -> Decoding:
    """Return the decoding of a request. Raises ProblemError for values out of bounds."""
    try:
        return Decoding(**options)
    except UsageError as error:
        raise ProblemError(400, error.message, hint=error.hint) from None


# ---------------------------------------------------------------- the options of an address

WORDS = {"true": True, "1": True, "yes": True, "": True, "false": False, "0": False, "no": False}


def query_options(given: Mapping[str, str], known: tuple[str, ...]) -> Object:
    """Return the options of an address; those of OPTIONS as their types. Raises ProblemError."""
    check_keys(given, known, "option")
    return {key: _query_value(key, value) for key, value in given.items()}


def _query_value(key: str, value: str) -> Any:
    types, expected = OPTIONS.get(key, (str, ""))
    try:
        if types is bool:
            return WORDS[value.lower()]
        if types is int:
            return int(value)
        if types == (int, float):
            number = float(value)
            if not math.isnan(number):
                return number
            raise ValueError(value)
    except (KeyError, ValueError):
        raise ProblemError(400, f"{key} is {value[:40]!r}, expected {expected}") from None
    return value


def check_keys(given: Mapping[str, Any], known: tuple[str, ...], what: str = "key") -> None:
    """Raise ProblemError for a key that is not known."""
    for key in given:
        if key not in known:
            shown = key if len(key) <= 40 else key[:39] + "…"
            raise ProblemError(
                400,
                f"{shown!r} is no {what} of this request.{did_you_mean(key[:40], known)}",
                hint=f"known: {' '.join(known)}",
            )


def kind_of(value: Any) -> str:
    """Return what a value of JSON is, for messages."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds[type(value)]
