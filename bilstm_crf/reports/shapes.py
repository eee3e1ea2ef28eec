"""What the JSON of tables and runs must hold for a report to be made of it, and the functions that check it.

The first in this room. A shape asks for what a report shows and leaves other fields alone, so that results
of older and newer versions can be read as well. docs/experiments.md describes the files.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bilstm_crf.errors import InputError

Shape: TypeAlias = "Leaf | OrNull | IfThere | MapOf | list[Shape] | dict[str, Shape]"
MOST = 10**15  # no number of a result is larger: what is has been damaged, and could not be drawn
_HINT = "put the file back as it was written, or move it away: `experiment` and `train` write it anew"


@dataclass(frozen=True)
class Leaf:
    """A text or a number, and how a message calls what was expected."""

    expected: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class OrNull:
    shape: Shape


@dataclass(frozen=True)
class IfThere:
    """A field that may be left out."""

    shape: Shape


@dataclass(frozen=True)
class MapOf:
    """An object whose names are data: seeds, entity types."""

    shape: Shape


TEXT = Leaf("a text", lambda value: isinstance(value, str))
FLAG = Leaf("true or false", lambda value: isinstance(value, bool))
COUNT = Leaf("a whole number, 0 or more", lambda value: type(value) is int and 0 <= value < MOST)
NUMBER = Leaf("a number", lambda value: type(value) in (int, float) and -MOST < value < MOST)  # NaN is not
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
    "seeds": [COUNT],
    "difference": NUMBER,
    "p_value": NUMBER,
    "p_holm": NUMBER,
}
SCORES: Shape = {
    "quick": FLAG,
    "epochs": [COUNT],
    "seeds": [COUNT],
    "rows": [{"cells": [CELL]}],
    "comparisons": {"test": TEXT, "resamples": COUNT, "correction": TEXT, "pairs": [PAIR]},
    "runs": MapOf({"done": FLAG, "why": IfThere(TEXT)}),
}

# ---------------------------------------------------------------- runs/NAME/

FILE: Shape = {"path": TEXT, "sha256": TEXT, "sentences": IfThere(COUNT)}
CONFIG: Shape = {
    "bilstm_crf": TEXT,
    "command": TEXT,
    "config": {
        "seed": COUNT,
        "label_set": TEXT,
        "encoding": TEXT,
        "embeddings": TEXT,
        "recipe": {"epochs": COUNT},
    },
    "data": MapOf([FILE]),
    "vectors": OrNull({"file": TEXT, "sha256": TEXT, "words": IfThere(COUNT), "dim": IfThere(COUNT)}),
    "environment": MapOf(ANYTHING),
}
EPOCH: Shape = {"epoch": COUNT, "loss": NUMBER, "dev": FRACTIONS}
REPORT: dict[str, Shape] = {
    "signatures": {"strict": TEXT},
    "sentences": COUNT,
    "strict": {"micro": SCORE, "macro": FRACTIONS, "types": MapOf(SCORE)},
    "interval": INTERVAL,
    "confusion": CONFUSION,
}
METRICS: Shape = {
    "best_epoch": COUNT,
    "epochs": COUNT,
    "dev": REPORT,
    "test": IfThere(OrNull(REPORT)),
    "seconds": IfThere(MapOf(NUMBER)),
}


def check(value: Any, shape: Shape, path: Path, *, place: str = "it", line: int | None = None) -> None:
    """Raises InputError where `value` is not of the shape; the message names the place inside the file."""

    def fail(expected: str) -> InputError:
        message = f"{place} is {reprlib.repr(value)}, expected {expected}"
        return InputError(message, path=path, line=line, hint=_HINT)

    if isinstance(shape, OrNull | IfThere):
        if value is not None or isinstance(shape, IfThere):
            check(value, shape.shape, path, place=place, line=line)
    elif isinstance(shape, Leaf):
        if not shape.fits(value):
            raise fail(shape.expected)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise fail("a list")
        for number, each in enumerate(value):
            check(each, shape[0], path, place=f"{place}[{number}]", line=line)
    else:
        if not isinstance(value, dict):
            raise fail("an object")
        fields = dict.fromkeys(value, shape.shape) if isinstance(shape, MapOf) else shape
        for name, of_field in fields.items():
            if name in value:
                inside = name if place == "it" else f"{place}.{name}"
                check(value[name], of_field, path, place=inside, line=line)
            elif not isinstance(of_field, IfThere):
                raise InputError(f"{place} lacks the field {name}", path=path, line=line, hint=_HINT)


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
            raise InputError(message, path=path, hint=_HINT)
        for cell in row["cells"]:
            if cell.get("mean") is not None:
                place = f"row {row['row']!r}, column {cell['column']!r}"
                check(cell, SCORED, path, place=place)
                _check_square(cell["confusion"], path, place)


def check_report(report: Any, path: Path, place: str = "it") -> None:
    """Raises InputError where this is not what `evaluate --json` says."""
    check(report, REPORT, path, place=place)
    _check_square(report["confusion"], path, place)


def _check_square(confusion: Mapping[str, Any], path: Path, place: str) -> None:
    for kind in ("spans", "words"):
        sizes = [len(confusion[kind]), *map(len, confusion[kind])]
        if set(sizes) != {len(confusion["types"])}:
            message = (
                f"{place}: confusion.{kind} has {sizes[0]} rows of {sizes[1:]} numbers, expected one of "
            )
            raise InputError(f"{message}each for {len(confusion['types'])} types", path=path, hint=_HINT)


def read_json(path: Path, text: str | None = None, *, line: int | None = None) -> Any:
    """The content of a file, or of one line of it. Raises InputError where it is no JSON."""
    try:
        return json.loads(path.read_text("utf-8") if text is None else text)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} at column {error.colno}"
        raise InputError(message, path=path, line=line or error.lineno, hint=_HINT) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:  # no UTF-8, digits without end, too deep
        raise InputError(f"cannot be read as JSON: {error}", path=path, line=line, hint=_HINT) from error
