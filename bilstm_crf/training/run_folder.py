"""A run's folder: what it was asked to do, how it went, what came out.

config.json               the configuration, with the hashes of the data and vectors, and the machine
dropped.json              sentences that filters left out of the training set, where there are any
history.jsonl             one line an epoch
checkpoint.safetensors    to go on from, until the run is finished
stage-0.safetensors       the best of a curriculum's stage, from which the next one begins; until then
model.json, weights-…     the best epoch's model (model_folder.py)
final/                    the model of the second phase, from train and dev, where one was asked for
metrics.json              the scores of that model; there once the run is finished
.lock                     while a process trains here
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.encoder.folder import is_local
from bilstm_crf.errors import InputError, UsageError, warn
from bilstm_crf.util.files import made_folder, read_json, write_json
from bilstm_crf.util.system import LockedError, locked
from bilstm_crf.version import __version__

CHECKPOINT = "checkpoint.safetensors"
FINAL, DROPPED, LOCK = "final", "dropped.json", ".lock"
SPEEDS = ("seconds", "tokens_per_second")  # of a row of the history
PACKAGES = ("torch", "numpy", "numba", "transformers", "tokenizers")  # the last two perhaps not there


def is_finished(folder: Path) -> bool:
    return (folder / "metrics.json").exists()


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raises UsageError where another run or model lies in the folder, unless it may be replaced."""
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


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make the run's folder, and keep every other training out of it for the block.

    Where the block raises before it has written anything, the folder is gone again. Raises UsageError where
    another process trains there.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder for the run", hint="choose another --output")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(made_folder(folder))
            has_locks = stack.enter_context(locked(folder / LOCK, wait=False))
        except LockedError as error:
            raise UsageError(
                f"{folder}: locked by {error}, which trains there",
                hint="wait for its end or stop it; another run goes to another --output",
            ) from error
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
        if not has_locks:
            warn("this file system has no locks: let no other training write here", path=folder)
        yield


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
    hint = "the model beside it is whole: `bilstm-crf evaluate` scores it"
    metrics: dict[str, Any] = read_json(folder / "metrics.json", hint=hint)
    return metrics


def best_row(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the row of the epoch whose model is kept, in a history of one or more.

    That is the last one marked `best`: the first with the best dev F1 or, where dev cannot tell, the last
    epoch. Where none is marked (a stage below the best of an earlier one), the first with the best dev F1.
    """
    kept = [row for row in history if row.get("best") is True]
    return kept[-1] if kept else max(history, key=lambda row: row["dev"]["f1"])


def is_history(rows: Any, *, scored: bool) -> bool:
    """Whether these are whole rows of a history, their epochs rising; with dev's scores where `scored`."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return False
    epochs = [row.get("epoch") for row in rows]
    return (
        all(type(epoch) is int and epoch > 0 for epoch in epochs)
        and epochs == sorted(set(epochs))
        and all(isinstance(row.get(name), int | float) for row in rows for name in SPEEDS)
        and (not scored or all(map(_has_scores, rows)))
    )


def _has_scores(row: Mapping[str, Any]) -> bool:
    dev = row.get("dev")
    return (
        isinstance(dev, dict)
        and isinstance(dev.get("f1"), int | float)
        and isinstance(row.get("dev_seconds"), int | float)
    )


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


def read_config(path: Path) -> tuple[RunConfig, dict[str, Any]]:
    """Return the configuration of a config.json, and all that the file says.

    Raises InputError where there is no such file, or it is damaged.
    """
    if not path.exists():
        raise InputError("there is no run here: no config.json", path=path.parent)
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise InputError("is not the config.json of a run: it has no table `config`", path=path)
    try:
        return RunConfig.from_json(content["config"]), content
    except UsageError as error:
        raise InputError(str(error), path=path, hint=error.hint) from error


def command_line() -> str:
    """How this program was called, for the record."""
    program = Path(sys.argv[0]).name
    return shlex.join(
        ["python", "train.py", *sys.argv[1:]] if program == "train.py" else [program, *sys.argv[1:]]
    )
