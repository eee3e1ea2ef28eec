"""One run from beginning to end: data and vectors in, a trained and scored model out, in a folder.

The folder's content is described in run_folder.py; the loop itself is in training.py.
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.filters import as_dict, summary
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.errors import InputError, InterruptedRunError, UsageError
from bilstm_crf.evaluation.report import Reading, Report, evaluate, map_types
from bilstm_crf.evaluation.strict import confirm
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.training import final, run_folder
from bilstm_crf.training.checkpoint import epochs_done
from bilstm_crf.training.final import second_phase
from bilstm_crf.training.inputs import Inputs, load_inputs
from bilstm_crf.training.loop import History, Observer, dev_chooses, train
from bilstm_crf.training.run_folder import CHECKPOINT, DROPPED
from bilstm_crf.util.files import sha256_of_all, write_json
from bilstm_crf.util.threads import use_threads

CHOSE = "the split that chose the epoch: its scores are optimistic"
DID_NOT_CHOOSE = "a split without entities that could be found: the last epoch was kept"
Say = Callable[[str], None]  # tells a person one line


class Progress(Observer, Protocol):
    """An observer of training that is also a context manager."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *error: Any) -> None: ...


MakeProgress = Callable[[int, int, int], Progress]  # epochs, sentences of one, epochs done before


def start(
    config: RunConfig, folder: Path, *, overwrite: bool, say: Say, progress: MakeProgress
) -> dict[str, Any]:
    """A new run; returns its metrics. Raises UsageError where another run lies in `folder`.

    That one is touched when all is read and checked, not before.
    """
    with run_folder.alone_in(folder):
        run_folder.check_free(folder, overwrite=overwrite)
        run_folder.check_apart(folder, [each for each in (config.init_from, config.bert) if each])
        inputs = load_inputs(config, say)
        described = inputs.describe(config)
        run_folder.start(folder, described)
        return _run(config, folder, inputs, described, say, progress, resume=False)


def resume(folder: Path, *, say: Say, progress: MakeProgress, threads: int | None = None) -> dict[str, Any]:
    """Goes on with an interrupted run; gives the metrics of a finished one as they are.

    `threads`: another number of them than the run began with. Raises UsageError where that would change the
    result, InputError where the folder holds no run, or where data or vectors are no longer the same.
    """
    config, described = run_folder.read_config(folder / "config.json")
    if threads is not None:
        _check_threads(config, threads)
    if run_folder.is_finished(folder):
        say(f"{folder}: this run is finished")
        return run_folder.read_metrics(folder)
    with run_folder.alone_in(folder):
        if run_folder.is_finished(folder):  # by another process, since
            return run_folder.read_metrics(folder)
        run_folder.clean(folder)
        inputs = load_inputs(config, say)
        now = inputs.describe(config)
        parts = {"data": "the data", "vectors": "the word vectors", "encoder": "the encoder"}
        for part, what in {**parts, "initial": "the model of --init-from"}.items():
            if _hashes(now.get(part), config) != _hashes(described.get(part), config):
                raise InputError(
                    f"{what} changed since this run started (SHA-256 differs)",
                    path=folder / "config.json",
                    hint="put the old files back, or start a new run",
                )
        if threads is not None:
            config = dataclasses.replace(config, threads=threads)
        return _run(config, folder, inputs, now, say, progress, resume=True)


def _check_threads(config: RunConfig, threads: int) -> None:
    """Raise UsageError where a run with so many threads would not end with the same weights."""
    same = threads == config.threads or config.device != "cpu"
    learns = config.bert is not None and config.recipe.bert_weights == "tuned"
    if same or (max(threads, config.threads) <= 2 and not learns):
        return
    why = "an encoder that learns" if learns else "more than 2"
    raise UsageError(
        f"--threads {threads}: the run began with {config.threads}, and {why} sums in another order",
        hint=f"leave it out, or give --threads {config.threads}; a new run may have any number",
    )


def _hashes(part: Any, config: RunConfig) -> list[Any]:
    """Every SHA-256 in a part of config.json that decides what is learnt, in order."""
    if isinstance(part, dict):
        left_out = () if config.drops_by_test else ("test",)
        kept = [(key, value) for key, value in part.items() if key not in left_out]
        return [h for key, value in kept for h in ([value] if key == "sha256" else _hashes(value, config))]
    return [h for value in part for h in _hashes(value, config)] if isinstance(part, list) else []


