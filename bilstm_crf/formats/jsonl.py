"""JSONL: one record a line, {"text": …, "tokens": […], "entities": [{"start", "end", "label"}]}.

Offsets count code points of `text`. Without `tokens` the text is tokenised, one sentence a record,
however long; without `text` it is the tokens joined by spaces. The layouts of other programs are read
too (`json_layouts`), and files that are one JSON array of records or have records over several lines;
such a file is read as a whole. Other keys come back unchanged.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple, cast

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.base import DEFAULTS, FormatOptions, rounded
from bilstm_crf.formats.blocks import BOM, BOM_BYTES, decode, lines_of
from bilstm_crf.formats.entities import Entity, EntityError, require_said, spans_of, without_white_space
from bilstm_crf.formats.json_layouts import (
    ORIGIN,
    Layout,
    RecordError,
    change_of,
    check_unicode,
    counts_utf16,
    form_of,
    from_utf16,
    is_spacy_pair,
    is_undecided,
    kind_of,
    layout_of,
    layout_to_write,
    meta_of,
    origin_of,
    own_form,
    read_annotation,
    said_texts,
    source_of,
    task_name,
    to_utf16,
    why_left_out,
)
from bilstm_crf.formats.json_text import WHITE, Path, dump, skip, value_at, with_values
from bilstm_crf.formats.offsets import file_name
from bilstm_crf.formats.text import sentence_of
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Origin, Sentence, TokenSpan
from bilstm_crf.util.charset import line_ends
from bilstm_crf.util.offsets import Offsets, align, is_wider_in_utf16, joined
from bilstm_crf.util.word_forms import is_invisible

name = "jsonl"
suffixes: tuple[str, ...] = (".jsonl", ".json", ".ndjson")


# Forms of programs that count offsets in a browser, some of them in UTF-16 code units
OF_BROWSERS = ("triple", "doccano", "studio")


class Found(NamedTuple):
    """A record as it stands in the file, or white space alone."""

    line: int
    before: str
    body: str
    after: str


class Raw(NamedTuple):
    """The data that `render` needs; without a layout the record is written unchanged."""

    found: Found
    layout: Layout | None


def read(
    stream: BinaryIO,
    path: str,
    options: FormatOptions = DEFAULTS,
    *,
    faults: list[InputError] | None = None,
) -> Iterator[Sentence]:
    """See `Format.read`. `id` and `document` name the sentence's if they are strings or numbers.

    Where labels are read, records that an annotator rejected or skipped have no tokens; a warning says how
    many. With `faults`, an ill-formed record is noted there and has no tokens.
    """
    reader = _Reader(path, options)
    for found in _records(stream, path):
        sentence = Sentence([], path=path, line=found.line)
        record = layout = None
        if found.body.strip():
            try:
                record = _value(found.body)
                layout = reader.fill(sentence, record)
            except ValueError as error:
                first_line = found.body.lstrip(WHITE).partition("\n")[0]
                fault = _fault(error, path, found.line, first_line, task_name(record))
                if faults is None:
                    raise fault from error
                faults.append(fault)
                sentence = Sentence([], path=path, line=found.line)
        if options.keep_raw:
            sentence.raw = Raw(found, layout)
        else:
            sentence.text = sentence.offsets = sentence.origin = None
        if options.keep_raw or sentence.tokens:
            yield sentence
    reader.warn_of_records()


def _fault(error: ValueError, path: str, line: int, found: str | None, name: str = "") -> InputError:
    """Return an error for a record that begins at `line`, and is called `name` where it was annotated."""
    message, hint = name + str(error), getattr(error, "hint", None)
    if isinstance(error, json.JSONDecodeError):
        message = f"not JSON: {error.msg} at position {error.colno}"
        line += line_ends(error.doc[: error.pos])
    found = found.rstrip("\r") if found is not None else None
    return InputError(message, path=path, line=line, found=found, hint=hint)


# ---------------------------------------------------------------- records


def _records(stream: BinaryIO, path: str) -> Iterator[Found]:
    """Yield the records, one a line unless the first line begins something longer."""
    lines = lines_of(stream)
    at_start = True
    for number, content in lines:
        if at_start and content.removeprefix(BOM_BYTES).strip():
            at_start = False
            if _goes_on(decode(content, number, path).removeprefix(BOM)):
                whole = b"".join([content, *(later for _, later in lines)])
                yield from _of_document(decode(whole, number, path), number, path)
                return
        text = decode(content, number, path)
        body = text.removeprefix(BOM).rstrip("\r\n")
        before = BOM if text.startswith(BOM) else ""
        yield Found(number, before, body, text[len(before) + len(body) :])


def _goes_on(line: str) -> bool:
    """Return whether a file that begins so is one array of records, or has records over several lines."""
    body = line.strip(WHITE)
    if body == "{" or body[:1] not in ("[", "{"):
        return body == "{"
    try:
        value, _ = value_at(body, 0)
    except ValueError:
        return body.startswith("[")
    return isinstance(value, list) and not is_spacy_pair(value)


COMMA = re.compile(f"[{WHITE}]*,[{WHITE}]*")


def _of_document(text: str, first: int, path: str) -> Iterator[Found]:
    """Yield the records of a JSON array, or one after another, and what stands between them."""
    begin = skip(text, len(text) - len(text.removeprefix(BOM)))
    inner = skip(text, begin + 1)
    is_array = text[begin] == "[" and text[inner : inner + 1] != '"'  # not spaCy's ["text", {…}]
    closing = "]" if is_array else ""
    reached, line = 0, first
    position = inner if is_array else begin

    def error(message: str, at: int) -> InputError:
        return InputError(f"not JSON: expected {message}", path=path, line=line + line_ends(text[reached:at]))

    while position < len(text) and text[position] != closing:
        line += line_ends(text[reached:position])
        try:
            _, end = value_at(text, position)
        except ValueError as fault:
            raised = _fault(fault, path, first if isinstance(fault, json.JSONDecodeError) else line, None)
            raised.found = re.split("\r\n|\r|\n", text)[(raised.line or first) - first]
            raise raised from fault
        yield Found(line, text[reached:position], text[position:end], "")
        line += line_ends(text[position:end])
        reached, position = end, skip(text, end)
        if is_array:
            comma = COMMA.match(text, end)
            if comma is None and text[position : position + 1] != "]":
                raise error(", or ] after a record", position)
            position = comma.end() if comma else position
    if is_array:
        if position == len(text):
            raise error("] and nothing behind it", position)
        if (behind := skip(text, position + 1)) < len(text):
            raise error("] and nothing behind it", behind)
    yield Found(line + line_ends(text[reached:position]), text[reached:], "", "")


def _value(body: str) -> Any:
    """Return the value of a record's text. Raises ValueError if it is not JSON."""
    value, end = value_at(body, skip(body, 0))
    if (end := skip(body, end)) < len(body):
        raise json.JSONDecodeError("Extra data", body, end)
    return value


