"""The committed results: one file per experiment, from which its table can be built again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.experiments.corpora import KEYS
from bilstm_crf.experiments.definition import Experiment, read_experiment
from bilstm_crf.experiments.overrides import with_encoder
from bilstm_crf.experiments.records import Evaluation, Results, ScoreTable
from bilstm_crf.experiments.render import write_table
from bilstm_crf.experiments.results import read_results, write_results
from bilstm_crf.experiments.runs import Run, difference
from bilstm_crf.experiments.tables import build_scores
from runs import ROOT

RESULTS = ROOT / "docs" / "results"
ENCODER = "../shared/encoders/e5-small-no"
FILES = sorted((RESULTS / "experiments").glob("*.json"), key=lambda path: path.stat().st_size)


def experiment_of(path: Path) -> Experiment:
    name = path.stem.partition("-encoder=")[0]
    experiment = read_experiment(ROOT / "experiments" / f"{name}.toml")
    experiment = dataclasses.replace(experiment, path=f"experiments/{name}.toml")
    return with_encoder([experiment], ENCODER)[0] if name != path.stem else experiment


def rebuilt(path: Path, results: Results) -> ScoreTable:
    """The table from the experiment file and the runs; reasons for missing scores are not recomputed."""
    table = results.scores
    assert table is not None
    reasons = {
        (cell.runs[seed], cell.evaluation.name): reason
        for row in table.rows
        for cell in row.cells
        for seed, reason in cell.missing.items()
    }

    def why(run: Run, evaluation: Evaluation | None) -> str:
        return reasons[run.name, evaluation.name] if evaluation else table.runs[run.name].why

    return build_scores(experiment_of(path), results.runs, why)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem == "recipe")) for path in FILES],
)
def test_tables_built_again_equal_the_committed_ones(path: Path) -> None:
    results = read_results(path)
    table = rebuilt(path, results)
    assert dataclasses.replace(table, bilstm_crf=results.scores.bilstm_crf) == results.scores
    assert write_table(table, "markdown") == write_table(results.scores, "markdown")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_runs_are_configured_as_the_experiment_file_says(path: Path) -> None:
    """So that `experiment --no-run` takes them for its own."""
    runs = read_results(path).runs
    experiment = experiment_of(path)
    found = {run.name: run for cell in experiment.cells for run in cell.runs(experiment.seeds)}
    assert set(runs) <= set(found)
    for name, results in runs.items():
        run = found[name]
        own = experiment.corpora.get(run.corpus)
        data = {f"data.{key}": getattr(own.data, key) for key in KEYS} if own else {}
        config = run.config.replace({**data, "run.seed": run.seed})
        assert difference(config, results.description) == ""


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    results = read_results(FILES[0])
    write_results(tmp_path / "x.json", results)
    assert read_results(tmp_path / "x.json") == results
    assert (tmp_path / "x.json").read_bytes() == FILES[0].read_bytes()


@pytest.mark.parametrize("name", ["single_runs", "encoder_speed"])
def test_runs_kept_without_a_table_are_read(name: str) -> None:
    results = read_results(RESULTS / f"{name}.json")
    assert results.table is None
    assert all(run.history for run in results.runs.values())


@pytest.mark.parametrize(
    ("old", "new", "key_word"),
    [
        ('"format": 2', '"format": 1', "format"),
        ('"epoch":[1', '"epoch":["1"', "epoch"),
        ('"history":{', '"history":{"x":[],', "damaged"),
        ('"counts":{"correct":"', '"counts":{"correct":"0', "counts.correct"),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, key_word: str, tmp_path: Path) -> None:
    content = FILES[0].read_text("utf-8")
    assert old in content
    (tmp_path / "x.json").write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError) as caught:
        read_results(tmp_path / "x.json")
    assert caught.value.path == tmp_path / "x.json"
    assert key_word in str(caught.value)
