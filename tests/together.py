"""What tests of several processes that train together share."""

from __future__ import annotations

import io
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bilstm_crf.commands.main import run
from bilstm_crf.config import RunConfig
from bilstm_crf.util import fields
from runs import hear_ctrl_c, history, set_options

FORK = multiprocessing.get_context("fork")  # a new process would import PyTorch again


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
    os._exit(run(["train", *arguments]))


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
