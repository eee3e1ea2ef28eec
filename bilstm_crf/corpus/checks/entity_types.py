"""Entity types: names that are nearly the same, types that train lacks or hardly has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from bilstm_crf.corpus.checks.findings import MIN_IN_TRAIN, Findings, Place, place_of
from bilstm_crf.corpus.overview import folded_name, shown_type
from bilstm_crf.corpus.statistics import Counts
from bilstm_crf.labels import LabelSet, norne_first
from bilstm_crf.sentence import Sentence

MIN_LETTERS = 3  # of type names that are compared letter by letter
# A type whose name resembles another's is suspicious with at most this share of its entities, or this number
RARE, FEW = 0.2, 3

Splits = Mapping[str, Sequence[Sentence]]


def check_types(splits: Splits, label_set: LabelSet, findings: Findings) -> None:
    """Compare the types of the splits with one another, and with the label set."""
    counts = {name: Counts.of(sentences).entities for name, sentences in splits.items()}
    places = _first_places(splits)
    _check_names(sum(counts.values(), Counter()), places, findings)
    for name, sentences in splits.items():
        readable = any(each.token_spans is not None for each in sentences)
        if readable and not counts[name]:
            findings.add("no-entities", [Place(sentences[0].path, None, f"{name} has no entities")])
    if label_set.types is not None:
        _check_label_set(splits, label_set, findings)
    train = counts.get("train")
    if not train:
        return
    for name, found in counts.items():
        lacking = norne_first(type_ for type_ in found if type_ not in train)
        findings.add(
            "type-not-in-train",
            [
                places[name, each]._replace(text=f"{each}: {found[each]:,} in {name}, none in train")
                for each in lacking
            ],
        )
    rare = norne_first(type_ for type_, number in train.items() if number < MIN_IN_TRAIN)
    findings.add(
        "rare-type", [places["train", each]._replace(text=f"{each}: {train[each]} in train") for each in rare]
    )


def _first_places(splits: Splits) -> dict[tuple[str, str], Place]:
    """Return the first place of each type in each split."""
    places: dict[tuple[str, str], Place] = {}
    for name, sentences in splits.items():
        for sentence in sentences:
            for span in sentence.token_spans or ():
                if (name, span.type) not in places:
                    places[name, span.type] = place_of(sentence, "", span.start)
    return places


def _check_names(counts: Counter[str], places: Mapping[tuple[str, str], Place], findings: Findings) -> None:
    found = []
    ordered = sorted(counts, key=lambda type_: (-counts[type_], type_))
    for rank, other in enumerate(ordered):
        one = next(
            (each for each in ordered[:rank] if resemble(each, other, counts[each], counts[other])), None
        )
        if one is not None:
            where = next(place for (_, type_), place in places.items() if type_ == other)
            text = f"{shown_type(other)} ({counts[other]:,}) and {shown_type(one)} ({counts[one]:,})"
            found.append(where._replace(text=text))
    findings.add("near-type", found)


def resemble(one: str, other: str, count: int, other_count: int) -> bool:
    """Return whether two types are likely one; `other` is the one with fewer entities.

    >>> resemble("PER", "Per", 90, 80), resemble("ORG", "ORG.", 9, 9), resemble("PER", "PERS", 90, 1)
    (True, True, True)
    >>> resemble("PART", "PARTY", 90, 80), resemble("DATE1", "DATE2", 90, 1), resemble("EVT", "DRV", 90, 1)
    (False, False, False)
    """
    first, second = folded_name(one), folded_name(other)
    if first == second:
        return True
    if other_count > max(FEW, RARE * count) or min(len(first), len(second)) < MIN_LETTERS:
        return False
    if re.sub(r"\d", "", first) == re.sub(r"\d", "", second):
        return False  # numbered types
    return first.startswith(second) or second.startswith(first) or _one_edit_apart(first, second)


def _one_edit_apart(one: str, other: str) -> bool:
    """Return whether one letter was added, left out, replaced or swapped with the next."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    rest, other_rest = one[start:], other[start:]
    swapped = other_rest[1:2] + other_rest[:1] + other_rest[2:]
    return rest[1:] in (other_rest, other_rest[1:]) or rest == other_rest[1:] or rest == swapped


def _check_label_set(splits: Splits, label_set: LabelSet, findings: Findings) -> None:
    known = label_set.types or {}
    findings.add(
        "unknown-type",
        [
            place_of(sentence, f"{span.type}, expected one of {' '.join(known)}", span.start)
            for sentences in splits.values()
            for sentence in sentences
            for span in sentence.token_spans or ()
            if span.type not in known
        ],
    )
