"""Count sentences, tokens, entities by type, and word forms that the training set lacks.

NorNE's numbers are shown beside those of the paper's Tables 2 to 4 and section 5.4.1
(norne_paper.json). The paper's share of unknown word forms (61.6 %, 4,152 of 6,741 in Nynorsk dev, and
36.3 % in Bokmål dev) is reproduced exactly by counting case-sensitive types except those that are one
character of `string.punctuation` (so `«`, `–` and `...` count). Without case it would be 60.6 %, with
tokens 30.8 %.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bilstm_crf import formats
from bilstm_crf.corpus.labelled import READING, where_labels_are
from bilstm_crf.corpus.norne import SPLITS, languages_of, split_files
from bilstm_crf.errors import warn
from bilstm_crf.labels import Repair, norne_first, read_spans
from bilstm_crf.render.table import Cell, Table, columns
from bilstm_crf.sentence import Sentence

NAMES = {"nob": "Bokmål", "nno": "Nynorsk"}
PAPER_TABLES = {"nob": "table3_bm", "nno": "table4_nn"}
PAPER_TOTALS = {"nob": "BM", "nno": "NN"}
PAPER_UNKNOWN = {"nob": "bokmaal_dev", "nno": "nynorsk_dev"}
PUNCTUATION = frozenset(string.punctuation)
NOTE = (
    "The paper's totals include test. Its Table 2 has fewer sentences and tokens than the published files,\n"
    "and the corpus was corrected after it was counted, so Bokmål differs a little."
)


@dataclass
class Counts:
    """The contents of some sentences."""

    sentences: int = 0
    tokens: int = 0
    entities: Counter[str] = field(default_factory=Counter)  # by type
    forms: set[str] = field(default_factory=set)  # different word forms without punctuation

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> Counts:
        """Count sentences that have `spans`."""
        return cls(
            len(sentences),
            sum(map(len, sentences)),
            Counter(span.type for sentence in sentences for span in sentence.token_spans or ()),
            {token for sentence in sentences for token in sentence.tokens} - PUNCTUATION,
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.sentences + other.sentences,
            self.tokens + other.tokens,
            self.entities + other.entities,
            self.forms | other.forms,
        )

    def json(self) -> dict[str, Any]:
        entities = {type_: self.entities[type_] for type_ in types_in([self])}
        return {
            "sentences": self.sentences,
            "tokens": self.tokens,
            "entities": {**entities, "total": self.entities.total()},
            "forms": len(self.forms),
        }


@dataclass(frozen=True)
class Unknown:
    """The numbers of a text's word forms that the training set lacks."""

    text: str  # the name of the text
    training: str
    forms: int
    unknown: int
    paper: float | None = None  # per cent, if the paper gives it

    @classmethod
    def of(
        cls, text: str, training: str, forms: set[str], known: set[str], said: float | None = None
    ) -> Unknown:
        return cls(text, training, len(forms), len(forms - known), said)

    @property
    def percent(self) -> float:
        return 100 * self.unknown / self.forms if self.forms else 0.0

    def __str__(self) -> str:
        return (
            f"Word forms of {self.text} unknown to {self.training}: {self.unknown:,} of {self.forms:,}, "
            f"{self.percent:.1f} %" + (f" (paper: {self.paper} %)" if self.paper is not None else "")
        )

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "percent": round(self.percent, 2)}


def count(
    paths: Iterable[Path],
    format_name: str | None = None,
    options: formats.FormatOptions = READING,
    repair: Repair | None = None,
) -> Counts:
    """Count files that belong together, in any format and encoding; warn of sentences without labels.

    Raises InputError for ill-formed input.
    """
    counts = Counts()
    for path in paths:
        sentences = [sentence for sentence in formats.read(path, format_name, options) if sentence.tokens]
        read_spans(sentences, repair=repair)
        unlabelled = [sentence for sentence in sentences if sentence.labels is None]
        if unlabelled:
            share = f"{len(unlabelled):,} of {len(sentences):,} sentences have no labels"
            where = where_labels_are(unlabelled[0], path, format_name, options)
            warn(f"{share}, no entity is counted there ({where})", path=path, line=unlabelled[0].line)
        counts += Counts.of(sentences)
    return counts


def count_corpus(folder: Path, language: str) -> dict[str, dict[str, Counts]]:
    """Count a folder with UD's file names by language and split (train, dev, and test if it is there)."""
    return {
        each: {split: count(paths) for split, paths in split_files(folder, each).items() if paths}
        for each in languages_of(language)
    }


