"""A run's folder is used for the run that it is named for, and for no other."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.experiments import plan, same_run
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.same_run import difference
from bilstm_crf.experiments.settings import Run, Settings
from bilstm_crf.experiments.tables import build
from bilstm_crf.training.records import RunDescription
from bilstm_crf.util.files import sha256_of, write_json

RUN = Path("out/runs/run")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    same_run._sha256.cache_clear()
    same_run._sha256_of_encoder.cache_clear()
    for name in ("train.conllu", "dev.conllu", "sg50.bin", "mine.bin"):
        Path(name).write_text(f"the hash of {name} alone matters", "utf-8")


CORPUS = {"nob": {"train": ["train.conllu"], "dev": ["dev.conllu"], "test": []}}


def begun(settings: Settings, folder: Path = RUN, seed: int = 42, **more: Any) -> Path:
    """The folder of a run as `train` begins it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        split: [{"path": file, "sha256": sha256_of(file)} for file in CORPUS["nob"][split]]
        for split in ("train", "dev")
    }
    name = settings.embeddings
    file = {"sg50": "sg50.bin"}.get(name, name)
    vectors = None if name == "none" else {"file": file, "sha256": sha256_of(file)}
    files = {"data.train": "train.conllu", "data.dev": "dev.conllu"}
    config = settings.config.replace(files, run__seed=seed)
    described = dataclasses.asdict(RunDescription("0.1.0", "bilstm-crf train", config, {}))
    write_json(folder / "config.json", {**described, "data": data, "vectors": vectors, **more})
    return folder


def other(settings: Settings, seed: int = 42) -> str | None:
    """What tells the run in the folder from this one."""
    return difference(Run(settings, seed), RUN, CORPUS, ".")


def test_settings_are_told_by_the_folder_alone() -> None:
    """For tables are made where data and vectors are not."""
    begun(Settings(embeddings="sg50"))
    for name in ("train.conllu", "sg50.bin"):
        Path(name).unlink()
    for settings, seed in ((Settings(embeddings="sg100"), 42), (Settings(embeddings="sg50"), 43)):
        assert same_run.other_settings(Run(settings, seed), RUN) is not None
    assert same_run.other_settings(Run(Settings(embeddings="sg50"), 42), RUN) is None


def test_the_same_run_is_no_other() -> None:
    for settings in (Settings(), Settings(embeddings="sg50"), Settings.of({"preset": "best", "final": True})):
        begun(settings)
        assert other(settings) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": "7"}, "it was begun with the labels full, now they are 7"),
        ({"encoding": "iobes"}, "it was begun with data.encoding = iob, now it is iobes"),
        ({"final": True}, "it was begun with run.retrain_on_dev = False, now it is True"),
        ({"embeddings": "none"}, "it was begun with vectors, now it is without"),
        ({"embeddings": "mine.bin"}, "it was begun with other vectors than mine.bin"),
        ({"embeddings": "sg100"}, "it was begun with words.embeddings = sg50, now it is sg100"),
        ({"bert": "owner/big"}, "it was begun without an encoder, now it is with"),
        ({"changes": (("lstm.layers", 2),)}, "it was begun with lstm.layers = 1, now it is 2"),
    ],
)
def test_other_settings_are_another_run(changes: dict[str, Any], said: str) -> None:
    settings = Settings(embeddings="sg50")
    begun(settings)
    assert other(dataclasses.replace(settings, **changes)) == said


def test_vectors_that_are_not_here_are_known_by_their_name() -> None:
    begun(Settings(embeddings="mine.bin"))
    Path("mine.bin").rename("yours.bin")
    assert other(Settings(embeddings="mine.bin")) is None
    same_run._sha256.cache_clear()
    assert other(Settings(embeddings="yours.bin")) is None, "they have the same content"