def _run(
    config: RunConfig,
    folder: Path,
    inputs: Inputs,
    described: dict[str, Any],
    say: Say,
    progress: MakeProgress,
    *,
    resume: bool,
) -> dict[str, Any]:
    use_threads(config.threads, config.lanes)
    done = epochs_done(folder / CHECKPOINT) if resume else 0
    if done:
        say(f"going on after epoch {done}")
    provenance = {key: value for key, value in described.items() if key != "command"}
    if inputs.train.dropped:
        write_json(folder / DROPPED, as_dict(inputs.train.dropped, len(inputs.train.sentences)))
    plan = inputs.plan
    watch = progress(*plan.shape(config.recipe.batch_size), done)
    try:
        with watch:
            history = train(
                config,
                inputs.train,
                inputs.dev,
                inputs.sources,
                plan,
                folder,
                watch,
                provenance,
                resume=resume,
            )
    except KeyboardInterrupt:
        done = epochs_done(folder / CHECKPOINT)
        raise _interrupted(folder, f"in epoch {done + 1}; {_safe(folder, done)}") from None
    final_record = None
    if config.final:
        phase = second_phase(config, inputs, history)
        sentences = len(phase.train.sentences)
        say(f"final    {sentences:,} sentences of train and dev, for {phase.batches:,} batches")
        if config.drop:
            say(f"final    {summary(phase.train.dropped, sentences)}")
        watch = progress(*phase.plan.shape(config.recipe.batch_size), 0)
        try:
            with watch:
                final_record = final.run(phase, inputs.sources, folder, watch, provenance)
        except KeyboardInterrupt:
            what = "in the second phase; what its last epoch learnt is safe"
            raise _interrupted(folder, what) from None
    try:
        return _finish(config, folder, inputs, history, say, final_record)
    except KeyboardInterrupt:
        raise _interrupted(folder, f"while the best epoch was scored; all is safe in {folder}") from None


def _safe(folder: Path, done: int) -> str:
    if done == 0:
        return "nothing was lost but this epoch"
    return f"epochs 1-{done} are safe in {folder}" if done > 1 else f"epoch 1 is safe in {folder}"


def _interrupted(folder: Path, when: str) -> InterruptedRunError:
    program = "python train.py" if Path(sys.argv[0]).name == "train.py" else "bilstm-crf train"
    return InterruptedRunError(f"Interrupted {when}.  Go on:  {program} --resume {shlex.quote(str(folder))}")


def _finish(
    config: RunConfig,
    folder: Path,
    inputs: Inputs,
    history: History,
    say: Say,
    final_record: dict[str, Any] | None,
) -> dict[str, Any]:
    """Scores the saved model on dev, and once on the test files where there are any."""
    tagger = _tagger(config, folder)
    best = run_folder.best_row(history)
    chosen = dev_chooses(inputs.train, inputs.dev)
    reports = {"dev": _score(tagger, inputs.dev)}
    if inputs.test is not None:
        reports["test"] = _score(tagger, inputs.test)
        if final_record is not None:
            own = _tagger(config, folder / run_folder.FINAL)
            final_record["test"] = _score(own, inputs.test).as_dict()
    metrics = {
        "best_epoch": best["epoch"],
        "epochs": len(history),
        "seed": config.seed,
        "dev_is": CHOSE if chosen else DID_NOT_CHOOSE,
        "epoch_chosen_on_dev": chosen,
        **{split: report.as_dict() for split, report in reports.items()},
        **({} if config.test else {"test": None}),
        "seconds": {
            "training": round(sum(row["seconds"] for row in history), 1),
            "scoring dev": round(sum(row["dev_seconds"] for row in history), 1),
        },
        "tokens_per_second": round(sum(row["tokens_per_second"] for row in history) / len(history)),
    }
    if final_record is not None:
        metrics["final"] = final_record
    run_folder.finish(folder, metrics)
    for split, report in reports.items():
        say(f"{split:<4} strict F1 {100 * report.strict.f1:.2f}  {report.signatures['strict']}")
    return metrics


def _tagger(config: RunConfig, folder: Path) -> Tagger:
    return Tagger.load(
        folder,
        trust_remote_code=config.trust_remote_code,
        device=config.device,
        threads=config.lanes,
    )


def _score(tagger: Tagger, split: Labelled) -> Report:
    spans = tagger.predict(split.sentences)
    report = evaluate(
        split.sentences,
        spans,
        label_set=tagger.label_set,
        data_sha256=sha256_of_all([str(each["path"]) for each in split.files]),
        reading=Reading(split.repaired, split.types),
    )
    gold = map_types(split.sentences, tagger.label_set)
    confirm(report.strict, gold, spans, [len(sentence) for sentence in split.sentences])
    return report
