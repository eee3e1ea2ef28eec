"""A model's folder knows its frozen encoder wherever that lies now, and no other one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf import Tagger
from bilstm_crf.errors import ModelFolderError, UsageError
from bilstm_crf.model.model_folder import load_model, save_model
from contextual_runs import disguise, found_by, save, tiny_config, untrained

pytestmark = pytest.mark.usefixtures("no_network")  # nothing here has a reason to ask one


def describe(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))["encoder"]
    return described


@pytest.mark.parametrize(
    "settings", [{"encoder.layers": "mix"}, {"encoder.layers": "2", "encoder.precision": "bfloat16"}], ids=str
)
def test_a_frozen_encoder_is_named_with_its_hash_and_not_copied(
    settings: dict[str, Any], own_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, found = save(
        tmp_path,
        own_encoder,
        encoder__name="encoder",
        encoder__pooling="mean",
        encoder__context=2,
        **settings,
    )
    assert model.contextual is not None
    described = describe(tmp_path / "model")
    assert described["name"] == str(own_encoder), "whole, for the model may be used from another folder"
    assert described["sha256"] == model.contextual.encoder.sha256
    assert (described["folder"], described["tuned"]) == (None, False)
    assert not [path for path in (tmp_path / "model").iterdir() if path.is_dir()]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert found_by(tmp_path / "model") == found
    use = load_model(tmp_path / "model").contextual
    assert use is not None
    assert use.settings == model.contextual.settings


def test_an_encoder_that_moved_is_asked_for_and_found(
    own_encoder: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    _, found = save(tmp_path, own_encoder)
    own_encoder.rename(tmp_path / "moved")
    with pytest.raises(ModelFolderError, match="no such folder") as caught:
        load_model(tmp_path / "model")
    assert "--encoder PATH" in str(caught.value.hint)
    assert found_by(tmp_path / "model", encoder=str(tmp_path / "moved")) == found
    done = cli("tag", "--model", tmp_path / "model", tmp_path / "corpus.conllu")
    assert done.status == 2
    assert str(own_encoder) in done.err
    assert "--encoder PATH" in done.err
    assert len(done.err.splitlines()) == 2
    assert (
        cli("tag", "--model", tmp_path / "model", "--encoder", tmp_path / "moved", "--text", "Kari").status
        == 0
    )


def test_another_encoder_in_its_place_is_refused(
    own_encoder: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    save(tmp_path, own_encoder)
    shutil.copytree(own_encoder, tmp_path / "old")
    disguise(own_encoder)
    with pytest.raises(ModelFolderError, match=r"another encoder .* SHA-256"):
        load_model(tmp_path / "model")
    with pytest.raises(ModelFolderError, match=r"another encoder .* SHA-256"):
        load_model(tmp_path / "model", encoder=str(own_encoder))
    done = cli("evaluate", "--model", tmp_path / "model", tmp_path / "corpus.conllu")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, b"", 2)
    load_model(tmp_path / "model", encoder=str(tmp_path / "old"))


def test_an_encoder_is_not_looked_for_where_a_model_has_none(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    config = tiny_config(tmp_path, None)
    save_model(untrained(config), tmp_path / "model", None)
    with pytest.raises(UsageError, match="--encoder"):
        Tagger.load(tmp_path / "model", encoder=str(written("wordpiece")))


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "a number": lambda whole: whole.update(encoder=3),
    "nothing in it": lambda whole: whole.update(encoder={}),
    "not there": lambda whole: whole.update(encoder=None),
    "no settings": lambda whole: whole["encoder"].update(settings=3),
    "another pooling": lambda whole: whole["encoder"]["settings"].update(pooling="most"),
    "another depth": lambda whole: whole["encoder"]["settings"].update(layers="mix"),
    "unknown setting": lambda whole: whole["encoder"]["settings"].update(depth=3),
    "context a word": lambda whole: whole["encoder"]["settings"].update(context="2"),
    "two documents": lambda whole: whole["encoder"]["settings"].update(context=2, context_unit="document"),
    "another hash": lambda whole: whole["encoder"].update(sha256="0123"),
    "a copy that is none": lambda whole: whole["encoder"].update(folder=3),
    "no name": lambda whole: whole["encoder"].pop("name"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_model_json_says_of_the_encoder_is_checked(
    wrong: str, own_encoder: Path, tmp_path: Path
) -> None:
    save(tmp_path, own_encoder)
    path = tmp_path / "model" / "model.json"
    whole = json.loads(path.read_text("utf-8"))
    WRONG[wrong](whole)
    path.write_text(json.dumps(whole), "utf-8")
    with pytest.raises(ModelFolderError):
        load_model(tmp_path / "model")
