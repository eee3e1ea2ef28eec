"""A table from the scores that lie in the runs' folders: means, intervals, comparisons, and what was not run.

What comes out is JSON (docs/experiments.md says what is in it): all that a report needs, in fractions from 0
to 1, nothing rounded.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.evaluation.confusion import OUTSIDE
from bilstm_crf.evaluation.significance import RESAMPLES, compare, holm, interval_of_mean
from bilstm_crf.experiments.corpora import Corpus
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.scoring import read_score
from bilstm_crf.experiments.settings import Evaluation, Run
from bilstm_crf.labels import NORNE_TYPES
from bilstm_crf.run_folder import is_finished, read_metrics
from bilstm_crf.version import __version__

FORMAT = 1  # of the JSON
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
    def data(self) -> set[tuple[str, str]]:
        """What it was scored on: label set, hash of the files."""
        return {(self.cell.evaluation.labels, score["data_sha256"]) for score in self.scores.values()}


def build(experiment: Experiment, folder: Path, corpus: Corpus, why: Mapping[str, str]) -> dict[str, Any]:
    """The table as JSON. `why` says of runs, by name, why they are not done."""
    scored = [_scored(cell, experiment, folder / "runs", corpus, why) for cell in experiment.cells]
    rows = {each.cell.row: each.cell.settings for each in scored}
    runs = {Run(each.cell.settings, seed).name: None for each in scored for seed in experiment.seeds}
    return {
        "format": FORMAT,
        "bilstm_crf": __version__,
        "experiment": experiment.name,
        "file": experiment.path,
        "kind": experiment.show,
        "title": experiment.title,
        "beside": experiment.beside,
        "quick": experiment.quick,
        "epochs": sorted({cell.settings.recipe.epochs for cell in experiment.cells}),
        "seeds": experiment.seeds,
        "columns": list(dict.fromkeys(cell.column for cell in experiment.cells)),
        "rows": [
            {"row": row, "cells": [_cell(each) for each in scored if each.cell.row == row]} for row in rows
        ],
        "comparisons": _comparisons(scored),
        "runs": {name: _run(folder / "runs" / name, why.get(name)) for name in runs},
    }


def _scored(cell: Cell, experiment: Experiment, runs: Path, corpus: Corpus, why: Mapping[str, str]) -> Scored:
    scored = Scored(cell, {}, {})
    files = corpus[cell.evaluation.language][cell.evaluation.split]
    for seed in experiment.seeds:
        name = Run(cell.settings, seed).name
        finished = files and is_finished(runs / name)
        score = read_score(runs / name, cell.evaluation, files) if finished else None
        if score is not None:
            scored.scores[seed] = score
        elif not files:
            scored.missing[seed] = _no_file(cell.evaluation, experiment)
        else:
            scored.missing[seed] = why.get(name, "not run")
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


def _run(folder: Path, why: str | None) -> dict[str, Any]:
    """How a run stands; its folder holds the rest (config.json, history.jsonl, metrics.json)."""
    content: dict[str, Any] = {"folder": f"runs/{folder.name}", "done": is_finished(folder)}
    if content["done"]:
        metrics = read_metrics(folder)
        return content | {key: metrics[key] for key in ("seed", "best_epoch", "epochs", "seconds")}
    return content | {"why": why or "not run"}
