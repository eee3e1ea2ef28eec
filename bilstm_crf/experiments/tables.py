"""A table from the scores that lie in the runs' folders: means, intervals, comparisons, and what was not run.

What comes out is JSON (docs/experiments.md says what is in it): all that a report needs, in fractions from 0
to 1, nothing rounded.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import InputError
from bilstm_crf.evaluation.confusion import OUTSIDE
from bilstm_crf.evaluation.significance import RESAMPLES, compare, holm, interval_of_mean
from bilstm_crf.experiments.corpora import Corpus
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.results import read_metrics, read_score
from bilstm_crf.experiments.same_run import other_settings
from bilstm_crf.experiments.settings import Evaluation, Run
from bilstm_crf.experiments.shapes import FORMAT
from bilstm_crf.labels import NORNE_TYPES
from bilstm_crf.version import __version__

TEST = "approximate randomisation"


@dataclass(frozen=True)
class Scored:
    """A cell with the scores of the seeds that there are, and why the others are not."""

    cell: Cell
    scores: dict[int, dict[str, Any]]  # by seed, as scoring.py wrote them
    missing: dict[int, str]

    def counts(self, seeds: Sequence[int]) -> NDArray[np.int64]:
        """(S, N, 3): correct, gold and predicted spans of each sentence."""
        of_seed = [self.scores[seed]["counts"] for seed in seeds]
        parts = ("correct", "gold", "predicted")
        return np.array([[each[part] for part in parts] for each in of_seed], np.int64).transpose(0, 2, 1)

    @property
    def data(self) -> set[tuple[Any, ...]]:
        """What it was scored on: label set, hash of the files, gold spans of each sentence."""
        return {
            (self.cell.evaluation.labels, score["data_sha256"], *score["counts"]["gold"])
            for score in self.scores.values()
        }


def build(
    experiment: Experiment,
    folder: Path,
    corpus: Corpus,
    why: Mapping[str, str],
    foreign: Collection[str] = (),
) -> dict[str, Any]:
    """The table as JSON. `why` says of runs, by name, why they are not done.

    What is damaged of a run does not count, nor what another run left in its folder, with the reason. Where
    settings alone do not tell that it is another, `foreign` names it, and `why` has the reason.
    """
    asked = dict.fromkeys(run for cell in experiment.cells for run in cell.runs(experiment.seeds))
    runs = {
        run.name: _run(run, folder / "runs" / run.name, why.get(run.name, "not run"), run.name in foreign)
        for run in asked
    }
    why = {name: run.get("why", why.get(name, "not run")) for name, run in runs.items()}
    done = {name for name, run in runs.items() if run["done"]}
    scored = [_scored(cell, experiment, folder / "runs", corpus, done, why) for cell in experiment.cells]
    rows = {each.cell.row: each.cell.settings for each in scored}
    return {
        "format": FORMAT,
        "bilstm_crf": __version__,
        "experiment": experiment.name,
        "file": experiment.path,
        "kind": experiment.show,
        "title": experiment.title,
        "beside": experiment.beside,
        "quick": experiment.quick,
        "epochs": sorted({cell.settings.config.schedule.epochs for cell in experiment.cells}),
        "seeds": experiment.seeds,
        "columns": list(dict.fromkeys(cell.column for cell in experiment.cells)),
        "rows": [
            {"row": row, "cells": [_cell(each) for each in scored if each.cell.row == row]} for row in rows
        ],
        "comparisons": _comparisons(scored),
        "runs": runs,
    }


def _scored(
    cell: Cell,
    experiment: Experiment,
    folder: Path,
    corpus: Corpus,
    done: Collection[str],
    why: Mapping[str, str],
) -> Scored:
    scored = Scored(cell, {}, {})
    files = corpus[cell.evaluation.language][cell.evaluation.split]
    for run in cell.runs(experiment.seeds):
        reason = why[run.name] if files else _no_file(cell.evaluation, experiment)
        score = None
        if files and run.name in done:
            try:
                score = read_score(folder / run.name, cell.evaluation, files)
            except InputError as error:
                reason = str(error)
        if score is None:
            scored.missing[run.seed] = reason
        else:
            scored.scores[run.seed] = score
    return scored


def _no_file(evaluation: Evaluation, experiment: Experiment) -> str:
    own = experiment.corpora.get(evaluation.language)
    gone = own and own.missing(evaluation.split)
    return f"not run: {gone or f'there is no {evaluation.split} file'}"


def _cell(scored: Scored) -> dict[str, Any]:
    cell, scores = scored.cell, scored.scores
    content: dict[str, Any] = {
        "column": cell.column,
        "settings": cell.settings.as_dict(),
        "evaluation": vars(cell.evaluation),
        "paper": cell.paper,
        "missing": {str(seed): reason for seed, reason in scored.missing.items()},
        "runs": {str(seed): Run(cell.settings, seed).name for seed in [*scores, *scored.missing]},
    }
    if not scores:
        return {**content, "seeds": {}, "mean": None, "sd": None, "interval": None, "difference": None}
    micro = {seed: score["strict"]["micro"] for seed, score in scores.items()}
    mean = statistics.fmean(each["f1"] for each in micro.values())
    return {
        **content,
        "signature": next(iter(scores.values()))["signatures"]["strict"],
        "seeds": {str(seed): each for seed, each in micro.items()},
        "mean": mean,
        "sd": statistics.stdev(each["f1"] for each in micro.values()) if len(micro) > 1 else None,
        "interval": asdict(interval_of_mean(scored.counts(list(scores)))),
        "difference": None if cell.paper is None else mean - cell.paper,
        "types": _types(list(scores.values())),
        "confusion": _confusion([score["confusion"] for score in scores.values()]),
    }


def _types(scores: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By entity type: precision, recall and F1 as means over the seeds, and the gold spans."""
    by_seed = [score["strict"]["types"] for score in scores]
    types = ordered({type_ for each in by_seed for type_ in each})
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "gold": 0}
    return {
        type_: {
            key: statistics.fmean(each.get(type_, nothing)[key] for each in by_seed)
            for key in ("precision", "recall", "f1")
        }
        | {"gold": max(each.get(type_, nothing)["gold"] for each in by_seed)}
        for type_ in types
    }


