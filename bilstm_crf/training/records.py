"""Records of a run: its description, one row per epoch, its scores, and the dropped sentences.

config.json     RunDescription
history.jsonl   EpochRow, one per line
metrics.json    RunMetrics
dropped.json    DroppedSentences

`util/records.py` checks them when they are read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.filters import Dropped, counts
from bilstm_crf.corpus.labelled import DataFile
from bilstm_crf.embeddings.vectors import Source
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.evaluation.counts import Average
from bilstm_crf.evaluation.reliability import Calibration
from bilstm_crf.evaluation.report import Report
from bilstm_crf.util.files import write_json, write_whole
from bilstm_crf.util.records import HINT, Count, Seed, read_record, read_record_line

CONFIG, HISTORY, METRICS, DROPPED = "config.json", "history.jsonl", "metrics.json", "dropped.json"


@dataclass(frozen=True)
class EpochRow:
    """One epoch. Without dev scores where dev was trained on too."""

    epoch: Count  # from 1
    loss: float  # summed over the epoch
    learning_rate: float  # of the first batch
    seconds: float
    tokens_per_second: Count
    best: bool = False  # its model was saved
    dev: Average | None = None
    dev_seconds: float = 0.0

    @property
    def dev_f1(self) -> float:
        """Dev F1, or -1 without dev scores."""
        return -1.0 if self.dev is None else self.dev.f1


@dataclass(frozen=True)
class ModelSource:
    """A model that the run builds on: an encoder, or a model to fine-tune."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Environment:
    """The packages that compute, and the machine."""

    python: str = ""
    packages: dict[str, str] = field(default_factory=dict)  # versions
    platform: str = ""
    processor: str = ""
    cores: Count | None = None
    processes: Count = 1  # that trained together


@dataclass(frozen=True)
class RunDescription:
    """The configuration of a run, the hashes of its inputs, and its environment."""

    FORMAT: ClassVar[int] = 1

    bilstm_crf: str  # version
    command: str
    config: RunConfig
    data: dict[str, list[DataFile]]  # train, dev, and where there are any: documents, test
    vectors: Source | None = None
    encoder: ModelSource | None = None
    initial: ModelSource | None = None  # the model of --init-from
    commit: str | None = None  # of the program's own checkout; "-dirty" after it where files were changed
    environment: Environment = Environment()
    format: int = FORMAT

    @property
    def inputs(self) -> dict[str, list[str]]:
        """The SHA-256 of every input that decides what is learned."""
        splits = [split for split in self.data if split != "test" or self.config.drops_by_test]
        sources = {
            "word vectors": self.vectors,
            "encoder": self.encoder,
            "model of --init-from": self.initial,
        }
        return {
            "data": [file.sha256 for split in splits for file in self.data[split]],
            **{name: [] if source is None else [source.sha256] for name, source in sources.items()},
        }


@dataclass(frozen=True)
class FinalPhase:
    """A second training, on train and dev together, for as many batches as were best on dev."""

    folder: str
    batches: Count
    sentences: Count
    epochs: Count
    seconds: float
    dropped: dict[str, Count] = field(default_factory=dict)  # sentences by filter
    test: Report | None = None


@dataclass(frozen=True)
class Seconds:
    """The seconds that a run took."""

    training: float
    scoring_dev: float


@dataclass(frozen=True)
class RunMetrics:
    """The scores of a finished run."""

    FORMAT: ClassVar[int] = 1

    best_epoch: Count
    epochs: Count
    seed: Seed
    dev_is: str  # what the dev scores are worth, for readers of the file
    dev: Report
    test: Report | None
    seconds: Seconds
    tokens_per_second: Count
    epoch_chosen_on_dev: bool = True
    final: FinalPhase | None = None
    calibration: Calibration | None = None  # on dev; None: too few spans, or written by an older version
    format: int = FORMAT

    @property
    def reports(self) -> dict[str, Report]:
        """The scores by split; with two models, by the phase that trained it as well."""
        phase = " (first phase)" if self.final else ""
        found = {f"dev{phase}": self.dev, f"test{phase}": self.test}
        if self.final:
            found["test (second phase)"] = self.final.test
        return {name: report for name, report in found.items() if report is not None}


@dataclass(frozen=True)
class DroppedSentences:
    """The sentences that filters removed from the training set."""

    FORMAT: ClassVar[int] = 1

    kept: Count
    dropped: dict[str, Count]  # by filter
    sentences: list[Dropped]
    format: int = FORMAT


def best_row(history: Sequence[EpochRow]) -> EpochRow:
    """Return the row of the epoch whose model is kept, in a history of one or more.

    That is the last one marked `best`: the first with the best dev F1 or, where dev cannot tell, the last
    epoch. Where none is marked (a stage below the best of an earlier one), the first with the best dev F1.
    """
    kept = [row for row in history if row.best]
    return kept[-1] if kept else max(history, key=lambda row: row.dev_f1)


def read_description(path: Path) -> RunDescription:
    """Read a config.json. Raises InputError where there is no such file, or it is damaged."""
    if not path.exists():
        raise InputError("there is no run here: no config.json", path=path.parent)
    try:
        return read_record(RunDescription, path)
    except UsageError as error:
        raise InputError(str(error), path=path, hint=error.hint) from error


def read_history(folder: Path) -> list[EpochRow]:
    """Read history.jsonl; empty where there is none. Raises InputError for a damaged file."""
    path = folder / HISTORY
    if not path.exists():
        return []
    try:
        return parse_history(path.read_text("utf-8"), path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", path=path, hint=HINT) from error


def parse_history(text: str, path: Path) -> list[EpochRow]:
    """Return the rows of a history. Raises InputError where `text` is none, or its epochs do not rise."""
    lines = enumerate(text.split("\n"), start=1)
    history = [read_record_line(EpochRow, line, path, number) for number, line in lines if line.strip()]
    epochs = [0, *(row.epoch for row in history)]
    if epochs != sorted(set(epochs)):
        raise InputError(f"has the epochs {epochs[1:]}, expected rising numbers from 1", path=path, hint=HINT)
    return history


def write_history(folder: Path, history: Iterable[EpochRow]) -> None:
    """Write history.jsonl, atomically."""
    with write_whole(folder / HISTORY) as stream:
        stream.write(format_history(history).encode("utf-8"))


def format_history(history: Iterable[EpochRow]) -> str:
    """Return the rows as JSON, one per line."""
    return "".join(json.dumps(dataclasses.asdict(row)) + "\n" for row in history)


def read_metrics(folder: Path) -> RunMetrics:
    """Read metrics.json. Raises InputError for a damaged file."""
    return read_record(RunMetrics, folder / METRICS)


def write_dropped(folder: Path, dropped: Sequence[Dropped], kept: int) -> None:
    """Write dropped.json, if any sentence was dropped."""
    if dropped:
        record = DroppedSentences(kept, counts(dropped), list(dropped))
        write_json(folder / DROPPED, dataclasses.asdict(record))
