"""What reads the words, beside what test_model.py shows of the whole network."""

import dataclasses

import numpy as np
import pytest
import torch

from bilstm_crf.features.batches import Layout
from bilstm_crf.model.dropout import set_generator
from bilstm_crf.model.sequence_tagger import SequenceTagger
from networks import SMALL


def layout_of(batch_sizes: list[int], sentence_of: list[int]) -> Layout[torch.Tensor]:
    nobody = np.zeros(0, np.int64)
    return Layout(nobody, nobody, torch.tensor(batch_sizes), torch.tensor(sentence_of))


@pytest.mark.parametrize("head", ["linear", "crf"])
def test_places_that_a_batch_loses_are_zeros_to_a_head_without_a_bilstm(head: str) -> None:
    torch.manual_seed(1)
    member = SequenceTagger(dataclasses.replace(SMALL, head=head, input_dropout="batch"), 10, 4).train()
    inputs, layout = torch.randn(5, 10), layout_of([3, 2], [0, 1, 2, 0, 1])
    set_generator(member, np.random.default_rng(3))
    got = member.emissions(inputs, layout)
    set_generator(member, np.random.default_rng(3))
    left, kept = member.dropout.of_batch(inputs)
    assert kept is not None
    wide = torch.zeros(5, 10).index_copy(1, kept, left)
    torch.testing.assert_close(got, member.eval().emissions(wide, layout))


@pytest.mark.parametrize("masks", ["token", "sentence", "batch"])
def test_masks_differ_in_who_shares_them(masks: str) -> None:
    """Two sentences of two equal words each: which emissions are still equal under dropout."""
    torch.manual_seed(2)
    architecture = dataclasses.replace(SMALL, head="linear", input_dropout=masks)
    member = SequenceTagger(architecture, 30, 4).train()
    emissions = member.emissions(torch.randn(1, 30).expand(4, 30), layout_of([2, 2], [0, 1, 0, 1]))
    equal = [torch.allclose(emissions[0], each) for each in emissions]  # in packed order
    assert (
        equal
        == {
            "token": [True, False, False, False],
            "sentence": [True, False, True, False],
            "batch": [True, True, True, True],
        }[masks]
    )
