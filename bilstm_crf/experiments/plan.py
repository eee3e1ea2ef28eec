"""What there is to do: the runs of all tables, the evaluations that each needs, how far each has come."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.embeddings import names
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError, did_you_mean
from bilstm_crf.experiments import same_run
from bilstm_crf.experiments.corpora import Corpus, OwnCorpus
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.inputs import own_corpora
from bilstm_crf.experiments.results import (
    best_row,
    model_of,
    read_history,
    read_metrics,
    read_score,
    score_path,
)
from bilstm_crf.experiments.settings import Evaluation, Run, Settings
from bilstm_crf.training import run_folder


@dataclass
class Task:
    """One run on its way.

    Its state: waiting, training, scoring, elsewhere (another process is at it), done, failed or not run (what
    it needs is not here).
    """

    run: Run
    folder: Path
    evaluations: list[Evaluation]
    state: str = "waiting"
    reason: str = ""  # why it failed or is not run, or who is at it
    foreign: bool = False  # another run lies in its folder, of which nothing counts
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        config = self.run.settings.config
        longest = config.schedule.batches_per_epoch or sys.maxsize  # else it depends on the data
        rounds = sum(-(-stage.batches // longest) for stage in config.stages) or config.schedule.epochs
        return max(rounds, len(self.history))

    def look(self) -> None:
        """Reads how far training has come; a damaged history tells nothing of it."""
        try:
            self.history = read_history(self.folder)
        except InputError:
            self.history = []

    def set_foreign(self, difference: str) -> None:
        """Its folder holds another run, which this tells from it."""
        self.state, self.foreign = "failed", True
        self.reason = f"{difference}; move {self.folder} away, or choose another --output"

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The epoch with the best dev F1 so far, as history.jsonl has it."""
        return best_row(self.history) if self.history else None

    @property
    def progress(self) -> str:
        return f"epoch {len(self.history)}/{self.epochs}" if self.history else "not begun"


def tasks(
    experiments: Sequence[Experiment], folder: Path, corpus: Corpus | None, only: Sequence[str] = ()
) -> list[Task]:
    """The runs in the order in which they are to go: every table's first seed before any table's second.

    Of one that cannot be gone on with the task says why: it has failed, or is not run.
    `only` leaves those whose row's or own name fits one of the patterns. Without a corpus, every evaluation
    counts as possible. Raises UsageError where two different configurations would go into one folder, or a
    pattern fits nothing.
    """
    asked = [
        (rank, run, cell)
        for experiment in experiments
        for cell in experiment.cells
        for rank, run in enumerate(cell.runs(experiment.seeds))
    ]
    if only:
        fitting = [{pattern for pattern in only if fits(pattern, cell, run)} for _, run, cell in asked]
        rows = dict.fromkeys(cell.row for _, _, cell in asked)
        known = [*rows, *(run.name for _, run, _ in asked)]
        listed = "rows: " + "; ".join(rows)
        for pattern in set(only).difference(*fitting):
            raise UsageError(
                f"--only {pattern} fits no row and no run.{did_you_mean(pattern, known)}",
                hint=f"{listed}; --dry-run lists the runs" if rows else "these files train nothing",
            )
        asked = [each for each, patterns in zip(asked, fitting, strict=True) if patterns]
    wanted: dict[Run, list[Evaluation]] = {}
    for _, run, cell in sorted(asked, key=lambda each: each[0]):
        evaluations = wanted.setdefault(run, [])
        evaluation = cell.evaluation
        possible = corpus is None or corpus[evaluation.language][evaluation.split]
        if possible and evaluation not in evaluations:
            evaluations.append(evaluation)
    _check_names(wanted)
    found = [Task(run, folder / "runs" / run.name, evaluations) for run, evaluations in wanted.items()]
    own = own_corpora(experiments)
    for task in found:
        task.look()
        _find_fault(task, corpus)
        if task.state == "waiting":
            _not_run(task, _missing_files(task, own.get(task.run.settings.language)))
    return found


