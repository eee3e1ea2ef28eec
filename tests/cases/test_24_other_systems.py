"""macOS and Windows lack what Linux has: everything imports there, and one process does the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bilstm_crf.commands.main import COMMANDS
from runs import DEV, ROOT

WITHOUT = """
import os, signal, sys
{imports}
for name in ("sched_getaffinity", "fork", "register_at_fork", "getuid", "pwrite", "get_blocking"):
    delattr(os, name)
for name in ("SIGHUP", "pthread_sigmask"):
    delattr(signal, name)
for name in ("fcntl", "resource", "pwd"):
    sys.modules[name] = None
from bilstm_crf.commands.main import run
status = 0
for arguments in {calls!r}:
    status = status or run(arguments)
sys.exit(status)
"""


def run_without(calls: list[list[str]], imports: str = "") -> subprocess.CompletedProcess[bytes]:
    program = WITHOUT.format(imports=imports, calls=calls)
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)


def test_every_help_is_there() -> None:
    commands = list(COMMANDS)
    done = run_without([["--help"], *([command, "--help"] for command in commands)])
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"Usage: ") == 1 + len(commands)


@pytest.mark.slow
def test_a_file_is_tagged(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.conllu").write_bytes(Path(DEV).read_bytes() * 100)  # more than one piece
    output = str(tmp_path / "out.conllu")
    call = ["tag", "--model", str(tiny_model), str(tmp_path / "in.conllu"), "--threads", "2", "-o"]
    # These know the system by its name, and take for granted what it has.
    done = run_without([[*call, output]], "import multiprocessing, numba, requests, torch")
    assert (done.returncode, done.stderr) == (0, b"")
    here = str(tmp_path / "here.conllu")
    subprocess.run([sys.executable, "-m", "bilstm_crf", *call, here], cwd=ROOT, check=True)
    assert Path(output).read_bytes() == Path(here).read_bytes()
