"""An experiment's table as tables of text: the same for the page and for Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bilstm_crf.experiments.markdown import Code
from bilstm_crf.experiments.render import (
    NOTHING,
    PAPER_SEED,
    cells,
    of_seeds,
    pairs,
    pairs_notes,
    percent,
    points,
    second_phase,
    signed,
    summed,
)
from bilstm_crf.reports.scores import OPTIMISTIC, Table, counts, fractions, interval

STRICT = (
    "Strict F1 in per cent, mean ± standard deviation over the seeds; interval by bootstrap over sentences."
)
MISSING = "What was not run, and why"


def scored(table: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The cells that have scores."""
    return [(name, cell) for name, cell in cells(table) if cell["mean"] is not None]


def about(table: Mapping[str, Any]) -> list[str]:
    """What the table is, in lines: what it stands beside, where it comes from, whether it is whole."""
    source = f"{table['file']}, bilstm_crf {table['bilstm_crf']}"
    line = f"Paper: {table['beside']}. From {source}." if table["beside"] else f"From {source}."
    if table["kind"] == "statistics":
        return [line]
    epochs, seeds = (", ".join(map(str, table[key])) or NOTHING for key in ("epochs", "seeds"))
    quick = ["A quick look: fewer epochs than the experiment asks for."] if table["quick"] else []
    return [f"{line} Epochs: {epochs}. Seeds: {seeds}.", *quick]


# ---------------------------------------------------------------- scores


def scores(table: Mapping[str, Any]) -> Table:
    """One line a cell: mean ± sd, the paper's number and the difference (if any), seed 42, interval."""
    head = ["", "F1", "paper", "difference", f"seed {PAPER_SEED}", "95 % interval", "seeds"]
    rows = [head, *([name, *_score(cell)] for name, cell in cells(table))]
    if all(cell["paper"] is None for _, cell in cells(table)):
        rows = [[*row[:2], *row[4:]] for row in rows]
    return Table("Scores", [*rows], [STRICT, OPTIMISTIC, *second_phase(table), *signatures(table)])


def _score(cell: Mapping[str, Any]) -> list[str]:
    done, asked = len(cell["seeds"]), len(cell["seeds"]) + len(cell["missing"])
    seeds = str(done) if done == asked else f"{done} of {asked}"
    if cell["mean"] is None:
        return ["not run", percent(cell["paper"]), NOTHING, NOTHING, NOTHING, seeds]
    spread = f" ± {100 * cell['sd']:.2f}" if cell["sd"] is not None else ""
    return [
        percent(cell["mean"]) + spread,
        percent(cell["paper"]),
        points(cell["difference"]),
        percent(cell["seeds"].get(PAPER_SEED, {}).get("f1")),
        interval(cell["interval"]),
        seeds,
    ]


def signatures(table: Mapping[str, Any]) -> list[Code]:
    """Each signature of its scores once."""
    return [Code(signature) for signature in dict.fromkeys(cell["signature"] for _, cell in scored(table))]


def not_run(table: Mapping[str, Any]) -> list[str]:
    """One line a reason: which cells have no score with which seeds, and why."""
    of_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, cell in cells(table):
        seeds: dict[str, list[str]] = defaultdict(list)
        for seed, reason in cell["missing"].items():
            seeds[reason].append(seed)
        for reason, missing in seeds.items():
            of_reason[reason, of_seeds(missing)].append(name)
    return [
        f"{'; '.join(names)} ({seeds}): {reason.removeprefix('not run: ')}"
        for (reason, seeds), names in of_reason.items()
    ]


def every_seed(table: Mapping[str, Any]) -> Table:
    """The scores behind the means."""
    head = ["", "seed", "precision", "recall", "F1", "gold", "predicted", "correct", "run"]
    rows: list[Sequence[str]] = [head]
    for name, cell in scored(table):
        for seed, score in cell["seeds"].items():
            run = cell["runs"].get(seed, NOTHING)
            rows.append([name, seed, *fractions(score), *counts(score), f"{score['correct']:,}", run])
    return Table("Every seed", rows)


def comparisons(table: Mapping[str, Any]) -> Table | None:
    """Every pair that was compared; None: there was none."""
    found = bool(table["comparisons"]["pairs"])
    return Table("Comparisons", [*pairs(table)], pairs_notes(table)) if found else None


def by_type(table: Mapping[str, Any]) -> Table:
    """F1 of each entity type, and below it the gold spans of each evaluation."""
    types = list(dict.fromkeys(type_ for _, cell in scored(table) for type_ in cell["types"]))
    rows: list[Sequence[str]] = [["F1", *types]]
    gold: dict[str, dict[str, int]] = {}
    for name, cell in scored(table):
        of_types = cell["types"]
        rows.append([name, *(percent(of_types.get(type_, {}).get("f1")) for type_ in types)])
        counted = {type_: score["gold"] for type_, score in of_types.items()}
        gold.setdefault(" ".join(cell["evaluation"][key] for key in ("language", "split", "labels")), counted)
    for evaluation, counted in gold.items():
        numbers = [f"{counted[type_]:,}" if type_ in counted else NOTHING for type_ in types]
        rows.append([f"gold spans, {evaluation}", *numbers])
    return Table("F1 by entity type", rows, ["Means over the seeds."])


def confusions(table: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """A title, the matrices of a cell and which of them to show, spans or words.

    Words only where the table is about confusions.
    """
    kinds = ("spans", "words") if table["kind"] == "confusion" else ("spans",)
    return [
        (f"{name}: {kind}, {summed(list(cell['seeds']))}", cell["confusion"], kind)
        for name, cell in scored(table)
        for kind in kinds
    ]


def trained(table: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """The names of the runs of each training, one for each seed, and how the table calls it.

    That is its row, with the column where the columns are trained differently, too.
    """
    places: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for row in table["rows"]:
        for cell in row["cells"]:
            places[tuple(sorted(cell["runs"].values()))].append((row["row"], cell["column"]))
    by_column = len(places) > len({row["row"] for row in table["rows"]})
    return {
        runs: "; ".join(dict.fromkeys(f"{row}, {column}" if by_column else row for row, column in where))
        for runs, where in places.items()
    }


# ---------------------------------------------------------------- statistics


def statistics(table: Mapping[str, Any]) -> Table:
    """What was counted, each column with the paper's number and the difference."""
    rows: list[Sequence[str]] = [["", *(head for name in table["columns"] for head in (name, "paper", "±"))]]
    for row in table["rows"]:
        numbers = [
            text
            for cell in row["cells"]
            for text in (
                "no file" if cell["ours"] is None else f"{cell['ours']:,}",
                NOTHING if cell["paper"] is None else f"{cell['paper']:,}",
                signed(cell["difference"]),
            )
        ]
        rows.append([row["row"], *numbers])
    notes = ["±: ours less the paper's."]
    if table["missing"]:
        notes.append(f"There is no {' and no '.join(table['missing'])} file: totals are of the others.")
    return Table("Counts", rows, notes)
