"""Record the provenance of a run: the program's version and commit, command line, packages and machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

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


def environment() -> Environment:
    """Return the versions of Python and of the packages that compute, and the machine."""
    return Environment(
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _version(name)) is not None},
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count(),
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
    name = Path(sys.argv[0]).name
    if not arguments:
        return shlex.join([*(["python"] if name == "train.py" else []), name, *sys.argv[1:]])
    program = ["python", "train.py"] if name == "train.py" else ["bilstm-crf", arguments[0]]
    return shlex.join([*program, *arguments[1:]])
