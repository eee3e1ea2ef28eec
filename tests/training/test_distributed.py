"""Several processes that train together end where one process ends, or all of them end at once."""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bilstm_crf.commands.main import run as run_command
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import UsageError
from bilstm_crf.features.batches import make_batch, part_of
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.training import run
from bilstm_crf.training.processes import Processes, as_started
from bilstm_crf.training.records import read_description
from bilstm_crf.util import fields
from done import Done
from runs import (
    ROOT,
    SAMPLE,
    TRAIN,
    hear_ctrl_c,
    history,
    monitor,
    resume,
    set_options,
    small_config,
    start,
    weights_hash,
)

FORK = multiprocessing.get_context("fork")  # a new process would import PyTorch again
RECIPE = {  # all that draws random numbers or keeps something between batches
    "embeddings": str(SAMPLE / "vectors.bin"),
    "words.dim": 100,  # the default, which those have no use for
    "dropout": 0.5,
    "document_memory": 5,
    "memory_free_loss_weight": 0.5,
    "word_dropout": 1,
    "subwords": 50,
    "subword_dropout": 0.2,
    "recurrent_dropout": 0.3,
    "ensemble_size": 2,
    "averaging": 0.9,
    "gradient_clip": 1,
    "momentum": 0.5,
    "learning_rate": 0.05,
    "epochs": 3,
}


class Together:
    """The command line in several processes at once; what each says is in a file of its own."""

    def __init__(self, folder: Path, size: int, arguments: Sequence[object]) -> None:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        folder.mkdir(exist_ok=True)
        self.files = [folder / f"{rank}.txt" for rank in range(size)]
        for file in self.files:
            file.write_text("")
        given = [str(each) for each in arguments]
        self.processes: list[BaseProcess] = [
            FORK.Process(target=_work, args=(rank, size, port, self.files[rank], given))
            for rank in range(size)
        ]
        for process in self.processes:
            process.start()

    def wait_for(self, text: str) -> None:
        """Until the first process has said this (or has ended)."""
        while text not in self.files[0].read_text() and self.processes[0].is_alive():
            time.sleep(0.01)

    def end(self) -> tuple[list[int | None], list[str]]:
        """Wait for all; return exit statuses, and what each has said."""
        for process in self.processes:
            process.join()
        return [each.exitcode for each in self.processes], [each.read_text() for each in self.files]


def _work(rank: int, size: int, port: int, file: Path, arguments: list[str]) -> None:
    hear_ctrl_c()
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    os.environ.update({name: str(value) for name, value in names.items()})
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port))
    os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), 2)
    os.dup2(2, 1)
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(number, "wb", 0), "utf-8") for number in (1, 2))
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    os._exit(run_command(["train", *arguments]))


def options(config: RunConfig) -> list[str]:
    return ["--labels", "full", *set_options(fields.changes(config, RunConfig()))]


def assert_close(folder: Path, other: Path) -> None:
    """The same losses and weights, but for the order of sums."""
    losses, others = ([row["loss"] for row in history(each)] for each in (folder, other))
    assert losses == pytest.approx(others, rel=1e-6)
    weights, expected = (load_file(next(each.glob("weights-*"))) for each in (folder, other))
    assert weights.keys() == expected.keys()
    for name, each in expected.items():
        np.testing.assert_allclose(weights[name], each, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("size", "batch_size"), [(2, 3), (3, 2)], ids=["uneven", "too few for all"])
def test_several_processes_end_where_one_ends(size: int, batch_size: int, tmp_path: Path) -> None:
    """20 sentences in batches of 3: the last has 2. In batches of 2, three processes have no part each."""
    config = small_config(tmp_path).replace({**RECIPE, "batch_size": batch_size})
    start(config, tmp_path / "one")
    together = Together(tmp_path / "said", size, [*options(config), "--output", tmp_path / "several"])
    statuses, said = together.end()
    assert statuses == [0] * size, said
    assert said[1:] == [""] * (size - 1)
    assert_close(tmp_path / "several", tmp_path / "one")
    description = read_description(tmp_path / "several" / "config.json")
    assert description.environment.processes == size
    assert description.command.startswith(f"torchrun --nproc-per-node {size} ")


def test_a_killed_process_ends_the_others_and_the_run_goes_on_where_it_was(tmp_path: Path) -> None:
    config = small_config(tmp_path, batch_size=4, epochs=20)
    arguments = [*options(config), "--output", tmp_path / "run"]
    together = Together(tmp_path / "said", 2, arguments)
    together.wait_for("Epoch  2")
    together.processes[1].kill()
    statuses, said = together.end()
    assert statuses == [1, -signal.SIGKILL]
    assert re.search(r"error: .*process.* in epoch \d+; epochs 1-\d+ are safe", said[0])
    assert "--resume" in said[0]
    with pytest.raises(UsageError, match="2 processes"):
        resume(tmp_path / "run")
    statuses, said = Together(tmp_path / "said", 2, ["--resume", tmp_path / "run"]).end()
    assert statuses == [0, 0], said
    Together(tmp_path / "said", 2, [*arguments[:-1], tmp_path / "whole"]).end()
    assert weights_hash(tmp_path / "run") == weights_hash(tmp_path / "whole")
    assert history(tmp_path / "run") == history(tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "status", "what"),
    [
        (["--bogus"], 2, "--bogus"),
        (["--train", "absent.conll", "--dev", "absent.conll"], 2, "absent.conll"),
        (["--help"], 0, "--patience"),
    ],
)
def test_what_is_no_training_is_said_once(
    arguments: list[str], status: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    statuses, said = Together(tmp_path / "said", 2, arguments).end()
    assert statuses == [status, 0]
    assert what in said[0]
    assert said[1] == ""
    assert os.listdir(tmp_path) == ["said"]