def _confusion(matrices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum over the seeds, in NorNE's order of types, `O` last."""
    types = [*ordered({type_ for each in matrices for type_ in each["types"]} - {OUTSIDE}), OUTSIDE]
    place = {type_: number for number, type_ in enumerate(types)}
    summed = {}
    for kind in ("spans", "words"):
        total = np.zeros((len(types), len(types)), np.int64)
        for each in matrices:
            places = [place[type_] for type_ in each["types"]]
            total[np.ix_(places, places)] += np.array(each[kind], np.int64)
        summed[kind] = total.tolist()
    return {"types": types, **summed}


def ordered(types: set[str]) -> list[str]:
    """NorNE's types first, in the paper's order."""
    return [*(t for t in NORNE_TYPES if t in types), *sorted(types.difference(NORNE_TYPES))]


def _comparisons(scored: Sequence[Scored]) -> dict[str, Any]:
    """Every two cells that were scored on the same gold spans, compared on the seeds that both have."""
    pairs = []
    for a, b in combinations(scored, 2):
        seeds = [seed for seed in a.scores if seed in b.scores]
        if seeds and a.data == b.data and a.cell.settings != b.cell.settings:
            comparison = compare(a.counts(seeds), b.counts(seeds))
            ends = [{"row": end.cell.row, "column": end.cell.column} for end in (a, b)]
            pairs.append({"a": ends[0], "b": ends[1], "seeds": seeds, **asdict(comparison)})
    for pair, adjusted in zip(pairs, holm([pair["p_value"] for pair in pairs]), strict=True):
        pair["p_holm"] = adjusted
    return {"test": TEST, "resamples": RESAMPLES, "correction": "Holm", "pairs": pairs}


def _run(run: Run, folder: Path, why: str, foreign: bool) -> dict[str, Any]:
    """How a run stands; its folder holds the rest (config.json, history.jsonl, metrics.json)."""
    other = why if foreign else other_settings(run, folder)
    try:
        metrics = read_metrics(folder) if other is None else None
    except InputError as error:
        metrics, why = None, str(error)
    content = {"folder": f"runs/{folder.name}", "done": metrics is not None}
    if metrics is None:
        return content | {"why": other or why}
    shown = ("seed", "best_epoch", "epochs", "seconds")
    return content | {key: metrics[key] for key in shown if key in metrics}
