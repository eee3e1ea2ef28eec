"""The folder of a run: its files, who may write to it, and how a run begins and ends there.

config.json               what the run was asked to do, with the hashes of its inputs, and the machine
dropped.json              sentences that filters removed from the training set, if any
history.jsonl             one line per epoch
checkpoint.safetensors    state after the last whole epoch, until the run is finished
stage-0.safetensors       the best state of a curriculum's stage, from which the next stage starts
model.json, weights-…     the model of the best epoch (model_folder.py)
final/                    the model trained on train + dev, if it was asked for
metrics.json              the scores; present once the run is finished
.lock                     locked while a process trains here

The JSON files are described in records.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import UsageError, warn
from bilstm_crf.training.records import CONFIG, DROPPED, HISTORY, METRICS, RunDescription, RunMetrics
from bilstm_crf.util.files import made_folder, remove_unfinished, write_json
from bilstm_crf.util.system import LockedError, locked

CHECKPOINT, FINAL, LOCK = "checkpoint.safetensors", "final", ".lock"


def is_finished(folder: Path) -> bool:
    """Return whether the folder holds a finished run."""
    return (folder / METRICS).exists()


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise UsageError where the folder holds another run or model that may not be replaced."""
    hint = "choose another --output, or replace it with --overwrite"
    if overwrite:
        return
    if (folder / CONFIG).exists():
        if is_finished(folder):
            raise UsageError(f"{folder} holds a finished run", hint=hint)
        raise UsageError(f"{folder} holds an unfinished run", hint=f"resume it: --resume {folder}; or {hint}")
    if (folder / "model.json").exists():
        raise UsageError(f"{folder} holds a model", hint=hint)


def check_apart(folder: Path, sources: Iterable[str | None]) -> None:
    """Raise UsageError where a model that the run builds on lies in the run's own folder, or is it."""
    for source in sources:
        if (
            source
            and is_local(source)
            and Path(source).expanduser().resolve().is_relative_to(folder.resolve())
        ):
            raise UsageError(
                f"the run builds on {source}, which its own model in {folder} would replace",
                hint="choose another --output",
            )


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a run, and lock it for the block.

    Where the block raises before it has written anything, the folder is removed. Raises UsageError where
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
                hint="wait until it ends, stop it, or choose another --output",
            ) from error
        except OSError as error:
            raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
        if not has_locks:
            warn("this file system has no locks: let no other training write here", path=folder)
        yield


def begin(folder: Path, description: RunDescription) -> None:
    """Begin a new run in place of an older one, whose model stays until there is a new one."""
    clean(folder)
    for name in (METRICS, HISTORY, DROPPED):
        (folder / name).unlink(missing_ok=True)
    _remove_checkpoints(folder)
    shutil.rmtree(folder / FINAL, ignore_errors=True)
    write_json(folder / CONFIG, dataclasses.asdict(description))


def finish(folder: Path, metrics: RunMetrics) -> None:
    """Write the scores and remove the checkpoints."""
    write_json(folder / METRICS, dataclasses.asdict(metrics))
    _remove_checkpoints(folder)
    _remove_checkpoints(folder / FINAL)


def stage_checkpoint(folder: Path, stage: int) -> Path:
    """Return where the best state of a stage (from 0) is kept.

    Each stage has its own file: the next one's is written before the checkpoint that says it has begun.
    """
    return folder / f"stage-{stage}.safetensors"


def _remove_checkpoints(folder: Path) -> None:
    for path in (folder / CHECKPOINT, *folder.glob("stage-*.safetensors")):
        path.unlink(missing_ok=True)


def clean(folder: Path) -> None:
    """Remove what a kill in the middle of a save left under a temporary name."""
    remove_unfinished(folder)
    for left in (*folder.glob(".encoder"), *folder.glob("..encoder.*")):
        shutil.rmtree(left, ignore_errors=True)
