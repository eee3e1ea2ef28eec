"""Read the corpora of a run: train (filtered), dev and test, checked and summarised for the user."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from bilstm_crf.config import DataConfig
from bilstm_crf.corpus import overview
from bilstm_crf.corpus.documents import Documents, tables_of
from bilstm_crf.corpus.filters import check_filters, summary
from bilstm_crf.corpus.labelled import DataFile, Labelled, read_labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import warn
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of


@dataclass(frozen=True)
class Corpora:
    """The sentences of a run, and the files they come from."""

    train: Labelled
    dev: Labelled
    test: Labelled | None
    mixture: Mixture  # which of `seen` an epoch draws
    caseless: Sequence[Sentence] = ()  # the sentences of train in lower case
    tables: Sequence[DataFile] = ()  # of documents

    @property
    def dev_chooses(self) -> bool:
        """Whether dev scores can tell one epoch from another: dev has an entity of a type that train has."""
        known = {span.type for sentence in self.train.sentences for span in sentence.token_spans or ()}
        return any(
            span.type in known for sentence in self.dev.sentences for span in sentence.token_spans or ()
        )

    def with_dev(self, filters: Collection[str]) -> Corpora:
        """Return the corpora with dev as a part of train, each sentence once per epoch, none in lower case.

        Dev passes the same filters as train. What was removed from train because it is in dev is not missed:
        dev is there now.
        """
        train = self.train + self.dev
        if filters:
            train = train.without(filters, [] if self.test is None else self.test.sentences)
        weights = [*self.mixture.weights[: len(self.train.sizes)], *[1.0] * len(self.dev.sizes)]
        return dataclasses.replace(self, train=train, caseless=(), mixture=Mixture(train.sizes, weights))

    @property
    def seen(self) -> list[Sentence]:
        """All sentences that training may draw."""
        return [*self.train.sentences, *self.caseless]

    def with_caseless(self, share: float) -> Corpora:
        """Return the corpora with the training sentences in lower case too, with a share of their weights.

        They are in documents of their own, since their names are the originals' in another case.
        """
        if not share:
            return self
        sentences = self.train.sentences
        lower = [
            dataclasses.replace(
                each, tokens=[*map(str.lower, each.tokens)], path=f"{each.path} in lower case"
            )
            for each in sentences
        ]
        weights = [share * weight for weight in self.mixture.weights]
        mixture = Mixture([*self.mixture.sizes] * 2, [*self.mixture.weights, *weights])
        return dataclasses.replace(self, caseless=lower, mixture=mixture)

    @property
    def files(self) -> dict[str, list[DataFile]]:
        """The files of the splits, and the tables of documents, for the record."""
        files = {name: split.files for name, split in self.splits.items()}
        return {**files, "documents": list(self.tables)} if self.tables else files

    @property
    def splits(self) -> dict[str, Labelled]:
        """The splits by name."""
        test = {} if self.test is None else {"test": self.test}
        return {"train": self.train, "dev": self.dev, **test}


def reading_options(config: DataConfig) -> FormatOptions:
    """Return the options for reading the files of a run."""
    return FormatOptions(
        misc_key=config.misc_key,
        token_column=config.token_column,
        label_column=config.label_column,
        input_encoding=config.input_encoding,
        keep_raw=False,
    )


def load_corpora(config: DataConfig, say: Callable[[str], None], *, documents: bool) -> Corpora:
    """Read, filter and check the corpora; with `documents`, name the document of each sentence.

    Raises InputError for a file that cannot be read, UsageError for filters and label sets that do not exist.
    """
    check_filters(config.filter)
    label_set = LabelSet.named(config.labels, keep_misc=config.keep_misc)
    label_sets = [LabelSet.named(name, keep_misc=config.keep_misc) for name in config.train_labels]
    options = reading_options(config)
    read = partial(read_labelled, format=config.format, options=options, repair=config.repair)
    train = read(config.train, label_sets or label_set, drop_ill_formed="ill-formed" in config.filter)
    if label_sets and label_set.types is not None:  # which must have every type of the files' own sets
        own = LabelSet(label_set.name, {type_: type_ for type_ in label_set.types.values()})
        for sentence in train.sentences:
            own.map(sentence)
    dev = read(config.dev, label_set)
    test = read(config.test, label_set) if config.test else None
    evaluation = [*dev.sentences, *([] if test is None else test.sentences)]
    if config.filter:
        train = train.without(config.filter, evaluation)
        say(f"train    {summary(train.dropped, len(train.sentences))}")
    corpora = Corpora(train, dev, test, Mixture(train.sizes, config.weights or [1.0] * len(train.sizes)))
    for name, split in corpora.splits.items():
        found = ", ".join(dict.fromkeys(split.encodings))
        say(f"{name:<8} {len(split.sentences):,} sentences, {split.tokens:,} tokens, labels in {found}")
    _show_entities(corpora, say)
    if not documents:
        return corpora
    Documents(config.documents).name([*train.sentences, *evaluation])
    known = [sentence for sentence in train.sentences if sentence.document is not None]
    tables = tables_of(config.documents, [*config.train, *config.dev])
    unknown = "no `# newdoc`, no documents.tsv beside the file, no --documents"
    source = ", ".join(tables) or ("# newdoc" if known else unknown)
    number = f"{len(known):,} of {len(train.sentences):,}"
    say(f"context  the document of {number} training sentences is known ({source})")
    return dataclasses.replace(corpora, tables=[DataFile(path, sha256_of(path)) for path in tables])


def _show_entities(corpora: Corpora, say: Callable[[str], None]) -> None:
    """Say how many entities of each type the splits have; warn of what looks like a mistake in them."""
    counts = overview.count_types(corpora.splits)
    if any(counts.values()):
        for line in overview.table(counts):
            say(line)
    for mistake in overview.mistakes(counts):
        warn(mistake)
    if not corpora.dev_chooses:
        what = "entity of a type that train has" if counts["dev"] else "entities"
        warn(f"dev has no {what}: it cannot choose an epoch: the last one is kept, --patience has no effect")