def test_a_renamed_folder_is_another_seeds_and_stays_out_of_tables() -> None:
    Path("mine.toml").write_text('title = "t"\nseeds = [42, 43]\n[[row]]\nname = "one"\n', "utf-8")
    experiment = read_experiment("mine.toml")
    begun(Settings(), Path("out/runs/nob-none-full-iob-seed43"), seed=42)
    Path("out/runs/nob-none-full-iob-seed43/metrics.json").write_text("{}", "utf-8")
    tasks = plan.tasks([experiment], Path("out"), CORPUS)
    assert [(task.state, task.foreign) for task in tasks] == [("waiting", False), ("failed", True)]
    said = "it was begun with run.seed = 42, now it is 43"
    assert tasks[1].reason.startswith(f"{said}; move out/runs/nob-none-full-iob-seed43 away")
    assert build(experiment, Path("out"), CORPUS, {})["rows"][0]["cells"][0]["missing"]["43"] == said


def test_what_the_files_alone_tell_stays_out_of_tables() -> None:
    Path("mine.toml").write_text('title = "t"\n[[row]]\nname = "one"\n', "utf-8")
    name = "nob-none-full-iob-seed42"
    table = build(read_experiment("mine.toml"), Path("out"), CORPUS, {name: "other train data"}, {name})
    assert table["runs"][name] == {"folder": f"runs/{name}", "done": False, "why": "other train data"}


def test_an_older_runs_missing_settings_are_their_defaults_and_not_what_its_preset_has_now() -> None:
    for settings, said in (
        (Settings(), None),
        (Settings(preset="best"), "it was begun with document_memory.size = 0, now it is 100"),
    ):
        folder = begun(settings)
        described = json.loads((folder / "config.json").read_text("utf-8"))
        del described["config"]["run"]["retrain_on_dev"], described["config"]["document_memory"]["size"]
        write_json(folder / "config.json", described)
        assert other(settings) == said


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"data": []}, "data is [], expected an object"),
        ({"vectors": "x"}, "vectors is 'x', expected an object"),
        ({"config": {}}, "config lacks the field data"),
    ],
)
def test_a_damaged_config_is_told(damage: dict[str, Any], said: str) -> None:
    folder = begun(Settings())
    described = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", {**described, **damage})
    assert other(Settings()) == f"{folder}/config.json: {said}"


# ---------------------------------------------------------------- encoders


def encoder(folder: Path, weights: str = "weights") -> str:
    """The files of one, as far as their hash goes; which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config.json", "{}"), ("model.safetensors", weights), ("vocab.txt", "a")):
        (folder / name).write_text(content, "utf-8")
    found = same_run._sha256_of_encoder.__wrapped__(str(folder))
    assert found is not None
    return found


def test_an_encoder_is_known_by_its_files_however_its_folder_is_written(tmp_path: Path) -> None:
    begun(Settings(bert="./enc/big"), encoder={"name": "./enc/big", "sha256": encoder(Path("enc/big"))})
    for spelling in ("./enc/big", "enc/big", "enc/../enc/big/", str(tmp_path / "enc" / "big")):
        assert other(Settings(bert=spelling)) is None
    encoder(Path("else/big"), "other weights")
    said = "it was begun with the encoder ./enc/big, which is not else/big as it is now"
    assert other(Settings(bert="else/big")) == said
    encoder(Path("enc/big"), "trained further")
    same_run._sha256_of_encoder.cache_clear()
    assert "which is not ./enc/big as it is now" in (other(Settings(bert="./enc/big")) or "")


def test_an_encoder_that_is_not_here_is_known_by_its_name_and_no_network_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra bert")

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "hub")
    begun(Settings(bert="owner/big"), encoder={"name": "owner/big", "sha256": "5e" * 32})
    assert other(Settings(bert="owner/big")) is None
    assert other(Settings(bert="owner/small")) is not None
    assert other(Settings(bert="no/name/of/the/hub")) is not None


def test_an_encoder_in_the_hubs_cache_is_known_by_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra bert")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", os.path.abspath("hub"))
    cached = Path("hub/models--owner--big")
    digest = encoder(cached / "snapshots" / "abc")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc", "utf-8")
    begun(Settings(bert="owner/big"), encoder={"name": "owner/big", "sha256": digest})
    assert other(Settings(bert="owner/big")) is None
    encoder(cached / "snapshots" / "abc", "a newer version")
    same_run._sha256_of_encoder.cache_clear()
    assert other(Settings(bert="owner/big")) is not None