# ---------------------------------------------------------------- a record's content


class _Reader:
    """Turn the records of one file into sentences."""

    def __init__(self, path: str, options: FormatOptions) -> None:
        self.path, self.options = path, options
        self._warned: set[str] = set()  # of what the file's reader warned already
        self._left_out: Counter[str] = Counter()  # records, by reason
        self._undecided = 0  # records with several annotations

    def warn_of_records(self) -> None:
        """Warn of records that are no gold sentences, such as rejected ones, and of several annotations."""
        if self._undecided:
            have = "records have" if self._undecided > 1 else "record has"
            warn(f"{self._undecided:,} {have} several annotations, of which the first counts", path=self.path)
        if self._left_out:
            total = self._left_out.total()
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self._left_out.items())
            warn(f"{total:,} record{'s are' * (total > 1) or ' is'} left out: {reasons}", path=self.path)

    def fill(self, sentence: Sentence, record: Any) -> Layout | None:
        """Set what the record says; return its layout if labels can be written.

        Raises RecordError if it is not a record, or if labels are wanted and are not well-formed.
        """
        text, tokens = source_of(record)
        reason = why_left_out(record) if self.options.reads_labels else None
        if reason is not None:
            self._left_out[reason] += 1
            return None
        self._undecided += self.options.reads_labels and is_undecided(record)
        if text is None and tokens is None:
            raise RecordError('neither "text" nor "tokens", expected one of them or both')
        if not isinstance(text, str | None):
            raise RecordError(f'"text" is {kind_of(text)}, expected a string')
        if tokens is not None:
            text, tokens, sentence.offsets = self._given(text, tokens)
            sentence.tokens, sentence.text = tokens, text
        else:
            check_unicode(text or "")
            whole = sentence_of(text or "", self.options.tokenise)
            sentence.tokens, sentence.text, sentence.offsets = whole.tokens, whole.text, whole.offsets
        if isinstance(record, dict):
            self._name(sentence, record)
        layout = self._label(sentence, record) if self.options.reads_labels else None
        return layout or layout_to_write(record)

    def _given(self, text: str | None, tokens: Any) -> tuple[str, list[str], list[tuple[int, int]]]:
        """Return the text, the tokens and their offsets in it."""
        if isinstance(tokens, list) and tokens and all(isinstance(token, dict) for token in tokens):
            if text is not None:
                check_unicode(text)
                offsets = self._filled(text, _token_offsets(text, tokens))
                return text, [text[start:end] for start, end in offsets], offsets
            tokens = [token.get("text") for token in tokens]
        if not (
            isinstance(tokens, list) and all(isinstance(word, str) and word.strip(" ") for word in tokens)
        ):
            raise RecordError('"tokens" is not a list of strings that each hold something')
        check_unicode("".join(tokens) if text is None else text)
        if text is None:
            text, offsets = joined(tokens)
            return text, tokens, offsets
        aligned = align(tokens, text)
        if aligned is None:
            raise RecordError(
                '"tokens" are not the words of "text" in its order, with only white space between',
                "leave out one of the two",
            )
        return text, tokens, aligned

    def _filled(self, text: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the offsets of the given tokens and of the words between them."""
        filled: list[tuple[int, int]] = []
        reached = 0
        for start, end in [*offsets, (len(text), len(text))]:
            if text[reached:start].strip():
                between = sentence_of(text[reached:start], self.options.tokenise).offsets or []
                filled += [(reached + a, reached + b) for a, b in between]
            if start < end:
                filled.append((start, end))
            reached = end
        return filled

    def _name(self, sentence: Sentence, record: dict[str, Any]) -> None:
        meta = meta_of(record)
        for key in ("id", "document"):
            name_ = meta.get(key, record.get(key))  # doccano and Label Studio have ids of their own
            if isinstance(name_, str | int):
                check_unicode(str(name_))  # other formats write it
                setattr(sentence, key, str(name_))
        sentence.origin = origin_of(meta) or origin_of(record)

    def _label(self, sentence: Sentence, record: Any) -> Layout | None:
        """Set the labels; return the layout that they were read from, None without any."""
        layout = layout_of(record)
        annotation = read_annotation(layout, record)
        if annotation is None:
            return None
        if layout.form == "labels":
            labels = cast(list[str], annotation)
        else:
            spans = self._spans(cast(list[Entity], annotation), layout, record, sentence)
            labels = ENCODINGS["iob"].encode(spans, len(sentence))
        if len(labels) != len(sentence):
            raise RecordError(f'"{layout.key}" has {len(labels)} labels for {len(sentence)} tokens')
        sentence.labels = labels
        return layout

    def _spans(
        self, entities: list[Entity], layout: Layout, record: Any, sentence: Sentence
    ) -> list[TokenSpan]:
        """Return the tokens of each entity; offsets that only fit as UTF-16 code units are read so."""
        text, key, said = sentence.text or "", layout.key, said_texts(layout, record)
        unit_is_known = counts_utf16(record)
        if unit_is_known:
            entities = from_utf16(entities, text)

        def aligned() -> tuple[list[Entity], list[TokenSpan]]:
            trimmed = [without_white_space(entity, sentence) for entity in entities]
            spans = spans_of(trimmed, sentence)
            require_said(trimmed, said, text)
            return trimmed, spans

        try:
            trimmed, spans = aligned()
        except EntityError as error:
            if unit_is_known or layout.form not in OF_BROWSERS or not is_wider_in_utf16(text):
                raise _not_tokens(key, error) from error
            entities = from_utf16(entities, text)
            try:
                trimmed, spans = aligned()
            except EntityError:
                raise _not_tokens(key, error) from error
            self._warn(f'"{key}": offsets read as UTF-16 code units, as in JavaScript', sentence)
        for entity, without in zip(entities, trimmed, strict=True):
            if entity != without:
                covered = text[entity.start : entity.end]
                message = f"the entity {covered!r} has white space at its ends, which is left off"
                self._warn(f'"{key}": {message}', sentence, kind="white space")
                break
        return spans

    def _warn(self, message: str, sentence: Sentence, kind: str | None = None) -> None:
        """Warn once a file of each kind of thing."""
        if (kind or message) not in self._warned:
            self._warned.add(kind or message)
            warn(message, path=self.path, line=sentence.line)


def _not_tokens(key: str, error: EntityError) -> RecordError:
    whole = 'an entity is whole tokens: change its offsets, or give "tokens" that end where it does'
    one = "a token has one label: keep one of them, such as the longer"
    moved = "has the text been changed since? Change its offsets, or what it says"
    return RecordError(f'"{key}": {error}', one if error.overlaps else moved if error.moved else whole)


def _token_offsets(text: str, tokens: list[Any]) -> list[tuple[int, int]]:
    """Return the offsets of token objects {"start", "end"}, perhaps "text"; what is not seen is no token."""
    offsets = []
    reached = 0
    for token in tokens:
        start, end = token.get("start"), token.get("end")
        good = type(start) is int and type(end) is int and reached <= start < end <= len(text)
        if not good or text[start:end] != token.get("text", text[start:end]):
            raise RecordError(
                f'"tokens": {dump(token)[:60]} is not at these offsets in "text", or out of order'
            )
        if not is_invisible(text[start:end]):
            offsets.append((start, end))
        reached = end
    return offsets


# ---------------------------------------------------------------- writing


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. The entities are replaced where they stand, unless they say the same already.

    In this program's own layout, missing `text` and `tokens` are appended.
    """
    found, layout = sentence.raw
    body = found.body
    if sentence.token_spans is not None and layout is not None:
        try:
            body = with_values(body, _changes(sentence, layout, _value(body)))
        except RecordError as error:  # a layout without a place for scores
            raise _fault(error, sentence.path, sentence.line, None) from error
    return f"{found.before}{body}{found.after}".encode()


def _changes(sentence: Sentence, layout: Layout, record: Any) -> dict[Path, Any]:
    changes: dict[Path, Any] = {}
    if form_of(layout, layout.value(record)) == "own":
        for key, value in (("text", sentence.text), ("tokens", sentence.tokens)):
            if record.get(key) is None and not (key == "tokens" and record.get("words")):
                changes[key,] = value
    entities = _entities(sentence, sentence.offsets or [])
    if counts_utf16(record):
        entities = to_utf16(entities, sentence.text or "")
    path, value, old = change_of(layout, record, sentence, entities)
    if not _same(value, old, in_order=layout.form == "labels"):
        changes[path] = value
    if sentence.alternatives is not None and isinstance(record, dict):
        offsets, text = sentence.offsets or [], sentence.text or ""
        forms = partial(_own_forms, sentence, text=text, offsets=offsets, origin=origin_of(record))
        changes["alternatives",] = _alternatives(sentence, forms)
    return changes


def _same(new: list[Any], old: Any, *, in_order: bool) -> bool:
    """Return whether the two lists say the same; the order of entities does not count."""
    if new == old or in_order or not isinstance(old, list) or len(new) != len(old):
        return bool(new == old)
    return sorted(map(dump, new)) == sorted(map(dump, old))


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. A multi-word token becomes one token, as it stands in the text.

    A record has its place in the file if it came from one, and each entity too. `alternatives` are the n
    best ways to label the sentence. Notes are keys before the text.
    """
    if not sentence.tokens:
        return b""
    text, offsets = sentence.located()
    origin = sentence.origin if text == sentence.text else None
    content = place_of(sentence, text)
    content |= {"text": text, "tokens": [text[start:end] for start, end in dict.fromkeys(offsets)]}
    forms = partial(_own_forms, sentence, text=text, offsets=offsets, origin=origin)
    if sentence.token_spans is not None:
        content["entities"] = forms(sentence.token_spans, scores=sentence.scores)
    if sentence.alternatives is not None:
        content["alternatives"] = _alternatives(sentence, forms)
    return (dump(content) + "\n").encode()


def place_of(sentence: Sentence, text: str) -> dict[str, Any]:
    """Return the names of a sentence and its document, the place of its `text` in its file, and its notes."""
    place: dict[str, Any] = {"id": sentence.id, "document": sentence.document}
    if sentence.origin is not None and text == sentence.text:
        place |= dict(zip(ORIGIN, (file_name(sentence), *sentence.origin[1:]), strict=True))
    elif sentence.line:
        place |= {"file": file_name(sentence), "line": sentence.line}
    return {key: value for key, value in place.items() if value is not None} | (sentence.notes or {})


def _own_forms(
    sentence: Sentence,
    spans: list[TokenSpan],
    text: str,
    offsets: Offsets,
    origin: Origin | None,
    scores: Sequence[float | None] | None = None,
) -> list[dict[str, Any]]:
    """Return spans as this program writes them."""
    return [
        own_form(
            Entity(offsets[start][0], offsets[end - 1][1], type_),
            text,
            origin,
            line=sentence.lines[start] if sentence.lines else sentence.line or None,
            score=score,
        )
        for (start, end, type_), score in zip(spans, scores or [None] * len(spans), strict=True)
    ]


def _alternatives(
    sentence: Sentence, forms: Callable[[list[TokenSpan]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the n best ways to label the sentence."""
    return [
        {"probability": rounded(each.probability), "entities": forms(each.token_spans)}
        for each in sentence.alternatives or ()
    ]


def _entities(sentence: Sentence, offsets: list[tuple[int, int]]) -> list[Entity]:
    return [
        Entity(offsets[start][0], offsets[end - 1][1], type_)
        for start, end, type_ in sentence.token_spans or ()
    ]
