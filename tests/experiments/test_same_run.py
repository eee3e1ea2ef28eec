"""A run's folder is used for the run that it is named for, and for no other."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.experiments import runs
from bilstm_crf.experiments.corpora import NORNE_CORPORA
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.plan import RunnerOptions, Task, find_tasks, other_run
from bilstm_crf.experiments.results import ResultsFolder
from bilstm_crf.experiments.runs import Run
from bilstm_crf.training.records import ModelSource
from bilstm_crf.util.files import write_json
from experiments.finished_runs import finish_run, options_for, predictions, start_run, table_of

FILES = {"train": ["train.conllu"], "dev": ["dev.conllu"], "test": []}
OUT = Path("out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs._sha256.cache_clear()
    runs._sha256_of_encoder.cache_clear()
    for name in ("train.conllu", "dev.conllu", "sg50.bin", "mine.bin"):
        Path(name).write_text(f"the hash of {name} alone matters", "utf-8")


def config(**values: Any) -> RunConfig:
    """`a__b` is the setting `a.b`."""
    return RunConfig.of_preset(values.get("preset", "paper")).replace(**values)


def other(started: RunConfig, wanted: RunConfig, seed: int = 42, **more: Any) -> str:
    """What tells a run that was started in the folder of the wanted one from that."""
    run = Run("nob", wanted, seed)
    results = ResultsFolder(OUT)
    start_run(results.folder(run.name), started, FILES, **more)
    options = RunnerOptions(results, NORNE_CORPORA, {"nob": FILES}, embeddings_dir=".")
    return other_run(Task(run, results.folder(run.name), []), options)


@pytest.mark.parametrize(
    "started",
    [
        config(),
        config(embeddings="sg50"),
        config(preset="best", retrain_on_dev=True),
        config(threads=2, device="cuda", words__embeddings_dir="elsewhere"),
        config(restarts=3),  # has no effect
    ],
)
def test_the_same_run_is_no_other(started: RunConfig) -> None:
    assert other(started, started) == ""


@pytest.mark.parametrize(
    ("changes", "key_word"),
    [
        ({"labels": "7"}, "data.labels"),
        ({"encoding": "iobes"}, "data.encoding"),
        ({"retrain_on_dev": True}, "run.retrain_on_dev"),
        ({"embeddings": "none"}, "words.embeddings"),
        ({"embeddings": "mine.bin"}, "word vectors"),
        ({"embeddings": "sg100"}, "words.embeddings"),
        ({"encoder": "owner/big"}, "encoder"),
        ({"layers": 2}, "lstm.layers"),
        ({"preset": "best"}, "words.word_dropout"),
    ],
)
def test_other_settings_are_another_run(changes: dict[str, Any], key_word: str) -> None:
    wanted = config(**{"embeddings": "sg50", **changes})
    assert key_word in other(config(embeddings="sg50"), wanted)


def test_another_seed_and_other_data_are_another_run() -> None:
    assert "run.seed" in other(config(seed=43), config())
    run = Run("nob", config(), 42)
    folder = start_run(OUT / "runs" / run.name, config(), FILES)
    options = RunnerOptions(ResultsFolder(OUT), NORNE_CORPORA, {"nob": FILES})
    Path("dev.conllu").write_text("corrected", "utf-8")
    assert "the data changed" in other_run(Task(run, folder, []), options)


def test_vectors_that_are_not_here_are_known_by_their_name() -> None:
    run = Run("nob", config(embeddings="mine.bin"), 42)
    folder = start_run(OUT / "runs" / run.name, run.config, FILES)
    Path("mine.bin").rename("yours.bin")
    options = RunnerOptions(ResultsFolder(OUT), NORNE_CORPORA, {"nob": FILES})
    assert other_run(Task(run, folder, []), options) == ""
    runs._sha256.cache_clear()
    moved = Run("nob", config(embeddings="yours.bin"), 42)
    folder.rename(OUT / "runs" / moved.name)
    options = RunnerOptions(ResultsFolder(OUT), NORNE_CORPORA, {"nob": FILES})
    assert other_run(Task(moved, OUT / "runs" / moved.name, []), options) == "", "it has the same content"


def test_a_renamed_folder_is_another_seeds_and_stays_out_of_tables() -> None:
    Path("mine.toml").write_text('title = "t"\nseeds = [42, 43]\n[[row]]\nname = "one"\n', "utf-8")
    experiment = read_experiment("mine.toml")
    folder = finish_run(OUT / "runs" / "nob-none-full-iob-seed43", config(), FILES, predictions(1))
    tasks = find_tasks([experiment], options_for(OUT, experiment, {"nob": FILES}))
    assert [(task.state, task.is_foreign) for task in tasks] == [("waiting", False), ("failed", True)]
    assert "run.seed" in tasks[1].reason
    assert f"move {folder} away" in tasks[1].reason
    cell = table_of(experiment, OUT, {"nob": FILES}).rows[0].cells[0]
    assert cell.mean is None
    assert "run.seed" in cell.missing["43"]


@pytest.mark.parametrize(
    ("damage", "key_word"),
    [({"data": []}, "data"), ({"vectors": "x"}, "vectors"), ({"config": {"lstm": {"hidden": 3}}}, "hidden")],
)
def test_a_damaged_config_is_told(damage: dict[str, Any], key_word: str) -> None:
    run = Run("nob", config(), 42)
    path = start_run(OUT / "runs" / run.name, config(), FILES) / "config.json"
    write_json(path, {**json.loads(path.read_text("utf-8")), **damage})
    options = RunnerOptions(ResultsFolder(OUT), NORNE_CORPORA, {"nob": FILES})
    found = other_run(Task(run, path.parent, []), options)
    assert str(path) in found
    assert key_word in found


# ---------------------------------------------------------------- encoders


def encoder(folder: Path, weights: str = "weights") -> str:
    """The files of one, as far as their hash goes, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config.json", "{}"), ("model.safetensors", weights), ("vocab.txt", "a")):
        (folder / name).write_text(content, "utf-8")
    found = runs._sha256_of_encoder.__wrapped__(str(folder))
    assert found is not None
    return str(found[0])


