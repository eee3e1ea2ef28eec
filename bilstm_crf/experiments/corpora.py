"""The corpora of an experiment: NorNE's languages, and own ones from tables [corpus.NAME]."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.config import DataConfig, RunConfig
from bilstm_crf.corpus.filters import check_filters
from bilstm_crf.corpus.norne import SPLITS, find_corpus, find_or_fetch, languages_of, split_files
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.toml_table import check_known
from bilstm_crf.formats import format_of
from bilstm_crf.labels import LABEL_SETS, LabelSet

LANGUAGES = ("nob", "nno", "both")
NORNE = {f"norne:{language}": language for language in LANGUAGES}  # stands for the files of a split
NAME = re.compile(r"\w[\w.+-]*")  # it becomes part of folder names
KEYS = (*SPLITS, "format", "misc_key", "weights", "train_labels", "filter")

NorneFiles = Mapping[str, Mapping[str, Sequence[str]]]  # by language and split


@dataclass(frozen=True)
class Corpus:
    """The files of each split and how they are read. An entry norne:LANGUAGE stands for NorNE's files."""

    name: str
    data: DataConfig

    @property
    def norne_languages(self) -> set[str]:
        """The languages of NorNE that are part of it."""
        return {NORNE[entry] for split in SPLITS for entry in getattr(self.data, split) if entry in NORNE}

    def missing(self, split: str) -> str:
        """Return why the split cannot be read, as "a.conll is not here"; empty where it can."""
        entries = getattr(self.data, split)
        gone = [entry for entry in entries if entry not in NORNE and not Path(entry).is_file()]
        if gone:
            return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} not here"
        return "" if entries else f"there is no {split} file"

    def resolved(self, norne: NorneFiles) -> Corpus:
        """Return the corpus with NorNE's files in place of its entries, as far as `norne` has them.

        The weight and label set of an entry hold for each of its files. A test split that is not complete
        has no files.
        """
        files = {
            split: [
                norne[NORNE[entry]][split] if NORNE.get(entry) in norne else [entry]
                for entry in getattr(self.data, split)
            ]
            for split in SPLITS
        }
        if (self.data.test and self.missing("test")) or not all(files["test"]):
            files["test"] = []
        values: dict[str, Any] = {
            split: tuple(file for part in parts for file in part) for split, parts in files.items()
        }
        for name in ("weights", "train_labels"):
            pairs = zip(getattr(self.data, name), files["train"], strict=False)
            values[name] = tuple(value for value, part in pairs for _ in part)
        return Corpus(self.name, dataclasses.replace(self.data, **values))


NORNE_CORPORA = {
    language: Corpus(language, DataConfig(**dict.fromkeys(SPLITS, (entry,))))  # type: ignore[arg-type]
    for entry, language in NORNE.items()
}


def read_corpus(name: str, table: Mapping[str, Any]) -> Corpus:
    """Return the corpus of a table. Raises UsageError or InputError for what `train` would refuse."""
    if name in LANGUAGES or not NAME.fullmatch(name):
        expected = "letters, digits and . _ + -, and none of " + " ".join(LANGUAGES)
        raise UsageError(f"{name!r} cannot name a corpus, expected {expected}")
    for split in SPLITS:
        entries = table.get(split, [] if split == "test" else None)
        if not isinstance(entries, list) or not (entries or split == "test"):
            raise UsageError(f'{split} is {entries!r}, expected a list of files, as in ["{split}.conllu"]')
    data = RunConfig().replace({f"data.{key}": value for key, value in table.items()}).data
    files = {split: tuple(map(_expand_home, getattr(data, split))) for split in SPLITS}
    data = dataclasses.replace(data, **files)  # type: ignore[arg-type]
    check_filters(data.filter)
    for labels in data.train_labels:
        check_labels(labels)
    for split, entries in files.items():
        for entry in entries:
            if entry.startswith("norne:"):
                check_known(split, entry, NORNE)
                if data.format not in (None, "conllu") or data.misc_key != DataConfig.misc_key:
                    raise UsageError(
                        f"{entry} is CoNLL-U with the key name, but format is {data.format}, "
                        f"misc_key {data.misc_key}",
                        hint="they hold for all files of a corpus; leave them out next to NorNE",
                    )
            else:
                format_of(entry, data.format)
    return Corpus(name, data)


def _expand_home(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path


def check_labels(name: str) -> None:
    """Raise UsageError for an unknown label set, InputError for a bad file of one."""
    if not name.endswith(".toml"):
        check_known("labels", name, [*LABEL_SETS, "file"])
    LabelSet.named(name)


def find_norne(data: str | None, corpora: Iterable[Corpus], *, fetch: bool) -> NorneFiles:
    """Return NorNE's files for these corpora, fetched as `train` does where `fetch` allows it.

    A split of which a file is missing has none. Raises what `find_or_fetch` raises.
    """
    found = {}
    for language in sorted(set().union(*(corpus.norne_languages for corpus in corpora))):
        splits = find_or_fetch(data, language) if fetch else split_files(find_corpus(data), language)
        complete = len(languages_of(language))
        found[language] = {
            split: [str(path) for path in paths] if len(paths) == complete else []
            for split, paths in splits.items()
        }
    return found
