"""Save and restore what a run needs to continue after its last whole epoch, in one atomic file.

Each epoch draws its random numbers from the seed and its own number (`seed_epoch`), so parameters, buffers
(such as the document memory), the optimizer's state and the history are all there is to keep: an interrupted
run ends bit for bit where an uninterrupted one ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bilstm_crf.errors import InputError
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.records import EpochRow, format_history, parse_history
from bilstm_crf.util.files import write_whole


def seed_epoch(seed: int, epoch: int, rank: int = 0) -> np.random.Generator:
    """Seed PyTorch for one epoch (0: the initial weights), and return a NumPy generator for it.

    The generator is the same in all processes; PyTorch's random numbers differ by `rank`.
    """
    source = np.random.SeedSequence([seed, epoch])
    torch.manual_seed(int(source.generate_state(rank + 1, np.uint64)[rank]))
    return np.random.default_rng(source)


def state_of(network: BiLSTMCRF, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return parameters, buffers and the optimizer's state, by name."""
    state = {**network.state_dict(), **optimizer.state()}
    return {name: each.detach().cpu().contiguous() for name, each in state.items()}


def restore_state(state: dict[str, Tensor], network: BiLSTMCRF, optimizer: Optimizer) -> None:
    """Restore what `state_of` returned. Raises KeyError or RuntimeError for that of another network."""
    of_optimizer = {name for name in state if "/" in name}
    optimizer.restore({name: state[name] for name in of_optimizer})
    network.load_state_dict({name: each for name, each in state.items() if name not in of_optimizer})


def save_checkpoint(
    path: Path, network: BiLSTMCRF, optimizer: Optimizer, history: Sequence[EpochRow]
) -> None:
    """Write parameters, buffers, the optimizer's state and the history."""
    content = save(state_of(network, optimizer), metadata={"history": format_history(history)})
    with write_whole(path) as stream:
        stream.write(content)


def load_checkpoint(path: Path, network: BiLSTMCRF, optimizer: Optimizer) -> list[EpochRow]:
    """Restore the network and the optimizer; return the history, empty where there is no checkpoint.

    Raises InputError for a damaged checkpoint, or that of another network.
    """
    if not path.exists():
        return []
    try:
        with safe_open(path, framework="pt") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            restore_state(tensors, network, optimizer)
            return _history(content, path)
    except (SafetensorError, RuntimeError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is not this run's checkpoint: {error}", path=path, hint="start again without --resume"
        ) from error


def epochs_done(path: Path) -> int:
    """Return the last epoch in a checkpoint; 0 where it cannot be read."""
    try:
        with safe_open(path, framework="pt") as content:
            history = _history(content, path)
    except (SafetensorError, OSError, InputError):
        return 0
    return history[-1].epoch if history else 0


def _history(content: Any, path: Path) -> list[EpochRow]:
    return parse_history((content.metadata() or {}).get("history", "null"), path)
