"""Folders as `experiment` and `train` leave them, small and quickly made."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import DataFile
from bilstm_crf.embeddings.vectors import Source
from bilstm_crf.evaluation.counts import Average, sentence_counts
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.records import Evaluation, Results, Score, SentenceCounts
from bilstm_crf.experiments.results import read_run, write_results
from bilstm_crf.experiments.tables import build_scores
from bilstm_crf.training.provenance import environment
from bilstm_crf.training.records import (
    EpochRow,
    FinalPhase,
    RunDescription,
    RunMetrics,
    Seconds,
)
from bilstm_crf.util.files import write_json
from bilstm_crf.version import __version__
from experiments.finished_runs import DEV, GOLD, predictions, report_of

EPOCHS = 4
FILE = f"""title = "Two rows"
beside = "NorNE, Table 99"
seeds = [42, 43]
[base]
embeddings = "sg50"
epochs = {EPOCHS}
[[column]]
name = "dev"
[[column]]
name = "heldout"
evaluate = {{ split = "test" }}
[[row]]
name = "one"
paper = {{ dev = 60.0 }}
[[row]]
name = "two"
encoding = "iobes"
"""
DIGEST = "9f2c61ab" * 8


def write_record(path: Path, record: Any) -> None:
    """The JSON of a record."""
    write_json(path, dataclasses.asdict(record))


def make_run(
    folder: Path, seed: int, *, encoding: str = "iob", done: int = EPOCHS, final: bool = False
) -> Path:
    """The folder of a run after `done` epochs; finished where these are all.

    `final`: with a second phase, and scores of both models on test.
    """
    (folder / "scores").mkdir(parents=True)
    settings = {"schedule.epochs": EPOCHS, "data.encoding": encoding, "run.seed": seed}
    config = RunConfig().replace(
        {**settings, "data.train": ["t.conllu"], "data.dev": ["d.conllu"], "words.embeddings": "sg50"}
    )
    write_record(folder / "config.json", description_of(config))
    f1 = [0.5, 0.7, 0.65, 0.68]
    rows = [
        EpochRow(n, 9000 / n + seed, 0.015, 1.5, 1000, n == 2, Average(0.5, 0.5, f1[n - 1]), 0.5)
        for n in range(1, done + 1)
    ]
    lines = "".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
    (folder / "history.jsonl").write_text(lines, "utf-8")
    if done == EPOCHS:
        predicted = predictions(seed + len(encoding))
        report = report_of(predicted, DIGEST)
        test, second = (report_of(predictions(seed + more), DIGEST) if final else None for more in (10, 20))
        phase = FinalPhase("final", 1208, 24, 3, 71.5, {}, second) if final else None
        metrics = RunMetrics(
            2, done, seed, "optimistic", report, test, Seconds(90.0, 30.0), 1000, final=phase
        )
        write_record(folder / "metrics.json", metrics)
        counts = SentenceCounts.of(sentence_counts(GOLD, predicted))
        score = Score(DEV, ".", "abc", ["d.conllu"], DIGEST, report, counts)
        write_json(folder / "model.json", {"sha256": "abc"})
        write_record(folder / "scores" / f"{DEV.name}.json", score)
    return folder


def description_of(config: RunConfig) -> RunDescription:
    """What a run with this configuration says of itself."""
    files = {split: [DataFile(f"{split}.conllu", DIGEST, 12)] for split in ("train", "dev")}
    vectors = Source("v.bin", "word2vec binary", 0, DIGEST[::-1], 1204, 4, {})
    command = f"bilstm-crf train --seed {config.run.seed}"
    return RunDescription(__version__, command, config, files, vectors, environment=environment())


def make_experiment(folder: Path, file: str = FILE, name: str = "two") -> Path:
    """Row one with both seeds, row two with one and a half, no test file; the results in out/."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    toml = folder / "in" / f"{name}.toml"
    toml.write_text(file, "utf-8")
    experiment = read_experiment(toml)
    runs = {run.name: run for cell in experiment.cells for run in cell.runs(experiment.seeds)}
    unfinished = next(
        name for name, run in runs.items() if (run.config.data.encoding, run.seed) == ("iobes", 43)
    )
    for name_, run in runs.items():
        path = folder / "runs" / name_
        if not path.exists():
            done = EPOCHS - (name_ == unfinished)
            make_run(path, run.seed, encoding=run.config.data.encoding, done=done)
    results = {name_: read_run(folder / "runs" / name_) for name_ in runs}

    def why(run: Any, evaluation: Evaluation | None) -> str:
        missing = evaluation is not None and evaluation.split == "test"
        return (
            "not run: there is no test file"
            if missing
            else "the disk is full"
            if run.name == unfinished
            else ""
        )

    table = build_scores(experiment, results, why)
    (folder / "out").mkdir(exist_ok=True)
    write_results(folder / "out" / f"{name}.json", Results(scores=table, runs=results))
    return folder / "out"
