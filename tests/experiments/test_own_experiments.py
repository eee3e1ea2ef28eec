"""`bilstm-crf experiment` on a corpus of one's own and with encoders: what runs, and what cannot."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.training.records import read_description
from done import Done

Cli = Callable[..., Done]
SENTENCES = "Kari B-PER\nbur O\ni O\nOslo B-CITY\n\nOslo B-CITY\nbur O\ni O\nKari B-PER\n\n"
FILE = """title = "Mine"
beside = "others"
[corpus.mine]
train = ["eng.train", "eng.train"]
dev = ["eng.testa"]
test = ["eng.testb"]
format = "conll2003"
weights = [1, 0.5]
[corpus.gone]
train = ["gone.conll"]
dev = ["gone.conll"]
[base]
language = "mine"
words.dim = 20
hidden = 20
batch_size = 1
learning_rate = 0.2
dropout = 0.0
epochs = 8
[[column]]
name = "dev"
[[column]]
name = "heldout"
evaluate = { language = "mine", split = "test" }
[[row]]
name = "static"
[[row]]
name = "encoder"
encoder = "owner/big"
features = "encoder"
epochs = 2
paper = { dev = 90.0 }
[[row]]
name = "gone"
language = "gone"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus without a test file, an experiment, and a tiny encoder."""
    pytest.importorskip("transformers", reason="needs the extra bert")
    from encoder.tiny_encoders import write_encoder

    folder = tmp_path_factory.mktemp("own")
    for name in ("eng.train", "eng.testa"):
        (folder / name).write_text(SENTENCES * 4, "utf-8")
    (folder / "mine.toml").write_text(FILE, "utf-8")
    write_encoder(folder / "tiny", "unigram")
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(place / "hub"))
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(place / "cache"))


def cells(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    table = json.loads(Path(f"out/{name}.json").read_text("utf-8"))["scores"]
    return {(row["row"], cell["column"]): cell for row in table["rows"] for cell in row["cells"]}


def experiment(cli: Cli, *more: str) -> Done:
    return cli("experiment", "mine.toml", "--output", "out", "--jobs", "2", "--threads", "1", *more)


def test_what_is_here_is_run_and_the_rest_says_why_not(cli: Cli) -> None:
    done = experiment(cli)
    assert done.status == 0, done.err
    found = cells("mine")
    assert found["static", "dev"]["mean"] == 1, "the corpus' own types were learnt"
    assert list(found["static", "dev"]["types"]) == ["PER", "CITY"]
    assert found["static", "heldout"]["missing"] == {"42": "not run: eng.testb is not here"}
    assert found["gone", "dev"]["missing"] == {"42": "not run: gone.conll is not here"}
    reason = found["encoder", "dev"]["missing"]["42"]
    assert reason.startswith("not run: owner/big is no folder")
    assert f"{reason} (1 run)" in done.err
    assert "not run: gone.conll is not here (1 run)" in done.err


@pytest.mark.slow
def test_the_encoder_at_hand_runs_in_place_of_the_files(cli: Cli) -> None:
    done = experiment(cli, "--encoder", "tiny", "--trust-remote-code", "--only", "encoder")
    assert done.status == 0, done.err
    assert "Mine (encoder: tiny)" in done.out.decode()
    cell = cells("mine-encoder=tiny")["encoder", "dev"]
    assert (cell["settings"]["encoder.name"], cell["paper"]) == ("tiny", 0.9)
    assert cell["mean"] is not None
    config = read_description(Path("out", "runs", cell["runs"]["42"], "config.json")).config
    assert config.encoder is not None
    assert (config.encoder.name, config.encoder.trust_remote_code) == ("tiny", True)
    assert config.data.weights == (1, 0.5)


def test_a_run_on_otherwise_weighted_files_is_left_alone(cli: Cli, place: Path) -> None:
    experiment(cli, "--only", "static")
    (place / "mine.toml").write_text(FILE.replace("0.5]", "0.25]"), "utf-8")
    done = experiment(cli, "--only", "static")
    (place / "mine.toml").write_text(FILE, "utf-8")
    assert done.status == 1
    assert "data.weights" in done.err


def test_a_dry_run_names_the_files_and_looks_for_no_encoder(cli: Cli) -> None:
    done = experiment(cli, "--dry-run")
    assert "not run: gone.conll is not here, scored on" in done.err
    assert "owner/big is no folder" not in done.err
    commands = done.out.decode().splitlines()
    config = tomllib.loads(Path(commands[-1].split()[3]).read_text("utf-8"))
    data = {"train": ["eng.train"] * 2, "dev": ["eng.testa"], "weights": [1.0, 0.5], "labels": "file"}
    assert config["data"] == {**data, "format": "conll2003"}
    assert config["encoder"]["name"] == "owner/big"


def test_a_second_phase_scores_test_and_the_first_one_dev(cli: Cli, place: Path) -> None:
    for split, source in (("train", "eng.train"), ("testb", "eng.testa")):
        (place / f"whole.{split}").write_text((place / source).read_text("utf-8"), "utf-8")
    content = FILE.replace("weights = [1, 0.5]\n", "").replace("eng.testb", "whole.testb")
    content = content.replace('name = "static"', 'name = "static"\nretrain_on_dev = true')
    (place / "final.toml").write_text(content, "utf-8")
    asked = ("final.toml", "--output", "out", "--threads", "1", "--only", "static")
    assert cli("experiment", *asked).status == 0
    found = cells("final")
    run = Path("out", "runs", found["static", "dev"]["runs"]["42"])
    assert "-retrain-" in run.name
    for column, model in (("dev", ""), ("heldout", "final")):
        assert found["static", column]["mean"] == 1
        split = "test" if model else "dev"
        scores = json.loads((run / "scores" / f"mine-{split}-file.json").read_text("utf-8"))
        described = json.loads((run / model / "model.json").read_text("utf-8"))
        assert scores["model_sha256"] == described["sha256"]
    assert cli("experiment", *asked).err == "", "what is done is not done again"
