"""One run from beginning to end: data and vectors in, a trained and scored model out, in a folder.

The folder's content is described in run_folder.py; the loop itself is in training.py.
"""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bilstm_crf import final, run_folder
from bilstm_crf.bert.encoder import Encoder
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.documents import Documents, tables_of
from bilstm_crf.corpus.dropping import as_dict, check_filters, leave_out, summary
from bilstm_crf.corpus.labelled import Labelled, read_labelled
from bilstm_crf.embeddings.coverage import coverage
from bilstm_crf.embeddings.read import load
from bilstm_crf.errors import InputError, InterruptedRunError
from bilstm_crf.evaluation.report import Report, evaluate
from bilstm_crf.files import sha256_of, sha256_of_all, write_json
from bilstm_crf.final import second_phase
from bilstm_crf.formats import FormatOptions, read
from bilstm_crf.kernels.lanes import use_threads
from bilstm_crf.labels import LabelSet
from bilstm_crf.model_folder import load_model
from bilstm_crf.plan import plan_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.tagger import Tagger, find_device
from bilstm_crf.training import History, Observer, Sources, train
from bilstm_crf.transfer import vectors_of
from bilstm_crf.vocabulary import normalise

Say = Callable[[str], None]  # tells a person one line


class Progress(Observer, Protocol):
    """An observer of training that is also a context manager."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *error: Any) -> None: ...


MakeProgress = Callable[[int, int, int], Progress]  # epochs, sentences of one, epochs done before


def start(
    config: RunConfig, folder: Path, *, overwrite: bool, say: Say, progress: MakeProgress
) -> dict[str, Any]:
    """A new run; returns its metrics. Raises UsageError where another run lies in `folder`."""
    run_folder.check_free(folder, overwrite=overwrite)
    inputs = _load(config, say)
    described = inputs.describe(config)
    run_folder.start(folder, described)
    return _run(config, folder, inputs, described, say, progress, resume=False)


def resume(folder: Path, *, say: Say, progress: MakeProgress) -> dict[str, Any]:
    """Goes on with an interrupted run; gives the metrics of a finished one as they are.

    Raises InputError where the folder holds no run, or where data or vectors are no longer the same.
    """
    described = run_folder.read_config(folder / "config.json")
    if run_folder.is_finished(folder):
        say(f"{folder}: this run is finished")
        return run_folder.read_metrics(folder)
    run_folder.clean(folder)
    config = RunConfig.from_json(described["config"])
    inputs = _load(config, say)
    now = inputs.describe(config)
    for part, other in (("data", "other data"), ("vectors", "other vectors"), ("encoder", "another encoder")):
        if _hashes(now.get(part)) != _hashes(described.get(part)):
            raise InputError(
                f"this run began with {other}: not the SHA-256 that there is now",
                path=folder / "config.json",
                hint="put the old files back, or start a new run",
            )
    return _run(config, folder, inputs, now, say, progress, resume=True)


@dataclass(frozen=True)
class Inputs:
    """What a run learns from."""

    train: Labelled
    dev: Labelled
    sources: Sources

    def describe(self, config: RunConfig) -> dict[str, Any]:
        """The content of config.json, with the hashes of all this."""
        described = run_folder.describe(
            config,
            {"train": self.train.files, "dev": self.dev.files, **_also_read(config)},
            None if self.sources.vectors is None else self.sources.vectors.source,
        )
        encoder = self.sources.encoder
        if encoder is not None:
            described["encoder"] = {"name": encoder.name, "sha256": encoder.sha256}
        return described


def _also_read(config: RunConfig) -> dict[str, Any]:
    """Other files that decide what is learnt: tables of documents, and test where it says what to drop."""
    tables = tables_of(config, [*config.train, *config.dev])
    also = {"documents": tables, "test": config.test if "leaked" in config.drop else []}
    return {
        name: [{"path": path, "sha256": sha256_of(path)} for path in paths]
        for name, paths in also.items()
        if paths
    }


def _load(config: RunConfig, say: Say) -> Inputs:
    find_device(config.device)  # what cannot be is said before gigabytes are read
    label_set = LabelSet.named(config.label_set, keep_misc=config.keep_misc)
    initial = None
    if config.init_from is not None:
        initial = load_model(config.init_from, bert=config.bert, trust_remote_code=config.trust_remote_code)
        vectors = vectors_of(initial, config.init_from)
    else:
        vectors = load(config.embeddings, embeddings_dir=config.embeddings_dir)
    train_set = _train_set(config, label_set)
    dev_set = read_labelled(config.dev, label_set, format=config.format, key=config.key)
    if config.drop:
        _leave_out(config, train_set, dev_set.sentences)
        say(f"train    {summary(train_set.dropped, len(train_set.sentences))}")
    for name, split in (("train", train_set), ("dev", dev_set)):
        found = ", ".join(dict.fromkeys(split.encodings))
        say(f"{name:<8} {len(split.sentences):,} sentences, {split.tokens:,} tokens, labels in {found}")
    if config.reads_neighbours:
        say(f"context  {_name_documents(config, train_set, dev_set)}")
    if vectors is None and "static" in config.features:
        say(f"vectors  none: random, {config.recipe.word_dim} dimensions")
    elif vectors is not None:
        say(f"vectors  {vectors.summary()}")
        words = Counter(normalise(word) for sentence in train_set.sentences for word in sentence.tokens)
        say(f"coverage {coverage(words, vectors).line()}")
        if config.recipe.subwords and vectors.subwords is None:
            vectors = vectors.with_subwords(config.recipe.subwords)
            say(f"n-grams  {config.recipe.subwords:,} at most, fitted: for words that have no vector")
    encoder = None
    if config.bert is not None:
        encoder = Encoder.load(config.bert, trust_remote_code=config.trust_remote_code)
        weights = sum(parameter.numel() for parameter in encoder.parameters())
        say(
            f"encoder  {config.bert}: {encoder.hidden_states - 1} layers, {encoder.dim} dimensions, "
            f"{weights / 1e6:.1f} million weights, {config.recipe.bert_weights}"
        )
    return Inputs(train_set, dev_set, Sources(vectors, encoder, initial))


def _train_set(config: RunConfig, label_set: LabelSet) -> Labelled:
    check_filters(config.drop)
    label_sets = [LabelSet.named(name, keep_misc=config.keep_misc) for name in config.train_labels]
    return read_labelled(
        config.train,
        label_sets or label_set,
        format=config.format,
        key=config.key,
        drop_ill_formed="ill-formed" in config.drop,
    )


def _leave_out(config: RunConfig, train_set: Labelled, dev: list[Sentence]) -> None:
    """Takes the sentences out of the training set that the filters name; dev and test stay as they are."""
    kept, dropped = leave_out(train_set.corpora, config.drop, [*dev, *_test_sentences(config)])
    train_set.dropped.extend(dropped)
    train_set.sentences[:] = [sentence for corpus in kept for sentence in corpus]
    train_set.sizes[:] = map(len, kept)


def _name_documents(config: RunConfig, train_set: Labelled, dev_set: Labelled) -> str:
    """Says of each sentence of which document it is; what to tell a person of it."""
    # A table that was named must have the test files' sentences too: that it has is known before training.
    test = [] if config.documents is None else _test_sentences(config)
    Documents(config.documents).name([*train_set.sentences, *dev_set.sentences, *test])
    known = sum(sentence.document is not None for sentence in train_set.sentences)
    unknown = "no `# newdoc`, no documents.tsv beside the file, no --documents"
    by = ", ".join(tables_of(config, config.train)) or ("as the files say" if known else unknown)
    return f"{known:,} of {len(train_set.sentences):,} sentences of train are of a known document ({by})"


def _test_sentences(config: RunConfig) -> Iterator[Sentence]:
    options = FormatOptions(key=config.key, keep_raw=False)
    for path in config.test:
        yield from read(path, config.format, options)


def _hashes(part: Any) -> list[Any]:
    """Every SHA-256 in a part of config.json, in order; none in one that is not there."""
    if isinstance(part, dict):
        return [h for key, value in part.items() for h in ([value] if key == "sha256" else _hashes(value))]
    return [h for value in part for h in _hashes(value)] if isinstance(part, list) else []


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
    use_threads(config.threads)
    done = run_folder.epochs_done(folder) if resume else 0
    if done:
        say(f"going on after epoch {done}")
    provenance = {key: value for key, value in described.items() if key != "command"}
    if inputs.train.dropped:
        write_json(folder / "dropped.json", as_dict(inputs.train.dropped, len(inputs.train.sentences)))
    plan = plan_of(config, inputs.train)
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
        done = run_folder.epochs_done(folder)
        raise _interrupted(folder, f"in epoch {done + 1}; {_safe(folder, done)}") from None
    final_record = None
    if config.final:
        phase = second_phase(config, inputs.train, inputs.dev, plan, history)
        sentences = len(phase.train.sentences)
        say(f"final    {sentences:,} sentences of train and dev, for {phase.batches:,} batches")
        watch = progress(*phase.plan.shape(config.recipe.batch_size), 0)
        try:
            with watch:
                final_record = final.run(phase, inputs.sources, folder, watch, provenance)
        except KeyboardInterrupt:
            what = "in the second phase; what its last epoch learnt is safe"
            raise _interrupted(folder, what) from None
    try:
        return _finish(config, folder, inputs.dev, history, say, final_record)
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
    dev_set: Labelled,
    history: History,
    say: Say,
    final_record: dict[str, Any] | None,
) -> dict[str, Any]:
    """Scores the saved model on dev, and once on the test files where there are any."""
    tagger = Tagger.load(
        folder,
        trust_remote_code=config.trust_remote_code,
        device=config.device,
        threads=min(config.threads, 2),
    )
    best = max(history, key=lambda row: row["dev"]["f1"])
    reports = {"dev": _score(tagger, dev_set)}
    if config.test:
        test_set = read_labelled(config.test, tagger.label_set, format=config.format, key=config.key)
        if config.reads_neighbours:
            Documents(config.documents).name(test_set.sentences)
        reports["test"] = _score(tagger, test_set)
        if final_record is not None:
            own = Tagger.load(folder / run_folder.FINAL, trust_remote_code=config.trust_remote_code)
            final_record["test"] = _score(own, test_set).as_dict()
    metrics = {
        "best_epoch": best["epoch"],
        "epochs": len(history),
        "seed": config.seed,
        "dev_is": "the split that chose the epoch: its scores are optimistic",
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


def _score(tagger: Tagger, split: Labelled) -> Report:
    return evaluate(
        split.sentences,
        tagger.predict(split.sentences),
        label_set=tagger.label_set,
        data_sha256=sha256_of_all([str(each["path"]) for each in split.files]),
    )
