r"""Read brat's standoff: annotations in `a.ann`, the text that they point into in `a.txt` beside it.

    T1\tPER 0 13\tKari Nordmann
    T2\tORG 20 24;25 30\tNorsk Hydro

https://brat.nlplab.org/standoff.html. The text is split into sentences and tokens as running text is, and is
held in memory as a whole. Entities (T) are read; relations, events and their triggers, attributes,
normalisations and notes are not. `output/brat.py` writes both files.
"""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import BinaryIO, NamedTuple

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats import text
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, decode, lines_of
from bilstm_crf.formats.entities import Entity, EntityError, short, spans_of, without_white_space
from bilstm_crf.labels import ENCODINGS, is_entity_type
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.files import has_name, is_gzip, open_input, suffix_of
from bilstm_crf.util.folders import expand

name = "brat"
suffixes: tuple[str, ...] = (".ann",)

# How an entity's line goes on behind its id: type, pairs of offsets, perhaps the text
NUMBERS = "[0-9]{1,15} [0-9]{1,15}"
ENTITY = re.compile(rf"(?P<type>.*?) (?P<pairs>{NUMBERS}(?:;{NUMBERS})*)(?:\t(?P<text>.*))?")
OTHER = re.compile(r"(?:[REAMN#]\S*|\*)\t.*")  # relations, events, attributes, notes, equivalences
TRIGGER = re.compile(r"E\S*\t[^\s:]+:(T\S+)")


class Mark(NamedTuple):
    """A line of the annotations that marks an entity; its offsets are those of the file."""

    id: str
    line: int
    found: str
    type: str
    pairs: list[tuple[int, int]]
    text: str | None


# ---------------------------------------------------------------- files


def text_beside(path: str) -> str:
    """Return the path of the text of annotations: `a.txt` for `a.ann`. Raises InputError if it is missing."""
    if not has_name(path):
        raise InputError(
            "brat's annotations cannot be read from a stream: their text is the file beside theirs",
            path=path,
            hint="name the file: a.ann, with a.txt beside it",
        )
    stem = path[:-3] if is_gzip(path) else path
    stem = os.path.splitext(stem)[0] if suffix_of(path) in suffixes else stem
    candidates = [stem + ".txt", stem + ".txt.gz"]
    found = next(filter(os.path.isfile, candidates), None)
    if found is None:
        beside = f"its text, {os.path.basename(candidates[0])}, is not beside it"
        raise InputError(beside, path=path, hint="brat keeps the text of a.ann in a.txt")
    return found


def annotations_below(folder: str) -> list[str]:
    """Return the annotation files below a folder, in the order of their names."""
    found, _ = expand([folder])
    return [each.path for each in found if suffix_of(each.path) in suffixes]


def warn_of_texts_alone(folder: str) -> None:
    """Warn of texts in a folder that have no annotations beside them."""
    found, _ = expand([folder])
    texts = [each.path for each in found if suffix_of(each.path) == ".txt"]
    annotated = {text_beside(each.path) for each in found if suffix_of(each.path) in suffixes}
    alone = [path for path in texts if path not in annotated]
    if alone:
        verb = "texts have" if len(alone) > 1 else "text has"
        warn(
            f"{len(alone):,} {verb} no .ann beside it and {'are' if len(alone) > 1 else 'is'} left out",
            path=alone[0],
        )


# ---------------------------------------------------------------- reading


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. `path` and `line` of a sentence are those of its text, which is one document."""
    place = text_beside(path)
    marks = list(_marks(stream, path))
    with open_input(place, options.input_encoding) as text_stream:
        whole = decode(text_stream.read(), 1, place)
    content, entities = _located(whole, marks, path, place)
    reading = replace(options, sentences="detect", input_encoding=None, keep_raw=True)
    stream_of = text.read(io.BytesIO(content.encode()), place, reading)
    for sentence in _labelled([each for each in stream_of if each.tokens], content, entities, path):
        sentence.document = os.path.splitext(os.path.basename(place))[0]
        if not options.keep_raw:
            sentence.text = sentence.offsets = sentence.origin = None
        yield sentence


def _marks(stream: BinaryIO, path: str) -> Iterator[Mark]:
    """Yield the entities but for triggers of events, which are no names."""
    lines = [(number, decode(line, number, path).rstrip("\r\n")) for number, line in lines_of(stream)]
    triggers = {match[1] for _, line in lines if (match := TRIGGER.match(line))}
    for number, line in lines:
        line = line.removeprefix(BOM)
        if not line.strip() or OTHER.fullmatch(line):
            continue
        id_, _, rest = line.partition("\t")
        match = ENTITY.fullmatch(rest) if id_.startswith("T") else None
        if match is None:
            message = "not a line of brat's annotations, such as T1, tab, PER 0 13, tab, Kari Nordmann"
            raise InputError(message, path=path, line=number, found=line)
        if id_ in triggers:
            continue
        if not is_entity_type(match["type"]):
            message = f"the type {match['type']!r} is empty or has blanks or |, which no column holds"
            raise InputError(message, path=path, line=number, found=line)
        pairs = [(int(start), int(end)) for start, end in map(str.split, match["pairs"].split(";"))]
        yield Mark(id_, number, line, match["type"], pairs, match["text"])


Located = list[tuple[Entity, Mark]]


def _located(whole: str, marks: Sequence[Mark], path: str, place: str) -> tuple[str, Located]:
    r"""Return the text, and the entities with their offsets in it.

    Programs differ in whether a byte order mark counts, and whether \r\n is one character. The first way that
    gives each entity the text that its line repeats is right. Raises InputError if none does.
    """
    plain = whole.lstrip(BOM)
    ways = dict.fromkeys(
        (content, shift)
        for content in (plain, _with_plain_ends(plain))
        for shift in (len(whole) - len(plain), 0)
    )
    faults = []
    for content, shift in ways:
        fault = next(filter(None, (_fault(mark, content, shift, place) for mark in marks)), None)
        if fault is None:
            return content, [(_entity(mark, content, shift, path), mark) for mark in marks]
        faults.append(fault)
    mark, message = faults[0]
    raise InputError(
        message,
        path=path,
        line=mark.line,
        found=mark.found,
        hint="offsets count the code points of the text: has it been changed since?",
    )


def _with_plain_ends(content: str) -> str:
    r"""Return the text with lines that end in \n."""
    return re.sub("\r\n?", "\n", content)


def _fault(mark: Mark, content: str, shift: int, place: str) -> tuple[Mark, str] | None:
    """Return what is wrong with an entity's offsets; None if they give the text that its line repeats."""
    pairs = [(start - shift, end - shift) for start, end in mark.pairs]
    file = os.path.basename(place)
    if not all(0 <= start < end <= len(content) for start, end in pairs):
        return mark, f"{mark.id}: the offsets are not in {file}, which has {len(content):,} characters"
    pieces = " ".join(content[start:end] for start, end in pairs)
    if mark.text is not None and pieces.split() != mark.text.split():
        return mark, f"{mark.id}: {short(mark.text)} expected, but {file} has {short(pieces)} there"
    return None


