"""Model folders that were made to do harm: one error line that names the file, and exit status 2."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputError
from bilstm_crf.model.model_folder import load_model, save_model
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.build import build_model
from done import Done

INJECTED = ["O", "B-X\n9\tINJECTED\t_", "I-X\n9\tINJECTED\t_"]


def labels(description: dict[str, Any]) -> None:
    description["labels"][1:3] = INJECTED[1:]


def dropout(description: dict[str, Any]) -> None:
    description["architecture"]["dropout"] = 10**170


def tab(description: dict[str, Any]) -> None:
    description["labels"] = [label.replace("PER", "P\tER") for label in description["labels"]]


def bell(description: dict[str, Any]) -> None:
    description["labels"] = [label.replace("PER", "P\aER") for label in description["labels"]]


def escape(description: dict[str, Any]) -> None:
    description["version"], description["format"] = "\x1b]0;you\x07", 9


@pytest.mark.parametrize("harm", [labels, dropout, tab, bell, escape])
def test_a_hostile_model_is_refused_in_one_line(
    harm: Callable[[dict[str, Any]], None], tiny_model: Path, tmp_path: Path, cli: Callable[..., Done]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    description = json.loads((folder / "model.json").read_text("utf-8"))
    harm(description)
    (folder / "model.json").write_text(json.dumps(description), "utf-8")
    done = cli(
        "tag", "--model", folder, "--format", "text", "--to", "conllu", "-", stdin=b"Kari bur i Bergen.\n"
    )
    assert (done.status, done.out) == (2, b"")
    first, *hint = done.err.splitlines()
    assert first.startswith(f"error: {folder / 'model.json'}: ")
    assert first.isprintable()
    assert len(hint) <= 1


@pytest.mark.parametrize("type_", ["X\n9\tINJECTED", "A B", "A|B", "", "A\x07", "\ud83d"])
def test_labels_that_no_file_can_hold_are_never_written(type_: str, tmp_path: Path) -> None:
    sizes = {"words.dim": 4, "hidden": 4, "characters.dim": 2, "filters": 2}
    config = RunConfig().replace(sizes, train="train", dev="dev")
    sentence = Sentence(["Kari", "ler"], token_spans=[TokenSpan(0, 1, type_)])
    with pytest.raises(InputError, match="entity type"):
        build_model(config, [sentence])
    model = build_model(config, [Sentence(["Kari", "ler"], token_spans=[TokenSpan(0, 1, "PER")])])
    save_model(model, tmp_path / "good", None)
    assert load_model(tmp_path / "good").vocabulary.labels == ["O", "B-PER", "I-PER"]
    model.vocabulary.labels[1:] = [f"B-{type_}", f"I-{type_}"]
    with pytest.raises(ValueError, match="entity type"):
        save_model(model, tmp_path / "bad", None)
    assert not (tmp_path / "bad").exists()