def _find_fault(task: Task, corpus: Corpus | None) -> None:
    """What lies in its folder and cannot be used makes the task failed, and stops no other.

    That is another run, damaged metrics, and damaged scores without the model that would make others.
    """
    other = same_run.other_settings(task.run, task.folder)
    if other is not None:
        task.set_foreign(other)
        return
    try:
        finished = read_metrics(task.folder) is not None
        if finished and corpus is not None:
            missing_scores(task, corpus)
    except InputError as error:
        put_back = f"put the file back as it was, or move {task.folder} away: then it is run anew"
        task.state, task.reason = "failed", f"{error}; {put_back}"


def _not_run(task: Task, reason: str | None) -> None:
    if reason is not None:
        task.state, task.reason = "not run", f"not run: {reason}"


def _missing_files(task: Task, own: OwnCorpus | None) -> str | None:
    """What is not here of its corpus' files, or of the vectors that it is to learn from, as a reason."""
    reasons = [] if own is None else [own.missing(split) for split in ("train", "dev")]
    vectors = task.run.settings.embeddings
    if vectors not in names.NAMES and not run_folder.is_finished(task.folder):
        reasons += [f"{vectors} is not here"] * (not Path(vectors).expanduser().exists())
    return next(filter(None, reasons), None)


def look_for_encoders(found: Iterable[Task], corpus: Corpus) -> None:
    """Encoders are fetched where they have to be; of a run whose one cannot be had the task says why."""
    for task in found:
        bert = task.run.settings.bert
        if task.state != "waiting" or bert == names.NONE:
            continue
        if not run_folder.is_finished(task.folder) or missing_scores(task, corpus):
            _not_run(task, _encoder_fault(bert))


@cache
def _encoder_fault(name: str) -> str | None:
    """Why there is no such encoder; None: there is one. Asked once, for the hub can be slow to answer."""
    from bilstm_crf.encoder.loading import files_of, find_folder, require_transformers

    try:
        require_transformers()
        files_of(find_folder(name))
    except BilstmCrfError as error:
        return str(error)
    return None


def fits(pattern: str, cell: Cell, run: Run) -> bool:
    """Whether a pattern of --only leaves this run of the cell."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in (cell.row, run.name))


def _check_names(runs: Iterable[Run]) -> None:
    by_name: dict[str, Settings] = {}
    for run in runs:
        other = by_name.setdefault(run.name, run.settings)
        if other != run.settings:
            raise UsageError(
                f"two configurations would go into the same folder {run.name}: "
                f"{_differing(other, run.settings)}",
                hint="give the files different names, or write the path alike",
            )


def _differing(one: Settings, other: Settings) -> str:
    pairs = {name: (value, other.as_dict()[name]) for name, value in one.as_dict().items()}
    return "; ".join(f"{name} {a} and {b}" for name, (a, b) in pairs.items() if a != b)


def missing_scores(task: Task, corpus: Corpus) -> list[tuple[Evaluation, Sequence[str]]]:
    """The evaluations that are still to be made, with their files; damaged scores are made anew.

    Raises InputError where a finished run's model is not there to make them.
    """
    wanted = [(each, corpus[each.language][each.split]) for each in task.evaluations]
    return [(each, files) for each, files in wanted if _is_missing(task, each, files)]


def _is_missing(task: Task, evaluation: Evaluation, files: Sequence[str]) -> bool:
    model = (model_of(task.folder, evaluation) / "model.json").exists()
    try:
        score = read_score(task.folder, evaluation, files)
    except InputError as error:
        if model:
            return True
        raise InputError(f"{error}, and the model to score anew is not there") from error
    if score is None and not model:
        raise InputError(
            "has no such scores of these files, and the model to score is not there",
            path=score_path(task.folder, evaluation),
        )
    return score is None


def difference(
    task: Task, corpus: Corpus, embeddings_dir: str | None, own: OwnCorpus | None = None
) -> str | None:
    """What tells the run in the task's folder from the one that is wanted; None: nothing."""
    return same_run.difference(task.run, task.folder, corpus, embeddings_dir, own)
