"""Corpora of one's own: from a table [corpus.NAME] of an experiment's file to what `train` is given."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.filters import check_filters
from bilstm_crf.corpus.norne import SPLITS
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.settings import LANGUAGES, check_known, check_labels
from bilstm_crf.formats import format_of

Corpus = Mapping[str, Mapping[str, Sequence[str]]]  # files by language (or own corpus) and split
NORNE = {f"norne:{language}": language for language in LANGUAGES}  # in place of a file
NAME = re.compile(r"\w[\w.+-]*")  # it becomes part of the names of folders


@dataclass(frozen=True)
class OwnCorpus:
    """Files by split, and how they are read; a field is the option of `train` that has its name."""

    name: str
    train: tuple[str, ...] = ()  # files; norne:nob, norne:nno or norne:both for NorNE's of that split
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    format: str | None = None
    key: str = "name"
    weights: tuple[float, ...] = ()
    train_labels: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> OwnCorpus:
        """The corpus that a table gives. Raises UsageError for what `train` would not take."""
        if name in LANGUAGES or not NAME.fullmatch(name):
            expected = "letters, digits and . _ + -, and none of " + " ".join(LANGUAGES)
            raise UsageError(f"{name!r} cannot name a corpus, expected {expected}")
        values: dict[str, Any] = {"name": name}
        for field, value in given.items():
            values[field] = _value(field, value)
        own = cls(**values)
        for split in ("train", "dev"):
            if not getattr(own, split):
                raise UsageError(f'{split} names no file, expected some, as in ["{split}.conllu"]')
        RunConfig().replace(own.reading | {"data.train": own.train, "data.dev": own.dev})
        check_filters(own.drop)
        for labels in own.train_labels:
            check_labels(labels)
        for split in SPLITS:
            for entry in getattr(own, split):
                if entry.startswith("norne:"):
                    check_known(split, entry, NORNE, "no part of NorNE")
                    own._check_reads_norne(entry)
                else:
                    format_of(entry, own.format)
        return own

    def _check_reads_norne(self, entry: str) -> None:
        if self.format not in (None, "conllu") or self.key != OwnCorpus.key:
            raise UsageError(
                f"{entry} is CoNLL-U with the key name, but format is {self.format}, key {self.key}",
                hint="they hold for all files of a corpus; without them each file's name tells its format",
            )

    @property
    def reading(self) -> dict[str, Any]:
        """Return the settings of a RunConfig that it has beside the files, by path."""
        return {
            "data.format": self.format,
            "data.misc_key": self.key,
            "data.weights": self.weights,
            "data.train_labels": self.train_labels,
            "data.filter": self.drop,
        }

    @property
    def of_norne(self) -> set[str]:
        """The languages of NorNE that are part of it."""
        return {NORNE[entry] for split in SPLITS for entry in getattr(self, split) if entry in NORNE}

    def missing(self, split: str) -> str | None:
        """What is not here of the files that it names, as a reason; None: nothing."""
        entries = getattr(self, split)
        gone = [entry for entry in entries if entry not in NORNE and not Path(entry).is_file()]
        return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} not here" if gone else None

    def resolved(self, norne: Corpus) -> OwnCorpus:
        """The same with NorNE's files in place of its parts; what `norne` does not have stays.

        A weight and a label set hold for each file of the part. Test files that are not all here are none.
        """
        files = {
            split: [_expanded(entry, norne, split) for entry in getattr(self, split)] for split in SPLITS
        }
        if self.missing("test") or not all(files["test"]):
            files["test"] = []
        values: dict[str, Any] = {split: tuple(_flat(parts)) for split, parts in files.items()}
        for field in ("weights", "train_labels"):
            per_entry = zip(getattr(self, field), files["train"], strict=False)
            values[field] = tuple(value for value, part in per_entry for _ in part)
        return dataclasses.replace(self, **values)

    def train_options(self) -> list[str]:
        """What stands behind `bilstm-crf train` for it."""
        options = [part for split in SPLITS for file in getattr(self, split) for part in (f"--{split}", file)]
        options += ["--format", self.format] if self.format else []
        options += ["--misc-key", self.key] if self.key != OwnCorpus.key else []
        for option, values in (("weight", self.weights), ("train-labels", self.train_labels)):
            options += [part for value in values for part in (f"--{option}", str(value))]
        return [*options, *(part for each in self.drop for part in ("--filter", each))]


def _value(field: str, value: Any) -> Any:
    """A field's value, of the field's type; `~` is the home folder in the names of files."""
    if field in ("format", "key"):
        if not isinstance(value, str):
            raise UsageError(f"{field} is {value!r}, expected a text")
        return value
    kinds, what = ((int, float), "numbers") if field == "weights" else ((str,), "texts")
    right = isinstance(value, list) and all(isinstance(v, kinds) and not isinstance(v, bool) for v in value)
    if not right:
        raise UsageError(f"{field} is {value!r}, expected a list of {what}")
    if field in SPLITS:
        return tuple(str(Path(each).expanduser()) if each.startswith("~") else each for each in value)
    return tuple(value)


def _expanded(entry: str, norne: Corpus, split: str) -> Sequence[str]:
    return norne[NORNE[entry]][split] if NORNE.get(entry) in norne else [entry]


def _flat(parts: Sequence[Sequence[str]]) -> Iterator[str]:
    for part in parts:
        yield from part
