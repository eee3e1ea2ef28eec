"""Find the settings that have no effect in a run, and the reason for each.

`train` refuses those that a user typed; an experiment leaves them out of the run and of its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bilstm_crf.config import RunConfig
from bilstm_crf.embeddings.names import KNOWN
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import format_of
from bilstm_crf.util import fields


@dataclass(frozen=True)
class Unused:
    """Settings that cannot change a run's result, why, and what would give them an effect."""

    paths: tuple[str, ...]
    reason: str
    hint: str


def unused_settings(config: RunConfig) -> list[Unused]:
    """Return the settings whose values cannot change this run's weights by a bit."""
    return [
        Unused(tuple(paths.split()), reason.format(c=config, labels=_label_sets(config)), hint)
        for paths, is_unused, reason, hint in _RULES
        if is_unused(config)
    ]


def without_unused(config: RunConfig) -> RunConfig:
    """Return the configuration with the defaults of settings that have no effect: equal runs are equal."""
    paths = [path for unused in unused_settings(config) for path in unused.paths]
    return config.replace({path: fields.settings_of(RunConfig)[path].default for path in paths})


def formats_of(config: RunConfig) -> set[str]:
    """Return the names of the formats that the files may have; a text file may turn out to hold columns."""
    found = set()
    for path in (*config.data.train, *config.data.dev, *config.data.test):
        try:
            found.add(format_of(path, config.data.format).name)
        except UsageError:  # reading it says so
            return {"conllu", "conll2003"}
    return found | ({"conll2003"} if "text" in found and config.data.format is None else set())


def _label_sets(config: RunConfig) -> str:
    return ", ".join(sorted({config.data.labels, *config.data.train_labels}))


def _has_vectors(config: RunConfig) -> bool:
    return config.words.embeddings != "none" or config.network.init_from is not None


_MAPS_MISC = ("full", "7", "6")  # label sets in which NorNE's MISC becomes O
# Settings, when they have no effect, why not, and what would give them one
_RULES: list[tuple[str, Callable[[RunConfig], bool], str, str]] = [
    (
        "encoder.learning_rate encoder.weight_decay",
        lambda c: c.encoder is not None and not c.encoder.finetune,
        "the encoder is not trained",
        "--encoder-finetune trains it",
    ),
    (
        "schedule.epochs",
        lambda c: bool(c.stages),
        "the curriculum {c.encoder.curriculum} says how long, in batches",
        "shorten its stages, or leave one of the two out",
    ),
    (
        "schedule.restarts",
        lambda c: c.schedule.shape != "cosine",
        "the schedule is {c.schedule.shape}",
        "--set schedule=cosine has restarts",
    ),
    (
        "schedule.learning_rate_decay",
        lambda c: c.schedule.shape != "inverse",
        "the schedule is {c.schedule.shape}",
        "--set schedule=inverse has a decay",
    ),
    (
        "optimizer.momentum",
        lambda c: c.optimizer.method == "adam",
        "the optimizer is adam",
        "--set optimizer=sgd has momentum",
    ),
    (
        "words.dim words.subwords words.subword_dropout optimizer.embedding_lr_scale",
        lambda c: "static" not in c.features,
        "the features {c.network.features} have no word vectors",
        "add static to --features",
    ),
    (
        "words.dim",
        lambda c: "static" in c.features and _has_vectors(c),
        "the vectors have their own dimensions",
        "leave --embeddings out for random ones",
    ),
    (
        "words.subwords words.subword_dropout",
        lambda c: "static" in c.features and not _has_vectors(c),
        "no vectors are named",
        "name some: --embeddings NAME|PATH",
    ),
    (
        "words.embeddings_dir",
        lambda c: c.words.embeddings not in KNOWN,
        "no vectors are looked for by name",
        f"names are: {' '.join(KNOWN)}",
    ),
    (
        "characters.dim characters.filters characters.width",
        lambda c: "char" not in c.features,
        "the features are {c.network.features}",
        "add char to --features",
    ),
    (
        "lstm.hidden lstm.layers lstm.recurrent_dropout",
        lambda c: not c.has_lstm,
        "the head {c.network.head} has no BiLSTM",
        "--head bilstm-crf has one",
    ),
    (
        "document_memory.memory_free_loss_weight",
        lambda c: not c.document_memory.size,
        "document_memory is 0",
        "--set document_memory=100 switches it on",
    ),
    (
        "data.keep_misc",
        lambda c: {c.data.labels, *c.data.train_labels}.isdisjoint(_MAPS_MISC),
        "the labels {labels} do not drop it",
        f"it is for --labels {', '.join(_MAPS_MISC)}",
    ),
    (
        "data.misc_key",
        lambda c: bool(c.data.train) and "conllu" not in formats_of(c),
        "no file is CoNLL-U",
        "it is a key of CoNLL-U's MISC",
    ),
    (
        "data.token_column data.label_column",
        lambda c: bool(c.data.train) and "conll2003" not in formats_of(c),
        "no file has columns",
        "--format conll2003 reads columns",
    ),
]
