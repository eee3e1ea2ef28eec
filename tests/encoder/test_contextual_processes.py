"""Several processes that train together, with an encoder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.config import RunConfig
from runs import small_config, start
from together import Together, assert_close, options


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [{}, {"encoder.finetune": True, "encoder.layers": "mix"}], ids=["frozen", "tuned"]
)
def test_an_encoder_and_a_growing_context(
    more: dict[str, Any], own_encoder: Path, features_cache: Path, tmp_path: Path
) -> None:
    """Whose own dropout has other random numbers in each process: it has none here."""
    text = (own_encoder / "config.json").read_text()
    (own_encoder / "config.json").write_text(re.sub(r'(dropout_prob": )[0-9.]+', r"\g<1>0.0", text))
    settings = {"encoder.name": str(own_encoder), "encoder.curriculum": "0:10,1:10", "batch_size": 4, **more}
    settings |= {"retrain_on_dev": True, "learning_rate": 0.02}
    config = small_config(tmp_path).replace(settings)
    config = config.replace({"schedule.epochs": RunConfig().schedule.epochs})  # the curriculum says how long
    start(config, tmp_path / "one")
    together = Together(tmp_path / "said", 2, [*options(config), "--output", tmp_path / "two"])
    statuses, said = together.end()
    assert statuses == [0, 0], said
    assert_close(tmp_path / "two", tmp_path / "one")
    assert_close(tmp_path / "two" / "final", tmp_path / "one" / "final")
