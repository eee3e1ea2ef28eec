"""Tables 2 to 4: what the corpus holds, counted, beside the paper's numbers; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.corpus.norne import SPLITS, languages_of
from bilstm_crf.corpus.statistics import NAMES, PAPER_TABLES, PAPER_TOTALS, Counts, count, paper, types_in
from bilstm_crf.experiments.corpora import Corpus
from bilstm_crf.experiments.definition import Experiment
from bilstm_crf.experiments.shapes import FORMAT
from bilstm_crf.version import __version__


def build(experiment: Experiment, corpus: Corpus) -> dict[str, Any]:
    """The table as JSON. Raises InputError for ill-formed files.

    Totals are of the splits that are there; where one is missing (test), they are not compared.
    """
    counted = {
        language: {
            split: _count(tuple(corpus[language][split])) if corpus[language][split] else None
            for split in SPLITS
        }
        for language in languages_of(experiment.language)
    }
    missing = [split for split in SPLITS if any(splits[split] is None for splits in counted.values())]
    of_table = _totals if experiment.statistics == "totals" else _entities
    rows = [row for language, splits in counted.items() for row in of_table(language, splits)]
    return {
        "format": FORMAT,
        "bilstm_crf": __version__,
        "experiment": experiment.name,
        "file": experiment.path,
        "kind": "statistics",
        "title": experiment.title,
        "beside": experiment.beside,
        "missing": missing,
        "columns": [cell["column"] for cell in rows[0]["cells"]],
        "rows": rows,
    }


@cache
def _count(files: tuple[str, ...]) -> Counts:
    """Counted once, for three tables."""
    return count(map(Path, files))


Splits = Mapping[str, Counts | None]


def _there(splits: Splits) -> list[Counts]:
    return [counts for counts in splits.values() if counts is not None]


def _totals(language: str, splits: Splits) -> list[dict[str, Any]]:
    """Sentences, tokens and entities of one language, all splits together."""
    there = _there(splits)
    ours = {
        "sentences": sum(counts.sentences for counts in there),
        "tokens": sum(counts.tokens for counts in there),
        "entities": sum(counts.entities.total() for counts in there),
    }
    said = paper()["table2"]["rows"][PAPER_TOTALS[language]]
    whole = len(there) == len(splits)
    cells = [_cell(column, number, said[column], whole) for column, number in ours.items()]
    return [{"row": NAMES[language], "cells": cells}]


def _entities(language: str, splits: Splits) -> list[dict[str, Any]]:
    """The entities of each type in each split."""
    printed = paper()[PAPER_TABLES[language]]
    there = _there(splits)
    rows = []
    for type_ in types_in(there):
        said = dict(zip(printed["columns"], printed["rows"].get(type_, ()), strict=False))
        cells = [
            _cell(split, None if counts is None else counts.entities[type_], said.get(split), True)
            for split, counts in splits.items()
        ]
        total = sum(counts.entities[type_] for counts in there)
        cells.append(_cell("total", total, said.get("total"), len(there) == len(splits)))
        rows.append({"row": type_, "cells": cells})
    return rows


def _cell(column: str, ours: int | None, said: int | None, comparable: bool) -> dict[str, Any]:
    """`ours` None: there is no such file."""
    difference = ours - said if comparable and ours is not None and said is not None else None
    return {"column": column, "ours": ours, "paper": said, "difference": difference}
