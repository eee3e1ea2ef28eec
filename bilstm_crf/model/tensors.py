"""Batches of NumPy arrays as batches of tensors on a device."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.features.batches import Batch, Layout, Part, Words
from bilstm_crf.features.occurrences import MemoryBatch

Arrays = NDArray[Any]


def batch_tensors(batch: Batch[Arrays], device: torch.device) -> Batch[Tensor]:
    return Batch(
        layout_tensors(batch.layout),
        words_tensors(batch.words, device),
        torch.from_numpy(batch.labels).to(device),
        None if batch.memory is None else memory_tensors(batch.memory, device),
        None if batch.part is None else part_tensors(batch.part, device),
    )


def layout_tensors(layout: Layout[Arrays]) -> Layout[Tensor]:
    """Return a layout whose sizes are tensors on the CPU, where PyTorch expects them."""
    sizes, sentences = torch.from_numpy(layout.batch_sizes), torch.from_numpy(layout.sentence_of)
    return Layout(layout.sentences, layout.tokens, sizes, sentences)


def words_tensors(words: Words[Arrays], device: torch.device) -> Words[Tensor]:
    return Words(*(torch.from_numpy(array).to(device) for array in vars(words).values()))


def part_tensors(part: Part[Arrays], device: torch.device) -> Part[Tensor]:
    whole, *places = vars(part).values()
    return Part(whole, *(torch.from_numpy(array).to(device) for array in places))


def memory_tensors(memory: MemoryBatch[Arrays], device: torch.device) -> MemoryBatch[Tensor]:
    return MemoryBatch(*(torch.from_numpy(array).to(device) for array in vars(memory).values()))
