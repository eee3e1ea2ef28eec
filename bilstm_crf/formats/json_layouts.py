"""Read and write the entities of JSON records in the layouts of other programs, listed in one table.

{"text": …, "entities": [{"start": 0, "end": 8, "label": "PER"}]}     this program's
{"text": …, "spans": [{"start": 0, "end": 8, "label": "PER"}]}        Prodigy; `ents`: spaCy's Doc.to_json
{"text": …, "label": [[0, 8, "PER"]]}, {…, "labels": …}               doccano
{"tokens": […], "ner_tags": ["B-PER", "O"]}, {…, "tags": …}           Hugging Face
["text", {"entities": [[0, 8, "PER"]]}]                               spaCy 2
{"data": {"text": …}, "annotations": [{"result": […]}]}               Label Studio

Where a text comes from, `meta` says in what these programs get from this one and give back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from bilstm_crf.formats.base import rounded
from bilstm_crf.formats.entities import Entity, short
from bilstm_crf.formats.json_text import Path
from bilstm_crf.formats.offsets import lines_before
from bilstm_crf.labels import ENCODINGS, LABEL, is_entity_type
from bilstm_crf.sentence import Origin, Sentence
from bilstm_crf.util.offsets import utf16_offsets


class RecordError(ValueError):
    """A fault in a record, worded for the user; `hint` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


# How one entity is written. `own` and `prodigy` add to an object what the record tells of its place.
Form = Literal["own", "object", "prodigy", "doccano", "studio", "triple", "labels"]


@dataclass(frozen=True)
class Layout:
    """A layout of records: the position and form of its entities, and the keys that identify it."""

    path: Path
    form: Form
    holds: Literal["anything", "entities", "labels"] = "anything"  # what the value must look like
    beside: str | None = None  # a key that must hold a list

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

    def fits(self, record: Any) -> bool:
        value = self.value(record)
        if value is None or (self.beside and not isinstance(record.get(self.beside), list)):
            return False
        if self.holds == "anything":
            return True
        if not isinstance(value, list):
            return False
        if self.holds == "labels":  # one for each token: `tags` of a text may be anything
            _, tokens = source_of(record)
            return isinstance(tokens, list) and len(value) == len(tokens)
        first = value[0] if value else []
        return isinstance(first, list) or (
            isinstance(first, dict) and ("start" in first or "start_offset" in first)
        )

    def may_replace(self, value: Any) -> bool:
        """Return whether the old value is annotation, however ill-formed: nothing else may be replaced."""
        if self.form == "studio" or (self.form == "labels" and self.holds == "anything"):
            return True
        if self.form == "labels":
            return all(isinstance(label, str) and LABEL.fullmatch(label) for label in value)
        parts = [_parts(element) for element in value] if isinstance(value, list) else [(None,) * 3]
        return all(type(start) is int and type(end) is int for start, end, _ in parts)


SPACY_PAIR = Layout((1, "entities"), "triple")
LABEL_STUDIO = Layout(("annotations",), "studio")
OWN = Layout(("entities",), "own")
# In a record with several of these keys the first one counts.
LAYOUTS = (
    Layout(("entities",), "doccano", beside="relations"),
    OWN,
    Layout(("spans",), "prodigy", "entities"),
    Layout(("ents",), "object", "entities"),
    Layout(("label",), "triple", "entities"),
    Layout(("labels",), "triple", "entities"),
    Layout(("ner_tags",), "labels"),
    Layout(("ner",), "labels", "labels"),
    Layout(("tags",), "labels", "labels"),
    Layout(("labels",), "labels", "labels"),
)
TOKEN_KEYS = ("tokens", "words")


@lru_cache(maxsize=256)
def _possible(keys: tuple[str, ...]) -> tuple[Layout, ...]:
    """Return the rows of the table whose keys are there: of one file's records, the same few again."""
    return tuple(
        layout
        for layout in LAYOUTS
        if layout.path[0] in keys and (not layout.beside or layout.beside in keys)
    )


def _fitting(record: Any) -> Iterator[Layout]:
    if is_spacy_pair(record):
        rows: tuple[Layout, ...] = (SPACY_PAIR,)
    elif _is_label_studio(record):
        rows = (LABEL_STUDIO,)
    else:
        rows = _possible(tuple(record))
        if "annotation_id" in record:
            rows = (*_of_json_min(record), *rows)
    return (layout for layout in rows if layout.fits(record))


def _of_json_min(record: dict[str, Any]) -> list[Layout]:
    """Return the layout of a Label Studio JSON_MIN record, whose project may call the regions anything.

    Raises RecordError for regions under several keys.
    """
    keys = [
        key
        for key, value in record.items()
        if isinstance(value, list) and any(isinstance(each, dict) and "labels" in each for each in value)
    ]
    if len(keys) > 1:
        found = " and ".join(map(repr, keys))
        raise RecordError(f"names are in {found}, expected one key", "export JSON instead of JSON_MIN")
    return [Layout((key,), "triple", "entities") for key in keys]


