"""Plan the work: the runs of all tables, their evaluations, and the progress of each."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.config import DataConfig, RunConfig
from bilstm_crf.embeddings import names
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError, did_you_mean
from bilstm_crf.experiments.corpora import KEYS, LANGUAGES, NORNE, NORNE_CORPORA, Corpus, NorneFiles
from bilstm_crf.experiments.corpus_tables import build_counts
from bilstm_crf.experiments.definition import Experiment
from bilstm_crf.experiments.overrides import fits
from bilstm_crf.experiments.records import Evaluation, Results, RunResults
from bilstm_crf.experiments.results import ResultsFolder, is_current, model_folder, read_progress, score_path
from bilstm_crf.experiments.runs import Run, difference, input_difference
from bilstm_crf.experiments.tables import build_scores
from bilstm_crf.training.records import EpochRow, best_row
from bilstm_crf.training.run_folder import is_finished
from bilstm_crf.util import fields


@dataclass(frozen=True)
class RunnerOptions:
    """The folders, inputs and resources of runs; none of it is part of their names."""

    results: ResultsFolder
    corpora: Mapping[str, Corpus] = field(default_factory=dict)  # as the files have them
    norne: NorneFiles = field(default_factory=dict)  # none in a dry run
    data_folder: str | None = None  # of NorNE
    embeddings_dir: str | None = None
    jobs: int = 1
    threads: int = 1  # of each run
    trust_remote_code: bool = False

    def data(self, corpus: str) -> DataConfig:
        """Return a corpus with its files."""
        return self.corpora[corpus].resolved(self.norne).data

    def files(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Return the files of an evaluation; none where one of them is not here."""
        corpus = self.corpora[evaluation.language]
        files: tuple[str, ...] = getattr(self.data(evaluation.language), evaluation.split)
        return () if corpus.missing(evaluation.split) else files

    def configure(self, run: Run) -> RunConfig:
        """Return the whole configuration of a run."""
        values: dict[str, Any] = {"run.seed": run.seed, "run.threads": self.threads}
        if run.corpus in LANGUAGES:
            values |= {"data.language": run.corpus, "data.folder": self.data_folder}
        else:
            data = self.data(run.corpus)
            values |= {f"data.{key}": getattr(data, key) for key in KEYS}
        if run.config.words.embeddings in names.KNOWN:
            values["words.embeddings_dir"] = self.embeddings_dir
        if run.config.encoder:
            values["encoder.trust_remote_code"] = self.trust_remote_code
        return run.config.replace(values)

    def write_config(self, run: Run) -> Path:
        """Write the file for `train --config`, and return its path."""
        path = self.results.output / "configs" / f"{run.name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        config = self.configure(run)
        values = fields.changes(config, RunConfig.of_preset(config.preset))
        path.write_text(
            fields.to_toml({"preset": config.preset, **values, "run.threads": self.threads}), "utf-8"
        )
        return path


