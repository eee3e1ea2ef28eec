"""Build the table of an experiment from the results of its runs: means, intervals and comparisons."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.evaluation.confusion import OUTSIDE, Confusion
from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.evaluation.significance import (
    RESAMPLES,
    ResampledF1,
    compare,
    compare_seeds,
    holm,
    interval_of_mean,
    resample_f1,
)
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.records import (
    Comparisons,
    Evaluation,
    Pair,
    Place,
    RunResults,
    RunState,
    Score,
    ScoreCell,
    ScoreRow,
    ScoreTable,
    SentenceCounts,
    TypeMean,
)
from bilstm_crf.experiments.runs import Run
from bilstm_crf.labels import norne_first
from bilstm_crf.version import __version__

SEED = 42  # of the random numbers of comparisons
Reason = Callable[[Run, Evaluation | None], str]


@dataclass(frozen=True)
class ScoredCell:
    """A cell with the scores of its seeds."""

    cell: Cell
    scores: Mapping[int, Score]

    @property
    def data(self) -> set[tuple[str, str, str]]:
        """The data it was scored on: label set, checksum of the files, gold spans of each sentence."""
        labels = self.cell.evaluation.labels
        return {(labels, score.data_sha256, score.counts.gold) for score in self.scores.values()}


def build_scores(experiment: Experiment, runs: Mapping[str, RunResults], why: Reason) -> ScoreTable:
    """Build the table of what was run.

    Parameters
    ----------
    runs
        The results of the runs by name, as far as they count.
    why
        The reason why a run has no score of an evaluation; with None, why it is not finished.
    """
    cells = [_scored(cell, experiment.seeds, runs) for cell in experiment.cells]
    rows = dict.fromkeys(each.cell.row for each in cells)
    asked = dict.fromkeys(run for cell in experiment.cells for run in cell.runs(experiment.seeds))
    done = {name for name, run in runs.items() if run.metrics is not None}
    return ScoreTable(
        bilstm_crf=__version__,
        experiment=experiment.name,
        file=experiment.path,
        title=experiment.title,
        beside=experiment.beside,
        columns=list(dict.fromkeys(cell.column for cell in experiment.cells)),
        kind=experiment.show,
        quick=experiment.quick,
        epochs=sorted({cell.config.schedule.epochs for cell in experiment.cells}),
        seeds=list(experiment.seeds),
        rows=[
            ScoreRow(row, [_cell(each, experiment.seeds, why) for each in cells if each.cell.row == row])
            for row in rows
        ],
        comparisons=_comparisons(cells),
        runs={
            run.name: RunState(run.name in done, "" if run.name in done else why(run, None)) for run in asked
        },
    )


def _scored(cell: Cell, seeds: Sequence[int], runs: Mapping[str, RunResults]) -> ScoredCell:
    found = {run.seed: runs.get(run.name) for run in cell.runs(seeds)}
    scores = {
        seed: run.scores.get(cell.evaluation.name) for seed, run in found.items() if run and run.metrics
    }
    return ScoredCell(cell, {seed: score for seed, score in scores.items() if score is not None})


def _cell(scored: ScoredCell, seeds: Sequence[int], why: Reason) -> ScoreCell:
    cell, scores = scored.cell, scored.scores
    runs = cell.runs(seeds)
    empty = ScoreCell(
        column=cell.column,
        settings=cell.settings,
        evaluation=cell.evaluation,
        paper=cell.paper,
        runs={str(run.seed): run.name for run in runs},
        missing={str(run.seed): why(run, cell.evaluation) for run in runs if run.seed not in scores},
    )
    if not scores:
        return empty
    reports = [score.report for score in scores.values()]
    f1 = [report.strict.f1 for report in reports]
    mean = statistics.fmean(f1)
    return replace(
        empty,
        seeds={str(seed): score.report.strict.micro for seed, score in scores.items()},
        mean=mean,
        sd=statistics.stdev(f1) if len(f1) > 1 else None,
        interval=interval_of_mean(_stack(score.counts for score in scores.values())),
        difference=None if cell.paper is None else mean - cell.paper,
        signature=reports[0].signatures["strict"],
        types=_types([report.strict.types for report in reports]),
        confusion=_confusion([report.confusion for report in reports]),
    )


def _types(by_seed: Sequence[Mapping[str, TypeScore]]) -> dict[str, TypeMean]:
    """Return means over the seeds by entity type."""
    nothing = TypeScore(0.0, 0.0, 0.0, 0, 0, 0)
    found = {}
    for type_ in norne_first({type_ for each in by_seed for type_ in each}):
        scores = [each.get(type_, nothing) for each in by_seed]
        precision, recall, f1 = (
            statistics.fmean(getattr(score, part) for score in scores)
            for part in ("precision", "recall", "f1")
        )
        found[type_] = TypeMean(precision, recall, f1, max(score.gold for score in scores))
    return found


def _confusion(matrices: Sequence[Confusion]) -> Confusion:
    """Return the sum over the seeds; NorNE's types first, `O` last."""
    types = [*norne_first({type_ for each in matrices for type_ in each.types} - {OUTSIDE}), OUTSIDE]
    summed = []
    for kind in ("spans", "words"):
        total = np.zeros((len(types), len(types)), np.int64)
        for each in matrices:
            places = [types.index(type_) for type_ in each.types]
            total[np.ix_(places, places)] += np.array(getattr(each, kind), np.int64)
        summed.append(total.tolist())
    return Confusion(types, *summed)


def _comparisons(cells: Sequence[ScoredCell]) -> Comparisons:
    """Compare every two cells with the same gold spans on the seeds that both have."""
    pairs = []
    for a, b in combinations(cells, 2):
        seeds = [seed for seed in a.scores if seed in b.scores]
        if seeds and a.data == b.data and a.cell.runs([0]) != b.cell.runs([0]):
            pairs.append(_compare(a, b, seeds))
    adjusted = holm([pair.p_value for pair in pairs])
    corrected = [replace(pair, p_holm=p_holm) for pair, p_holm in zip(pairs, adjusted, strict=True)]
    return Comparisons(RESAMPLES, SEED, "Holm", corrected)


def _compare(a: ScoredCell, b: ScoredCell, seeds: list[int]) -> Pair:
    of_a, of_b = (tuple(each.scores[seed].counts for seed in seeds) for each in (a, b))
    difference, p_sentences = _randomised(of_a, of_b)
    p_value, interval = p_sentences, None
    if len(seeds) > 1:
        over_seeds = compare_seeds(_resampled(of_a), _resampled(of_b))
        p_value, interval = over_seeds.p_value, over_seeds.interval
    place_a, place_b = (Place(each.cell.row, each.cell.column) for each in (a, b))
    return Pair(place_a, place_b, seeds, difference, p_value, p_sentences, p_value, interval)


# A table is built again whenever one of its runs ends: what is known already is kept


@cache
def _randomised(a: tuple[SentenceCounts, ...], b: tuple[SentenceCounts, ...]) -> tuple[float, float]:
    comparison = compare(_stack(a), _stack(b), resamples=RESAMPLES, seed=SEED)
    return comparison.difference, comparison.p_value


@cache
def _resampled(counts: tuple[SentenceCounts, ...]) -> ResampledF1:
    return resample_f1(_stack(counts), resamples=RESAMPLES, seed=SEED)


def _stack(counts: Iterable[SentenceCounts]) -> NDArray[np.int64]:
    """(S, N, 3): correct, gold and predicted spans of each sentence."""
    return np.stack([each.as_array() for each in counts])
