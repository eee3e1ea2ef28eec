"""A copy of an encoder is that encoder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import build_windows, compute_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.sentence import Sentence

SENTENCES = [Sentence(["Kari", "bur", "i", "Oslo", "."]), Sentence(["blåbær"])]


def vectors(encoder: Encoder) -> Tensor:
    settings = FeatureSettings("mean", "mix")
    return compute_vectors(encoder, build_windows(encoder, SENTENCES, settings), [0, 1], settings).detach()


def dtypes(folder: Path) -> set[torch.dtype]:
    with safe_open(folder / "model.safetensors", "pt") as stream:
        return {stream.get_tensor(name).dtype for name in stream.keys()}  # noqa: SIM118


@pytest.fixture
def halved(written: Callable[..., Path], tmp_path: Path) -> Encoder:
    """An encoder whose weights lie in float16."""
    folder = shutil.copytree(written("byte-level"), tmp_path / "halved")
    halves = {name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(halves, folder / "model.safetensors", {"format": "pt"})
    return Encoder.load(str(folder))


def test_a_copy_has_the_same_hash_and_vectors_and_size(halved: Encoder, tmp_path: Path) -> None:
    expected = vectors(halved)
    assert halved.save_copy(tmp_path / "models" / "copy") == halved.sha256
    shutil.rmtree(halved.name)
    copied = Encoder.load(str(tmp_path / "models" / "copy"))
    assert copied.sha256 == halved.sha256
    assert dtypes(tmp_path / "models" / "copy") == {torch.float16}
    torch.testing.assert_close(vectors(copied), expected, atol=0, rtol=0)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["copy"]


def test_a_copy_of_a_tuned_encoder_has_its_weights_in_full(
    halved: Encoder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    optimiser = torch.optim.SGD(halved.parameters(), lr=0.01)
    settings = FeatureSettings()
    compute_vectors(
        halved, build_windows(halved, SENTENCES, settings), [0, 1], settings
    ).square().sum().backward()
    optimiser.step()
    expected = vectors(halved)
    sha256 = halved.save_copy(tmp_path / "copy", tuned=True)
    copied = Encoder.load(str(tmp_path / "copy"))
    assert copied.sha256 == sha256 != halved.sha256
    assert dtypes(tmp_path / "copy") == {torch.float32}
    torch.testing.assert_close(vectors(copied), expected, atol=0, rtol=0)
    assert (vectors(Encoder.load(halved.name)) - expected).abs().max() > 1e-4
    assert capfd.readouterr() == ("", "")


def test_a_copy_takes_the_place_of_an_older_one_even_of_itself(
    halved: Encoder, loaded: Callable[..., Encoder], tmp_path: Path
) -> None:
    loaded("wordpiece").save_copy(tmp_path / "copy")
    halved.save_copy(tmp_path / "copy")
    again = Encoder.load(str(tmp_path / "copy"))
    assert again.save_copy(tmp_path / "copy") == halved.sha256
    assert Encoder.load(str(tmp_path / "copy")).sha256 == halved.sha256


def test_a_copy_that_fails_leaves_the_older_one(halved: Encoder, tmp_path: Path) -> None:
    halved.save_copy(tmp_path / "copy")
    (Path(halved.name) / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        halved.save_copy(tmp_path / "copy")
    assert Encoder.load(str(tmp_path / "copy")).sha256 == halved.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "halved"]
