"""What a run learns from: read, checked, and described by its hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus import overview
from bilstm_crf.corpus.documents import Documents, tables_of
from bilstm_crf.corpus.filters import check_filters, leave_out, summary
from bilstm_crf.corpus.labelled import Labelled, read_labelled
from bilstm_crf.embeddings.coverage import coverage
from bilstm_crf.embeddings.read import load
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.cache import require_folder
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError, UsageError, did_you_mean, warn
from bilstm_crf.formats import FormatOptions
from bilstm_crf.inference.torch_network import find_device
from bilstm_crf.labels import LabelSet, line_of
from bilstm_crf.model.model_folder import Model, load_model, weights_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.training import run_folder
from bilstm_crf.training.initialisation import architecture_of, use_of
from bilstm_crf.training.loop import Sources, dev_chooses
from bilstm_crf.training.plan import Plan, plan_of
from bilstm_crf.training.transfer import require_same_network, vectors_of
from bilstm_crf.util.files import sha256_of


@dataclass(frozen=True)
class Inputs:
    """What a run learns from."""

    train: Labelled
    dev: Labelled
    test: Labelled | None
    sources: Sources
    plan: Plan

    def describe(self, config: RunConfig) -> dict[str, Any]:
        """The content of config.json, with the hashes of all this."""
        vectors = self.sources.vectors
        source = None if vectors is None or vectors.source is None else asdict(vectors.source)
        described = run_folder.describe(
            config,
            {"train": self.train.files, "dev": self.dev.files, **_also_read(config)},
            source,
        )
        encoder = self.sources.encoder
        if encoder is not None:
            described["encoder"] = {"name": encoder.name, "sha256": encoder.sha256}
        if config.init_from is not None:
            described["initial"] = {"name": config.init_from, "sha256": weights_of(config.init_from)[1]}
        return described


def load_inputs(config: RunConfig, say: Callable[[str], None]) -> Inputs:
    """Reads all that the configuration names, and says what was found.

    Raises InputError for what cannot be read, UsageError for what cannot be together or is not there.
    """
    find_device(config.device)  # what cannot be is said before gigabytes are read
    initial = None
    if config.init_from is not None:
        initial = load_model(config.init_from, bert=config.bert, trust_remote_code=config.trust_remote_code)
    train_set, dev_set, test_set = _read_corpora(config, say)
    plan = plan_of(config, train_set)
    vectors = _read_vectors(config, initial, train_set, say)
    encoder = _read_encoder(config, say)
    if initial is not None:
        require_same_network(architecture_of(config, use_of(config, encoder)), initial.architecture)
        if ("static" in config.features) != (vectors is not None):
            has = "no static vectors" if vectors is None else "static vectors"
            features = ",".join(config.features)
            raise UsageError(f"the model to begin with has {has}, the features are {features}")
    return Inputs(train_set, dev_set, test_set, Sources(vectors, encoder, initial), plan)


def _read_corpora(
    config: RunConfig, say: Callable[[str], None]
) -> tuple[Labelled, Labelled, Labelled | None]:
    """Train, without what the filters leave out, dev, and test if there is any; documents named."""
    label_set = LabelSet.named(config.label_set, keep_misc=config.keep_misc)
    train_set = _train_set(config, label_set)
    read = partial(
        read_labelled,
        label_set=label_set,
        format=config.format,
        options=_reading(config),
        repair=config.repair,
    )
    dev_set = read(config.dev)
    test_set = read(config.test) if config.test else None
    evaluation = [*dev_set.sentences, *(test_set.sentences if test_set is not None else ())]
    if config.drop:
        _leave_out(config, train_set, evaluation)
        say(f"train    {summary(train_set.dropped, len(train_set.sentences))}")
    splits = {"train": train_set, "dev": dev_set, **({} if test_set is None else {"test": test_set})}
    for name, split in splits.items():
        found = ", ".join(dict.fromkeys(split.encodings))
        say(f"{name:<8} {len(split.sentences):,} sentences, {split.tokens:,} tokens, labels in {found}")
    _show_entities(config, splits, say)
    if config.reads_neighbours:
        say(f"context  {_name_documents(config, train_set, evaluation)}")
    return train_set, dev_set, test_set


def _show_entities(config: RunConfig, splits: Mapping[str, Labelled], say: Callable[[str], None]) -> None:
    """Say how many entities of each type the splits have; warn of what looks like a mistake in them."""
    counts = overview.count_types(splits)
    if any(counts.values()):
        for line in overview.table(counts):
            say(line)
    for mistake in overview.mistakes(counts):
        warn(mistake)
    if not dev_chooses(splits["train"], splits["dev"]):
        what = "entity of a type that train has" if counts["dev"] else "entities"
        idle = ", and --patience has no effect" if config.recipe.patience else ""
        warn(f"dev has no {what}: it cannot choose an epoch, so the last one is kept{idle}")


def _read_vectors(
    config: RunConfig, initial: Model | None, train_set: Labelled, say: Callable[[str], None]
) -> WordVectors | None:
    """Those of the model to begin with, else those named; n-grams are fitted where they are asked for."""
    if initial is not None and config.init_from is not None:
        vectors = vectors_of(initial, config.init_from)
    else:
        vectors = load(config.embeddings, embeddings_dir=config.embeddings_dir)
    if vectors is None:
        if "static" in config.features:
            say(f"vectors  none: random, {config.recipe.word_dim} dimensions")
        return None
    say(f"vectors  {vectors.summary()}")
    words = Counter(word for sentence in train_set.sentences for word in sentence.tokens)
    say(f"coverage {coverage(words, vectors, config.recipe.digits).line()}")
    if config.recipe.subwords and vectors.subwords is None:
        vectors = vectors.with_subwords(config.recipe.subwords)
        say(f"n-grams  {config.recipe.subwords:,} at most, fitted: for words that have no vector")
    return vectors


def _read_encoder(config: RunConfig, say: Callable[[str], None]) -> Encoder | None:
    if config.bert is None:
        return None
    encoder = Encoder.load(config.bert, trust_remote_code=config.trust_remote_code)
    encoder.require_layer(FeatureSettings.of(config.recipe))
    if config.recipe.bert_weights == "frozen":
        require_folder()
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    say(
        f"encoder  {config.bert}: {encoder.hidden_states - 1} layers, {encoder.dim} dimensions, "
        f"{weights / 1e6:.1f} million weights, {config.recipe.bert_weights}"
    )
    return encoder


def _reading(config: RunConfig) -> FormatOptions:
    return FormatOptions(
        misc_key=config.key,
        token_column=config.token_column,
        label_column=config.label_column,
        input_encoding=config.input_encoding,
        keep_raw=False,
    )


def _train_set(config: RunConfig, label_set: LabelSet) -> Labelled:
    check_filters(config.drop)
    label_sets = [LabelSet.named(name, keep_misc=config.keep_misc) for name in config.train_labels]
    train_set = read_labelled(
        config.train,
        label_sets or label_set,
        format=config.format,
        options=_reading(config),
        repair=config.repair,
        drop_ill_formed="ill-formed" in config.drop,
    )
    if label_sets and label_set.types is not None:
        _require_types(train_set, label_set)
    return train_set


def _require_types(train_set: Labelled, label_set: LabelSet) -> None:
    """Raises InputError for a type that the label sets of the training files leave, but the model's lacks."""
    known = dict.fromkeys(type_ for type_ in (label_set.types or {}).values() if type_ != "O")
    for sentence in train_set.sentences:
        for start, _, type_ in sentence.spans or ():
            if type_ not in known:
                raise InputError(
                    f"by its file's label set, this is the entity type {type_}, which the model's label set "
                    f"{label_set.name} lacks ({' '.join(known)}).{did_you_mean(type_, known)}",
                    path=sentence.path,
                    line=line_of(sentence, start),
                    hint="a TOML file for --train-labels maps the file's types, or drops them with O",
                )


