"""JSONL: one object a line, {"text": …, "tokens": […], "entities": [{"start", "end", "label"}]}.

Offsets count code points of `text`. Without `tokens` the text is split into words, one sentence an object,
however long; without `text` it is the tokens with a space between. Other keys come back as they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

from bilstm_crf.errors import InputError
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, decode
from bilstm_crf.formats.offsets import align, joined, located
from bilstm_crf.formats.text import sentence_of
from bilstm_crf.labels import ENCODINGS, is_entity_type
from bilstm_crf.sentence import Sentence, Span

name = "jsonl"
suffixes: tuple[str, ...] = (".jsonl",)


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. `id` and `document`, where they are strings or numbers, name the sentence's."""
    for number, line in enumerate(iter(stream.readline, b""), 1):
        text = decode(line, number, path)
        body = text.removeprefix(BOM) if number == 1 else text
        sentence = Sentence([], path=path, line=number)
        if body.strip():
            try:
                _fill(sentence, _object(body.rstrip("\r\n")), options)
            except ValueError as error:
                raise InputError(str(error), path=path, line=number, found=body.rstrip("\r\n")) from error
        if options.keep_raw:
            sentence.raw = text
        else:
            sentence.text = sentence.offsets = None
        if options.keep_raw or sentence.tokens:
            yield sentence


