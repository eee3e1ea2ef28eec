"""Build Tables 2 to 4: what the corpus holds beside the paper's numbers; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from bilstm_crf.corpus.norne import SPLITS, languages_of
from bilstm_crf.corpus.statistics import NAMES, PAPER_TABLES, PAPER_TOTALS, Counts, count, paper, types_in
from bilstm_crf.experiments.corpora import NorneFiles
from bilstm_crf.experiments.definition import Experiment
from bilstm_crf.experiments.records import CountCell, CountRow, CountTable
from bilstm_crf.version import __version__

Splits = Mapping[str, Counts | None]  # None: there is no file


def build_counts(experiment: Experiment, norne: NorneFiles) -> CountTable:
    """Count what the experiment asks for. Raises InputError for ill-formed files.

    Totals are of the splits that are there; if one is missing (test), they are not compared.
    """
    counted = {
        language: {split: _count(tuple(files)) if files else None for split, files in norne[language].items()}
        for language in languages_of(experiment.language)
    }
    missing = [split for split in SPLITS if any(splits[split] is None for splits in counted.values())]
    build_rows = _totals if experiment.statistics == "totals" else _entities
    rows = [row for language, splits in counted.items() for row in build_rows(language, splits)]
    return CountTable(
        bilstm_crf=__version__,
        experiment=experiment.name,
        file=experiment.path,
        title=experiment.title,
        beside=experiment.beside,
        columns=[cell.column for cell in rows[0].cells],
        missing=missing,
        rows=rows,
    )


@cache
def _count(files: tuple[str, ...]) -> Counts:
    """Count files once, for three tables."""
    return count(map(Path, files))


def _totals(language: str, splits: Splits) -> Iterator[CountRow]:
    """Sentences, tokens and entities of one language, all splits together."""
    total = sum(filter(None, splits.values()), Counts())
    ours = {"sentences": total.sentences, "tokens": total.tokens, "entities": total.entities.total()}
    printed = paper()["table2"]["rows"][PAPER_TOTALS[language]]
    complete = None not in splits.values()
    yield CountRow(NAMES[language], [_cell(name, n, printed[name], complete) for name, n in ours.items()])


def _entities(language: str, splits: Splits) -> Iterator[CountRow]:
    """The entities of each type in each split."""
    printed = paper()[PAPER_TABLES[language]]
    total = sum(filter(None, splits.values()), Counts())
    for type_ in types_in([total]):
        said = dict(zip(printed["columns"], printed["rows"].get(type_, ()), strict=False))
        cells = [
            _cell(split, None if counts is None else counts.entities[type_], said.get(split))
            for split, counts in splits.items()
        ]
        complete = None not in splits.values()
        cells.append(_cell("total", total.entities[type_], said.get("total"), complete))
        yield CountRow(type_, cells)


def _cell(column: str, ours: int | None, said: int | None, comparable: bool = True) -> CountCell:
    difference = ours - said if comparable and ours is not None and said is not None else None
    return CountCell(column, ours, said, difference)
