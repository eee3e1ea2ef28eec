"""Read an experiment file: TOML that says what to train (rows) and what to score (columns).

A row, a column and [base] hold settings as `train --config` takes them, and `language`, which names a corpus.
docs/experiments.md describes the file.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bilstm_crf.config import MAX_SEED, RunConfig
from bilstm_crf.corpus.norne import STEMS, languages_of
from bilstm_crf.embeddings import names
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.evaluation.report import require_scorable
from bilstm_crf.experiments.corpora import KEYS, LANGUAGES, NORNE_CORPORA, Corpus, check_labels, read_corpus
from bilstm_crf.experiments.records import Evaluation
from bilstm_crf.experiments.runs import Run, changes
from bilstm_crf.experiments.toml_table import TomlTable, check_known
from bilstm_crf.labels import LabelSet
from bilstm_crf.training.unused import without_unused
from bilstm_crf.util import fields
from bilstm_crf.util.files import read_toml

OWN_KEYS = ("name", "language", "evaluate", "paper")  # of a row or column; all others are settings
TABLES = ("scores", "confusion")  # what the table shows of each cell
STATISTICS = ("totals", "entities")  # what is counted where nothing is trained
OF_CORPUS = tuple(f"data.{key}" for key in (*KEYS, "documents", "folder", "token_column", "label_column"))
NO_SETTINGS = {  # of a row, and where they belong
    **dict.fromkeys(OF_CORPUS, "[corpus.NAME] names files and says how they are read"),
    "run.seed": "`seeds` at the top of the file holds the seeds",
    "run.threads": "--threads sets it for all runs",
    "run.output": "--output sets it for all runs",
    "network.init_from": "`train --init-from` fine-tunes a model; an experiment cannot",
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: what is trained for it, what that is scored on, the paper's number."""

    row: str
    column: str
    corpus: str
    config: RunConfig  # without files and seed
    evaluation: Evaluation
    paper: float | None  # a fraction from 0 to 1

    def runs(self, seeds: Iterable[int]) -> list[Run]:
        """Return one run for each seed."""
        return [Run(self.corpus, self.config, seed) for seed in seeds]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that differ from the preset, for the record."""
        values = {path: list(v) if isinstance(v, tuple) else v for path, v in changes(self.config).items()}
        return {"language": self.corpus, "preset": self.config.preset, **values}


@dataclass(frozen=True)
class Experiment:
    """A table: its cells, row by row; or, with `statistics`, what is counted for it."""

    name: str  # of the file
    path: str
    title: str
    beside: str | None  # where the other numbers come from: "NorNE, Table 5"
    seeds: Sequence[int] = (42,)
    show: Literal["scores", "confusion"] = "scores"
    cells: Sequence[Cell] = ()
    corpora: Mapping[str, Corpus] = field(default_factory=dict)  # own ones, by name
    statistics: str | None = None
    language: str = "both"  # what the statistics are of
    quick: bool = False  # with fewer epochs than the file says

    @property
    def used_corpora(self) -> set[str]:
        """The names of the corpora that it trains on, scores or counts."""
        counted = set(languages_of(self.language)) if self.statistics else set()
        return counted.union(*({cell.corpus, cell.evaluation.language} for cell in self.cells))


def read_experiment(path: str | Path) -> Experiment:
    """Return the experiment of a file. Raises UsageError where there is no file, InputError for a bad one."""
    path = Path(path)
    if not os.path.lexists(path):
        raise _not_there(path)
    content = read_toml(path)
    top = TomlTable(str(path), "the file", content)
    beside = top.text("beside") if "beside" in content else None
    if "statistics" in content:
        top.check_keys(("title", "beside", "statistics", "language"))
        head = Experiment(path.stem, str(path), top.text("title"), beside)
        language = top.choice("language", ["both", *STEMS], "both")
        return replace(head, language=language, statistics=top.choice("statistics", STATISTICS))
    top.check_keys(("title", "beside", "statistics", "seeds", "show", "corpus", "base", "row", "column"))
    head = Experiment(path.stem, str(path), top.text("title"), beside)
    corpora = _read_corpora(top)
    with top.named():
        seeds = check_seeds(content.get("seeds", [42]))
    is_confusion = top.choice("show", TABLES, "scores") == "confusion"
    return replace(
        head,
        corpora=corpora,
        seeds=seeds,
        show="confusion" if is_confusion else "scores",
        cells=_read_cells(top, {**NORNE_CORPORA, **corpora}),
    )


def _not_there(path: Path) -> UsageError:
    """Return an error that names files of that or a similar name, there or in experiments/."""
    there = {
        each.name: each for folder in (Path("experiments"), path.parent) for each in folder.glob("*.toml")
    }
    name = path.name if path.suffix == ".toml" else f"{path.name}.toml"
    guess = f" Did you mean {there[name]}?" if name in there else did_you_mean(name, there)
    here = " ".join(map(str, there.values()))
    hint = f"files there: {here}" if here else "the paper's tables are in experiments/ of the repository"
    return UsageError(f"{path}: there is no such file.{guess}", hint=hint)


def check_seeds(seeds: Any) -> list[int]:
    """Return seeds. Raises UsageError for what are not different whole numbers that JSON readers can hold."""
    right = isinstance(seeds, list) and all(type(each) is int and 0 <= each <= MAX_SEED for each in seeds)
    if not right or not seeds or len(set(seeds)) < len(seeds):
        expected = "different whole numbers such as 42, 43, 44, at most 2**63 - 1"
        raise UsageError(f"seeds is {reprlib.repr(seeds)}, expected {expected}")
    return list(seeds)


def _read_corpora(top: TomlTable) -> dict[str, Corpus]:
    corpora = {}
    for name, content in TomlTable(top.path, "[corpus]", top.content.get("corpus", {})).content.items():
        table = TomlTable(top.path, f"[corpus.{name}]", content)
        table.check_keys(KEYS)
        with table.named():
            corpora[name] = read_corpus(name, content)
    return corpora


# ---------------------------------------------------------------- cells


def _read_cells(top: TomlTable, corpora: Mapping[str, Corpus]) -> list[Cell]:
    base = TomlTable(top.path, "[base]", top.content.get("base", {}))
    columns = _read_tables(top, "column", default=[{"name": "F1"}])
    rows = _read_tables(top, "row")
    for table, refused in ((base, "name evaluate paper"), *((r, "evaluate") for r in rows)):
        for key in set(refused.split()) & set(table.content):
            table.fail(f"has no key {key}", "rows and columns have a name, columns evaluate, rows paper")
    settings = {id(table): _read_settings(table, corpora) for table in (base, *rows, *columns)}
    names_of_columns = [column.text("name") for column in columns]
    cells = []
    for row in rows:
        paper = _read_paper(row, names_of_columns)
        for column in columns:
            parts = [settings[id(table)] for table in (base, row, column)]
            for path in set(parts[1]) & set(parts[2]):
                column.fail(f"and {row.name} both have {path}, expected it in one of them")
            both = TomlTable(row.path, f"{row.name}, {column.name}", {})
            with both.named():
                corpus, config = _configure(parts, corpora)
            evaluation = _read_evaluation(column, corpus, config, corpora)
            with both.named():
                _check_can_score(config.data.labels, evaluation.labels)
            name = column.text("name")
            cells.append(Cell(row.text("name"), name, corpus, config, evaluation, paper.get(name)))
    return cells


def _read_tables(top: TomlTable, kind: str, default: list[Any] | None = None) -> list[TomlTable]:
    """Return all [[row]]s or [[column]]s, each of them with a name of its own."""
    content = top.content.get(kind, default)
    if isinstance(content, dict):
        top.fail(f"has a table [{kind}], expected [[{kind}]]: there can be several")
    if not isinstance(content, list) or not content:
        top.fail(f"lacks [[{kind}]]")
    tables = [
        TomlTable(top.path, f"[[{kind}]] {number}", each) for number, each in enumerate(content, start=1)
    ]
    known: set[str] = set()
    for table in tables:
        name = table.text("name")
        if name in known:
            table.fail(f'has name = "{name}", as another one has')
        known.add(name)
        table.name = f'[[{kind}]] "{name}"'
    return tables


def _read_settings(table: TomlTable, corpora: Iterable[str]) -> dict[str, Any]:
    """Return the settings of a table by path, each of them checked, so that an error names this table."""
    given = {key: value for key, value in table.content.items() if key not in OWN_KEYS}
    with table.named():
        found = fields.read(RunConfig, given)
        for path in set(found) & set(NO_SETTINGS):
            raise UsageError(f"{path} cannot be set here", hint=NO_SETTINGS[path])
        RunConfig.of_preset(found.get("preset", "paper"))
        if "data.labels" in found:
            check_labels(found["data.labels"])
        if "words.embeddings" in found:
            _check_embeddings(found["words.embeddings"])
    if "language" in table.content:
        found["language"] = table.choice("language", corpora)
    return found


def _configure(parts: Sequence[Mapping[str, Any]], corpora: Mapping[str, Corpus]) -> tuple[str, RunConfig]:
    """Return the corpus and configuration of a cell. Settings without an effect have their preset's values.

    Raises UsageError for settings that cannot be together.
    """
    merged = fields.merge(*parts)
    if "encoder.name" not in merged:  # a base may have settings of the encoder that some rows name
        merged = {
            path: v for path, v in merged.items() if path not in parts[0] or not path.startswith("encoder.")
        }
    corpus = merged.pop("language", "nob")
    if corpus not in LANGUAGES:
        merged.setdefault("data.labels", "file")
    preset = RunConfig.of_preset(merged.get("preset", "paper"))
    return corpus, without_unused(preset.replace(merged))


def _check_embeddings(name: str) -> None:
    """Raise UsageError for what can be no vectors. A file that is not here can: then a row is not run."""
    path = Path(name).expanduser()
    if name in names.NAMES:
        return
    if path.is_dir():
        hint = f"known names: {' '.join(names.NAMES)}"
        raise UsageError(f"embeddings is {name!r}, a folder, expected a file or a known name", hint=hint)
    if not path.exists() and "/" not in name and not name.endswith(names.SUFFIXES):
        check_known("embeddings", name, (*names.NAMES, "a file"))


def _check_can_score(model: str, evaluation: str) -> None:
    """Raise UsageError where a model of one label set cannot be scored in another.

    That is also where the types of one of the two are unknown before its files are read.
    """
    if model == evaluation:
        return
    own, other = LabelSet.named(model), LabelSet.named(evaluation)
    if own.types is None or other.types is None:
        raise UsageError(f"a model with the labels {model} cannot be scored in the label set {evaluation}")
    require_scorable(own, other)


def _read_evaluation(column: TomlTable, corpus: str, config: RunConfig, corpora: Iterable[str]) -> Evaluation:
    table = TomlTable(column.path, f"evaluate in {column.name}", column.content.get("evaluate", {}))
    table.check_keys(("language", "split", "labels"))
    language = table.choice("language", corpora, corpus)
    split = table.choice("split", ("dev", "test"), "dev")
    labels = table.text("labels", config.data.labels)
    with table.named():
        check_labels(labels)
    return Evaluation(language, split, labels)


def _read_paper(row: TomlTable, columns: Iterable[str]) -> dict[str, float]:
    """Return the paper's numbers by column: per cent in the file, fractions from here on."""
    numbers = TomlTable(row.path, f"paper in {row.name}", row.content.get("paper", {}))
    numbers.check_keys(columns)
    for name, value in numbers.content.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (value == 0 or 1 < value <= 100):
            numbers.fail(f"has {name} = {value!r}, expected a number in per cent, as in 90.75")
    return {name: round(value / 100, 8) for name, value in numbers.content.items()}
