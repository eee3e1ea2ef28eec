"""One hidden state is what it is among all of them, and the layers above it are not run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import windows_of, word_vectors
from bilstm_crf.encoder.hidden_states import HiddenStates
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import UsageError
from bilstm_crf.sentence import Sentence

SENTENCES = [Sentence(["Kari", "bur", "i", "Oslo", "."]), Sentence(["blåbær"])]
IDS, MASK = torch.tensor([[5, 6, 7, 8, 9], [9, 8, 7, 0, 0]]), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
PIECES = {"vocab_size": 40, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
ARCHITECTURES: dict[str, dict[str, int]] = {
    "bert": {},
    "deberta-v2": {},
    "albert": {"embedding_size": 16},  # one layer, called again and again
    "modernbert": {"cls_token_id": 1, "sep_token_id": 2},  # the last hidden state is normalised once more
    "squeezebert": {"embedding_size": 32},  # its layers are called with the states transposed
}


def model_of(name: str) -> Any:
    transformers = pytest.importorskip("transformers", reason="needs the extra bert")
    config = transformers.AutoConfig.for_model(name, **SIZES, **PIECES, **ARCHITECTURES[name])
    torch.manual_seed(0)
    return transformers.AutoModel.from_config(config).eval()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_one_state_is_the_same_as_among_all(name: str, training: bool) -> None:
    model = model_of(name)
    states = HiddenStates(model)
    states.look(IDS[:, :2], MASK[:, :2])
    model.train(training)

    def seeded(compute: Callable[[], Any]) -> Any:  # for the dropout
        torch.manual_seed(1)
        return compute()

    expected = seeded(lambda: states.all(IDS, MASK))
    assert len(expected) == 4
    for number, state in enumerate(expected):
        found = seeded(lambda number=number: states.one(number, IDS, MASK))  # type: ignore[misc]
        torch.testing.assert_close(found, state, atol=0, rtol=0)


def test_layers_above_are_not_run(loaded: Callable[..., Encoder]) -> None:
    encoder = copy.deepcopy(loaded("wordpiece"))
    run: list[int] = []
    for number, layer in enumerate(encoder.model.encoder.layer, 1):
        layer.register_forward_hook(lambda *_, number=number: run.append(number))
    for number in range(4):
        encoder(IDS, MASK, FeatureSettings(layers=str(number)))
        assert run == list(range(1, number + 1))
        run.clear()


def test_a_layer_that_learns_moves_none_above_it(loaded: Callable[..., Encoder]) -> None:
    encoder = copy.deepcopy(loaded("wordpiece")).train()
    vectors_of(encoder, "1").square().sum().backward()
    moved = [
        {parameter.grad is not None for parameter in layer.parameters()}
        for layer in encoder.model.encoder.layer
    ]
    assert moved == [{True}, {False}, {False}]


def test_threads_do_not_disturb_one_another(loaded: Callable[..., Encoder]) -> None:
    encoder = loaded("unigram")
    numbers = ["0", "1", "2", "3"] * 10
    expected = {number: vectors_of(encoder, number) for number in numbers[:4]}
    with ThreadPoolExecutor(4) as pool:
        for number, found in zip(numbers, pool.map(lambda n: vectors_of(encoder, n), numbers), strict=True):
            torch.testing.assert_close(found, expected[number], atol=0, rtol=0)


def test_a_layer_too_many_is_said_with_how_many_there_are(encoder: Encoder) -> None:
    with pytest.raises(UsageError, match=r"encoder.layers is 4, .* 3 layers: 1 to 3, and 0, the embeddings"):
        windows_of(encoder, SENTENCES, FeatureSettings(layers="4"))


def vectors_of(encoder: Encoder, layers: str) -> Tensor:
    settings = FeatureSettings(layers=layers)
    return word_vectors(encoder, windows_of(encoder, SENTENCES, settings), [0, 1], settings)
