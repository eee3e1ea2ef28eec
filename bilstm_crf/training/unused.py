"""Find the settings that have no effect in a run, and the reason for each.

`train` refuses those that a user typed; for an experiment they make no other run.
"""

from __future__ import annotations

from collections.abc import Callable

from bilstm_crf.config import RunConfig
from bilstm_crf.embeddings.names import KNOWN
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import format_of
from bilstm_crf.util import fields


def unused_settings(config: RunConfig) -> dict[str, str]:
    """Return the settings, by path, whose values cannot change this run's weights by a bit, and why."""
    return {
        path: why.format(c=config)
        for paths, is_unused, why in _RULES
        if is_unused(config)
        for path in paths.split()
        if fields.get(config, path, ...) is not ...
    }


def without_unused(config: RunConfig) -> RunConfig:
    """Return the configuration with the defaults of settings that have no effect: equal runs are equal."""
    known = fields.settings_of(RunConfig)
    return config.replace({path: known[path].default for path in unused_settings(config)})


def formats_of(config: RunConfig) -> set[str]:
    """Return the names of the formats that the files may have; a text file may turn out to hold columns."""
    found = set()
    for path in (*config.data.train, *config.data.dev, *config.data.test):
        try:
            found.add(format_of(path, config.data.format).name)
        except UsageError:  # reading it says so
            return {"conllu", "conll2003"}
    return found | ({"conll2003"} if "text" in found and config.data.format is None else set())


def _has_vectors(config: RunConfig) -> bool:
    return config.words.embeddings != "none" or config.network.init_from is not None


def _keeps_misc(config: RunConfig) -> bool:
    """Return whether no label set drops NorNE's MISC."""
    return {config.data.labels, *config.data.train_labels}.isdisjoint(("full", "7", "6"))


# Settings, when they have no effect, and why not
_RULES: list[tuple[str, Callable[[RunConfig], bool], str]] = [
    (
        "encoder.learning_rate encoder.weight_decay encoder.frozen_layers",
        lambda c: not c.tunes_encoder,
        "the encoder is not trained: --encoder-finetune",
    ),
    ("schedule.epochs", lambda c: bool(c.stages), "the curriculum {c.encoder.curriculum} says how long"),
    ("schedule.restarts", lambda c: c.schedule.shape != "cosine", "only schedule=cosine has restarts"),
    (
        "schedule.learning_rate_decay",
        lambda c: c.schedule.shape != "inverse",
        "only schedule=inverse has one",
    ),
    ("optimizer.momentum", lambda c: c.optimizer.method == "adam", "only optimizer=sgd has momentum"),
    (
        "words.dim words.subwords words.subword_dropout optimizer.embedding_lr_scale",
        lambda c: "static" not in c.features,
        "features={c.network.features} has no word vectors",
    ),
    ("words.dim", _has_vectors, "the vectors have their own dimensions"),
    ("words.subwords words.subword_dropout", lambda c: not _has_vectors(c), "no vectors are named"),
    ("words.embeddings_dir", lambda c: c.words.embeddings not in KNOWN, "no vectors are looked for by name"),
    (
        "characters.dim characters.filters characters.width",
        lambda c: "char" not in c.features,
        "features={c.network.features} has no characters",
    ),
    (
        "lstm.hidden lstm.layers lstm.recurrent_dropout",
        lambda c: not c.has_lstm,
        "the head {c.network.head} has no BiLSTM",
    ),
    (
        "document_memory.memory_free_loss_weight",
        lambda c: not c.document_memory.size,
        "there is no document memory: --set document_memory=100",
    ),
    ("data.keep_misc", _keeps_misc, "the labels {c.data.labels} do not drop it"),
    (
        "data.misc_key",
        lambda c: bool(c.data.train) and "conllu" not in formats_of(c),
        "no file is CoNLL-U",
    ),
    (
        "data.token_column data.label_column",
        lambda c: bool(c.data.train) and "conll2003" not in formats_of(c),
        "no file has columns",
    ),
]
