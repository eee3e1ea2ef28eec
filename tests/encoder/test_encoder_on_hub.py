"""A model's trained encoder travels with it; one that is only named is refused, or copied if asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.errors import DownloadError, ModelFolderError, UsageError
from bilstm_crf.hub.fetch import fetch
from bilstm_crf.hub.info import read_info
from bilstm_crf.hub.names import Repository
from contextual_runs import found_by, save
from hub_server import TOKEN, Hub

NAME = "kari/navn"


def test_a_trained_encoder_travels_along(own_encoder: Path, tmp_path: Path, hub: Hub) -> None:
    _, found = save(tmp_path, own_encoder, encoder__finetune=True)
    commit = Tagger.load(tmp_path / "model").push_to_hub(NAME, token=TOKEN)
    pushed = hub.repos[NAME].commits[commit]
    assert {name.rpartition("/")[2] for name in pushed if name.startswith("encoder-")} >= {
        "config.json", "model.safetensors", "tokenizer.json"
    }  # fmt: skip
    assert str(tmp_path).encode() not in b"".join(pushed.values())
    own_encoder.rename(tmp_path / "moved")
    folder = fetch(Repository(NAME))
    assert found_by(folder) == found
    assert read_info(folder).needs == ["the extras train and encoder"]


def test_an_encoder_of_this_machine_is_refused_or_copied(own_encoder: Path, tmp_path: Path, hub: Hub) -> None:
    _, found = save(tmp_path, own_encoder)
    tagger = Tagger.load(tmp_path / "model")
    with pytest.raises(UsageError, match="this machine") as caught:
        tagger.push_to_hub(NAME, token=TOKEN)
    assert "embed_encoder" in str(caught.value.hint)
    assert hub.repos == {}
    tagger.save_pretrained(tmp_path / "whole", embed_encoder=True)
    own_encoder.rename(tmp_path / "moved")
    whole = Tagger.load(tmp_path / "whole")
    whole.save_pretrained(tmp_path / "copy")
    assert found_by(tmp_path / "copy") == found
    commit = whole.push_to_hub(NAME, token=TOKEN)
    assert str(tmp_path).encode() not in b"".join(hub.repos[NAME].commits[commit].values())
    assert found_by(fetch(Repository(NAME))) == found


def test_a_damaged_encoder_is_not_kept(own_encoder: Path, tmp_path: Path, hub: Hub) -> None:
    save(tmp_path, own_encoder, encoder__finetune=True)
    (config,) = (tmp_path / "model").glob("encoder-*/config.json")
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "extra": 1}), "utf-8")
    hub.add(NAME, tmp_path / "model")
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch(Repository(NAME))


def test_an_encoder_as_a_pickle_is_not_published(own_encoder: Path, tmp_path: Path, hub: Hub) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(own_encoder)
    (own_encoder / "model.safetensors").unlink()
    import torch

    torch.save(model.state_dict(), own_encoder / "pytorch_model.bin")
    save(tmp_path, own_encoder)
    with pytest.raises(ModelFolderError, match="safetensors"):
        Tagger.load(tmp_path / "model").save_pretrained(tmp_path / "whole", embed_encoder=True)
    assert not (tmp_path / "whole").exists()
