"""The copy of an encoder in a model's folder: there where it is wanted, whole, and the model's own."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from bilstm_crf.errors import ModelFolderError
from bilstm_crf.model import model_folder
from bilstm_crf.model.model_folder import load_model, save_model
from contextual_runs import disguise, found_by, save

pytestmark = pytest.mark.usefixtures("no_network")  # nothing here has a reason to ask one


COPIED = pytest.mark.parametrize(
    "settings", [{"embed": True}, {"encoder.finetune": True}], ids=["embedded", "tuned"]
)


def copies(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir()]


@COPIED
def test_a_copy_in_the_folder_needs_nothing_else_and_goes_where_the_folder_goes(
    settings: dict[str, Any], own_encoder: Path, tmp_path: Path
) -> None:
    _, found = save(tmp_path, own_encoder, **settings)
    sha256 = json.loads((tmp_path / "model" / "model.json").read_text("utf-8"))["encoder"]["sha256"]
    assert copies(tmp_path / "model") == [f"encoder-{sha256[:12]}"]
    shutil.rmtree(own_encoder)
    (tmp_path / "model").rename(tmp_path / "moved")
    assert found_by(tmp_path / "moved") == found


@COPIED
def test_who_may_read_the_model_may_read_its_copy(
    settings: dict[str, Any], own_encoder: Path, tmp_path: Path
) -> None:
    save(tmp_path, own_encoder, **settings)
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert {path.stat().st_mode for path in files} == {(tmp_path / "model" / "model.json").stat().st_mode}


HARM: dict[str, Callable[[Path], object]] = {
    "gone": shutil.rmtree,
    "empty": lambda folder: list(map(Path.unlink, folder.iterdir())),
    "another": disguise,
    "weights cut": lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 99),
    "weights changed": lambda folder: save_file(
        {name: each + 1 for name, each in load_file(folder / "model.safetensors").items()},
        folder / "model.safetensors",
        {"format": "pt"},
    ),
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("relative", [False, True])
def test_harm_to_the_copy_is_said_and_the_original_still_helps(
    relative: bool,
    harm: str,
    own_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, found = save(tmp_path, own_encoder, embed=True)
    HARM[harm](tmp_path / "model" / copies(tmp_path / "model")[0])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFolderError, match="encoder-"):
        load_model("model" if relative else tmp_path / "model")
    assert found_by(tmp_path / "model", encoder=str(own_encoder)) == found


def test_another_model_in_the_folder_takes_the_copy_with_it(own_encoder: Path, tmp_path: Path) -> None:
    save(tmp_path, own_encoder, encoder__finetune=True)
    save(tmp_path, own_encoder)
    assert copies(tmp_path / "model") == []


def test_folders_of_somebody_else_are_left_alone(own_encoder: Path, tmp_path: Path) -> None:
    """As where the model goes beside the encoders that one collects."""
    mine = tmp_path / "model" / "encoder-of-mine"
    mine.mkdir(parents=True)
    save(tmp_path, own_encoder)
    save(tmp_path, own_encoder, encoder__finetune=True)
    assert mine.is_dir()


class Killed(BaseException):
    """Stands for the end of the process at one exact place."""


@COPIED
@pytest.mark.parametrize("moment", ["copying", "naming", "describing"])
def test_a_save_that_is_killed_leaves_the_old_model_or_the_new_one(
    moment: str,
    settings: dict[str, Any],
    own_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where both have the same encoder, as the epochs of one run have."""
    model, found = save(tmp_path, own_encoder, **settings)
    rename = Path.rename

    def die(*_: object, **__: object) -> Any:
        raise Killed

    def die_at_the_name(path: Path, target: Path) -> Path:
        return die() if Path(target).name.startswith("encoder-") else rename(path, target)

    with monkeypatch.context() as patch:
        if moment == "copying":
            patch.setattr(shutil, "copyfile", die)
        elif moment == "naming":
            patch.setattr(Path, "rename", die_at_the_name)
        else:
            patch.setattr(model_folder, "write_json", die)
        with contextlib.suppress(Killed):
            save_model(model, tmp_path / "model", None, embed_encoder=True)
    assert found_by(tmp_path / "model") == found
    save_model(model, tmp_path / "model", None, embed_encoder=True)
    assert found_by(tmp_path / "model") == found
    left = [path.name for path in (tmp_path / "model").iterdir()]
    assert len(left) == 3, left