def test_an_encoder_is_known_by_its_files_however_its_folder_is_written(tmp_path: Path) -> None:
    started = config(encoder="./enc/big")
    source = ModelSource("./enc/big", encoder(Path("enc/big")))
    for spelling in ("./enc/big", "enc/big", "enc/../enc/big/", str(tmp_path / "enc" / "big")):
        assert other(started, config(encoder=spelling), encoder=source) == ""
    encoder(Path("else/big"), "other weights")
    assert "the encoder changed" in other(started, config(encoder="else/big"), encoder=source)
    encoder(Path("enc/big"), "trained further")
    runs._sha256_of_encoder.cache_clear()
    assert "the encoder changed" in other(started, config(encoder="./enc/big"), encoder=source)


def test_an_encoder_that_is_not_here_is_known_by_its_name_and_no_network_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra bert")

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "hub")
    source = ModelSource("owner/big", "5e" * 32)
    for name, same in (("owner/big", True), ("owner/small", False), ("no/name/of/the/hub", False)):
        assert (other(config(encoder="owner/big"), config(encoder=name), encoder=source) == "") == same


def test_an_encoder_in_the_hubs_cache_is_known_by_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra bert")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", os.path.abspath("hub"))
    cached = Path("hub/models--owner--big")
    source = ModelSource("owner/big", encoder(cached / "snapshots" / "abc"))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc", "utf-8")
    started = config(encoder="owner/big")
    assert other(started, started, encoder=source) == ""
    encoder(cached / "snapshots" / "abc", "a newer version")
    runs._sha256_of_encoder.cache_clear()
    assert other(started, started, encoder=source) != ""