def _entity(mark: Mark, content: str, shift: int, path: str) -> Entity:
    """Return an entity in one piece. Raises InputError if there are words between its pieces."""
    pairs = [(start - shift, end - shift) for start, end in mark.pairs]
    for (_, end), (start, _) in pairwise(pairs):
        if content[end:start].strip() or start < end:
            raise InputError(
                f"{mark.id}: in several pieces, with {short(content[end:start])} between them",
                path=path,
                line=mark.line,
                found=mark.found,
                hint="a name is a run of tokens: annotate it as one piece",
            )
    return Entity(pairs[0][0], pairs[-1][1], mark.type)


# ---------------------------------------------------------------- sentences


def _labelled(sentences: list[Sentence], content: str, located: Located, path: str) -> Iterator[Sentence]:
    """Yield the sentences with labels; those that share an entity become one."""
    tokens = [token for each in sentences for token in each.tokens]
    offsets = [(_start(each) + a, _start(each) + b) for each in sentences for a, b in each.offsets or ()]
    document = Sentence(tokens, text=content, offsets=offsets)
    spans = _spans(document, located, path)
    labels = ENCODINGS["iob"].encode(spans, len(document))
    ends = list(accumulate(map(len, sentences)))
    joined = set()  # sentences in which an entity begins that ends in a later one
    for span in spans:
        number = bisect_right(ends, span.start)
        while ends[number] < span.end:
            joined.add(number)
            number += 1
    first = reached = 0
    for number, end in enumerate(ends):
        if number not in joined:
            sentence = _as_one(sentences[first : number + 1], content)
            sentence.labels = labels[reached:end]
            yield sentence
            first, reached = number + 1, end


def _spans(document: Sentence, located: Located, path: str) -> list[TokenSpan]:
    """Return the tokens of each entity. Raises InputError for one that is no run of tokens."""
    trimmed = {without_white_space(entity, document): mark for entity, mark in located}
    wider = next((mark for entity, mark in located if entity not in trimmed), None)
    if wider is not None:
        message = f"{wider.id}: the entity has white space at its ends, which is left off"
        warn(message, path=path, line=wider.line)
    try:
        return spans_of(trimmed, document)
    except EntityError as error:
        mark = trimmed[error.entity]
        raise InputError(
            f"{mark.id}: {error}",
            path=path,
            line=mark.line,
            found=mark.found,
            hint="a token has one label: keep one of them, such as the longer"
            if error.overlaps
            else "an entity is whole tokens: move its ends",
        ) from error


def _as_one(sentences: list[Sentence], content: str) -> Sentence:
    """Join sentences that follow one another in the text."""
    sentence, last = sentences[0], sentences[-1]
    if sentence is last:
        return sentence
    start = _start(sentence)
    return replace(
        sentence,
        tokens=[token for each in sentences for token in each.tokens],
        text=content[start : _start(last) + len(last.text or "")],
        offsets=[
            (_start(each) - start + a, _start(each) - start + b)
            for each in sentences
            for a, b in each.offsets or ()
        ],
    )


def _start(sentence: Sentence) -> int:
    """Return where a sentence of the text begins."""
    return 0 if sentence.origin is None else sentence.origin.start


# ---------------------------------------------------------------- writing


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """Return the sentence as in the text, with its entities marked; `output/brat.py` writes both files."""
    return text.compose(sentence, options)


compose = text.compose
