"""A document's memory: what it adds is what its parts say, and tagging adds what training does."""

import dataclasses

import numpy as np
import pytest
import torch

from bilstm_crf.features.batches import make_batch
from bilstm_crf.features.occurrences import MemoryBatch, MemoryIndex
from bilstm_crf.model.document_memory import DocumentMemory
from bilstm_crf.model.tensors import memory_tensors
from bilstm_crf.sentence import Sentence
from networks import GOLD, SENTENCES, SMALL, VOCABULARY, network

REMEMBERING = dataclasses.replace(SMALL, document_memory=7)


def index() -> MemoryIndex:
    """`Kari` thrice and `Oslo` twice in one document."""
    return MemoryIndex([Sentence(tokens, document="a") for tokens in SENTENCES])


def all_tokens() -> MemoryBatch[torch.Tensor]:
    batch = index().batch(np.arange(sum(map(len, SENTENCES))))
    return memory_tensors(batch, torch.device("cpu"))


def test_it_adds_what_the_mean_of_the_others_states_says() -> None:
    torch.manual_seed(1)
    memory = DocumentMemory(6, 7, 4, dropout=0.5).double().eval()
    torch.nn.init.normal_(memory.to_labels.weight)
    batch = all_tokens()
    states = torch.randn(index().places, 6, dtype=torch.float64)
    parts = batch.places.split(batch.lengths.tolist())
    assert len(parts) == 5
    expected = [memory.to_labels(torch.tanh(memory.inner(states[part].mean(0)))) for part in parts]
    torch.testing.assert_close(memory(batch, states), torch.stack(expected))


def test_it_begins_as_if_there_were_none() -> None:
    assert not DocumentMemory(6, 7, 4, dropout=0.0)(all_tokens(), torch.randn(5, 6)).any()


@pytest.mark.parametrize("members", [1, 2])
def test_training_keeps_states_and_looks_at_them(members: int) -> None:
    """In one batch of all sentences, twice: the second time the others' states of the first are there."""
    model = network(dataclasses.replace(REMEMBERING, dropout=0.0, ensemble_size=members)).train()
    model.begin_memory(index().places)
    encoded = VOCABULARY.encode(SENTENCES, GOLD)
    batch = make_batch(encoded, np.arange(len(SENTENCES)), index())
    plain = dataclasses.replace(batch, memory=None)
    torch.testing.assert_close(model.emissions(batch), model.emissions(plain))  # it adds nothing yet
    for member in model.members:
        torch.nn.init.normal_(member.memory.to_labels.weight)
    assert batch.memory is not None
    added = model.emissions(batch) - model.emissions(plain)
    kept = [member.memory.states for member in model.members]
    memory = memory_tensors(batch.memory, torch.device("cpu"))
    expected = [member.memory(memory, each) for member, each in zip(model.members, kept, strict=True)]
    torch.testing.assert_close(added[memory.rows], torch.stack(expected).mean(0))
    others = torch.ones(len(added), dtype=torch.bool)
    others[memory.rows] = False
    assert not added[others].any()
    assert all(states.abs().sum(1).all() for states in kept), "all that are looked at were read"


def test_what_it_keeps_goes_into_a_checkpoint_and_not_into_a_model() -> None:
    model = network(REMEMBERING)
    assert not [name for name in model.state_dict() if "memory.states" in name]
    model.begin_memory(5)
    assert [name for name in model.state_dict() if "states" in name] == ["members.0.memory.states"]
    assert not [name for name, _ in model.named_parameters() if "states" in name]


def test_a_share_of_the_loss_is_of_each_sentence_alone() -> None:
    def loss(alone: float, *, memory: bool) -> torch.Tensor:
        architecture = dataclasses.replace(REMEMBERING, dropout=0.0, memory_free_loss_weight=alone)
        model = network(architecture).train()
        (member,) = model.members
        torch.manual_seed(2)
        torch.nn.init.normal_(member.memory.to_labels.weight)
        model.begin_memory(index().places)
        member.memory.states.normal_()
        encoded = VOCABULARY.encode(SENTENCES, GOLD)
        batch = make_batch(encoded, np.arange(len(SENTENCES)), index())
        return model.loss(batch if memory else dataclasses.replace(batch, memory=None))

    with_memory, without = loss(0.0, memory=True), loss(0.0, memory=False)
    assert abs(with_memory - without) > 0.1
    torch.testing.assert_close(loss(0.25, memory=True), 0.75 * with_memory + 0.25 * without)
    torch.testing.assert_close(loss(0.25, memory=False), without)
