"""A run's folder: what it was asked to do, how it went, what came out.

config.json               the configuration, with the hashes of the data and vectors, and the machine
dropped.json              sentences that filters left out of the training set, where there are any
history.jsonl             one line an epoch
checkpoint.safetensors    to go on from, until the run is finished
stage-0.safetensors       the best of a curriculum's stage, from which the next one begins; until then
model.json, weights-…     the best epoch's model (model_folder.py)
final/                    the model of the second phase, from train and dev, where one was asked for
metrics.json              the scores of that model; there once the run is finished
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from bilstm_crf.bert.folder import is_local
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.files import write_json
from bilstm_crf.version import __version__

CHECKPOINT = "checkpoint.safetensors"
FINAL, DROPPED = "final", "dropped.json"
PACKAGES = ("torch", "numpy", "numba", "transformers", "tokenizers")  # the last two perhaps not there


def is_finished(folder: Path) -> bool:
    return (folder / "metrics.json").exists()


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raises UsageError where another run or model lies in the folder, unless it may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder for the run", hint="choose another --output")
    if (folder / "model.json").exists() and not (folder / "config.json").exists() and not overwrite:
        raise UsageError(
            f"{folder} holds a model", hint="choose another --output, or replace it with --overwrite"
        )
    if (folder / "config.json").exists() and not overwrite:
        state = "a finished run" if is_finished(folder) else "an unfinished run"
        go_on = "" if is_finished(folder) else f"go on with it: --resume {folder}; or "
        raise UsageError(
            f"{folder} holds {state}", hint=f"{go_on}choose another --output, or replace it with --overwrite"
        )


def stage_file(number: int) -> str:
    """Where the best of a stage (from 0) is kept.

    Each has a file of its own: the next one's is written before the checkpoint that says it has begun.
    """
    return f"stage-{number}.safetensors"


def _forget_stages(folder: Path) -> None:
    for path in folder.glob("stage-*.safetensors"):
        path.unlink(missing_ok=True)


def check_apart(folder: Path, sources: Iterable[str]) -> None:
    """Raises UsageError where a folder that the run begins with lies in the run's own, or is it."""
    for source in sources:
        if is_local(source) and Path(source).expanduser().resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"the run begins with {source}, which its own model in {folder} would replace",
                hint="choose another --output",
            )


def start(folder: Path, description: dict[str, Any]) -> None:
    """Makes the folder of a new run, in place of an older one; its model stays until there is a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    clean(folder)
    for name in ("metrics.json", "history.jsonl", DROPPED, CHECKPOINT):
        (folder / name).unlink(missing_ok=True)
    _forget_stages(folder)
    shutil.rmtree(folder / FINAL, ignore_errors=True)
    write_json(folder / "config.json", description)


def clean(folder: Path) -> None:
    """Takes away what a kill in the middle of a save left: a file under a temporary name."""
    for name in (
        "weights-",
        "checkpoint.",
        "stage-",
        "model.json.",
        "history.jsonl.",
        "metrics.json.",
        "config.json.",
        "dropped.json.",
    ):
        for left in folder.glob(f".{name}*"):
            left.unlink(missing_ok=True)
    for left in (*folder.glob(".encoder"), *folder.glob("..encoder.*")):
        shutil.rmtree(left, ignore_errors=True)


def finish(folder: Path, metrics: dict[str, Any]) -> None:
    """Records the scores; the checkpoints are of no more use."""
    write_json(folder / "metrics.json", metrics)
    for each in (CHECKPOINT, f"{FINAL}/{CHECKPOINT}"):
        (folder / each).unlink(missing_ok=True)
    _forget_stages(folder)


def read_metrics(folder: Path) -> dict[str, Any]:
    """The content of metrics.json. Raises InputError where it is damaged."""
    path = folder / "metrics.json"
    try:
        metrics: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return metrics
    except (OSError, ValueError, RecursionError) as error:
        hint = "the model beside it is whole: `bilstm-crf evaluate` scores it"
        raise InputError(f"cannot be read as JSON: {error}", path=path, hint=hint) from error


def epochs_done(folder: Path) -> int:
    """How many epochs a run can go on after."""
    if not (folder / CHECKPOINT).exists():
        return 0
    try:
        return len((folder / "history.jsonl").read_text("utf-8").splitlines())
    except FileNotFoundError:
        return 0


def best_row(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The row of the epoch with the best dev F1, of equal ones the first, in a history of one or more."""
    return max(history, key=lambda row: row["dev"]["f1"])


def describe(config: RunConfig, data: dict[str, Any], vectors: dict[str, Any] | None) -> dict[str, Any]:
    """The content of config.json: all that decides the result, and where it was run."""
    return {
        "bilstm_crf": __version__,
        "commit": commit(Path(__file__).parents[1]),
        "command": command_line(),
        "config": config.to_json(),
        "data": data,
        "vectors": vectors,
        "environment": environment(),
    }


def commit(checkout: Path) -> str | None:
    """The git commit of the program's own checkout, `-dirty` where its files were changed since.

    None where the program was installed without its history, or git does not answer.
    """
    if not (checkout / ".git").exists():  # a checkout around it, of something else, is not ours
        return None
    git = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]
    try:
        return subprocess.run(git, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def environment() -> dict[str, Any]:
    """Versions and machine, for the record."""
    return {
        "python": platform.python_version(),
        **{package: version for package in PACKAGES if (version := _version(package)) is not None},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


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


def read_config(path: Path) -> dict[str, Any]:
    """The content of a config.json. Raises InputError where there is none or it is not one."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError("there is no run here: no config.json", path=path.parent) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read as JSON: {error}", path=path) from error
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise InputError("is not the config.json of a run: it has no table `config`", path=path)
    return content


def command_line() -> str:
    """How this program was called, for the record."""
    program = Path(sys.argv[0]).name
    return shlex.join(
        ["python", "train.py", *sys.argv[1:]] if program == "train.py" else [program, *sys.argv[1:]]
    )
