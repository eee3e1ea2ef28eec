"""From entities at character offsets to spans of tokens, for formats that annotate a text (JSON, brat)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

from bilstm_crf.sentence import Sentence, TokenSpan


class Entity(NamedTuple):
    """Offsets in the text, in code points."""

    start: int
    end: int
    label: str


class EntityError(ValueError):
    """An entity that is no span of tokens.

    `overlaps`: it shares tokens with another; `moved`: it says that it is another text.
    """

    def __init__(self, message: str, entity: Entity, *, overlaps: bool = False, moved: bool = False) -> None:
        super().__init__(message)
        self.entity = entity
        self.overlaps = overlaps
        self.moved = moved


def without_white_space(entity: Entity, sentence: Sentence) -> Entity:
    """Return the entity without white space at its ends, unless that belongs to a token.

    An entity of nothing but white space, or outside the text, is returned as it is.
    """
    text, (start, end, _) = sentence.text or "", entity
    if not 0 <= start < end <= len(text) or text[start:end].isspace():
        return entity
    while text[start].isspace() and not _is_token_end(sentence, start, side=0):
        start += 1
    while text[end - 1].isspace() and not _is_token_end(sentence, end, side=1):
        end -= 1
    return Entity(start, end, entity.label)


def _is_token_end(sentence: Sentence, place: int, *, side: Literal[0, 1]) -> bool:
    """Return whether a token begins (side 0) or ends (side 1) at a place; a document has many tokens."""
    offsets = sentence.offsets or []
    number = bisect_left(offsets, place, key=lambda pair: pair[side])
    return number < len(offsets) and offsets[number][side] == place


def spans_of(entities: Iterable[Entity], sentence: Sentence) -> list[TokenSpan]:
    """Return the tokens of each entity.

    Raises EntityError for an entity that begins or ends inside a token, or overlaps another.
    """
    text, offsets = sentence.text or "", sentence.offsets or []
    starts = {start: position for position, (start, _) in enumerate(offsets)}
    ends = {end: position + 1 for position, (_, end) in enumerate(offsets)}
    spans: list[tuple[TokenSpan, Entity]] = []
    for entity in dict.fromkeys(entities):  # annotated twice alike: once
        start, end, label = entity
        if start not in starts or end not in ends or starts[start] >= ends[end]:
            pairs = zip(sentence.tokens, offsets, strict=True)
            touched = " ".join(token for token, (a, b) in pairs if a < end and b > start)[:60]
            raise EntityError(
                f"the entity {start} to {end}, {short(text[max(start, 0) : max(end, 0)])}, "
                f"does not begin and end with a token{f' (tokens: {touched})' if touched else ''}",
                entity,
            )
        spans.append((TokenSpan(starts[start], ends[end], label), entity))
    spans.sort()
    for (span, _), (after, entity) in pairwise(spans):
        if span.end > after.start:
            words = short(" ".join(sentence.tokens[after.start : span.end]))
            raise EntityError(
                f"two entities overlap at {words}, {span.type} and {after.type}", entity, overlaps=True
            )
    return [span for span, _ in spans]


def require_said(entities: Iterable[Entity], said: Iterable[str | None], text: str) -> None:
    r"""Raise EntityError for an entity whose record says that it is another text.

    White space does not count: Label Studio writes a line end as a backslash and n, and it is left off ends.
    """
    for entity, words in zip(entities, said, strict=True):
        found = text[entity.start : entity.end]
        if words is not None and _letters(words) != _letters(found):
            raise EntityError(
                f"the entity {entity.start} to {entity.end} says {short(words)}, "
                f"but the text has {short(found)} there",
                entity,
                moved=True,
            )


def _letters(text: str) -> str:
    return "".join(text.replace("\\n", "").split())


def short(text: str) -> str:
    """Return a text for a message, in quotes."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
