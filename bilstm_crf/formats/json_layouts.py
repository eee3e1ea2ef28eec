"""Read and write the entities of JSON records in the layouts of other programs, listed in one table.

A record is a parsed JSON value. `source_of` gives its text and tokens, `layout_of` the row that says where
its entities stand, how they are read and what is written there for others.

    {"text": …, "entities": [{"start": 0, "end": 8, "label": "PER"}]}     this program's
    {"text": …, "spans": [{"start": 0, "end": 8, "label": "PER"}]}        Prodigy; `ents`: spaCy's Doc.to_json
    {"text": …, "label": [[0, 8, "PER"]]}, {…, "labels": …}               doccano
    {"tokens": […], "ner_tags": ["B-PER", "O"]}, {…, "tags": …}           Hugging Face
    ["text", {"entities": [[0, 8, "PER"]]}]                               spaCy 2
    {"data": {"text": …}, "annotations": [{"result": […]}]}               Label Studio
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from bilstm_crf.formats.json_text import Path
from bilstm_crf.labels import ENCODINGS, LABEL, is_entity_type
from bilstm_crf.sentence import Origin, Sentence, Span


class RecordError(ValueError):
    """A fault in a record, worded for the user; `hint` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Source(NamedTuple):
    """Where a record's words are, as they stand in the JSON."""

    text: Any
    tokens: Any


class Entity(NamedTuple):
    """Offsets in the text, in code points."""

    start: int
    end: int
    label: str


