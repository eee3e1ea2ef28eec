"""From the gradients of parts of a batch, one in each process, to the gradients of the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bilstm_crf.features.batches import Batch
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.training.processes import Processes

Arrays = NDArray[Any]


def add_up(
    network: BiLSTMCRF, batch: Batch[Arrays], part: Batch[Arrays], loss: float, processes: Processes
) -> float:
    """Replace the gradients of each process by their sums; return the sum of the losses.

    `part`: what this process has computed; the whole `batch` if all have, and divided their losses. The
    document memory gets the states that the others have kept.
    """
    total = torch.tensor([loss], dtype=torch.float64)
    processes.add([total])  # first: this notices a process that has ended, also on GPUs
    sums = [each.grad for each in network.parameters() if each.grad is not None and not each.grad.is_sparse]
    rows = np.arange(len(batch.labels)) if part.part is None else part.part.tokens
    table = network.embedding.weight
    words = None
    if table.grad is not None:  # sparse, with a row for each token
        words = table.new_zeros(len(batch.labels), table.shape[1])
        words[rows] = table.grad._values()
        sums.append(words)
    kept = []
    if batch.memory is not None:
        places = batch.memory.kept_places
        mine = np.isin(batch.memory.kept_rows, rows)
        memories = (each.memory for each in network.members if each.memory is not None)
        for states in (each.states for each in memories if each.states is not None):
            new = states.new_zeros(len(places), states.shape[1])
            new[mine] = states[places[mine]] / (processes.size if part.part is None else 1)
            kept.append((states, new))
    processes.add([*sums, *(new for _, new in kept)])
    if words is not None:
        ids = batch.words.ids * (batch.words.ids < len(table))  # as in WordEmbedding
        columns = torch.from_numpy(ids[None]).to(table.device)
        table.grad = torch.sparse_coo_tensor(columns, words, table.shape, check_invariants=False)
    for states, new in kept:
        states[places] = new
    return total.item()
