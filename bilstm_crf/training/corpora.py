"""Read the corpora of a run: train (filtered), dev and test, checked and summarised for the user."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus import overview
from bilstm_crf.corpus.documents import Documents, tables_of
from bilstm_crf.corpus.filters import check_filters, summary
from bilstm_crf.corpus.labelled import DataFile, Labelled, read_labelled
from bilstm_crf.errors import InputError, did_you_mean, warn
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import LabelSet, line_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of


@dataclass(frozen=True)
class Corpora:
    """The sentences of a run, and the files they come from."""

    train: Labelled
    dev: Labelled
    test: Labelled | None
    label_set: LabelSet
    tables: Sequence[DataFile] = ()  # of documents

    @property
    def dev_chooses(self) -> bool:
        """Whether dev scores can tell one epoch from another: dev has an entity of a type that train has."""
        known = {span.type for sentence in self.train.sentences for span in sentence.spans or ()}
        return any(span.type in known for sentence in self.dev.sentences for span in sentence.spans or ())

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


def load_corpora(config: RunConfig, say: Callable[[str], None]) -> Corpora:
    """Read, filter and check the corpora, and name each sentence's document if that matters.

    Raises InputError for a file that cannot be read, UsageError for filters and label sets that do not exist.
    """
    data = config.data
    check_filters(data.filter)
    label_set = LabelSet.named(data.labels, keep_misc=data.keep_misc)
    label_sets = [LabelSet.named(name, keep_misc=data.keep_misc) for name in data.train_labels]
    reading = FormatOptions(
        misc_key=data.misc_key,
        token_column=data.token_column,
        label_column=data.label_column,
        input_encoding=data.input_encoding,
        keep_raw=False,
    )
    read = partial(read_labelled, format=data.format, options=reading, repair=data.repair)
    train = read(data.train, label_sets or label_set, drop_ill_formed="ill-formed" in data.filter)
    if label_sets and label_set.types is not None:
        _require_types(train, label_set)
    dev = read(data.dev, label_set)
    test = read(data.test, label_set) if data.test else None
    evaluation = [*dev.sentences, *([] if test is None else test.sentences)]
    if data.filter:
        train = train.without(data.filter, evaluation)
        say(f"train    {summary(train.dropped, len(train.sentences))}")
    corpora = Corpora(train, dev, test, label_set)
    for name, split in corpora.splits.items():
        found = ", ".join(dict.fromkeys(split.encodings))
        say(f"{name:<8} {len(split.sentences):,} sentences, {split.tokens:,} tokens, labels in {found}")
    _show_entities(corpora, say, patience=config.schedule.patience > 0)
    if config.reads_neighbours:
        Documents(data.documents).name([*train.sentences, *evaluation])
        say(f"context  {_known_documents(train.sentences, tables_of(config, data.train))}")
    tables = [DataFile(path, sha256_of(path)) for path in tables_of(config, [*data.train, *data.dev])]
    return dataclasses.replace(corpora, tables=tables)


def _require_types(train: Labelled, label_set: LabelSet) -> None:
    """Raise InputError for a type that the label sets of the training files keep, but the model's lacks."""
    known = dict.fromkeys(type_ for type_ in (label_set.types or {}).values() if type_ != "O")
    for sentence in train.sentences:
        for start, _, type_ in sentence.spans or ():
            if type_ not in known:
                raise InputError(
                    f"the label set of this file gives the entity type {type_}, which the model's label set "
                    f"{label_set.name} lacks ({' '.join(known)}).{did_you_mean(type_, known)}",
                    path=sentence.path,
                    line=line_of(sentence, start),
                    hint="a TOML file for --train-labels maps the file's types, or drops them with O",
                )


def _show_entities(corpora: Corpora, say: Callable[[str], None], *, patience: bool) -> None:
    """Say how many entities of each type the splits have; warn of what looks like a mistake in them."""
    counts = overview.count_types(corpora.splits)
    if any(counts.values()):
        for line in overview.table(counts):
            say(line)
    for mistake in overview.mistakes(counts):
        warn(mistake)
    if not corpora.dev_chooses:
        what = "entity of a type that train has" if counts["dev"] else "entities"
        idle = ", and --patience has no effect" if patience else ""
        warn(f"dev has no {what}: it cannot choose an epoch, so the last one is kept{idle}")


def _known_documents(sentences: Sequence[Sentence], tables: Sequence[str]) -> str:
    """Say of how many sentences the document is known, and from where."""
    known = sum(sentence.document is not None for sentence in sentences)
    unknown = "no `# newdoc`, no documents.tsv beside the file, no --documents"
    source = ", ".join(tables) or ("# newdoc" if known else unknown)
    return f"the document of {known:,} of {len(sentences):,} training sentences is known ({source})"
