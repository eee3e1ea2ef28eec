"""Every file in experiments/ can be run: each of its runs is configured as the file says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bilstm_crf.commands.train import command, typed_settings
from bilstm_crf.commands.train_options import configure, given_by
from bilstm_crf.corpus.norne import split_files
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.plan import Task
from bilstm_crf.experiments.runner import How, train_options
from bilstm_crf.experiments.settings import LANGUAGES, Settings
from bilstm_crf.training.unused import without_unused
from runs import ROOT, SAMPLE

NORNE = {each: {s: list(map(str, f)) for s, f in split_files(SAMPLE, each).items()} for each in LANGUAGES}


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_every_run_of_a_file_is_configured_as_the_file_says(path: Path) -> None:
    experiment = read_experiment(path)
    assert experiment.cells or experiment.statistics
    own = {name: corpus.resolved(NORNE) for name, corpus in experiment.corpora.items()}
    how = How(NORNE, str(SAMPLE), "vectors", jobs=1, threads=1, own=own, trust_remote_code=True)
    for cell in experiment.cells:
        (run,) = cell.runs([42])
        task = Task(run, Path("run"), [])
        context = command.make_context("train", train_options(task, how))
        given = given_by(None, context.params["assignments"], typed_settings(context))
        config, _ = configure(given)
        data = config.data
        assert config == without_unused(run.settings.config.replace(data__labels=data.labels)).replace(
            {f"data.{each.name}": getattr(data, each.name) for each in dataclasses.fields(data)}
        )


def test_a_base_may_set_what_has_no_effect_in_one_of_the_rows(tmp_path: Path) -> None:
    """It is left out of that row's run and of its name."""
    (tmp_path / "mine.toml").write_text(
        """title = "Mine"
[base]
bert = "owner/big"
set = { epochs = 10, encoder.finetune = true, encoder.learning_rate = 1e-4 }
[[row]]
name = "epochs"
[[row]]
name = "stages"
set = { curriculum = "0:2,2:2" }
[[row]]
name = "none"
bert = "none"
""",
        "utf-8",
    )
    epochs, stages, none = (cell.settings for cell in read_experiment(tmp_path / "mine.toml").cells)
    assert dict(epochs.changes)["schedule.epochs"] == 10
    assert dict(stages.changes) == {
        "encoder.curriculum": "0:2,2:2",
        "encoder.finetune": True,
        "encoder.learning_rate": 1e-4,
    }
    assert none.name == "nob-none-full-iob-epochs=10"


def test_settings_without_effect_make_no_other_run() -> None:
    plain = Settings.of({"embeddings": "sg600"})
    assert Settings.of({"embeddings": "sg600", "set": {"words.dim": 7, "restarts": 3}}).effective() == plain
