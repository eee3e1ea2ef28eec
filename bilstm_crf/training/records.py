"""What a run writes about itself: its description, one row per epoch, its scores, and the dropped sentences.

| file | record |
| --- | --- |
| config.json | RunDescription |
| history.jsonl | EpochRow, one per line |
| metrics.json | RunMetrics |
| dropped.json | DroppedSentences |

Each is read and written by `util/records.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.dropping import Dropped
from bilstm_crf.corpus.labelled import DataFile
from bilstm_crf.errors import InputError
from bilstm_crf.evaluation.counts import Average
from bilstm_crf.evaluation.report import Report
from bilstm_crf.util.records import read_record, read_records

HINT = "restore the file, or move it away: `train` and `experiment` write it again"


@dataclass(frozen=True)
class EpochRow:
    """One epoch. Without dev scores where dev was trained on too."""

    epoch: int  # from 1
    loss: float  # summed over the epoch
    learning_rate: float  # of the first batch
    seconds: float
    tokens_per_second: int
    best: bool = False  # its model was saved
    dev: Average | None = None
    dev_seconds: float = 0.0

    @property
    def dev_f1(self) -> float:
        """Dev F1, or -1 without dev scores."""
        return -1.0 if self.dev is None else self.dev.f1


@dataclass(frozen=True)
class SourceFile:
    """A file or folder that the model depends on: word vectors, an encoder, a model to fine-tune."""

    name: str
    sha256: str
    details: dict[str, Any] = field(default_factory=dict)  # format, bytes, words, dim, skipped


@dataclass(frozen=True)
class RunDescription:
    """What a run was asked to do, with the hashes of its inputs, and where it runs."""

    FORMAT: ClassVar[int] = 1

    bilstm_crf: str  # version
    command: str
    config: RunConfig
    data: dict[str, list[DataFile]]  # train, dev, and where there are any: documents, test
    vectors: SourceFile | None = None
    encoder: SourceFile | None = None
    initial: SourceFile | None = None  # the model of --init-from
    commit: str | None = None
    environment: dict[str, Any] = field(default_factory=dict)  # versions and machine


@dataclass(frozen=True)
class FinalPhase:
    """A second training, on train and dev together, for as many batches as were best on dev."""

    folder: str
    batches: int
    sentences: int
    epochs: int
    seconds: float
    dropped: dict[str, int] = field(default_factory=dict)  # sentences by filter
    test: Report | None = None


@dataclass(frozen=True)
class Seconds:
    """How long a run took."""

    training: float
    scoring_dev: float


@dataclass(frozen=True)
class RunMetrics:
    """The scores of a finished run."""

    FORMAT: ClassVar[int] = 1

    best_epoch: int
    epochs: int
    seed: int
    epoch_chosen_on_dev: bool
    dev_is: str  # what the dev scores are worth, for readers of the file
    dev: Report
    test: Report | None
    seconds: Seconds
    tokens_per_second: int
    final: FinalPhase | None = None

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

    kept: int
    dropped: dict[str, int]  # by filter
    sentences: list[Dropped]


def best_row(history: Sequence[EpochRow]) -> EpochRow:
    """Return the row of the epoch whose model is kept, in a history of one or more.

    That is the last one marked `best`: the first with the best dev F1 or, where dev cannot tell, the last
    epoch. Where none is marked (a stage below the best of an earlier one), the first with the best dev F1.
    """
    kept = [row for row in history if row.best]
    return kept[-1] if kept else max(history, key=lambda row: row.dev_f1)


def read_description(folder: Path) -> RunDescription:
    """Read config.json. Raises InputError where there is no run in the folder, or the file is damaged."""
    path = folder / "config.json"
    if not path.exists():
        raise InputError("there is no run here: no config.json", path=folder)
    return read_record(RunDescription, path)


def read_history(folder: Path) -> list[EpochRow]:
    """Read history.jsonl; empty where there is none. Raises InputError for a damaged file."""
    path = folder / "history.jsonl"
    if not path.exists():
        return []
    rows = read_records(EpochRow, path, hint=HINT)
    check_epochs(rows, path)
    return rows


def check_epochs(rows: Sequence[EpochRow], path: Path) -> None:
    """Raise InputError where the epochs do not rise from 1 on."""
    epochs = [row.epoch for row in rows]
    if epochs != sorted(set(epochs)) or any(epoch < 1 for epoch in epochs):
        raise InputError(f"its epochs are {epochs}, expected rising numbers from 1", path=path, hint=HINT)


def read_metrics(folder: Path) -> RunMetrics:
    """Read metrics.json. Raises InputError for a damaged file."""
    hint = "the model beside it is whole: `bilstm-crf evaluate` scores it"
    return read_record(RunMetrics, folder / "metrics.json", hint=hint)