def _leave_out(config: RunConfig, train_set: Labelled, evaluation: list[Sentence]) -> None:
    """Takes the sentences out of the training set that the filters name; dev and test stay as they are."""
    kept, dropped = leave_out(train_set.corpora, config.drop, evaluation)
    train_set.dropped.extend(dropped)
    train_set.sentences[:] = [sentence for corpus in kept for sentence in corpus]
    train_set.sizes[:] = map(len, kept)


def _name_documents(config: RunConfig, train_set: Labelled, others: list[Sentence]) -> str:
    """Says of each sentence of which document it is; what to tell a person of it."""
    Documents(config.documents).name([*train_set.sentences, *others])
    known = sum(sentence.document is not None for sentence in train_set.sentences)
    unknown = "no `# newdoc`, no documents.tsv beside the file, no --documents"
    by = ", ".join(tables_of(config, config.train)) or ("as the files say" if known else unknown)
    return f"{known:,} of {len(train_set.sentences):,} sentences of train are of a known document ({by})"


def _also_read(config: RunConfig) -> dict[str, Any]:
    """Other files: tables of documents, and test, which decides what is learnt where it says what to drop."""
    also = {"documents": tables_of(config, [*config.train, *config.dev]), "test": config.test}
    return {
        name: [{"path": path, "sha256": sha256_of(path)} for path in paths]
        for name, paths in also.items()
        if paths
    }