def unknown_forms(corpus: Mapping[str, Mapping[str, Counts]]) -> list[Unknown]:
    """Return the forms of each dev and test set that the Bokmål training set lacks (paper, section 5.4.1).

    Without Bokmål, those that the language's own training set lacks.
    """
    trained_on = "nob" if "nob" in corpus else next(iter(corpus))
    known = corpus[trained_on]["train"].forms
    found = []
    for language, splits in corpus.items():
        for split in (name for name in splits if name != "train"):
            compared = (split, trained_on) == ("dev", "nob")
            said = paper()["vocabulary"].get(PAPER_UNKNOWN[language]) if compared else None
            names = f"{NAMES[language]} {split}", f"{NAMES[trained_on]} train"
            found.append(Unknown.of(*names, splits[split].forms, known, said))
    return found


@cache
def paper() -> dict[str, Any]:
    """Return every number that the NorNE paper prints (LREC 2020, arXiv:1911.12146)."""
    text = resources.files("bilstm_crf.corpus").joinpath("norne_paper.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def types_in(counts: Iterable[Counts]) -> list[str]:
    """Return the entity types there, in the order of `norne_first`."""
    return norne_first(type_ for each in counts for type_ in each.entities)


# ---------------------------------------------------------------- reports


@dataclass(frozen=True)
class Statistics:
    """The statistics that `data stats` shows."""

    tables: list[Table]
    unknown: list[Unknown]
    counts: dict[str, Any]  # for JSON
    note: str = ""

    def json(self) -> dict[str, Any]:
        return {**self.counts, "unknown_forms": [each.json() for each in self.unknown]}


def describe_norne(folder: Path, language: str) -> Statistics:
    """Count NorNE and compare it with the paper."""
    corpus = count_corpus(folder, language)
    return Statistics(
        [norne_table(each, splits) for each, splits in corpus.items()],
        unknown_forms(corpus),
        {each: {split: counts.json() for split, counts in splits.items()} for each, splits in corpus.items()},
        NOTE,
    )


def describe_files(
    files: Iterable[str],
    format_name: str | None,
    options: formats.FormatOptions = READING,
    repair: Repair | None = None,
) -> Statistics:
    """Count each file, and the word forms that the first file lacks."""
    counted = {name: count([Path(name)], format_name, options, repair) for name in dict.fromkeys(files)}
    first, *others = counted
    known = counted[first].forms
    return Statistics(
        [files_table(counted)],
        [Unknown.of(name, first, counted[name].forms, known) for name in others],
        {"files": {name: counts.json() for name, counts in counted.items()}},
    )


def norne_table(language: str, splits: Mapping[str, Counts]) -> Table:
    """Return the paper's Table 3 or 4, each number followed by the paper's."""
    printed = paper()[PAPER_TABLES[language]]
    totals = paper()["table2"]["rows"][PAPER_TOTALS[language]]
    names = [*(split for split in SPLITS if split in splits), "total"]
    of = {**splits, "total": sum(splits.values(), Counts())}

    def row(name: str, count: Callable[[Counts], int], said: Mapping[str, int]) -> list[Cell]:
        return [name, *(cell for each in names for cell in (count(of[each]), said.get(each)))]

    rows = [
        row("sentences", lambda counts: counts.sentences, {"total": totals["sentences"]}),
        row("tokens", lambda counts: counts.tokens, {"total": totals["tokens"]}),
    ]
    for type_ in types_in(splits.values()):
        said = dict(zip(printed["columns"], printed["rows"].get(type_, ()), strict=False))
        rows.append(row(type_, lambda counts, type_=type_: counts.entities[type_], said))  # type: ignore[misc]
    said = {
        column: sum(values[printed["columns"].index(column)] for values in printed["rows"].values())
        for column in (*SPLITS, "total")
    }
    rows.append(row("entities", lambda counts: counts.entities.total(), said))
    return Table("", columns(NAMES[language], *(head for each in names for head in (each, "paper"))), rows)


def files_table(files: Mapping[str, Counts]) -> Table:
    """Return one column per file."""
    counts = list(files.values())
    rows: list[list[Cell]] = [
        ["sentences", *(each.sentences for each in counts)],
        ["tokens", *(each.tokens for each in counts)],
    ]
    rows += [[type_, *(each.entities[type_] for each in counts)] for type_ in types_in(counts)]
    rows.append(["entities", *(each.entities.total() for each in counts)])
    return Table("", columns("", *files), rows)
