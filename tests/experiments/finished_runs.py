"""Folders of runs as `train` and scoring leave them, small and quickly made."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import DataFile
from bilstm_crf.embeddings.names import KNOWN
from bilstm_crf.embeddings.vectors import Source
from bilstm_crf.evaluation.counts import Average, sentence_counts
from bilstm_crf.evaluation.report import Report, evaluate
from bilstm_crf.experiments.definition import Experiment
from bilstm_crf.experiments.plan import RunnerOptions, Task, build_results, corpora_of, find_tasks
from bilstm_crf.experiments.records import Evaluation, Score, ScoreTable, SentenceCounts
from bilstm_crf.experiments.results import ResultsFolder
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.records import EpochRow, RunDescription, RunMetrics, Seconds
from bilstm_crf.util.files import sha256_of, sha256_of_all, write_json
from bilstm_crf.version import __version__

GOLD = [
    [TokenSpan(0, 1, "PER")],
    [TokenSpan(0, 1, "LOC"), TokenSpan(1, 2, "PER")],
    [],
    [TokenSpan(1, 2, "ORG")],
] * 3
DEV = Evaluation("nob", "dev", "full")
Norne = dict[str, dict[str, list[str]]]


def options_for(folder: Path, experiment: Experiment, norne: Norne, **more: Any) -> RunnerOptions:
    """Runner options with these files for NorNE's."""
    return RunnerOptions(ResultsFolder(folder), corpora_of([experiment]), norne, **more)


def table_of(
    experiment: Experiment, folder: Path, norne: Norne, why: dict[str, str] | None = None
) -> ScoreTable:
    """The table of what lies in a folder; `why` says of runs by name why they failed."""
    options = options_for(folder, experiment, norne)
    tasks = find_tasks([experiment], options)
    for task in tasks:
        task.reason = (why or {}).get(task.run.name, task.reason)
    table = build_results(experiment, tasks, options).scores
    assert table is not None
    return table


def predictions(seed: int) -> list[list[TokenSpan]]:
    """Some right, some with another type, some missed; differently for each seed."""
    random = np.random.default_rng(seed)
    return [
        [span._replace(type="ORG" if random.random() < 0.3 else span.type) for span in spans]
        if random.random() < 0.8
        else []
        for spans in GOLD
    ]


def report_of(predicted: list[list[TokenSpan]], data_sha256: str) -> Report:
    gold = [Sentence(["a", "b"], token_spans=spans) for spans in GOLD]
    return evaluate(gold, predicted, label_set=LabelSet.named("full"), data_sha256=data_sha256)


def start_run(folder: Path, config: RunConfig, files: dict[str, list[str]], **more: Any) -> Path:
    """A run's folder as `train` starts it. `more` are fields of the description."""
    folder.mkdir(parents=True, exist_ok=True)
    name = config.words.embeddings
    file = f"{name}.bin" if name in KNOWN else name
    vectors = {"vectors": Source(file, "", 0, sha256_of(file), 0, 0, {})} if Path(file).is_file() else {}
    data = {
        split: [DataFile(file, sha256_of(file), 12) for file in files[split]] for split in ("train", "dev")
    }
    config = config.replace({f"data.{split}": files[split] for split in data})
    description = RunDescription(__version__, "bilstm-crf train", config, data, **{**vectors, **more})
    write_json(folder / "config.json", {**asdict(description), "config": config.to_json()})
    return folder


def finish_run(
    folder: Path,
    config: RunConfig,
    files: dict[str, list[str]],
    predicted: list[list[TokenSpan]],
    evaluation: Evaluation = DEV,
) -> Path:
    """A run's folder as training and scoring leave it."""
    start_run(folder, config, files)
    digest = sha256_of_all(files[evaluation.split])
    report = report_of(predicted, digest)
    rows = [EpochRow(n, 9000 / n, 0.015, 1.0, 1000, n == 2, Average(0.5, 0.5, 0.5), 0.5) for n in (1, 2, 3)]
    lines = [json.dumps(asdict(row)) for row in rows]
    (folder / "history.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    seconds = Seconds(90.0, 30.0)
    metrics = RunMetrics(2, 3, config.run.seed, "", report, None, seconds, 1000)
    write_json(folder / "model.json", {"sha256": "abc"})
    write_json(folder / "metrics.json", asdict(metrics))
    counts = SentenceCounts.of(sentence_counts(GOLD, predicted))
    score = Score(evaluation, ".", "abc", files[evaluation.split], digest, report, counts)
    (folder / "scores").mkdir(exist_ok=True)
    write_json(folder / "scores" / f"{evaluation.name}.json", asdict(score))
    return folder


def waiting(tasks: list[Task]) -> list[tuple[str, str]]:
    """State and reason of each."""
    return [(task.state, task.reason) for task in tasks]
