"""Annotation that a client sends, such as corrections made on the page, as sentences to be written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bilstm_crf.formats import text as text_format
from bilstm_crf.inference.arguments import check_text
from bilstm_crf.labels import is_entity_type
from bilstm_crf.sentence import Origin, Sentence, TokenSpan
from bilstm_crf.server.problems import ProblemError
from bilstm_crf.server.requests import check_keys, kind_of, parse_json

FILE_KEYS = ("name", "sentences")
SENTENCE_KEYS = ("text", "tokens", "entities", "before", "after", "start", "line", "document", "id")
ENTITY_KEYS = ("start", "end", "label", "score")


def annotated_sentences(body: bytes) -> list[Sentence]:
    """Return the sentences of {"files": [{"name", "sentences": [{"text", "tokens", "entities"}]}]}.

    `tokens` are pairs of offsets in the sentence's text, entities begin and end where tokens do; all in code
    points. Raises ProblemError, which names the file and the sentence.
    """
    content = parse_json(body)
    check_keys(content, ("files",))
    found: list[Sentence] = []
    for number, file in enumerate(_list(content, "files", "the body")):
        where = f"files[{number}]"
        _require_object(file, where)
        check_keys(file, FILE_KEYS)
        name = _string(file, "name", where)
        for place, each in enumerate(_list(file, "sentences", where)):
            found.append(_sentence(each, name, f"{where}.sentences[{place}]"))
    return found


def _sentence(given: Any, name: str, where: str) -> Sentence:
    _require_object(given, where)
    check_keys(given, SENTENCE_KEYS)
    text = _string(given, "text", where)
    offsets = list(_offsets(given, len(text), where))
    spans, scores = _spans(given, offsets, where)
    sentence = Sentence(
        [text[start:end] for start, end in offsets],
        token_spans=spans,
        scores=scores if any(each is not None for each in scores) else None,  # type: ignore[arg-type]
        text=text,
        offsets=offsets,
        document=_string(given, "document", where) or None,
        id=_string(given, "id", where) or None,
        path=name,
        line=_whole(given.get("line", 0), f"{where}.line"),
    )
    if "start" in given:  # a text: it has a place in the file, and white space around it
        sentence.origin = Origin(name or None, sentence.line or 1, _whole(given["start"], f"{where}.start"))
        sentence.raw = text_format.Raw(_string(given, "before", where), _string(given, "after", where))
    return sentence


def _offsets(given: dict[str, Any], length: int, where: str) -> Iterator[tuple[int, int]]:
    reached = 0
    for number, pair in enumerate(_list(given, "tokens", where)):
        if not (isinstance(pair, list) and len(pair) == 2):
            raise ProblemError(400, f"{where}.tokens[{number}] is no pair of offsets")
        start, end = (_whole(each, f"{where}.tokens[{number}]") for each in pair)
        if not reached <= start < end <= length:
            message = f"{where}.tokens[{number}] is [{start}, {end}], expected offsets in order in the text"
            raise ProblemError(400, message)
        reached = end
        yield start, end


def _spans(
    given: dict[str, Any], offsets: list[tuple[int, int]], where: str
) -> tuple[list[TokenSpan], list[float | None]]:
    """Return the spans of a sentence, in order, and the score of each."""
    starts, ends = [start for start, _ in offsets], [end for _, end in offsets]
    found: list[tuple[TokenSpan, float | None]] = []
    for number, entity in enumerate(_list(given, "entities", where)):
        here = f"{where}.entities[{number}]"
        _require_object(entity, here)
        check_keys(entity, ENTITY_KEYS)
        start, end = (_whole(entity.get(key), f"{here}.{key}") for key in ("start", "end"))
        first, last = bisect_left(starts, start), bisect_left(ends, end)
        if first > last or last >= len(ends) or starts[first] != start or ends[last] != end:
            raise ProblemError(400, f"{here}: [{start}, {end}] does not begin and end where tokens do")
        label = _string(entity, "label", here)
        if not is_entity_type(label):
            raise ProblemError(400, f"{here}.label is {label[:40]!r}, expected an entity type such as PER")
        score = entity.get("score")
        if score is not None and (type(score) not in (int, float) or not 0 <= score <= 1):
            shown = score if type(score) is float else kind_of(score)
            raise ProblemError(400, f"{here}.score is {shown}, expected a number from 0 to 1")
        found.append((TokenSpan(first, last + 1, label), score))
    found.sort(key=lambda each: each[0])
    for (one, _), (other, _) in pairwise(found):
        if one.end > other.start:
            raise ProblemError(400, f"{where}: two entities overlap at token {other.start}")
    return [span for span, _ in found], [score for _, score in found]


def _require_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise ProblemError(400, f"{where} is {kind_of(value)}, expected an object")


def _list(given: dict[str, Any], key: str, where: str) -> list[Any]:
    value = given.get(key, [])
    if not isinstance(value, list):
        raise ProblemError(400, f"{where}: {key!r} is {kind_of(value)}, expected a list")
    return value


def _string(given: dict[str, Any], key: str, where: str) -> str:
    value = given.get(key, "")
    try:
        return check_text(value, f"{where}.{key}")
    except (TypeError, ValueError) as error:
        raise ProblemError(400, str(error)) from None


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        found = value if type(value) is int else kind_of(value)
        raise ProblemError(400, f"{where} is {found}, expected a whole number from 0")
    return value