def kind_of(value: Any) -> str:
    """Return the name of a JSON value's type for a message."""
    kinds = {str: "a string", bool: "a truth value", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def is_spacy_pair(record: Any) -> bool:
    """Whether this is `["text", {"entities": …}]`."""
    return (
        isinstance(record, list)
        and len(record) == 2
        and isinstance(record[0], str)
        and isinstance(record[1], dict)
    )


def _is_label_studio(record: Any) -> bool:
    data = record.get("data") if isinstance(record, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        return False
    return all(record.get(key) is None for key in ("text", *TOKEN_KEYS))


TOKEN_KEYS = ("tokens", "words")


def source_of(record: Any) -> Source:
    """Return the record's text and tokens, None if absent. Raises RecordError if it is not a record."""
    if is_spacy_pair(record):
        return Source(record[0], None)
    if not isinstance(record, dict):
        raise RecordError(f"expected an object, found {kind_of(record)}")
    if _is_label_studio(record):
        return Source(record["data"]["text"], None)
    tokens = next((record[key] for key in TOKEN_KEYS if record.get(key) is not None), None)
    return Source(record.get("text"), tokens)


# ---------------------------------------------------------------- entities by their offsets


def _entity(element: Any) -> Entity:
    """The entity that `element` says, in any of the forms below. Raises RecordError for what is none."""
    start, end, label = _parts(element)
    if type(start) is int and type(end) is int and isinstance(label, str):
        check_unicode(label)
        if not is_entity_type(label):
            raise RecordError(f"the label {label!r} is empty or has blanks or |, which no column holds")
        return Entity(start, end, label)
    raise RecordError('an entity is not {"start": number, "end": number, "label": "PER"}')


def _parts(element: Any) -> tuple[Any, Any, Any]:
    """Start, end and label, None for what is not there."""
    start = end = label = None
    if isinstance(element, list) and len(element) >= 3:
        start, end, label = element[:3]
    elif isinstance(element, dict):
        start = element.get("start", element.get("start_offset"))
        end = element.get("end", element.get("end_offset"))
        labels = element.get("labels")
        several = labels if isinstance(labels, list) and len(labels) == 1 else [None]
        label = element.get("label", element.get("entity_group", several[0]))
    return start, end, label


def check_unicode(text: str) -> None:
    """Raise RecordError for half of a surrogate pair, which JSON can escape and nothing can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"the text holds half a surrogate pair, {text[error.start]!r}") from error


def spans_of(entities: Iterable[Entity], key: str, sentence: Sentence) -> list[Span]:
    """The tokens of each entity. Raises RecordError for one that ends inside a token or overlaps another."""
    text, offsets = sentence.text or "", sentence.offsets or []
    starts = {start: position for position, (start, _) in enumerate(offsets)}
    ends = {end: position + 1 for position, (_, end) in enumerate(offsets)}
    spans: list[Span] = []
    for start, end, label in dict.fromkeys(entities):  # annotated twice alike: once
        if start not in starts or end not in ends or starts[start] >= ends[end]:
            raise RecordError(
                f'"{key}": the entity {start} to {end}, {_short(text[max(start, 0) : max(end, 0)])}, '
                f"does not begin and end with a token{_touched(start, end, sentence)}",
                'an entity is whole tokens: change its offsets, or give "tokens" that end where it does',
            )
        spans.append(Span(starts[start], ends[end], label))
    spans.sort()
    for span, after in pairwise(spans):
        if span.end > after.start:
            words = " ".join(sentence.tokens[after.start : span.end])
            raise RecordError(
                f'"{key}": two entities overlap at {_short(words)}, {span.type} and {after.type}',
                "a token has one label: keep one of them, such as the longer",
            )
    return spans


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _touched(start: int, end: int, sentence: Sentence) -> str:
    tokens = [
        token
        for token, (a, b) in zip(sentence.tokens, sentence.offsets or (), strict=True)
        if a < end and b > start
    ]
    return f" (tokens: {' '.join(tokens)[:60]})" if tokens else ""


# Where a record's text comes from: the file, and the line and the place in it where the text begins.
ORIGIN = ("file", "line", "file_start")


def origin_of(record: Any) -> Origin | None:
    """Return the origin of the text if the record gives it."""
    file, line, start = (record.get(key) for key in ORIGIN)
    if type(line) is not int or type(start) is not int:
        return None
    return Origin(file if isinstance(file, str) else None, line, start)


def own_form(entity: Entity, text: str, origin: Origin | None) -> dict[str, Any]:
    """Return an entity as this program writes it: with its text, line and offsets in the file if known."""
    if origin is None:
        return entity._asdict()
    return {
        **entity._asdict(),
        "text": text[entity.start : entity.end],
        "line": origin.line + bisect_right(_line_ends(text), entity.start),
        "file_start": origin.start + entity.start,
        "file_end": origin.start + entity.end,
    }


@lru_cache(maxsize=1)  # all entities of a text ask for it, one after another
def _line_ends(text: str) -> list[int]:
    """Return the offset behind each line end; a carriage return with a line feed is one."""
    return [match.end() for match in re.finditer("\r\n|\r|\n", text)]


def without_white_space(entity: Entity, sentence: Sentence) -> Entity:
    """Return the entity without white space at its ends, unless that belongs to a token.

    An entity of nothing but white space, or outside the text, is returned as it is.
    """
    text, (start, end, _) = sentence.text or "", entity
    if not 0 <= start < end <= len(text) or text[start:end].isspace():
        return entity
    if text[start].isspace():
        starts = {place for place, _ in sentence.offsets or ()}
        while start not in starts and text[start].isspace():
            start += 1
    if text[end - 1].isspace():
        ends = {place for _, place in sentence.offsets or ()}
        while end not in ends and text[end - 1].isspace():
            end -= 1
    return Entity(start, end, entity.label)


def _read_entities(value: Any, key: str) -> list[Entity]:
    if not isinstance(value, list):
        raise RecordError(f'"{key}" is {kind_of(value)}, expected a list')
    return [_entity(element) for element in value]


def _by_entity(elements: Iterable[tuple[Any, Any]]) -> dict[Entity, Any]:
    """Map the entity of each element to the value paired with it."""
    found = ((_parts(element), beside) for element, beside in elements)
    return {Entity(*parts): beside for parts, beside in found if isinstance(parts[2], str)}


def _are_entities(value: Any) -> bool:
    """Whether the list holds entities, however ill-formed their labels: nothing else may be replaced."""
    parts = [_parts(element) for element in value] if isinstance(value, list) else [(None, None, None)]
    return all(type(start) is int and type(end) is int for start, end, _ in parts)


# What to write for these entities, and where below the place of the old value (which may be None); () is that
# place itself.
Place = Callable[[Any, list[Entity], Sentence, Any], tuple[Path, Any]]


class Context(NamedTuple):
    """The parts of a record that the form of its entities depends on."""

    text: str
    origin: Origin | None = None
    token_starts: Mapping[int, int] = {}  # offset to the number of the token object that starts there
    token_ends: Mapping[int, int] = {}


Form = Callable[[Entity, Context], Any]  # how one entity is written


def _context(text: str, record: Any) -> Context:
    if not isinstance(record, dict):
        return Context(text)
    tokens = record.get("tokens")
    objects = [token for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    starts, ends = (
        {
            token[key]: number
            for number, token in reversed([*enumerate(objects)])
            if type(token.get(key)) is int
        }
        for key in ("start", "end")
    )
    return Context(text, origin_of(record), starts, ends)


def _as_object(entity: Entity, context: Context) -> Any:
    return entity._asdict()


def _as_own(entity: Entity, context: Context) -> Any:
    """Return the entity with its place in the file, if the record gives its own."""
    return own_form(entity, context.text, context.origin)


def _as_prodigy_span(entity: Entity, context: Context) -> Any:
    """Return the entity with the numbers of its first and last token, if the record has token objects."""
    first, last = context.token_starts.get(entity.start), context.token_ends.get(entity.end)
    numbers = {} if first is None or last is None else {"token_start": first, "token_end": last}
    return {"start": entity.start, "end": entity.end, **numbers, "label": entity.label}


def _as_doccano_object(entity: Entity, context: Context) -> Any:
    return {"label": entity.label, "start_offset": entity.start, "end_offset": entity.end}


def _as_triple(entity: Entity, context: Context) -> Any:
    return list(entity)


def _as_label_studio_value(entity: Entity, context: Context) -> Any:
    covered = context.text[entity.start : entity.end]
    return {"start": entity.start, "end": entity.end, "text": covered, "labels": [entity.label]}


def _form_of(old: Any, default: Form) -> Form:
    """The form of the entities that are there, else the default of their key."""
    first = old[0] if isinstance(old, list) and old else None
    if isinstance(first, list):
        return _as_triple
    if isinstance(first, dict) and "start_offset" in first:
        return _as_doccano_object
    if isinstance(first, dict) and "labels" in first:
        return _as_label_studio_value
    plain = isinstance(first, dict) and default in (_as_triple, _as_doccano_object)
    return _as_object if plain else default


def _placer(default: Form) -> Place:
    def place(old: Any, entities: list[Entity], sentence: Sentence, record: Any) -> tuple[Path, Any]:
        """The entities in the form of the old ones; those that were there already keep all their keys."""
        form = _form_of(old, default)
        known = _by_entity((element, element) for element in old or ())
        context = _context(sentence.text or "", record)
        return (), [known.get(entity) or form(entity, context) for entity in entities]

    return place


# ---------------------------------------------------------------- labels, one per token


def _read_labels(value: Any, key: str) -> list[str]:
    if not isinstance(value, list):
        raise RecordError(f'"{key}" is {kind_of(value)}, expected a list')
    if not all(isinstance(label, str) for label in value):
        odd = next(label for label in value if not isinstance(label, str))
        raise RecordError(
            f'"{key}" holds {kind_of(odd)}, {_short(str(odd))}, expected labels such as "B-PER"',
            f'write names for the ids; datasets has them: dataset.features["{key}"].feature.names',
        )
    for label in value:
        check_unicode(label)
    return value


def _place_labels(
    old: Any, entities: list[Entity], sentence: Sentence, record: Any
) -> tuple[Path, list[str]]:
    return (), ENCODINGS["iob"].encode(sentence.spans or (), len(sentence))


# ---------------------------------------------------------------- Label Studio


def _annotation(value: Any) -> int | None:
    """Which of a task's annotations counts: the first that was not cancelled."""
    annotations = enumerate(value) if isinstance(value, list) else ()
    chosen = [n for n, each in annotations if isinstance(each, dict) and not each.get("was_cancelled")]
    return chosen[0] if chosen else None


def _results(value: Any) -> list[Any]:
    chosen = _annotation(value)
    results = [] if chosen is None else value[chosen].get("result")
    return results if isinstance(results, list) else []


def _is_region(result: Any) -> bool:
    """Whether a result is an entity: others are relations, choices and the like."""
    return isinstance(result, dict) and isinstance(result.get("value"), dict) and "start" in result["value"]


def _read_results(value: Any, key: str) -> list[Entity]:
    if _annotation(value) is None:
        raise RecordError(f'"{key}" has none that was not cancelled')
    return [_entity(result["value"]) for result in _results(value) if _is_region(result)]


def _place_results(old: Any, entities: list[Entity], sentence: Sentence, record: Any) -> tuple[Path, Any]:
    results = _results(old)
    regions = [result for result in results if _is_region(result)]
    names = {"from_name": "label", "to_name": "text"}
    names |= {key: regions[0][key] for key in names if regions and key in regions[0]}
    known = _by_entity((region["value"], region) for region in regions)
    new = [result for result in results if not _is_region(result)]
    context = Context(sentence.text or "")
    for entity in entities:
        value = _as_label_studio_value(entity, context)
        new.append(known.get(entity) or {**names, "type": "labels", "value": value})
    chosen = _annotation(old)
    return ((), [{"result": new}]) if chosen is None else ((chosen, "result"), new)


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class Layout:
    """Where a record's entities are, and how they are read and written."""

    path: Path
    fits: Callable[[Any, Any], bool]  # the value there, not None, and the record: whether this row is meant
    read: Callable[[Any, str], list[Any]]  # entities, or the tokens' labels; may raise RecordError
    place: Place
    may_replace: Callable[[Any], bool] = _are_entities  # the old value, not None

    @property
    def per_token(self) -> bool:
        """Whether `read` gives a label for each token, and not entities."""
        return self.place is _place_labels

    @property
    def key(self) -> str:
        return str(self.path[-1])

    def value(self, record: Any) -> Any:
        """Return the value at the path; None if there is none."""
        for step in self.path:
            if isinstance(step, int):
                record = record[step] if isinstance(record, list) and len(record) > step else None
            else:
                record = record.get(step) if isinstance(record, dict) else None
        return record


def _always(value: Any, record: Any) -> bool:
    return True


def _has_relations(value: Any, record: Any) -> bool:
    return isinstance(record.get("relations"), list)


def _holds_entities(value: Any, record: Any) -> bool:
    if not isinstance(value, list):
        return False
    first = value[0] if value else []
    return isinstance(first, list) or (
        isinstance(first, dict) and ("start" in first or "start_offset" in first)
    )


def _holds_labels(value: Any, record: Any) -> bool:
    """Whether there is one for each token: `tags` of a text may be anything."""
    tokens = source_of(record).tokens
    return isinstance(value, list) and isinstance(tokens, list) and len(value) == len(tokens)


def _are_labels(value: Any) -> bool:
    return all(isinstance(label, str) and LABEL.fullmatch(label) for label in value)


SPACY_PAIR = Layout((1, "entities"), _always, _read_entities, _placer(_as_triple))
LABEL_STUDIO = Layout(("annotations",), _always, _read_results, _place_results, lambda value: True)
OWN = Layout(("entities",), _always, _read_entities, _placer(_as_own))
DOCCANO = Layout(("entities",), _has_relations, _read_entities, _placer(_as_doccano_object))
# In a record with several of these keys the first one counts.
LAYOUTS = (
    DOCCANO,
    OWN,
    Layout(("spans",), _holds_entities, _read_entities, _placer(_as_prodigy_span)),
    Layout(("ents",), _holds_entities, _read_entities, _placer(_as_object)),
    Layout(("label",), _holds_entities, _read_entities, _placer(_as_triple)),
    Layout(("labels",), _holds_entities, _read_entities, _placer(_as_triple)),
    Layout(("ner_tags",), _always, _read_labels, _place_labels, lambda value: True),
    Layout(("ner",), _holds_labels, _read_labels, _place_labels, _are_labels),
    Layout(("tags",), _holds_labels, _read_labels, _place_labels, _are_labels),
    Layout(("labels",), _holds_labels, _read_labels, _place_labels, _are_labels),
)


def has_own_form(layout: Layout, value: Any) -> bool:
    """Whether what stands there is written as this program writes it, or nothing is there."""
    return layout is OWN and _form_of(value, _as_own) is _as_own


def layout_of(record: Any) -> Layout:
    """Return the layout of a record's entities; this program's own if it has none."""
    return next(_candidates(record), OWN)


def layout_to_write(record: Any) -> Layout:
    """Return the layout to write new entities in. Raises RecordError if the record must not be changed."""
    for layout in _candidates(record):
        if layout.may_replace(layout.value(record)):
            return layout
        if layout.key == "entities":
            raise RecordError(
                f'"{layout.key}" does not hold entities, which would replace what it holds',
                "give it another name in the input",
            )
    return SPACY_PAIR if is_spacy_pair(record) else LABEL_STUDIO if _is_label_studio(record) else OWN


def _candidates(record: Any) -> Iterator[Layout]:
    rows = (SPACY_PAIR,) if is_spacy_pair(record) else LAYOUTS
    for layout in (LABEL_STUDIO,) if _is_label_studio(record) else rows:
        value = layout.value(record)
        if value is not None and layout.fits(value, record):
            yield layout
