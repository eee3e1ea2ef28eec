"""A run from beginning to end: corpora and pretrained parts in, a trained and scored model out, in a folder.

The folder's content is described in run_folder.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.config import RunConfig, Stage
from bilstm_crf.corpus.filters import counts, summary
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.errors import InputError, InterruptedRunError, LostProcessError, UsageError
from bilstm_crf.evaluation.reliability import Calibration
from bilstm_crf.evaluation.report import Reading, Report, evaluate, map_types
from bilstm_crf.evaluation.strict import confirm
from bilstm_crf.formats import contents_of
from bilstm_crf.inference.calibration import MIN_SPANS, Evidence, calibrate, fit_temperature
from bilstm_crf.inference.decoding import UNCONSTRAINED
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.inference.torch_network import find_device
from bilstm_crf.model.model_folder import set_temperature
from bilstm_crf.model.network import TrainableModel
from bilstm_crf.training import records, run_folder
from bilstm_crf.training.build import build_model
from bilstm_crf.training.checkpoint import epochs_done
from bilstm_crf.training.corpora import Corpora, load_corpora
from bilstm_crf.training.estimate import estimate
from bilstm_crf.training.loop import DevSet, Observer, Output, Trainer, fit
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import Plan, plan_training, stop_where_best
from bilstm_crf.training.pretrained import Pretrained, load_encoder, load_pretrained
from bilstm_crf.training.processes import ALONE, Processes
from bilstm_crf.training.provenance import command_line, environment, git_commit
from bilstm_crf.training.records import EpochRow, FinalPhase, RunDescription, RunMetrics, Seconds
from bilstm_crf.training.run_folder import CHECKPOINT, FINAL, is_finished
from bilstm_crf.util.files import sha256_of_all
from bilstm_crf.util.progress import Waiting
from bilstm_crf.util.threads import use_threads
from bilstm_crf.version import __version__

CHOSE = "the split that chose the epoch: its scores are optimistic"
TRAINED_ON_DEV = "trained on train and dev; dev of the first phase said when to stop"
DID_NOT_CHOOSE = "a split without entities of training types: the last epoch was kept"


@dataclass(frozen=True)
class Monitor:
    """The output to a person during a run."""

    say: Callable[[str], None]  # one line
    progress: Callable[[int, int, int], Observer]  # of epochs, sentences in each, epochs done before


@dataclass(frozen=True)
class Setup:
    """All that a run trains on."""

    corpora: Corpora
    plan: Plan
    pretrained: Pretrained
    model: TrainableModel
    description: RunDescription
    processes: Processes = ALONE


def start(
    config: RunConfig,
    folder: Path,
    monitor: Monitor,
    *,
    overwrite: bool = False,
    processes: Processes = ALONE,
) -> RunMetrics:
    """Start a new run; return its metrics. Of several processes this is the first; the others `follow`.

    Raises UsageError where another run lies in `folder`; that one is left alone until all inputs are read.
    """
    with run_folder.lock_folder(folder):
        run_folder.check_free(folder, overwrite=overwrite)
        run_folder.check_apart(folder, (config.network.init_from, config.encoder_name))
        setup = set_up(config, monitor, processes)
        run_folder.begin(folder, setup.description)
        return _run(config, setup, folder, monitor)


def resume(
    folder: Path, monitor: Monitor, *, threads: int | None = None, processes: Processes = ALONE
) -> RunMetrics:
    """Continue an interrupted run; return the metrics of a finished one as they are.

    `threads`: another number than the run started with. Raises UsageError where that would change the result,
    InputError where the folder holds no run, or where an input has changed.
    """
    before = records.read_description(folder / records.CONFIG)
    config = before.config
    _check_processes(before.environment.processes, processes)
    if threads is not None:
        _check_threads(config, threads)
        config = config.replace({"run.threads": threads})
    if is_finished(folder):
        monitor.say(f"{folder}: this run is finished")
        return records.read_metrics(folder)
    with run_folder.lock_folder(folder):
        if is_finished(folder):  # by another process, since
            return records.read_metrics(folder)
        run_folder.clean(folder)
        setup = set_up(config, monitor, processes)
        _check_inputs(setup.description, before, folder)
        return _run(config, setup, folder, monitor)


def follow(description: RunDescription, folder: Path, monitor: Monitor, processes: Processes) -> None:
    """Train along with the first process, which has sent description and folder, and alone scores and writes.

    Raises LostProcessError where another process ends, InputError where the inputs are not the first one's.
    """
    config = description.config
    setup = set_up(config, monitor, processes)
    _check_inputs(setup.description, description, folder)
    _train_phases(config, setup, folder, monitor)


def set_up(config: RunConfig, monitor: Monitor, processes: Processes = ALONE) -> Setup:
    """Load all inputs of a run, and build the model.

    Raises InputError for what cannot be read, UsageError for what does not go together or is not there.
    """
    processes.use_device(config.run.device)
    find_device(config.run.device)  # refuse it before gigabytes are read
    with Waiting("Reading the corpora"):
        corpora = load_corpora(config.data, monitor.say, documents=config.reads_neighbours)
        corpora = corpora.with_caseless(config.data.caseless)
    stages = [Stage(0, "sentences", 0)] if config.encoder is None else config.encoder.stages
    plan = plan_training(config.schedule, stages, corpora.mixture)
    pretrained = load_pretrained(
        config.words, config.network, config.encoder, corpora.train.sentences, monitor.say
    )
    with Waiting("Building the model"):
        model = build_model(config, corpora.train.sentences, pretrained, corpora.caseless)
    description = RunDescription(
        bilstm_crf=__version__,
        commit=git_commit(Path(__file__).parents[2]),
        command=command_line(),
        config=config,
        data=corpora.files,
        vectors=None if pretrained.vectors is None else pretrained.vectors.source,
        encoder=pretrained.encoder_source,
        initial=pretrained.initial_source,
        environment=environment(processes.size),
    )
    return Setup(corpora, plan, pretrained, model, description, processes)


def _check_threads(config: RunConfig, threads: int) -> None:
    """Raise UsageError where a run with so many threads would not end with the same weights."""
    began, tuned = config.run.threads, config.tunes_encoder
    if threads == began or config.run.device != "cpu" or (max(threads, began) <= 2 and not tuned):
        return
    why = "an encoder that is fine-tuned" if tuned else "more than 2"
    raise UsageError(
        f"--threads {threads}: the run began with {began}, and {why} adds up in another order",
        hint=f"leave it out, or give --threads {began}; a new run may have any number",
    )


def _check_processes(began: int, processes: Processes) -> None:
    """Raise UsageError for another number of processes than a run began with."""
    if processes.size == began:
        return
    start = f"torchrun --nproc-per-node {began}" if began > 1 else "the command without torchrun"
    raise UsageError(
        f"the run began with {began} process{'es' * (began > 1)}, now there are {processes.size}: "
        "they add up in another order",
        hint=f"resume it with {start}; a new run may have any number",
    )


def _check_inputs(now: RunDescription, before: RunDescription, folder: Path) -> None:
    """Raise InputError where an input that decides the result has changed."""
    for name, hashes in now.inputs.items():
        if hashes != before.inputs[name]:
            raise InputError(
                f"the {name} changed since this run started (SHA-256 differs)",
                path=folder / records.CONFIG,
                hint="put the old files back, or start a new run",
            )


def _run(config: RunConfig, setup: Setup, folder: Path, monitor: Monitor) -> RunMetrics:
    """Train, train again on train and dev if that is wanted, and score the models."""
    corpora, processes = setup.corpora, setup.processes
    if processes.size > 1:
        monitor.say(
            f"parts    each batch in {processes.size} processes, threads of each: {config.run.threads}"
        )
    if done := epochs_done(folder / CHECKPOINT):
        monitor.say(f"resuming after epoch {done}")
    sizes = (setup.model.architecture, setup.model.word_table.shape[1])
    expected = estimate(config, setup.plan, corpora, sizes, done)
    if expected is not None and expected.epochs and processes.size == 1:
        monitor.say(expected.line())
    processes.first(lambda: (setup.description, folder))  # for `follow`
    history, final = _train_phases(config, setup, folder, monitor)
    with _interruptible(folder, lambda: f"while the best epoch was scored; all is safe in {folder}"):
        calibration = _calibrate(config, corpora, folder, final)
        metrics = _score(config, corpora, folder, history, final)
        metrics = dataclasses.replace(metrics, calibration=calibration)
        run_folder.finish(folder, metrics)
    for split, report in (("dev", metrics.dev), ("test", metrics.test)):
        if report is not None:
            monitor.say(f"{split:<4} strict F1 {100 * report.strict.f1:.2f}  {report.signatures['strict']}")
    return metrics


def _train_phases(
    config: RunConfig, setup: Setup, folder: Path, monitor: Monitor
) -> tuple[list[EpochRow], FinalPhase | None]:
    """Train, and train again on train and dev if that is wanted; of several processes, each does this."""
    use_threads(config.run.threads, config.workers)
    corpora = setup.corpora
    dev = DevSet(corpora.dev, chooses=corpora.dev_chooses, device=config.run.device, threads=config.workers)
    with _interruptible(folder, lambda: _in_epoch(folder)):
        history = _train(config, setup, dev, folder, monitor)
    final = None
    if config.run.retrain_on_dev:
        with _interruptible(folder, lambda: "in the final phase; its finished epochs are safe"):
            final = _train_final(config, setup, history, folder / FINAL, monitor)
    setup.processes.leave()
    return history, final


def _train(
    config: RunConfig, setup: Setup, dev: DevSet | None, folder: Path, monitor: Monitor
) -> list[EpochRow]:
    """Train one phase: optimizer, loop."""
    train, plan = setup.corpora.train, setup.plan
    if setup.processes.leads:
        records.write_dropped(folder, train.dropped, len(train.sentences))
    provenance = dataclasses.asdict(setup.description)
    del provenance["command"]
    if dev is None:
        provenance |= {"final": TRAINED_ON_DEV, "batches": plan.batches}
    embed = config.encoder is not None and config.encoder.embed
    output = Output(folder, provenance, setup.pretrained.vectors, embed)
    optimizer = Optimizer(setup.model.network, config.optimizer, plan.schedule, config.encoder)
    trainer = Trainer(setup.model, optimizer, setup.corpora.seen, plan, config.run.seed, setup.processes)
    done = epochs_done(folder / CHECKPOINT)
    with monitor.progress(len(plan.epochs), plan.sentences_per_epoch, done) as watch:
        return fit(trainer, dev, output, watch)


def _train_final(
    config: RunConfig, setup: Setup, history: Sequence[EpochRow], folder: Path, monitor: Monitor
) -> FinalPhase:
    """Train again from scratch, on train and dev, as long as was best on dev in a first phase."""
    if setup.processes.leads:
        folder.mkdir(exist_ok=True)
        run_folder.clean(folder)
    corpora = setup.corpora.with_dev(config.data.filter).with_caseless(config.data.caseless)
    plan = stop_where_best(setup.plan, history, corpora.mixture)
    sentences, dropped = corpora.train.sentences, corpora.train.dropped
    monitor.say(f"final    {len(sentences):,} sentences of train and dev, for {plan.batches:,} batches")
    if config.data.filter:
        monitor.say(f"final    {summary(dropped, len(sentences))}")
    pretrained = setup.pretrained
    if config.encoder is not None and config.encoder.finetune:  # as it was before the first phase
        pretrained = dataclasses.replace(pretrained, encoder=load_encoder(config.encoder))
    model = build_model(config, sentences, pretrained, corpora.caseless)
    second = dataclasses.replace(setup, corpora=corpora, plan=plan, pretrained=pretrained, model=model)
    rows = _train(config, second, None, folder, monitor)
    return FinalPhase(
        folder=FINAL,
        batches=plan.batches,
        sentences=len(sentences),
        epochs=len(rows),
        seconds=round(sum(row.seconds for row in rows), 1),
        dropped=counts(dropped),
    )


def _calibrate(
    config: RunConfig, corpora: Corpora, folder: Path, final: FinalPhase | None
) -> Calibration | None:
    """Fit the saved model's temperature on dev, and store it; None where dev has too few spans to tell.

    The model of a final phase, which has seen dev, gets that of the first phase.
    """
    if not corpora.dev_chooses:
        return None
    tagger, sentences = _load_tagger(config, folder), corpora.dev.sentences
    with Waiting("Fitting the scores of the saved model"):
        evidence = Evidence(tagger, sentences, map_types(sentences, tagger.label_set))
    if len(evidence.right) < MIN_SPANS:
        return None
    temperature = fit_temperature(evidence)
    for model in (folder, folder / FINAL) if final is not None else (folder,):
        set_temperature(model, temperature)
    return calibrate(evidence, temperature)


def _load_tagger(config: RunConfig, model: Path) -> Tagger:
    return Tagger.load(
        model,
        trust_remote_code=config.encoder is not None and config.encoder.trust_remote_code,
        device=config.run.device,
        threads=config.workers,
    )


def _score(
    config: RunConfig, corpora: Corpora, folder: Path, history: Sequence[EpochRow], final: FinalPhase | None
) -> RunMetrics:
    """Score the saved model on dev, and the saved models once on test if there is any."""

    def score(model: Path, split: Labelled) -> Report:
        tagger = _load_tagger(config, model)
        with Waiting("Scoring the saved model"):
            spans = tagger.predict(split.sentences, decoding=UNCONSTRAINED)
        report = evaluate(
            split.sentences,
            spans,
            label_set=tagger.label_set,
            data_sha256=sha256_of_all(contents_of(file.path for file in split.files)),
            reading=Reading(split.repaired, split.types),
        )
        gold = map_types(split.sentences, tagger.label_set)
        confirm(report.strict, gold, spans, [len(sentence) for sentence in split.sentences])
        return report

    test = corpora.test
    if final is not None and test is not None:
        final = dataclasses.replace(final, test=score(folder / FINAL, test))
    return RunMetrics(
        best_epoch=records.best_row(history).epoch,
        epochs=len(history),
        seed=config.run.seed,
        epoch_chosen_on_dev=corpora.dev_chooses,
        dev_is=CHOSE if corpora.dev_chooses else DID_NOT_CHOOSE,
        dev=score(folder, corpora.dev),
        test=None if test is None else score(folder, test),
        seconds=Seconds(
            training=round(sum(row.seconds for row in history), 1),
            scoring_dev=round(sum(row.dev_seconds for row in history), 1),
        ),
        tokens_per_second=round(sum(row.tokens_per_second for row in history) / len(history)),
        final=final,
    )


@contextlib.contextmanager
def _interruptible(folder: Path, when: Callable[[], str]) -> Iterator[None]:
    """Say what is safe and how to continue after Ctrl-C, and after the end of another process.

    Raises InterruptedRunError, LostProcessError.
    """
    command = command_line("train", "--resume", str(folder))
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(f"Interrupted {when()}.  Resume with:  {command}") from None
    except LostProcessError as error:
        raise LostProcessError(f"another process ended {when()}", hint=f"resume with:  {command}") from error


def _in_epoch(folder: Path) -> str:
    """Say which epoch was interrupted, and which ones are safe."""
    done = epochs_done(folder / CHECKPOINT)
    safe = f"epochs 1-{done} are safe in {folder}" if done else "only this epoch is lost"
    return f"in epoch {done + 1}; {safe}"
