"""Summarise the data of a run: a table of entities by type and split, and what looks like a mistake."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.corpus.statistics import Counts
from bilstm_crf.errors import warn
from bilstm_crf.labels import norne_first
from bilstm_crf.render.table import Cell, Table, columns
from bilstm_crf.render.text import to_text
from bilstm_crf.sentence import TokenSpan

MAX_TYPES = 10  # rows of the table
MAX_NAMED = 5  # types that a warning names

TypeCounts = Mapping[str, Counter[str]]  # entities by split, then by type


def count_types(splits: Mapping[str, Labelled | None]) -> dict[str, Counter[str]]:
    """Return the entities of each split by type; a split that is None is left out."""
    return {name: Counts.of(split.sentences).entities for name, split in splits.items() if split is not None}


def table(counts: TypeCounts) -> list[str]:
    """Return the lines of a table: a row for each entity type, a column for each split."""
    types = norne_first(set().union(*counts.values()))
    rest = types[MAX_TYPES:] if len(types) > MAX_TYPES + 1 else []
    rows: list[list[Cell]] = [
        [shown_type(type_), *(split[type_] for split in counts.values())]
        for type_ in types[: len(types) - len(rest)]
    ]
    notes = [f"and {len(rest)} more types"] if rest else []
    heads = columns("entities", *(f"{name:>5}" for name in counts))
    return to_text(Table("", heads, rows, notes)).split("\n")


def mistakes(counts: TypeCounts) -> list[str]:
    """Return what looks like a mistake in the splits, each in a line.

    Types of dev or test that train lacks, train or test without entities, types with similar names.
    """
    ends = {"train": "the model will predict none", "test": "its scores mean nothing"}
    found = [f"{name} has no entities: {end}" for name, end in ends.items() if counts.get(name) == Counter()]
    for name, types in counts.items():
        lacking = {type_: count for type_, count in types.items() if type_ not in counts["train"]}
        if lacking and counts["train"]:
            found.append(
                f"{name} has entity types that train lacks; the model cannot predict them: {_named(lacking)}"
            )
    return found + nearly_same(sum(counts.values(), Counter()))


def nearly_same(types: Mapping[str, int]) -> list[str]:
    """Return a line for each group of entity types whose names differ in case or punctuation only."""
    found = []
    for _, same in groupby(sorted(types, key=lambda type_: (folded_name(type_), type_)), key=folded_name):
        alike = {type_: types[type_] for type_ in same}
        if len(alike) > 1:
            found.append(f"entity types whose names are nearly the same: {_named(alike)}; are they one type?")
    return found


def warn_of_types(spans: Iterable[Sequence[TokenSpan]]) -> None:
    """Warn of entity types with nearly the same name in gold and predicted spans."""
    for mistake in nearly_same(Counter(span.type for found in spans for span in found)):
        warn(mistake)


def _named(types: Mapping[str, int]) -> str:
    named = [f"{shown_type(type_)} ({count:,})" for type_, count in sorted(types.items())]
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return ", ".join(named[:MAX_NAMED]) + more


def folded_name(type_: str) -> str:
    """Return a type's name without case, punctuation and invisible characters."""
    folded = unicodedata.normalize("NFKC", type_).casefold()
    return "".join(filter(str.isalnum, folded)) or type_


def shown_type(type_: str) -> str:
    """Return a type for a terminal, with unprintable characters escaped."""
    return type_ if type_.isprintable() else ascii(type_)