def _object(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at position {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read: nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError(f"expected an object, found {_kind(content)}")
    return content


def _kind(value: Any) -> str:
    kinds = {str: "a string", bool: "a truth value", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def _fill(sentence: Sentence, content: dict[str, Any], options: FormatOptions) -> None:
    """Sets what the object says. Raises ValueError, in words for the user, where it cannot be."""
    text, tokens = content.get("text"), content.get("tokens")
    if text is None and tokens is None:
        raise ValueError('neither "text" nor "tokens", expected one of them or both')
    if not isinstance(text, str | None):
        raise ValueError(f'"text" is {_kind(text)}, expected a string')
    if tokens is not None and not _is_words(tokens):
        raise ValueError('"tokens" is not a list of strings that each hold something')
    _check_unicode("".join(tokens or ()) if text is None else text)
    if tokens is None:
        whole = sentence_of(text or "", options.tokenise)
        sentence.tokens, sentence.text, sentence.offsets = whole.tokens, whole.text, whole.offsets
    else:
        sentence.tokens = tokens
        sentence.text, sentence.offsets = joined(tokens) if text is None else (text, align(tokens, text))
        if sentence.offsets is None:
            raise ValueError(
                '"tokens" are not the words of "text" in its order, with only white space between'
            )
    for key in ("id", "document"):
        if isinstance(content.get(key), str | int):
            name_ = str(content[key])
            _check_unicode(name_)  # other formats write it
            setattr(sentence, key, name_)
    if content.get("entities") is not None:
        spans = _spans(content["entities"], sentence)
        sentence.labels = ENCODINGS["iob"].encode(spans, len(sentence))


def _is_words(tokens: Any) -> bool:
    return isinstance(tokens, list) and all(isinstance(word, str) and word.strip(" ") for word in tokens)


def _check_unicode(text: str) -> None:
    """JSON can escape half of a surrogate pair, which is no character and cannot be written again."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the text holds half a surrogate pair, {text[error.start]!r}") from error


def _spans(entities: Any, sentence: Sentence) -> list[Span]:
    if not isinstance(entities, list):
        raise ValueError(f'"entities" is {_kind(entities)}, expected a list')
    starts = {start: position for position, (start, _) in enumerate(sentence.offsets or ())}
    ends = {end: position + 1 for position, (_, end) in enumerate(sentence.offsets or ())}
    spans: list[Span] = []
    for entity in entities:
        start, end, label = _entity(entity)
        if start not in starts or end not in ends or starts[start] >= ends[end]:
            covered = (sentence.text or "")[max(start, 0) : max(end, 0)]
            raise ValueError(
                f"the entity {start} to {end}, {covered!r}, does not begin and end with a token"
                f" (tokens: {' '.join(sentence.tokens)[:60]})"
            )
        spans.append(Span(starts[start], ends[end], label))
    spans.sort()
    for span, after in pairwise(spans):
        if span.end > after.start:
            raise ValueError(f"two entities overlap at {' '.join(sentence.tokens[after.start : span.end])!r}")
    return spans


def _entity(entity: Any) -> tuple[int, int, str]:
    if isinstance(entity, dict):
        start, end, label = (entity.get(key) for key in ("start", "end", "label"))
        if type(start) is int and type(end) is int and isinstance(label, str):
            _check_unicode(label)
            if not is_entity_type(label):
                raise ValueError(f"the label {label!r} is empty or has blanks or |, or is O itself")
            return start, end, label
    raise ValueError('an entity is not {"start": number, "end": number, "label": "PER"}')


# ---------------------------------------------------------------- writing


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. `entities` is replaced where it stands, unless it says the same already.

    What the object has not, of `text`, `tokens` and `entities`, is put at its end.
    """
    line: str = sentence.raw
    if sentence.spans is None or "{" not in line:
        return line.encode()
    content = json.loads(line.removeprefix(BOM))
    said, wanted = content.get("entities"), _entities(sentence, sentence.offsets or [])
    changes: dict[str, Any] = {}
    if content.get("text") is None:
        changes["text"] = sentence.text
    if content.get("tokens") is None:
        changes["tokens"] = sentence.tokens
    if said is None or sorted(map(_entity, said)) != sorted(map(_entity, wanted)):
        changes["entities"] = wanted
    return _with_members(line, changes).encode()


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. A multi-word token is one token here, as it stands in the text."""
    if not sentence.tokens:
        return b""
    text, offsets = located(sentence)
    content: dict[str, Any] = {"id": sentence.id, "document": sentence.document}
    content = {key: value for key, value in content.items() if value is not None}
    content |= {"text": text, "tokens": [text[start:end] for start, end in dict.fromkeys(offsets)]}
    if sentence.spans is not None:
        content["entities"] = _entities(sentence, offsets)
    return (_dump(content) + "\n").encode()


def _entities(sentence: Sentence, offsets: list[tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {"start": offsets[start][0], "end": offsets[end - 1][1], "label": type_}
        for start, end, type_ in sentence.spans or ()
    ]


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _with_members(line: str, changes: dict[str, Any]) -> str:
    """The object in `line` with these members replaced where they stand, else appended.

    All else stays byte for byte, which parsing and dumping would not give: spaces, escapes, 1.0e5.

    >>> _with_members('{"a":1, "b" : [2]}', {"b": [], "c": "å"})
    '{"a":1, "b" : [], "c": "å"}'
    """
    places, close = _members(line)
    appended = [f"{_dump(key)}: {_dump(changes[key])}" for key in changes if key not in places]
    if appended:
        line = line[:close] + ", " * bool(places) + ", ".join(appended) + line[close:]
    for key in sorted(changes.keys() & places.keys(), key=places.__getitem__, reverse=True):
        start, end = places[key]
        line = line[:start] + _dump(changes[key]) + line[end:]
    return line


def _members(line: str) -> tuple[dict[str, tuple[int, int]], int]:
    """Where the value of each member of the object in `line` stands, and where the last one ends.

    The line is known to be JSON, so that what lies between keys and values need not be looked at.
    """
    decoder = json.JSONDecoder()
    places: dict[str, tuple[int, int]] = {}
    end = line.index("{") + 1
    while True:
        start = _skip(line, end)
        if line[start] == "}":
            return places, end
        key, end = decoder.raw_decode(line, start)
        start = _skip(line, end)
        _, end = decoder.raw_decode(line, start)
        places[key] = (start, end)


def _skip(line: str, position: int) -> int:
    while line[position] in " \t\r\n,:":
        position += 1
    return position
