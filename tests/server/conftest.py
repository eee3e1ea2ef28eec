"""Servers that the tests ask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO

import pytest

from servers import MODEL, ROOT, Server, hear_ctrl_c

pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("starlette", reason="needs the extra serve")


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts `bilstm-crf serve` with a small model; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []
    logs: list[IO[bytes]] = []

    def start(*arguments: object, model: object = MODEL, **environment: str) -> Server:
        log = tmp_path_factory.mktemp("server") / "log"
        logs.append(log.open("wb"))
        models = ["--model", f"small={model}"] if model is not None else []
        command = [sys.executable, "-m", "bilstm_crf", "serve", "--port", "0", *models, *arguments]
        process = subprocess.Popen(
            [str(each) for each in command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=logs[-1],
            stderr=logs[-1],
            preexec_fn=hear_ctrl_c,
            env={**os.environ, **environment},
        )
        started.append(process)
        return Server(process, log)

    yield start
    for process in started:
        process.kill()
        process.wait()
    for log in logs:
        log.close()


@pytest.fixture(scope="session")
def server(launch: Callable[..., Server]) -> Server:
    """The server that most tests ask."""
    return launch("--threads", "2", "--timeout", "120")
