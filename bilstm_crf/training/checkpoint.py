"""Checkpoint: what a run needs to go on after its last whole epoch, in one file that is replaced at once.

Each epoch draws its random numbers from the seed and its own number (`seed_epoch`), so parameters, the states
in a document's memory, the state of the optimiser and the history are all there is to keep: a run that was
interrupted ends bit for bit where an uninterrupted one ends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from bilstm_crf.errors import InputError
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.training.optimizer import Optimisation
from bilstm_crf.training.run_folder import is_history
from bilstm_crf.util.files import parse_json, write_whole


def seed_epoch(seed: int, epoch: int) -> np.random.Generator:
    """Seeds PyTorch for one epoch (0: the initial weights) and gives the generator for the shuffling."""
    source = np.random.SeedSequence([seed, epoch])
    torch.manual_seed(int(source.generate_state(1, np.uint64)[0]))
    return np.random.default_rng(source)


def save_checkpoint(
    path: Path, network: BiLSTMCRF, optimisation: Optimisation, history: list[dict[str, Any]]
) -> None:
    """Parameters, state of the optimiser and history, after a whole epoch."""
    parts = {**network.state_dict(), **optimisation.state()}  # and buffers: an encoder's, a memory's
    tensors = {name: each.detach().cpu().contiguous() for name, each in parts.items()}
    content = save(tensors, metadata={"history": json.dumps(history)})
    with write_whole(path) as stream:
        stream.write(content)


def load_checkpoint(path: Path, network: BiLSTMCRF, optimisation: Optimisation) -> list[dict[str, Any]]:
    """Fills the network and the optimiser; returns the history, empty where no epoch was finished.

    Raises InputError for a damaged checkpoint, or that of another network.
    """
    if not path.exists():
        return []
    try:
        with safe_open(path, framework="pt") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            optimisation.restore({name: tensors.pop(name) for name in list(tensors) if "/" in name})
            network.load_state_dict(tensors)
            return _history(content, path)
    except (SafetensorError, RuntimeError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is not this run's checkpoint: {error}", path=path, hint="start again without --resume"
        ) from error


def epochs_done(path: Path) -> int:
    """Return the epoch after which a run can go on: its checkpoint's last, 0 where that cannot be read."""
    try:
        with safe_open(path, framework="pt") as content:
            history = _history(content, path)
            return int(history[-1]["epoch"]) if history else 0
    except (SafetensorError, OSError, InputError):
        return 0


def _history(content: Any, path: Path) -> list[dict[str, Any]]:
    """The history in an open checkpoint. Raises InputError where it holds none."""
    rows = parse_json((content.metadata() or {}).get("history", "null"), path=path)
    if not is_history(rows, scored=False):
        raise InputError("is not this run's checkpoint: it has no whole history", path=path)
    history: list[dict[str, Any]] = rows
    return history
