"""The tiny encoders, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from bilstm_crf.bert.encoder import Encoder

KINDS = ["wordpiece", "byte-level", "unigram"]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`written("wordpiece", window=24, seed=0)`: the folder of a tiny encoder; copy it before changing it."""
    pytest.importorskip("transformers", reason="needs the extra bert")
    from tiny_encoders import write_encoder

    @cache
    def folder(kind: str, *, window: int = 24, seed: int = 0) -> Path:
        return write_encoder(tmp_path_factory.mktemp(kind) / "encoder", kind, window=window, seed=seed)

    return folder


@pytest.fixture(scope="session")
def loaded(written: Callable[..., Path]) -> Callable[..., Encoder]:
    """`loaded("wordpiece", window=24, seed=0)`: the tiny encoder itself."""

    @cache
    def encoder(kind: str, *, window: int = 24, seed: int = 0) -> Encoder:
        return Encoder.load(str(written(kind, window=window, seed=seed)))

    return encoder


@pytest.fixture(params=KINDS)
def encoder(request: pytest.FixtureRequest, loaded: Callable[..., Encoder]) -> Encoder:
    """Each of the three kinds."""
    return loaded(request.param)
