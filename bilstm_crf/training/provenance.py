"""Record the provenance of a run: the program's version and commit, command line, packages and machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from bilstm_crf.training.processes import launcher
from bilstm_crf.training.records import Environment

PACKAGES = ("torch", "numpy", "numba", "transformers", "tokenizers")  # the last two are optional


def git_commit(checkout: Path) -> str | None:
    """Return the commit of the program's own checkout, with `-dirty` where files were changed since.

    None where the program was installed without its history, or git does not answer.
    """
    if not (checkout / ".git").exists():  # a checkout around it, of something else, is not ours
        return None
    git = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]
    try:
        return subprocess.run(git, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def environment(processes: int = 1) -> Environment:
    """Return the versions of Python and of the packages that compute, the machine, and how many processes."""
    return Environment(
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _version(name)) is not None},
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count(),
        processes=processes,
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def command_line(*arguments: str) -> str:
    """Return a command line of this program as a shell takes it; without `arguments`, the present one."""
    name, torchrun = Path(sys.argv[0]).name, launcher()
    if name == "train.py":
        program = [*(torchrun or ["python"]), name]
    elif torchrun:
        program = [*torchrun, *(["-m", "bilstm_crf"] if name == "__main__.py" else ["--no-python", name])]
    else:
        program = ["bilstm-crf" if arguments else name]
    if not arguments:
        return shlex.join([*program, *sys.argv[1:]])
    return shlex.join([*program, *(arguments[1:] if name == "train.py" else arguments)])