@dataclass
class Task:
    """One run on its way.

    Its state: waiting, training, scoring, elsewhere (another process works on it), done, failed or not run
    (what it needs is not here).
    """

    run: Run
    folder: Path
    evaluations: list[Evaluation]
    asked: bool = True  # by --only
    state: str = "waiting"
    reason: str = ""  # why it failed or is not run, or who works on it
    is_foreign: bool = False  # its folder holds another run, of which nothing counts
    history: list[EpochRow] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """The number of epochs, as far as it is known before the run ends."""
        schedule, stages = self.run.config.schedule, self.run.config.stages
        longest = schedule.batches_per_epoch or sys.maxsize  # else an epoch's batches depend on the data
        planned = sum(-(-stage.batches // longest) for stage in stages) or schedule.epochs
        return max(planned, len(self.history))

    @property
    def best(self) -> EpochRow | None:
        """The epoch with the best dev F1 so far."""
        return best_row(self.history) if self.history else None

    @property
    def progress(self) -> str:
        """The progress of training."""
        return f"epoch {len(self.history)}/{self.epochs}" if self.history else "not started"

    def look(self) -> None:
        """Read how far training has come."""
        self.history = read_progress(self.folder)

    def set_foreign(self, reason: str) -> None:
        """Its folder holds another run, for this reason."""
        self.state, self.is_foreign = "failed", True
        self.reason = f"{reason}; move {self.folder} away, or choose another --output"


def find_tasks(
    experiments: Sequence[Experiment], options: RunnerOptions, only: Sequence[str] = ()
) -> list[Task]:
    """Return the runs in the order in which they are to go: each table's first seed before any second one.

    A run that cannot be continued has failed or is not run, with the reason. `only` holds patterns of rows
    and runs that are asked for. Raises UsageError for a pattern that fits nothing, and where two
    configurations would go into one folder; InputError for a damaged results file.
    """
    ranked = [
        (rank, run, cell)
        for experiment in experiments
        for cell in experiment.cells
        for rank, run in enumerate(cell.runs(experiment.seeds))
    ]
    selected = {pattern: {run for _, run, cell in ranked if fits(pattern, cell, run)} for pattern in only}
    for pattern, found in selected.items():
        if not found:
            rows = dict.fromkeys(cell.row for _, _, cell in ranked)
            guess = did_you_mean(pattern, [*rows, *(run.name for _, run, _ in ranked)])
            hint = f"rows: {'; '.join(rows)}; --dry-run lists the runs" if rows else "nothing is trained here"
            raise UsageError(f"--only {pattern} fits no row and no run.{guess}", hint=hint)
    tasks: dict[Run, Task] = {}
    for _, run, cell in sorted(ranked, key=lambda each: each[0]):
        task = tasks.setdefault(run, Task(run, options.results.folder(run.name), []))
        task.asked = not only or any(run in found for found in selected.values())
        if options.files(cell.evaluation) and cell.evaluation not in task.evaluations:
            task.evaluations.append(cell.evaluation)
    _check_names(tasks)
    if not all(task.folder.exists() for task in tasks.values()):
        _ = options.results.kept  # which a damaged file must not lose: it stops all
    for task in tasks.values():
        _look_up(task, options)
    return list(tasks.values())


def _check_names(runs: Iterable[Run]) -> None:
    by_name: dict[str, Run] = {}
    for run in runs:
        other = by_name.setdefault(run.name, run)
        if other != run:
            changes = " ".join(map(str, fields.changes(other.config, run.config).values()))
            raise UsageError(
                f"two configurations would go into one folder, {run.name}: one has {changes}",
                hint="give the files different names, or write the path in the same way",
            )


def _look_up(task: Task, options: RunnerOptions) -> None:
    """Set the state of a task to what lies in its folder. A fault there stops no other task."""
    try:
        results = options.results.read(task.run.name)
        if results is not None:
            task.history = results.history
            other = difference(options.configure(task.run), results.description)
            if other:
                task.set_foreign(other)
            elif results.metrics is not None:
                complete = not missing_scores(task, options)
                if complete and not task.folder.exists():  # a results file has kept it
                    task.state = "done"
    except InputError as error:
        restore = f"restore the file, or move {task.folder} away to run it again"
        task.state, task.reason = "failed", f"{error}; {restore}"
    if task.state == "waiting":
        finished = is_finished(task.folder)
        _set_not_run(task, "" if finished or task.asked else "--only")
        _set_not_run(task, _missing_files(task, options, finished=finished))


def _set_not_run(task: Task, reason: str) -> None:
    if reason and task.state == "waiting":
        task.state, task.reason = "not run", f"not run: {reason}"


def _missing_files(task: Task, options: RunnerOptions, *, finished: bool) -> str:
    """Return which files of its corpus, or which vectors to learn from, are not here; empty: none."""
    corpus, vectors = options.corpora[task.run.corpus], task.run.config.words.embeddings
    reasons = [corpus.missing(split) for split in ("train", "dev")]
    if corpus.name not in LANGUAGES and not corpus.norne_languages <= set(options.norne):
        reasons.append("NorNE is not here")  # in a dry run
    if not finished and vectors not in names.NAMES and not Path(vectors).expanduser().exists():
        reasons.append(f"{vectors} is not here")
    return next(filter(None, reasons), "")


def look_for_encoders(tasks: Iterable[Task], options: RunnerOptions) -> None:
    """Fetch the encoders that runs still need; a run whose encoder cannot be had is not run."""
    for task in tasks:
        encoder = task.run.config.encoder
        if task.state != "waiting" or encoder is None:
            continue
        if not is_finished(task.folder) or missing_scores(task, options):
            _set_not_run(task, _encoder_fault(encoder.name))


@cache
def _encoder_fault(name: str) -> str:
    """Return why an encoder cannot be had; empty: it can. Asked once, since the hub may be slow."""
    from bilstm_crf.encoder.loading import files_of, find_folder, require_transformers

    try:
        require_transformers()
        files_of(find_folder(name))
    except BilstmCrfError as error:
        return str(error)
    return ""


def other_run(task: Task, options: RunnerOptions) -> str:
    """Return how the run in the task's folder differs from the wanted one, inputs included; empty: not."""
    try:
        results = options.results.read(task.run.name)
    except InputError as error:
        return str(error)
    if results is None:
        return ""
    wanted = options.configure(task.run)
    return difference(wanted, results.description) or input_difference(
        wanted, options.data(task.run.corpus), results.description
    )


def missing_scores(task: Task, options: RunnerOptions) -> list[Evaluation]:
    """Return the evaluations that a finished run still needs.

    Raises InputError where the model that would be scored is missing.
    """
    results = options.results.read(task.run.name)
    missing = []
    for evaluation in task.evaluations:
        score, files = results and results.scores.get(evaluation.name), options.files(evaluation)
        if set(files) & set(NORNE) or (score and is_current(score, task.folder, files)):
            continue  # a dry run may not know the files
        if not (model_folder(task.folder, evaluation) / "model.json").exists():
            message = "has no scores of these files, and the model to score is missing"
            raise InputError(message, path=score_path(task.folder, evaluation))
        missing.append(evaluation)
    return missing


def build_results(experiment: Experiment, tasks: Iterable[Task], options: RunnerOptions) -> Results:
    """Return the results of an experiment: its table, and all that there is of its runs.

    The table leaves out what is damaged, what another run left in the folder, and scores of other data or of
    another model.
    """
    if experiment.statistics:
        return Results(counts=build_counts(experiment, options.norne))
    by_name = {task.run.name: task for task in tasks}
    reasons: dict[str, str] = {}
    runs: dict[str, RunResults] = {}
    for name in dict.fromkeys(run.name for cell in experiment.cells for run in cell.runs(experiment.seeds)):
        reasons[name] = by_name[name].reason or "not run"
        try:
            results = options.results.read(name)
        except InputError as error:
            reasons[name] = str(error)
        else:
            runs |= {name: results} if results else {}

    def why(run: Run, evaluation: Evaluation | None) -> str:
        if evaluation is None or options.files(evaluation):
            return reasons[run.name]
        corpus = options.corpora[evaluation.language]
        return f"not run: {corpus.missing(evaluation.split) or f'there is no {evaluation.split} file'}"

    counting = {name: _that_count(by_name[name], results, options) for name, results in runs.items()}
    return Results(scores=build_scores(experiment, counting, why), runs=runs)


def _that_count(task: Task, results: RunResults, options: RunnerOptions) -> RunResults:
    """Return the results of a run without scores that are not of its model and of the files."""
    if task.is_foreign:
        return dataclasses.replace(results, metrics=None, scores={})
    files = {each.name: options.files(each) for each in task.evaluations}
    scores = {
        name: score
        for name, score in results.scores.items()
        if name in files and is_current(score, task.folder, files[name])
    }
    return dataclasses.replace(results, scores=scores)


def corpora_of(experiments: Iterable[Experiment]) -> dict[str, Corpus]:
    """Return all corpora by name. Raises UsageError where two files mean different ones by one name."""
    found = dict(NORNE_CORPORA)
    for experiment in experiments:
        for name, corpus in experiment.corpora.items():
            if found.setdefault(name, corpus) != corpus:
                raise UsageError(
                    f"{experiment.path} and another of the files define [corpus.{name}] differently",
                    hint="rename one of the two, or run the files one after the other",
                )
    return found
