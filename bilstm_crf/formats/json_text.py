"""Replace values in the text of JSON and keep all other bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]  # keys and indices, from the outermost value inwards

WHITE = " \t\r\n"
MAX_DEPTH = 500  # of nested values; the limit of Python's decoder varies with its stack


def _whole_number(digits: str) -> int | float:
    """Python refuses to convert more than 4,300 digits."""
    return int(digits) if len(digits) < 4_000 else float(digits)


_DECODER, _PATIENT = json.JSONDecoder(), json.JSONDecoder(parse_int=_whole_number)


def _decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of too many digits
        return _PATIENT.raw_decode(text, start)


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Parse the value that begins at `start`; return it and the position behind it.

    Raises JSONDecodeError (a ValueError) for invalid JSON, ValueError for JSON that is nested too deeply.
    """
    try:
        value, end = _decode(text, start)
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deeply") from error
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH:
        _require_flat(value)
    return value, end


def _require_flat(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"not JSON that can be read: nested too deeply, more than {MAX_DEPTH} levels")


def skip(text: str, position: int, passed: str = WHITE) -> int:
    """Return the first position from `position` on that holds none of the characters `passed`."""
    while position < len(text) and text[position] in passed:
        position += 1
    return position


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def dump(value: Any) -> str:
    """Return the value as JSON, without escapes for letters."""
    return _ENCODER.encode(value)


def with_values(text: str, changes: Mapping[Path, Any]) -> str:
    """Replace the values at these paths in place; append those that an object lacks.

    `text` is valid JSON and has the container of each path. All else is preserved byte for byte, which
    parsing and dumping would not do: spaces, escapes, 1.0e5.

    >>> with_values('{"a":1, "b" : [2, {}]}', {("b", 1, "x"): [], ("c",): "å"})
    '{"a":1, "b" : [2, {"x": []}], "c": "å"}'
    """
    edits: list[tuple[int, int, str]] = []
    for parent in dict.fromkeys(path[:-1] for path in changes):
        places, close = _members(text, _locate(text, parent))
        appended = []
        for path, value in changes.items():
            if path[:-1] != parent:
                continue
            if path[-1] in places:
                edits.append((*places[path[-1]], dump(value)))
            else:
                appended.append(f"{dump(path[-1])}: {dump(value)}")
        if appended:
            edits.append((close, close, ", " * bool(places) + ", ".join(appended)))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _locate(text: str, path: Path) -> int:
    """Return where the value at this path begins."""
    start = skip(text, 0)
    for step in path:
        start = _members(text, start)[0][step][0]
    return start


def _members(text: str, start: int) -> tuple[dict[str | int, tuple[int, int]], int]:
    """Return the places of the values of an object or list by key or index, and the end of the last.

    Of a repeated key, the last one counts, as for every JSON parser.
    """
    places: dict[str | int, tuple[int, int]] = {}
    end = start + 1
    for key, begin, end in _walk(text, start):
        places[key] = (begin, end)
    return places, end


def _walk(text: str, start: int) -> Iterator[tuple[str | int, int, int]]:
    is_object = text[start] == "{"
    end, index = start + 1, 0
    while text[begin := skip(text, end, WHITE + ",")] not in "]}":
        key: str | int = index
        if is_object:
            key, end = _decode(text, begin)
            begin = skip(text, end, WHITE + ":")
        _, end = _decode(text, begin)
        yield key, begin, end
        index += 1
