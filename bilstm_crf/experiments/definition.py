"""An experiment's file: TOML that says what to train (rows), what to score (columns), beside which numbers.

The first in this room: text comes in, an Experiment goes out, or an InputError that names the place.
docs/experiments.md describes the file.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bilstm_crf.corpus.norne import STEMS
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.experiments.corpora import OwnCorpus
from bilstm_crf.experiments.place import Place
from bilstm_crf.experiments.settings import (
    LANGUAGES,
    Evaluation,
    Run,
    Settings,
    check_can_score,
    check_known,
    is_seed,
)
from bilstm_crf.util.files import read_toml

SETTINGS = ("language", "labels", "encoding", "embeddings", "bert", "preset", "final", "set")
EVALUATE = ("language", "split", "labels")
SHOWS = ("scores", "confusion")  # what the table shows of each cell
CORPUS = tuple(each.name for each in fields(OwnCorpus) if each.name != "name")
STATISTICS = ("totals", "entities")  # what is counted where nothing is trained


@dataclass(frozen=True)
class Cell:
    """One place of a table: what is trained for it, what that is scored on, what the paper says."""

    row: str
    column: str
    settings: Settings
    evaluation: Evaluation
    paper: float | None  # a fraction from 0 to 1

    def runs(self, seeds: Iterable[int]) -> list[Run]:
        """One training for each seed."""
        return [Run(self.settings, seed) for seed in seeds]


@dataclass(frozen=True)
class Experiment:
    """A table: its cells, row by row; or, where `statistics` is set, what is counted for it."""

    name: str  # of the file
    path: str
    title: str
    beside: str | None  # where the other numbers come from: "NorNE, Table 5"
    seeds: list[int] = field(default_factory=lambda: [42])
    show: str = "scores"
    cells: list[Cell] = field(default_factory=list)
    corpora: dict[str, OwnCorpus] = field(default_factory=dict)  # of one's own, by name
    statistics: str | None = None
    language: str = "both"  # what the statistics are of
    quick: bool = False  # with fewer epochs than the file says


def read_experiment(path: str | Path) -> Experiment:
    """The experiment of a file. Raises UsageError where there is no file, InputError for a bad one."""
    path = Path(path)
    if not os.path.lexists(path):
        raise _not_there(path)
    content = read_toml(path)
    top = Place(str(path), "the file", content)
    if "statistics" in content:
        top.check_keys(("title", "beside", "statistics", "language"))
        language = top.choice("language", ["both", *STEMS], "both")
        statistics = top.choice("statistics", STATISTICS)
        return Experiment(**_head(top, path), statistics=statistics, language=language)
    top.check_keys(("title", "beside", "statistics", "seeds", "show", "corpus", "base", "row", "column"))
    corpora = _corpora(top)
    return Experiment(
        **_head(top, path),
        seeds=_seeds(top),
        show=top.choice("show", SHOWS, "scores"),
        cells=_cells(top, corpora),
        corpora=corpora,
    )


def _not_there(path: Path) -> UsageError:
    """Says which file of that name, or of one like it, is there or in experiments/."""
    there = {
        each.name: each for folder in (Path("experiments"), path.parent) for each in folder.glob("*.toml")
    }
    name = path.name if path.suffix == ".toml" else f"{path.name}.toml"
    guess = f" Did you mean {there[name]}?" if name in there else did_you_mean(name, there)
    here = " ".join(map(str, there.values()))
    hint = f"here are: {here}" if here else "the paper's tables lie in experiments/"
    return UsageError(f"{path}: there is no such file.{guess}", hint=hint)


def _head(top: Place, path: Path) -> dict[str, Any]:
    beside = top.text("beside") if "beside" in top.content else None
    return {"name": path.stem, "path": str(path), "title": top.text("title"), "beside": beside}


def _seeds(top: Place) -> list[int]:
    seeds = top.content.get("seeds", [42])
    whole = isinstance(seeds, list) and all(map(is_seed, seeds))
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        expected = "different whole numbers, as in [42, 43, 44], none of them above 2**63 - 1"
        top.fail(f"has seeds = {seeds!r}, expected {expected}")
    return seeds


def _corpora(top: Place) -> dict[str, OwnCorpus]:
    corpora = {}
    for name, content in Place(top.path, "[corpus]", top.content.get("corpus", {})).content.items():
        place = Place(top.path, f"[corpus.{name}]", content)
        place.check_keys(CORPUS)
        with place.named():
            corpora[name] = OwnCorpus.of(name, content)
    return corpora


def _cells(top: Place, corpora: Collection[str]) -> list[Cell]:
    base = Place(top.path, "[base]", top.content.get("base", {}))
    base.check_keys(SETTINGS)
    columns = _tables(top, "column", default=[{"name": "F1"}])
    rows = _tables(top, "row")
    for column in columns:
        column.check_keys(("name", *SETTINGS, "evaluate"))
    for row in rows:
        row.check_keys(("name", *SETTINGS, "paper"))
    return [_cell(base, row, column, columns, corpora) for row in rows for column in columns]


def _tables(top: Place, kind: str, default: list[Any] | None = None) -> list[Place]:
    """All [[row]]s or [[column]]s, each of them with a name of its own."""
    content = top.content.get(kind, default)
    if isinstance(content, dict):
        top.fail(f"has a table [{kind}], expected [[{kind}]]: there can be several")
    if not isinstance(content, list) or not content:
        top.fail(f"lacks [[{kind}]]")
    tables = [Place(top.path, f"[[{kind}]] {number}", each) for number, each in enumerate(content, start=1)]
    names: set[str] = set()
    for table in tables:
        name = table.text("name")
        if name in names:
            table.fail(f'has name = "{name}", as another one has')
        names.add(name)
        table.name = f'[[{kind}]] "{name}"'
    return tables


def _cell(base: Place, row: Place, column: Place, columns: list[Place], corpora: Collection[str]) -> Cell:
    parts = [_settings(place, corpora) for place in (base, row, column)]
    for key in parts[2]:
        if key in parts[1] and key != "set":
            column.fail(f"and {row.name} both have {key}, expected it in one of them")
    changes = {key: value for part in parts for key, value in part.get("set", {}).items()}
    both = Place(row.path, f"{row.name}, {column.name}", {})
    with both.named():
        settings = Settings.of({**parts[0], **parts[1], **parts[2], "set": changes}, corpora).effective()
    evaluation = _evaluation(column, settings, corpora)
    with both.named():
        check_can_score(settings.labels, evaluation.labels)
    name = column.content["name"]
    paper = _paper(row, [each.content["name"] for each in columns])
    return Cell(row.content["name"], name, settings, evaluation, paper.get(name))


def _settings(place: Place, corpora: Collection[str]) -> dict[str, Any]:
    """The settings that stand there, each of them checked, so that a message names this place."""
    own = {key: value for key, value in place.content.items() if key in SETTINGS}
    with place.named():
        Settings.of(own, corpora)
    return own


def _evaluation(column: Place, settings: Settings, corpora: Collection[str]) -> Evaluation:
    place = Place(column.path, f"evaluate in {column.name}", column.content.get("evaluate", {}))
    place.check_keys(EVALUATE)
    where = {"language": settings.language, "split": "dev", "labels": settings.labels}
    values = {key: place.text(key, default) for key, default in where.items()}
    with place.named():
        check_known("language", values["language"], (*LANGUAGES, *corpora))
        return Evaluation(**values)


def _paper(row: Place, columns: list[str]) -> Mapping[str, float]:
    """The row's numbers from elsewhere by column, per cent in the file, fractions from here on."""
    numbers = Place(row.path, f"paper in {row.name}", row.content.get("paper", {}))
    numbers.check_keys(columns)
    for name, value in numbers.content.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not (value == 0 or 1 < value <= 100):
            numbers.fail(f"has {name} = {value!r}, expected a number in per cent, as in 90.75")
    return {name: round(value / 100, 8) for name, value in numbers.content.items()}
