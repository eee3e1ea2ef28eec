"""The records of an experiment: scores of a run, tables, and the file that keeps both (`Results`).

Numbers are fractions from 0 to 1, unrounded. docs/experiments.md describes the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.evaluation.confusion import Confusion
from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.evaluation.report import Report
from bilstm_crf.evaluation.significance import Interval
from bilstm_crf.labels import LabelSet
from bilstm_crf.training.records import EpochRow, RunDescription, RunMetrics
from bilstm_crf.util.records import Count, Seed

PARTS = ("correct", "gold", "predicted")


def name_of_labels(labels: str) -> str:
    """Return the name of a label set; that of a file has a hash of its types, since a file can change."""
    if not labels.endswith(".toml"):
        return labels
    types = json.dumps(LabelSet.named(labels).types, sort_keys=True)
    return f"{Path(labels).stem}-{hashlib.sha256(types.encode('utf-8')).hexdigest()[:6]}"


@dataclass(frozen=True)
class Evaluation:
    """The data and label set that a trained model is scored on."""

    language: str  # or the name of an own corpus
    split: str  # dev or test
    labels: str

    @property
    def name(self) -> str:
        """The name of its score file, such as nno-dev-7."""
        return f"{self.language}-{self.split}-{name_of_labels(self.labels)}"


@dataclass(frozen=True)
class SentenceCounts:
    """Correct, gold and predicted spans of each sentence, in the order of the files.

    One character is one sentence: `chr(48 + n)` for n spans, so "0" to "9" are 0 to 9.
    """

    correct: str
    gold: str
    predicted: str

    @classmethod
    def of(cls, counts: Sequence[tuple[int, int, int]]) -> SentenceCounts:
        """Return the counts of `evaluation.counts.sentence_counts`."""
        return cls(*("".join(chr(48 + each[part]) for each in counts) for part in range(3)))

    def as_array(self) -> NDArray[np.int64]:
        """Return the counts as (N, 3)."""
        texts = [getattr(self, part).encode("utf-32-le", "surrogatepass") for part in PARTS]
        return np.stack([np.frombuffer(text, "<u4").astype(np.int64) - 48 for text in texts], axis=-1)


@dataclass(frozen=True)
class Score:
    """One evaluation of a trained model: scores/EVALUATION.json in the run's folder."""

    FORMAT: ClassVar[int] = 2

    evaluation: Evaluation
    model: str  # its folder in that of the run
    model_sha256: str
    files: list[str]
    data_sha256: str
    report: Report
    counts: SentenceCounts
    format: int = FORMAT

    def __post_init__(self) -> None:
        for part in PARTS:
            counts: str = getattr(self.counts, part)
            if len(counts) != self.report.sentences:
                raise ValueError(
                    f"counts.{part} has {len(counts)} numbers, expected one for each of the sentences, "
                    f"{self.report.sentences}"
                )
            total = getattr(self.report.strict.micro, part)
            if sum(map(ord, counts)) - 48 * len(counts) != total:
                raise ValueError(f"counts.{part} does not sum to strict.micro.{part}, which is {total}")


@dataclass(frozen=True)
class RunResults:
    """All that a run left behind, without its model."""

    description: RunDescription
    history: list[EpochRow] = field(default_factory=list)
    metrics: RunMetrics | None = None  # None: it is not finished
    scores: dict[str, Score] = field(default_factory=dict)  # by the evaluation's name


# ---------------------------------------------------------------- tables


@dataclass(frozen=True)
class TypeMean:
    """Scores of one entity type, as means over the seeds."""

    precision: float
    recall: float
    f1: float
    gold: Count


@dataclass(frozen=True)
class ScoreCell:
    """A model with each seed, scored on one evaluation."""

    column: str
    settings: dict[str, Any]  # what the row and column configure
    evaluation: Evaluation
    paper: float | None
    runs: dict[str, str]  # names by seed
    missing: dict[str, str]  # by seed, why there is no score
    seeds: dict[str, TypeScore] = field(default_factory=dict)
    mean: float | None = None  # None: no seed was scored; then the fields below are empty, too
    sd: float | None = None  # of a sample; None with one seed
    interval: Interval | None = None
    difference: float | None = None  # from the paper's number
    signature: str = ""
    types: dict[str, TypeMean] = field(default_factory=dict)
    confusion: Confusion | None = None  # summed over the seeds


@dataclass(frozen=True)
class ScoreRow:
    """A row of a table of scores."""

    row: str
    cells: list[ScoreCell]


@dataclass(frozen=True)
class Place:
    """A cell, as a comparison names it."""

    row: str
    column: str


@dataclass(frozen=True)
class Pair:
    """Cell b against cell a, on the seeds that both have."""

    a: Place
    b: Place
    seeds: list[Seed]
    difference: float
    p_value: float  # two-sided; with two seeds or more it accounts for seeds and sentences
    p_sentences: float  # by approximate randomisation of sentences alone
    p_holm: float  # p_value, corrected
    interval: Interval | None  # of the difference over seeds and sentences; None with one seed


@dataclass(frozen=True)
class Comparisons:
    """Every two cells that were scored on the same gold spans."""

    resamples: Count
    seed: Seed  # of the random numbers
    correction: str
    pairs: list[Pair]


@dataclass(frozen=True)
class RunState:
    """Whether a run is finished, and if not, why."""

    done: bool
    why: str = ""


@dataclass(frozen=True)
class CountCell:
    """A count of the corpus beside the paper's; None where there is no file, or nothing to compare with."""

    column: str
    ours: Count | None
    paper: Count | None
    difference: int | None


@dataclass(frozen=True)
class CountRow:
    """A row of a table of counts."""

    row: str
    cells: list[CountCell]


@dataclass(frozen=True)
class TableHead:
    """The fields that all tables share."""

    bilstm_crf: str  # version
    experiment: str
    file: str
    title: str
    beside: str | None  # where the paper's numbers come from
    columns: list[str]

    def check_columns(self, rows: Sequence[ScoreRow] | Sequence[CountRow]) -> None:
        """Raise ValueError for a row without a cell for each column."""
        for row in rows:
            columns = [cell.column for cell in row.cells]
            if columns != self.columns:
                raise ValueError(f"row {row.row!r} has the columns {columns}, expected {self.columns}")


@dataclass(frozen=True)
class ScoreTable(TableHead):
    """A table of trained models."""

    kind: Literal["scores", "confusion"]
    quick: bool  # with fewer epochs than the file says
    epochs: list[Count]
    seeds: list[Seed]
    rows: list[ScoreRow]
    comparisons: Comparisons
    runs: dict[str, RunState]

    def __post_init__(self) -> None:
        self.check_columns(self.rows)


@dataclass(frozen=True)
class CountTable(TableHead):
    """A table of corpus statistics; nothing is trained."""

    missing: list[str]  # splits without a file
    rows: list[CountRow]

    def __post_init__(self) -> None:
        self.check_columns(self.rows)


Table = ScoreTable | CountTable


@dataclass(frozen=True)
class Results:
    """One experiment: its table and, for each of its runs, everything from which the table is built."""

    FORMAT: ClassVar[int] = 2

    scores: ScoreTable | None = None
    counts: CountTable | None = None
    runs: dict[str, RunResults] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def table(self) -> Table | None:
        """The table; None where runs were kept without one."""
        return self.scores or self.counts
