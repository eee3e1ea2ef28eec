"""Annotation that contradicts itself: a name labelled in several ways; and labels that name nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bilstm_crf.corpus.checks.findings import MAX_TOKENS, Findings, Place, excerpt, place_of
from bilstm_crf.sentence import Sentence

MIN_OTHERS, SLIP_SHARE = 5, 0.1  # occurrences of a name's usual label, and at most this share of another
OUTSIDE = "O"
Words = tuple[str, ...]


def check_annotation(sentences: Sequence[Sentence], findings: Findings) -> None:
    """Find names labelled in several ways, entities of punctuation, and sentences without an end."""
    findings.add(
        "long-sentence",
        [place_of(each, f"{len(each):,} tokens") for each in sentences if len(each) > MAX_TOKENS],
    )
    readable = [each for each in sentences if each.token_spans is not None]
    findings.add("punctuation", list(_punctuation(readable)))
    _check_names(_names(readable), findings)


def _punctuation(sentences: Iterable[Sentence]) -> Iterable[Place]:
    for sentence in sentences:
        for span in sentence.token_spans or ():
            if not any(map(str.isalnum, "".join(sentence.tokens[span.start : span.end]))):
                text = f"{excerpt(sentence, span.start, span.end)} is {span.type}"
                yield place_of(sentence, text, span.start)


@dataclass
class Name:
    """The labels of one sequence of tokens: entity types, and O where it is no entity."""

    counts: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))

    def add(self, type_: str, place: Place) -> None:
        self.counts[type_] += 1
        self.places[type_].append(place)


def _names(sentences: Sequence[Sentence]) -> Mapping[Words, Name]:
    """Return every name of the sentences, with the occurrences that are entities, and those that are not.

    An occurrence inside a longer entity, or over the edge of one, does not count.
    """
    names: dict[Words, Name] = defaultdict(Name)
    for sentence in sentences:
        for span in sentence.token_spans or ():
            words = tuple(sentence.tokens[span.start : span.end])
            names[words].add(span.type, place_of(sentence, "", span.start))
    lengths: dict[str, set[int]] = defaultdict(set)
    for words in names:
        lengths[words[0]].add(len(words))
    for sentence in sentences:
        tokens = sentence.tokens
        if lengths.keys().isdisjoint(tokens):
            continue
        inside = {place for span in sentence.token_spans or () for place in range(span.start, span.end)}
        for start, token in enumerate(tokens):
            if start in inside or token not in lengths:
                continue
            for length in lengths[token]:
                words = tuple(tokens[start : start + length])
                if words in names and inside.isdisjoint(range(start, start + length)):
                    names[words].add(OUTSIDE, place_of(sentence, "", start))
    return names


def _check_names(names: Mapping[Words, Name], findings: Findings) -> None:
    slips: list[tuple[int, list[Place]]] = []
    others: list[tuple[int, Place]] = []
    for words, name in names.items():
        usual, number = name.counts.most_common(1)[0]
        unlike = name.counts.total() - number
        if not unlike:
            continue
        text = " ".join(words)[:60]
        if number >= MIN_OTHERS and unlike <= SLIP_SHARE * number:
            if usual == OUTSIDE and len(words) == 1 and not words[0][:1].isupper():
                continue  # a common word in a title, once
            slips.append((number, _places_of_slips(text, name, usual, number)))
        elif usual != OUTSIDE and not _is_one_of_many(name, usual):
            shown = ", ".join(f"{_label(type_)} {count:,}" for type_, count in name.counts.most_common())
            rarest = name.counts.most_common()[-1][0]
            others.append((unlike, name.places[rarest][0]._replace(text=f"{text!r}: {shown}")))
    slips.sort(key=lambda each: -each[0])
    findings.add("slip", [place for _, places in slips for place in places])
    others.sort(key=lambda each: -each[0])
    findings.add("inconsistent", [place for _, place in others])


def _is_one_of_many(name: Name, usual: str) -> bool:
    """Return whether a name is an entity about as often as not: a common word, such as `Mai` or `Sol`."""
    types = len(name.counts.keys() - {OUTSIDE})
    return types == 1 and name.counts[OUTSIDE] * 2 > name.counts[usual]


def _places_of_slips(text: str, name: Name, usual: str, number: int) -> list[Place]:
    return [
        place._replace(text=f"{text!r} is {_label(type_)} here, {_label(usual)} {number:,} times")
        for type_, places in name.places.items()
        if type_ != usual
        for place in places
    ]


def _label(type_: str) -> str:
    return "no entity" if type_ == OUTSIDE else type_
