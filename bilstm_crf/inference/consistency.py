"""Let the names of a document agree: an unsure bare name takes the type of a person's full name.

`Moe` alone may be anything; in a document that names `Kari Moe` it is probably her. This is for models
that tag each sentence on its own. The document memory learns the same, and more, from the same evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bilstm_crf.features.occurrences import key_of
from bilstm_crf.inference.decoding import Annotation
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.sentence import Sentence, TokenSpan

PERSON = "PER"
MIN_SURE = 0.9  # probability of a full name that others follow, and of a span that follows no other
MIN_POSSIBLE = 0.02  # probability that a bare name is a person, judging by its sentence

Place = tuple[int, TokenSpan]  # the number of a sentence and a span in it
Key = tuple[str, str | None, str]  # the file, the document and the name without a genitive -s


class BareName(NamedTuple):
    """A bare name that may be a person who is named in full elsewhere."""

    number: int  # of its sentence
    person: TokenSpan  # the name as a person
    key: Key
    found: TokenSpan | None  # what it was tagged as


def agree(
    sentences: Sequence[Sentence],
    annotations: Sequence[Annotation],
    probabilities: Callable[[list[Place]], Sequence[float]],
) -> list[Annotation]:
    """Return the annotations with bare names as persons where a sure full name in the document is one.

    A full name has several tokens; its first or its last one is a bare name. Sentences of the
    same path and document belong together. A span that changes takes the score of the full name.
    `probabilities` is called for spans of a few sentences only.
    """
    names = _full_names(sentences, annotations)
    bare_names = _apart(list(_bare_names(sentences, annotations, names))) if names else []
    if not bare_names:
        return list(annotations)
    keys = list(dict.fromkeys(bare_name.key for bare_name in bare_names))
    full = list(dict.fromkeys(place for key in keys for place in names[key]))
    sure = dict(zip(full, probabilities(full), strict=True))
    known = {key: max(sure[place] for place in names[key]) for key in keys}
    bare_names = [bare_name for bare_name in bare_names if known[bare_name.key] >= MIN_SURE]
    possible = probabilities([(each.number, each.person) for each in bare_names])
    before = probabilities([(each.number, each.found or each.person) for each in bare_names])
    changes: dict[int, dict[BareName, float]] = defaultdict(dict)  # the score of each, by sentence
    for bare_name, as_person, as_found in zip(bare_names, possible, before, strict=True):
        if as_person >= MIN_POSSIBLE and (bare_name.found is None or as_found < MIN_SURE):
            changes[bare_name.number][bare_name] = known[bare_name.key]
    return [
        _with(annotation, changes[number]) if number in changes else annotation
        for number, annotation in enumerate(annotations)
    ]


def _full_names(sentences: Sequence[Sentence], annotations: Sequence[Annotation]) -> dict[Key, list[Place]]:
    """Return the persons' full names by their first and their last token."""
    found: dict[Key, list[Place]] = defaultdict(list)
    for number, (sentence, annotation) in enumerate(zip(sentences, annotations, strict=True)):
        for span in annotation.token_spans:
            if span.type != PERSON or span.end - span.start == 1:
                continue
            for word in {key_of(sentence.tokens[span.start]), key_of(sentence.tokens[span.end - 1])}:
                if word is not None:
                    found[sentence.path, sentence.document, word].append((number, span))
    return found


def _bare_names(
    sentences: Sequence[Sentence], annotations: Sequence[Annotation], names: dict[Key, list[Place]]
) -> Iterator[BareName]:
    """Yield each token that is such a bare name, and neither a person already nor part of a longer span."""
    words = {key[2] for key in names}
    for number, (sentence, annotation) in enumerate(zip(sentences, annotations, strict=True)):
        covered = {token: span for span in annotation.token_spans for token in range(span.start, span.end)}
        found = []
        for token, word in enumerate(sentence.tokens):
            if not word[:1].isupper() and word.isascii():
                continue  # as nearly all words are: saves the time of `key_of`
            name = key_of(word)
            key = (sentence.path, sentence.document, name or "")
            if name not in words or key not in names:
                continue
            old = covered.get(token)
            beside = [covered[each].type for each in (token - 1, token + 1) if each in covered]
            if PERSON not in beside and (old is None or (old.type != PERSON and old.end - old.start == 1)):
                found.append(BareName(number, TokenSpan(token, token + 1, PERSON), key, old))
        if found:
            possible = {*trim_spans(sentence, [bare_name.person for bare_name in found])}
            yield from (bare_name for bare_name in found if bare_name.person in possible)


def _apart(bare_names: list[BareName]) -> list[BareName]:
    """Return the bare names without those side by side: a full name that was missed, not two persons."""
    places = {(each.number, each.person.start) for each in bare_names}
    return [
        each
        for each in bare_names
        if not places & {(each.number, each.person.start - 1), (each.number, each.person.end)}
    ]


def _with(annotation: Annotation, bare_names: dict[BareName, float]) -> Annotation:
    """Return the annotation with these bare names as persons, each with its score."""
    scores = annotation.scores or [0.0] * len(annotation.token_spans)
    gone = {bare_name.found for bare_name in bare_names}
    scored = [each for each in zip(annotation.token_spans, scores, strict=True) if each[0] not in gone]
    scored = sorted(scored + [(bare_name.person, score) for bare_name, score in bare_names.items()])
    return annotation._replace(
        token_spans=[span for span, _ in scored],
        scores=None if annotation.scores is None else [score for _, score in scored],
    )