def layout_of(record: Any) -> Layout:
    """Return the layout of a record's entities; this program's own if it has none."""
    return next(_fitting(record), OWN)


def layout_to_write(record: Any) -> Layout:
    """Return the layout to write new entities in. Raises RecordError if the record must not be changed."""
    for layout in _fitting(record):
        if layout.may_replace(layout.value(record)):
            return layout
        if layout.key == "entities":
            message = '"entities" does not hold entities, and what it holds would be lost'
            raise RecordError(message, "give it another name in the input")
    return SPACY_PAIR if is_spacy_pair(record) else LABEL_STUDIO if _is_label_studio(record) else OWN


# ---------------------------------------------------------------- text and tokens


def kind_of(value: Any) -> str:
    """Return the name of a JSON value's type for a message."""
    kinds = {str: "a string", bool: "a truth value", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def is_spacy_pair(record: Any) -> bool:
    """Return whether this is `["text", {"entities": …}]`."""
    return isinstance(record, list) and [type(each) for each in record] == [str, dict]


def _is_label_studio(record: Any) -> bool:
    data = record.get("data") if isinstance(record, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        return False
    return all(record.get(key) is None for key in ("text", *TOKEN_KEYS))


def source_of(record: Any) -> tuple[Any, Any]:
    """Return the record's text and tokens, None if absent. Raises RecordError if it is not a record."""
    if is_spacy_pair(record):
        return record[0], None
    if not isinstance(record, dict):
        raise RecordError(f"expected an object, found {kind_of(record)}")
    if _is_label_studio(record):
        tokens = record["data"].get("tokens")
        return record["data"]["text"], tokens if _are_words(tokens) else None
    tokens = next((record[key] for key in TOKEN_KEYS if record.get(key) is not None), None)
    return record.get("text"), tokens


def _are_words(tokens: Any) -> bool:
    """Return whether a task's data holds tokens: another program may mean anything by this key."""
    return isinstance(tokens, list) and all(isinstance(word, str) for word in tokens)


def task_name(record: Any) -> str:
    """Return what begins a message on a Label Studio task: its number there, as exports are one long line."""
    is_task = _is_label_studio(record) or (isinstance(record, dict) and "annotation_id" in record)
    number = record.get("id") if is_task else None
    return f"task {number}: " if isinstance(number, int) else ""


def check_unicode(text: str) -> None:
    """Raise RecordError for half of a surrogate pair, which JSON can escape and nothing can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"the text holds half a surrogate pair, {text[error.start]!r}") from error


# Where a record's text comes from: the file, and the line and the offset of the text in it
ORIGIN = ("file", "line", "file_start")


OFFSETS, UTF16 = "offsets", "utf-16"  # key and value in `meta`: the unit of offsets, if not code points


def origin_of(record: Any) -> Origin | None:
    """Return the origin of the text if the record gives it."""
    file, line, start = (record.get(key) for key in ORIGIN)
    if type(line) is not int or type(start) is not int:
        return None
    return Origin(file if isinstance(file, str) else None, line, start)


def meta_of(record: Any) -> dict[str, Any]:
    """Return what the record says of its text in `meta`; empty without any."""
    meta = (record["data"] if _is_label_studio(record) else record).get("meta")
    return meta if isinstance(meta, dict) else {}


def counts_utf16(record: Any) -> bool:
    """Return whether the offsets are known to count UTF-16 code units, as doccano does."""
    return isinstance(record, dict) and meta_of(record).get(OFFSETS) == UTF16


def from_utf16(entities: Sequence[Entity], text: str) -> list[Entity]:
    """Return entities whose offsets count UTF-16 code units with offsets in code points.

    An offset inside a character or behind the text becomes -1, which fits no token.
    """
    places = {unit: place for place, unit in enumerate(utf16_offsets(text))}
    return [Entity(places.get(start, -1), places.get(end, -1), label) for start, end, label in entities]


def to_utf16(entities: Sequence[Entity], text: str) -> list[Entity]:
    """Return entities with offsets in UTF-16 code units."""
    units = utf16_offsets(text)
    return [Entity(units[start], units[end], label) for start, end, label in entities]


# ---------------------------------------------------------------- reading

NOT_ANNOTATED = "not annotated"


def why_left_out(record: Any) -> str | None:
    """Return why an annotator's record is no gold sentence; None if it is one."""
    if not isinstance(record, dict):
        return None
    if _is_label_studio(record) and isinstance(annotations := record.get("annotations"), list):
        if _annotation(annotations) is not None:
            return None
        return "skipped" if annotations else NOT_ANNOTATED
    if "annotation_id" in record:  # JSON_MIN
        return NOT_ANNOTATED if record["annotation_id"] is None else None
    if "_view_id" in record and (record.get("_is_binary") or record["_view_id"] == "ner"):
        return "an answer on one name alone"
    answer = record.get("answer")
    return {"reject": "rejected", "ignore": "ignored"}.get(answer) if isinstance(answer, str) else None


def read_annotation(layout: Layout, record: Any) -> list[Entity] | list[str] | None:
    """Return the entities, or a label for each token; None without annotation. Raises RecordError."""
    value = layout.value(record)
    if value is None:
        # Label Studio's JSON_MIN leaves out the key of a text without names
        return [] if isinstance(record, dict) and record.get("annotation_id") is not None else None
    elements = _elements(layout, value)
    if layout.form != "labels":
        return [_entity(element) for element in elements]
    for label in value:
        if not isinstance(label, str):
            found = f"{kind_of(label)}, {short(str(label))}"
            raise RecordError(
                f'"{layout.key}" holds {found}, expected labels such as "B-PER"',
                f'write names for the ids; datasets has them: dataset.features["{layout.key}"].feature.names',
            )
        check_unicode(label)
    return elements


def said_texts(layout: Layout, record: Any) -> list[str | None]:
    """Return the `text` of each entity as its record gives it; None where there is none."""
    value = layout.value(record)
    elements = [] if value is None else _elements(layout, value)
    texts = [element.get("text") if isinstance(element, dict) else None for element in elements]
    return [text if isinstance(text, str) and text else None for text in texts]


def _elements(layout: Layout, value: Any) -> list[Any]:
    """Return the entities or labels as they stand in the record. Raises RecordError if they are no list."""
    if layout.form == "studio":
        return [result["value"] for result in _results(value) if _is_region(result)]
    if not isinstance(value, list):
        raise RecordError(f'"{layout.key}" is {kind_of(value)}, expected a list')
    return value


def _entity(element: Any) -> Entity:
    """Return the entity of an element in any of the forms. Raises RecordError if it is none."""
    start, end, label = _parts(element)
    labels = element.get("labels") if isinstance(element, dict) else None
    if label is None and isinstance(labels, list):
        found = f"{len(labels)} labels, {' and '.join(map(str, labels))}" if labels else "no label"
        raise RecordError(f"an entity has {found}; expected one", "correct it in the annotation tool")
    if type(start) is not int or type(end) is not int or not isinstance(label, str):
        raise RecordError('an entity is not {"start": number, "end": number, "label": "PER"}')
    if not is_entity_type(label):
        raise RecordError(f"the label {label!r} is empty or has blanks or |, which no column holds")
    check_unicode(label)
    return Entity(start, end, label)


def _parts(element: Any) -> tuple[Any, Any, Any]:
    """Return start, end and label, None for what is missing."""
    if isinstance(element, list) and len(element) >= 3:
        return element[0], element[1], element[2]
    if not isinstance(element, dict):
        return None, None, None
    labels = element.get("labels")
    single = labels[0] if isinstance(labels, list) and len(labels) == 1 else None
    return (
        element.get("start", element.get("start_offset")),
        element.get("end", element.get("end_offset")),
        element.get("label", element.get("entity_group", single)),
    )


def _annotation(value: Any) -> int | None:
    """Return which of a Label Studio task's annotations counts: the ground truth, else the first."""
    standing = _standing(value)
    return next((n for n in standing if value[n].get("ground_truth")), standing[0] if standing else None)


def _standing(value: Any) -> list[int]:
    """Return which of a Label Studio task's annotations were not cancelled."""
    annotations = enumerate(value) if isinstance(value, list) else ()
    return [n for n, each in annotations if isinstance(each, dict) and not each.get("was_cancelled")]


def is_undecided(record: Any) -> bool:
    """Return whether a Label Studio task has several annotations, and none is marked as ground truth."""
    if not _is_label_studio(record):
        return False
    value = record.get("annotations")
    standing = _standing(value)
    return len(standing) > 1 and not any(value[n].get("ground_truth") for n in standing)


def _results(value: Any) -> list[Any]:
    chosen = _annotation(value)
    results = [] if chosen is None else value[chosen].get("result")
    return results if isinstance(results, list) else []


def _is_region(result: Any) -> bool:
    """Return whether a Label Studio result is an entity: others are relations, choices and the like."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(value, dict) or "start" not in value:
        return False
    return "labels" in value or str(result.get("type", "labels")).endswith("labels")


# ---------------------------------------------------------------- writing


def change_of(
    layout: Layout, record: Any, sentence: Sentence, entities: list[Entity]
) -> tuple[Path, Any, Any]:
    """Return the path to write to, the new value there and the old one.

    Entities that were there already keep all their keys, new ones are written in the form of the others.
    """
    old = layout.value(record)
    if layout.form == "labels":
        if sentence.scores is not None:
            raise _no_place(layout)
        return layout.path, ENCODINGS["iob"].encode(sentence.token_spans or (), len(sentence)), old
    text = sentence.text or ""
    if layout.form != "studio":
        form = form_of(layout, old)
        known = _by_entity((element, element) for element in old or ())
        written = [_written(entity, form, text, record) for entity in entities]
        if form == "prodigy":
            starts, ends = _token_numbers(record)
            for entity, element in zip(entities, written, strict=True):
                if entity.start in starts and entity.end in ends:
                    element |= {"token_start": starts[entity.start], "token_end": ends[entity.end]}
                element["label"] = element.pop("label")  # last, as Prodigy has it
        new = [known.get(entity) or element for entity, element in zip(entities, written, strict=True)]
        if sentence.scores is not None:
            if form == "triple" and new:
                raise _no_place(layout)
            new = [
                {**element, "score": rounded(score)}
                for element, score in zip(new, sentence.scores, strict=True)
            ]
        return layout.path, new, old
    results = _results(old)
    regions = [result for result in results if _is_region(result)]
    names = {"from_name": "label", "to_name": "text"}
    names |= {key: regions[0][key] for key in names if regions and key in regions[0]}
    known = _by_entity((region["value"], region) for region in regions)
    new = [result for result in results if not _is_region(result)]
    scores: Sequence[float | None] = sentence.scores or [None] * len(entities)
    for entity, score in zip(entities, scores, strict=True):
        value = _written(entity, "studio", text, record)
        result = known.get(entity) or {**names, "type": "labels", "value": value}
        new.append(result if score is None else {**result, "score": rounded(score)})
    chosen = _annotation(old)
    if chosen is None:
        return layout.path, [{"result": new}], old
    return (*layout.path, chosen, "result"), new, old[chosen].get("result")


def _no_place(layout: Layout) -> RecordError:
    """Return an error for records in which a name is a list or a label, without room for a score."""
    return RecordError(
        f'"{layout.key}" of these records has no place for scores', "leave out --scores, or give --to csv"
    )


def form_of(layout: Layout, old: Any) -> Form:
    """Return the form of the entities that are there, else that of the layout."""
    first = old[0] if isinstance(old, list) and old else None
    if isinstance(first, list):
        return "triple"
    if isinstance(first, dict) and "start_offset" in first:
        return "doccano"
    if isinstance(first, dict) and "labels" in first:
        return "studio"
    return "object" if isinstance(first, dict) and layout.form in ("triple", "doccano") else layout.form


def _by_entity(elements: Iterable[tuple[Any, Any]]) -> dict[Entity, Any]:
    """Map the entity of each element to the value paired with it."""
    found = ((_parts(element), beside) for element, beside in elements)
    return {Entity(*parts): beside for parts, beside in found if isinstance(parts[2], str)}


def _written(entity: Entity, form: Form, text: str, record: Any) -> Any:
    start, end, label = entity
    if form == "triple":
        return [start, end, label]
    if form == "doccano":
        return {"label": label, "start_offset": start, "end_offset": end}
    if form == "studio":
        return {"start": start, "end": end, "text": text[start:end], "labels": [label]}
    if form == "own":
        return own_form(entity, text, origin_of(record))
    return entity._asdict()


def _token_numbers(record: Any) -> tuple[dict[int, int], dict[int, int]]:
    """Map the starts and the ends of a record's token objects to their numbers."""
    tokens = record.get("tokens")
    objects = [token for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    numbered = list(reversed([*enumerate(objects)]))
    starts = {token["start"]: number for number, token in numbered if type(token.get("start")) is int}
    return starts, {token["end"]: number for number, token in numbered if type(token.get("end")) is int}


def own_form(
    entity: Entity, text: str, origin: Origin | None, line: int | None = None, score: float | None = None
) -> dict[str, Any]:
    """Return an entity as this program writes it: with its text, line and offsets in the file if known.

    `line`: if it is known without an origin.
    """
    form: dict[str, Any] = entity._asdict()
    if origin is not None or line is not None:
        form["text"] = text[entity.start : entity.end]
    if origin is not None:
        form["line"] = origin.line + lines_before(text, entity.start)
        form["file_start"] = origin.start + entity.start
        form["file_end"] = origin.start + entity.end
    elif line is not None:
        form["line"] = line
    if score is not None:
        form["score"] = rounded(score)
    return form
