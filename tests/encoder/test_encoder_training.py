"""What makes training an encoder cheaper: less precise products, and layers that are computed twice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.config import Precision
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import build_windows, compute_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.sentence import Sentence
from tiny_encoders import frozen_vectors

SENTENCES = [Sentence(["Kari", "bur", "i", "Oslo", "."]), Sentence(["blåbær"]), Sentence(["ikke"] * 30)]
LOWER = FeatureSettings(layers="last4", precision="bfloat16")


def gradients(encoder: Encoder, settings: FeatureSettings) -> dict[str, Tensor]:
    """With dropout, drawn from the same seed each time."""
    encoder.train().zero_grad()
    torch.manual_seed(1)
    windows = build_windows(encoder, SENTENCES, settings)
    compute_vectors(encoder, windows, range(3), settings, batch_subwords=30).square().sum().backward()
    found = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    assert len(found) > 10
    return found


# ---------------------------------------------------------------- precision


def test_bfloat16_gives_float32_near_that_of_float32(encoder: Encoder) -> None:
    vectors: dict[Precision, Tensor] = {}
    for precision in get_args(Precision):
        settings = FeatureSettings("mean", "mix", precision=precision)
        windows = build_windows(encoder, SENTENCES, settings)
        vectors[precision] = compute_vectors(encoder, windows, range(3), settings).detach()
    assert vectors["bfloat16"].dtype == torch.float32
    assert (
        1e-4 < (vectors["bfloat16"] - vectors["float32"]).abs().max() < 0.3
    )  # of values up to 4, through three layers of 8 bits


def test_bfloat16_leaves_weights_and_gradients_in_float32(loaded: Callable[..., Encoder]) -> None:
    encoder = copy.deepcopy(loaded("wordpiece"))
    found, expected = gradients(encoder, LOWER), gradients(encoder, FeatureSettings(layers="last4"))
    assert {tensor.dtype for tensor in (*found.values(), *encoder.parameters())} == {torch.float32}
    cosines = [torch.cosine_similarity(found[n].flatten(), expected[n].flatten(), dim=0) for n in found]
    assert torch.stack(cosines).median() > 0.98


def test_frozen_vectors_are_as_precise_as_those_that_learn(loaded: Callable[..., Encoder]) -> None:
    encoder = loaded("wordpiece")
    windows = build_windows(encoder, SENTENCES, LOWER)
    expected = compute_vectors(encoder, windows, range(3), LOWER).detach().half().numpy()
    np.testing.assert_allclose(frozen_vectors(encoder, SENTENCES, LOWER), expected, atol=0.05)
