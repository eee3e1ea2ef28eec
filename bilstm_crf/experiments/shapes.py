"""What the JSON of tables and runs must hold for a table or a report to be made of it.

A shape asks for what is used and leaves other fields alone, so that results of older and newer versions can
be read as well. docs/experiments.md describes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bilstm_crf.errors import InputError
from bilstm_crf.experiments.check import HINT, IfThere, Leaf, MapOf, OrNull, Shape, check
from bilstm_crf.experiments.settings import is_seed

MAX_NUMBER = 10**15  # no number of a result is larger: what is has been damaged, and could not be drawn

TEXT = Leaf("a text", lambda value: isinstance(value, str))
FLAG = Leaf("true or false", lambda value: isinstance(value, bool))
COUNT = Leaf("a whole number, 0 or more", lambda value: type(value) is int and 0 <= value < MAX_NUMBER)
SEED = Leaf("a whole number from 0 to 2**63 - 1", is_seed)
NUMBER = Leaf(
    "a number", lambda value: type(value) in (int, float) and -MAX_NUMBER < value < MAX_NUMBER
)  # NaN is not
ANYTHING = Leaf("anything", lambda value: True)

FRACTIONS: dict[str, Shape] = {"precision": NUMBER, "recall": NUMBER, "f1": NUMBER}
SCORE: dict[str, Shape] = {**FRACTIONS, "gold": COUNT, "predicted": COUNT, "correct": COUNT}
INTERVAL: Shape = {"low": NUMBER, "high": NUMBER, "level": NUMBER}
CONFUSION: dict[str, Shape] = {"types": [TEXT], "spans": [[COUNT]], "words": [[COUNT]]}

# ---------------------------------------------------------------- tables/NAME.json

FORMAT = 1  # of the tables that can be read
KINDS = ("statistics", "scores", "confusion")  # in the order of a report
TABLE: dict[str, Shape] = {
    "bilstm_crf": TEXT,
    "file": TEXT,
    "kind": Leaf(" or ".join(KINDS), lambda value: value in KINDS),
    "title": TEXT,
    "beside": OrNull(TEXT),
    "columns": [TEXT],
    "rows": [{"row": TEXT, "cells": [{"column": TEXT, "paper": OrNull(NUMBER)}]}],
}
NUMBERS: Shape = {"ours": OrNull(COUNT), "paper": OrNull(COUNT), "difference": OrNull(NUMBER)}
STATISTICS: Shape = {"missing": [TEXT], "rows": [{"cells": [NUMBERS]}]}
CELL: dict[str, Shape] = {
    "settings": IfThere({"final": IfThere(FLAG)}),
    "evaluation": {"language": TEXT, "split": TEXT, "labels": TEXT},
    "runs": MapOf(TEXT),
    "difference": OrNull(NUMBER),
    "seeds": MapOf(SCORE),
    "missing": MapOf(TEXT),
    "mean": OrNull(NUMBER),
    "sd": OrNull(NUMBER),
}
SCORED: Shape = {  # of a cell with a mean
    "interval": INTERVAL,
    "signature": TEXT,
    "types": MapOf({**FRACTIONS, "gold": COUNT}),
    "confusion": CONFUSION,
}
END: Shape = {"row": TEXT, "column": TEXT}
PAIR: Shape = {
    "a": END,
    "b": END,
    "seeds": [SEED],
    "difference": NUMBER,
    "p_value": NUMBER,
    "p_holm": NUMBER,
}
SCORES: Shape = {
    "quick": FLAG,
    "epochs": [COUNT],
    "seeds": [SEED],
    "rows": [{"cells": [CELL]}],
    "comparisons": {"test": TEXT, "resamples": COUNT, "correction": TEXT, "pairs": [PAIR]},
    "runs": MapOf({"done": FLAG, "why": IfThere(TEXT)}),
}

# ---------------------------------------------------------------- runs/NAME/

FILE: Shape = {"path": TEXT, "sha256": TEXT, "sentences": IfThere(OrNull(COUNT))}
CONFIG: Shape = {
    "bilstm_crf": TEXT,
    "commit": IfThere(OrNull(TEXT)),
    "command": TEXT,
    "config": {
        "data": {"labels": TEXT, "encoding": TEXT},
        "words": {"embeddings": TEXT},
        "schedule": {"epochs": COUNT},
        "run": {"seed": SEED},
    },
    "data": MapOf([FILE]),
    "encoder": IfThere(OrNull({"name": TEXT, "sha256": TEXT})),
    "vectors": OrNull({"file": TEXT, "sha256": TEXT, "words": IfThere(COUNT), "dim": IfThere(COUNT)}),
    "environment": MapOf(ANYTHING),
}
EPOCH: Shape = {
    "epoch": COUNT,
    "loss": NUMBER,
    "dev": FRACTIONS,
    "seconds": IfThere(NUMBER),
    "dev_seconds": IfThere(NUMBER),
}
REPORT: dict[str, Shape] = {
    "signatures": {"strict": TEXT},
    "sentences": COUNT,
    "strict": {"micro": SCORE, "macro": FRACTIONS, "types": MapOf(SCORE)},
    "interval": INTERVAL,
    "confusion": CONFUSION,
}
SCORE_FILE: Shape = {
    "data_sha256": TEXT,
    "model_sha256": TEXT,
    "counts": {"correct": [COUNT], "gold": [COUNT], "predicted": [COUNT]},
}
SECOND_PHASE: Shape = {
    "sentences": COUNT,
    "batches": COUNT,
    "epochs": COUNT,
    "seconds": NUMBER,
    "test": IfThere(OrNull(REPORT)),
}
METRICS: Shape = {
    "best_epoch": COUNT,
    "epochs": COUNT,
    "seed": SEED,
    "dev": REPORT,
    "test": IfThere(OrNull(REPORT)),
    "final": IfThere(OrNull(SECOND_PHASE)),
    "seconds": IfThere(MapOf(NUMBER)),
}


def check_table(table: Any, path: Path) -> None:
    """Raises InputError where this is no table of an experiment, or of a format that is not known."""
    check(table, {"format": COUNT}, path)
    if table["format"] != FORMAT:
        found, hint = table["format"], "report with the version of bilstm_crf that made it"
        raise InputError(f"is a table of format {found}, expected {FORMAT}", path=path, hint=hint)
    check(table, TABLE, path)
    check(table, STATISTICS if table["kind"] == "statistics" else SCORES, path)
    for row in table["rows"]:
        columns = [cell["column"] for cell in row["cells"]]
        if columns != table["columns"]:
            message = f"row {row['row']!r} has the columns {columns}, expected {table['columns']}"
            raise InputError(message, path=path, hint=HINT)
        for cell in row["cells"]:
            if cell.get("mean") is not None:
                place = f"row {row['row']!r}, column {cell['column']!r}"
                check(cell, SCORED, path, place=place)
                _check_square(cell["confusion"], path, place)


def check_report(report: Any, path: Path, place: str = "it") -> None:
    """Raises InputError where this is not what `evaluate --json` says."""
    check(report, REPORT, path, place=place)
    _check_square(report["confusion"], path, place)


def check_metrics(metrics: Any, path: Path) -> None:
    """Raises InputError where this is not what a finished run says of itself."""
    check(metrics, METRICS, path)
    for name, report in reports_of(metrics).items():
        check_report(report, path, name)


def reports_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The scores in metrics.json, by split; where there are two models, by the phase that made it as well."""
    second = metrics.get("final")
    phase = " (first phase)" if second else ""
    found = {f"{split}{phase}": metrics.get(split) for split in ("dev", "test")}
    if second:
        found["test (second phase)"] = second.get("test")
    return {name: report for name, report in found.items() if report is not None}


def check_score(score: Any, path: Path) -> None:
    """Raises InputError where this is no evaluation of a run, with the counts of each of its sentences."""
    check_report(score, path)
    check(score, SCORE_FILE, path)
    for part, counts in score["counts"].items():
        if len(counts) != score["sentences"]:
            message = f"counts.{part} has {len(counts)} numbers, expected one for each of the sentences"
            raise InputError(f"{message}, {score['sentences']}", path=path, hint=HINT)
        total = score["strict"]["micro"].get(part)
        if sum(counts) != total:
            message = f"counts.{part} sums to {sum(counts)}, expected strict.micro.{part}, which is {total}"
            raise InputError(message, path=path, hint=HINT)


def _check_square(confusion: Mapping[str, Any], path: Path, place: str) -> None:
    for kind in ("spans", "words"):
        sizes = [len(confusion[kind]), *map(len, confusion[kind])]
        if set(sizes) != {len(confusion["types"])}:
            message = (
                f"{place}: confusion.{kind} has {sizes[0]} rows of {sizes[1:]} numbers, expected one of "
            )
            raise InputError(f"{message}each for {len(confusion['types'])} types", path=path, hint=HINT)
