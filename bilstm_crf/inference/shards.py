"""Plan the tagging of a corpus in shards: which are left to do, and what those that are done were made with.

A shard is a Parquet or JSONL file. Its output has the same name in another folder, and appears atomically: so
the outputs that exist are the state of the work. `shard_tagger.py` tags one shard.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, ClassVar

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.inference.box import box_folder
from bilstm_crf.model.model_folder import weights_of
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.files import remove_unfinished, sha256_of, write_json
from bilstm_crf.util.folders import expand
from bilstm_crf.util.records import Bounds, Count, read_record
from bilstm_crf.version import __version__

PARQUET, JSONL = ".parquet", (".jsonl", ".jsonl.gz")
RECORD = "_tagging.json"  # Spark, Ray and pyarrow take no file whose name begins with _ for data

# What all shards of an output folder have in common, by the fields of `Record`
SAME = {
    "bilstm_crf": "version of bilstm_crf",
    "model": "model (SHA-256 of model.json)",
    "text_column": "text column",
    "column": "name for the new column",
}


@dataclass(frozen=True)
class Settings:
    """The settings of a run, which its outputs depend on."""

    model: str | None = None  # its folder; None: the model in the box, wherever a worker has it
    text_column: str = "text"
    column: str = "entities"  # the new one
    batch_size: int = 1_000  # rows that are tagged together; changes memory and speed only

    @property
    def model_folder(self) -> str:
        return str(box_folder()) if self.model is None else self.model


@dataclass(frozen=True)
class Shard:
    """An input file, as it was when the work was planned."""

    name: str  # its path below the input folder
    size: Count  # bytes
    modified: Annotated[int, Bounds(-(2**63), 2**63)]  # nanoseconds since 1970

    @classmethod
    def of(cls, folder: str, name: str) -> Shard:
        """Describe a file. Raises OSError if there is none."""
        status = os.stat(os.path.join(folder, name))
        return cls(name, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Outcome:
    """The result of tagging a shard."""

    name: str
    rows: int = 0  # that were tagged; 0 where another worker had written the output
    tokens: int = 0
    cpu: float = 0.0  # seconds
    error: str = ""  # why there is no output


@dataclass(frozen=True)
class Job:
    """The shards that are left to do. Every worker gets it pickled."""

    source: str
    target: str
    settings: Settings
    shards: tuple[Shard, ...]
    finished: int = 0  # shards that have their output
    failed: tuple[Outcome, ...] = ()  # shards that cannot be tagged, as far as is known beforehand
    ignored: int = 0  # files of other kinds

    def remove_leftovers(self) -> None:
        """Remove the temporary files of workers that were killed."""
        names = (each.name for each in self.shards)
        for folder in {self.target, *(os.path.dirname(os.path.join(self.target, name)) for name in names)}:
            remove_unfinished(folder)


@dataclass(frozen=True)
class Record:
    """The file `_tagging.json` of an output folder: what its shards were made with, and from."""

    FORMAT: ClassVar[int] = 1

    bilstm_crf: str  # version
    model: str  # SHA-256 of its model.json, which has that of the weights
    text_column: str
    column: str
    shards: list[Shard] = field(default_factory=list)
    format: int = FORMAT

    @classmethod
    def new(cls, settings: Settings) -> Record:
        """Describe settings. Raises ModelFolderError for a folder without a model."""
        weights, _ = weights_of(settings.model_folder)
        model = sha256_of(weights.with_name("model.json"))
        return cls(__version__, model, settings.text_column, settings.column)

    def require_same(self, other: Record, target: str) -> None:
        """Raise UsageError if the shards in `target`, which `other` describes, were made in another way."""
        for name, what in SAME.items():
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise UsageError(
                    f"{target} was begun with another {what}",
                    hint=f"there: {theirs}, now: {ours}; continue with the same, or use a new folder",
                )


def plan_job(source: str, target: str, settings: Settings) -> Job:
    """List the shards below `source` that have no output below `target`, and create that folder.

    Leftovers of killed workers are removed. Raises UsageError if the folder was begun with other settings or
    holds files of another origin, InputError if there is no shard, ModelFolderError for a bad model,
    MissingPackageError for Parquet without pyarrow.
    """
    source, target = os.path.abspath(source), os.path.abspath(target)
    _require_apart(source, target)
    shards, failed, ignored = _find_shards(source)
    if any(each.name.endswith(PARQUET) for each in shards):
        with optional_import():  # before all workers miss it
            import pyarrow  # noqa: F401
    record, path = Record.new(settings), os.path.join(target, RECORD)
    known: dict[str, Shard] = {}
    if os.path.exists(path):
        old = read_record(Record, path)
        record.require_same(old, target)
        known = {each.name: each for each in old.shards}
    pending, changed = _sort_out(shards, known, target)
    states = known | {each.name: each for each in pending}
    os.makedirs(target, exist_ok=True)
    write_json(path, asdict(replace(record, shards=list(states.values()))))  # before the first output
    finished = len(shards) - len(pending) - len(changed)
    job = Job(source, target, settings, tuple(pending), finished, (*failed, *changed), ignored)
    job.remove_leftovers()
    return job


def _require_apart(source: str, target: str) -> None:
    """Raise InputError for an input that is no folder, UsageError for an output folder inside it."""
    if not os.path.isdir(source):
        raise InputError("is no folder, expected a folder of shards", path=source)
    if os.path.exists(target) and not os.path.isdir(target):
        raise UsageError(f"{target} is a file, expected a folder for the outputs")
    inside, outside = os.path.realpath(target), os.path.realpath(source)
    if os.path.commonpath([inside, outside]) == outside:
        raise UsageError(
            f"{target} is inside the input folder", hint="outputs there would be inputs of the next run"
        )


def _find_shards(source: str) -> tuple[list[Shard], list[Outcome], int]:
    """Return the shards by name, those that cannot be read, and the number of files of other kinds.

    Raises InputError if there is no shard.
    """
    files, errors = expand([source])
    shards, ignored = [], 0
    failed = [Outcome(os.path.relpath(str(each.path), source), error=each.message) for each in errors]
    for path, _ in files:
        name = os.path.relpath(path, source)
        if not name.endswith((PARQUET, *JSONL)) or os.path.basename(name).startswith("_"):
            ignored += 1
            continue
        try:
            shards.append(Shard.of(source, name))
        except OSError as error:  # a broken link
            failed.append(Outcome(name, error=f"cannot be read: {error.strerror}"))
    if not shards:
        raise InputError(f"holds no shard ({PARQUET} {' '.join(JSONL)})", path=source)
    return shards, failed, ignored


def _sort_out(
    shards: list[Shard], known: Mapping[str, Shard], target: str
) -> tuple[list[Shard], list[Outcome]]:
    """Return the shards without an output, and those that have changed since they got one.

    Raises UsageError for an output of a shard that is not `known`.
    """
    pending, changed = [], []
    for shard in shards:
        output = os.path.join(target, shard.name)
        if not os.path.exists(output):
            pending.append(shard)
        elif shard.name not in known:
            raise UsageError(f"{output} was not written by this program", hint="use a new output folder")
        elif shard != known[shard.name]:
            error = f"has changed since it was tagged; to tag it again, remove {output}"
            changed.append(Outcome(shard.name, error=error))
    return pending, changed
