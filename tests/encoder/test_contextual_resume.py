"""A run with an encoder that was interrupted ends where an uninterrupted one ends, bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.errors import InputError, InterruptedRunError
from bilstm_crf.util.files import sha256_of
from contextual_runs import SENTENCES, tiny_config
from runs import SAMPLE, Watch, history, resume, start, weights_hash

TUNED = {"encoder.finetune": True, "encoder.learning_rate": 1e-3}


pytestmark = pytest.mark.usefixtures("features_cache")


def interrupt(epoch: int) -> Watch:
    """Presses Ctrl-C in the middle of this epoch, where half of a step's gradients may be gathered."""

    def press(now: int, sentences: int) -> None:
        if now == epoch and sentences > SENTENCES // 2:
            raise KeyboardInterrupt

    return Watch(press)


def content(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of the model, that of an encoder included."""
    files = [path for path in folder.rglob("*") if path.suffix == ".safetensors" or "encoder-" in str(path)]
    return {str(path.relative_to(folder)): sha256_of(path) for path in files if path.is_file()}


@pytest.mark.parametrize(
    "settings",
    [
        {"features": "static,encoder", "embeddings": str(SAMPLE / "vectors.bin")},
        {"encoder.layers": "mix", "encoder.context": 1, "head": "linear", "encoder.embed": True},
        {
            **TUNED,
            "schedule": "cosine",
            "restarts": 2,
            "warmup_fraction": 0.1,
            "gradient_clip": 1,
        },
        {
            **TUNED,
            "head": "crf",
            "features": "encoder",
            "optimizer": "sgd",
            "encoder.context": 1,
        },
    ],
    ids=["frozen", "mixed", "tuned", "tuned by sgd"],
)
@pytest.mark.parametrize("epoch", [2, 3])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(
    epoch: int, settings: dict[str, Any], wordpiece: Path, tmp_path: Path
) -> None:
    config = tiny_config(tmp_path, wordpiece, **settings)
    start(config, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    with pytest.raises(InterruptedRunError):
        resume(tmp_path / "run", interrupt(epoch))
    resume(tmp_path / "run")
    assert content(tmp_path / "run") == content(tmp_path / "whole")
    assert history(tmp_path / "run") == history(tmp_path / "whole")
    names = [sorted(path.name for path in (tmp_path / each).iterdir()) for each in ("run", "whole")]
    assert names[0] == names[1]


def test_an_encoder_that_keeps_more_than_weights_can_be_resumed(
    wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NorBERT 3 does, whose numbers of relative positions are a buffer that it saves."""
    load = Encoder.load

    def with_buffer(name: str, **options: Any) -> Encoder:
        encoder = load(name, **options)
        encoder.model.register_buffer("positions", torch.arange(9))
        return encoder

    monkeypatch.setattr(Encoder, "load", with_buffer)
    config = tiny_config(tmp_path, wordpiece, **TUNED)
    start(config, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(2))
    resume(tmp_path / "run")
    assert weights_hash(tmp_path / "run") == weights_hash(tmp_path / "whole")


@pytest.mark.parametrize("weights", ["frozen", "tuned"])
def test_an_encoder_that_changed_since_is_noticed(weights: str, wordpiece: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(wordpiece, tmp_path / "encoder"))
    config = tiny_config(tmp_path, copied, finetune=weights == "tuned")
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(2))
    path = copied / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_max_length": 20}))
    with pytest.raises(InputError, match="the encoder changed"):
        resume(tmp_path / "run")
    shutil.rmtree(copied)
    with pytest.raises(InputError, match="no such folder"):
        resume(tmp_path / "run")
    shutil.copytree(wordpiece, copied)
    resume(tmp_path / "run")


def test_the_second_phase_begins_with_the_encoder_as_it_came(
    wordpiece: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as the first phase left it."""
    learning: list[Encoder] = []
    forward = Encoder.forward

    def watched(self: Encoder, *arguments: Any) -> torch.Tensor:
        if self.training:
            learning.append(self)
        return forward(self, *arguments)

    monkeypatch.setattr(Encoder, "forward", watched)
    given = torch.nn.utils.parameters_to_vector(Encoder.load(str(wordpiece)).parameters()).detach()
    moved: list[tuple[tuple[int, int], float]] = []  # epoch and sentences, and how far the weights went

    def measure(*place: int) -> None:
        now = torch.nn.utils.parameters_to_vector(learning[-1].parameters()).detach()
        moved.append((place, (now - given).norm().item()))  # type: ignore[arg-type]

    start(tiny_config(tmp_path, wordpiece, **TUNED, retrain_on_dev=True), tmp_path / "run", Watch(measure))
    places = [place for place, _ in moved]
    first, second = (number for number, place in enumerate(places) if place == places[0])
    assert moved[second][1] == pytest.approx(moved[first][1], rel=0.5)
    assert moved[second - 1][1] > 5 * moved[first][1]
