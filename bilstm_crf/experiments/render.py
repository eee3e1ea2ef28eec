"""Build what people read from the records of a table: F1 in per cent, comparisons, confusions, counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bilstm_crf.evaluation.significance import spread
from bilstm_crf.experiments import records
from bilstm_crf.experiments.records import Comparisons, CountTable, Place, ScoreCell, ScoreTable
from bilstm_crf.render.latex import to_latex
from bilstm_crf.render.markdown import table_to_markdown
from bilstm_crf.render.table import (
    NOTHING,
    Cell,
    Code,
    CountDifference,
    Interval,
    NameCell,
    Number,
    Percent,
    Points,
    Table,
    columns,
    matrix,
    show,
)
from bilstm_crf.render.text import to_text

PAPER_SEED = "42"
MAX_REASON = 60  # characters of a reason inside a table
OPTIMISTIC = "Dev chose the epoch, so dev scores are optimistic."
ABOUT_SCORES = (
    "Strict F1, mean ± standard deviation over the seeds; 95 % bootstrap interval over sentences. "
    f"{OPTIMISTIC}"
)


def write_table(table: records.Table, form: str = "text") -> str:
    """Return a table of an experiment as text, markdown or latex."""
    parts = build_tables(table)
    if form == "latex":
        return "\n".join(map(to_latex, parts))
    if form == "markdown":
        blocks = [table_to_markdown(part, level=4 if number else 3) for number, part in enumerate(parts)]
    else:
        blocks = [f"{part.title}\n\n{to_text(part)}" for part in parts]
    return "\n\n".join(blocks) + "\n"


def build_tables(table: records.Table) -> list[Table]:
    """Return a table of an experiment as tables of cells; the first has its title."""
    beside = [f"Paper: {table.beside}."] * bool(table.beside)
    if isinstance(table, CountTable):
        return [counts(table, beside)]
    if table.kind == "confusion":
        return [*confusions(table, beside)]
    return [scores(table, beside), *([comparisons(table)] if table.comparisons.pairs else [])]


def named_cells(table: ScoreTable) -> list[tuple[str, ScoreCell]]:
    """Return every cell with the name of its row, and of its column if there are several."""
    several = len(table.columns) > 1
    return [
        (f"{row.row}, {cell.column}" if several else row.row, cell)
        for row in table.rows
        for cell in row.cells
    ]


# ---------------------------------------------------------------- scores


def scores(table: ScoreTable, notes: Sequence[Cell] = ()) -> Table:
    """Return one row per cell: mean ± sd, seed 42, interval, the paper's number, the difference."""
    quick = f" (a quick look: epochs {', '.join(map(str, table.epochs))})" if table.quick else ""
    rows = [[name, *_score(cell)] for name, cell in named_cells(table)]
    signatures = dict.fromkeys(Code(c.signature) for _, c in named_cells(table) if c.mean is not None)
    about = [*notes, ABOUT_SCORES, *seed_notes(table), *final_phase_notes(table), *signatures]
    heads = ("F1", f"seed {PAPER_SEED}", "95 % interval", "paper", "difference", "seeds")
    found = Table(f"{table.title}{quick}", columns("", *heads), rows, about)
    return found.without_empty((f"seed {PAPER_SEED}", "paper", "difference"))


def _score(cell: ScoreCell) -> list[Cell]:
    paper = Percent(cell.paper) if cell.paper is not None else None
    if cell.interval is None:
        reason = "; ".join(dict.fromkeys(cell.missing.values()))
        return [shorten(reason), None, None, paper, None, f"0 of {len(cell.missing)}"]
    done, asked = len(cell.seeds), len(cell.seeds) + len(cell.missing)
    first = cell.seeds.get(PAPER_SEED)
    return [
        Percent(cell.mean, cell.sd),
        Percent(first.f1) if first else None,
        Interval(cell.interval.low, cell.interval.high, decimals=1),
        paper,
        Points(cell.difference) if cell.difference is not None else None,
        str(done) if done == asked else f"{done} of {asked}",
    ]


def about(table: records.Table) -> list[str]:
    """Return what the table stands beside, where it comes from and whether it is complete, in lines."""
    source = f"{table.file}, bilstm_crf {table.bilstm_crf}"
    line = f"Paper: {table.beside}. From {source}." if table.beside else f"From {source}."
    if isinstance(table, CountTable):
        return [line]
    epochs, seeds = (", ".join(map(str, values)) or NOTHING for values in (table.epochs, table.seeds))
    quick = ["A quick look: fewer epochs than the experiment asks for."] * table.quick
    return [f"{line} Epochs: {epochs}. Seeds: {seeds}.", *quick]


def not_run(table: ScoreTable) -> list[str]:
    """Return a line per reason: which cells have no score with which seeds."""
    of_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, cell in named_cells(table):
        seeds: dict[str, list[str]] = defaultdict(list)
        for seed, reason in cell.missing.items():
            seeds[reason].append(seed)
        for reason, missing in seeds.items():
            of_reason[reason, name_seeds(missing)].append(name)
    return [
        f"{'; '.join(names)} ({seeds}): {reason.removeprefix('not run: ')}"
        for (reason, seeds), names in of_reason.items()
    ]


def every_seed(table: ScoreTable) -> Table:
    """Return the scores behind the means."""
    heads = ("seed", "precision", "recall", "F1", "gold", "predicted", "correct", "run")
    rows: list[Sequence[Cell]] = []
    for name, cell in named_cells(table):
        for seed, score in cell.seeds.items():
            fractions = [Percent(score.precision), Percent(score.recall), Percent(score.f1)]
            counted = [score.gold, score.predicted, score.correct]
            rows.append([name, seed, *fractions, *counted, NameCell(cell.runs.get(seed, NOTHING))])
    return Table("Every seed", columns("", *heads, left=["run"]), rows)


def by_type(table: ScoreTable) -> Table:
    """Return F1 of each entity type, and the gold spans of each evaluation."""
    scored = [(name, cell) for name, cell in named_cells(table) if cell.mean is not None]
    types = list(dict.fromkeys(type_ for _, cell in scored for type_ in cell.types))
    rows: list[Sequence[Cell]] = []
    gold: dict[str, dict[str, int]] = {}
    for name, cell in scored:
        rows.append([name, *(Percent(cell.types[t].f1) if t in cell.types else None for t in types)])
        evaluation = cell.evaluation
        counted = {type_: score.gold for type_, score in cell.types.items()}
        gold.setdefault(f"{evaluation.language} {evaluation.split} {evaluation.labels}", counted)
    for name, counted in gold.items():
        rows.append([f"gold spans, {name}", *(counted.get(type_) for type_ in types)])
    return Table("F1 by entity type", columns("", *types), rows, ["Means over the seeds."])


def trainings(table: ScoreTable) -> dict[tuple[str, ...], str]:
    """Return the runs of each training, one per seed, with the row that they belong to.

    The column is named as well if columns are trained differently.
    """
    places: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for row in table.rows:
        for cell in row.cells:
            places[tuple(sorted(cell.runs.values()))].append((row.row, cell.column))
    by_column = len(places) > len(table.rows)
    return {
        runs: "; ".join(dict.fromkeys(f"{row}, {column}" if by_column else row for row, column in where))
        for runs, where in places.items()
    }


def shorten(reason: str) -> str:
    """Return a reason that fits into a table."""
    return reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 1] + "…"


def seed_notes(table: ScoreTable) -> Iterator[str]:
    """Say of each column where seeds of a row differ more than rows do, by their standard deviations."""
    of_column: dict[str, list[ScoreCell]] = defaultdict(list)
    for _, cell in named_cells(table):
        of_column[cell.column].append(cell)
    for column, found in of_column.items():
        found_spread = spread([[score.f1 for score in cell.seeds.values()] for cell in found])
        if found_spread is not None and found_spread.seeds_dominate:
            where = f"{column}: seeds" if len(table.columns) > 1 else "Seeds"
            of_seeds, of_rows = (show(Percent(each)) for each in (found_spread.seeds, found_spread.rows))
            yield (
                f"{where} differ more than rows: the standard deviation over the seeds of a row is "
                f"{of_seeds} points, that of the rows' means {of_rows}."
            )


def final_phase_notes(table: ScoreTable) -> list[str]:
    """Say which cells are scored with the model that was retrained on train and dev."""
    names = [
        name
        for name, cell in named_cells(table)
        if cell.mean is not None
        and cell.evaluation.split == "test"
        and cell.settings.get("run.retrain_on_dev")
    ]
    return [f"Scored with the model that was retrained on train + dev: {'; '.join(names)}."] * bool(names)


# ---------------------------------------------------------------- comparisons


def comparisons(table: ScoreTable) -> Table:
    """Return one row per comparison, with the seeds that it is based on."""
    rows: list[Sequence[Cell]] = []
    for pair in table.comparisons.pairs:
        p_sentences = Number(pair.p_sentences, 4) if pair.interval else None
        p_values = [Number(pair.p_value, 4), Number(pair.p_holm, 4), p_sentences]
        seeds = ", ".join(map(str, pair.seeds))
        rows.append([versus(pair.a, pair.b, table.columns), Points(pair.difference), *p_values, seeds])
    heads = columns("", "difference", "p", "p (Holm)", "p (sentences)", "seeds")
    found = Table("Comparisons", heads, rows, [*comparison_notes(table, table.comparisons)])
    return found.without_empty(["p (sentences)"])


def versus(a: Place, b: Place, columns_: Sequence[str]) -> str:
    """Return "b − a", naming what they share once."""
    if a.column == b.column:
        return f"{b.row} − {a.row}" + (f", {a.column}" if len(columns_) > 1 else "")
    if a.row == b.row:
        return f"{b.column} − {a.column}, {a.row}"
    return f"{b.row}, {b.column} − {a.row}, {a.column}"


def comparison_notes(table: ScoreTable, found: Comparisons) -> Iterator[str]:
    """Say what the comparisons are, and what holds for some of them alone."""
    how = f"two-sided, {found.resamples:,} resamples"
    if any(pair.interval for pair in found.pairs):
        yield (
            f"p: hierarchical bootstrap over seeds and sentences, {how}; where there is one seed, and in "
            "p (sentences): approximate randomisation of sentences."
        )
    else:
        yield f"p: approximate randomisation of sentences, {how}."
    yield f"{found.correction}'s correction for {len(found.pairs)} comparisons."
    seeds = {Place(row.row, cell.column): len(cell.seeds) for row in table.rows for cell in row.cells}
    if any(seeds.get(end, 0) > len(pair.seeds) for pair in found.pairs for end in (pair.a, pair.b)):
        yield (
            "Two cells are compared on the seeds that both have; where one has more, the difference is not "
            "that of the F1 above."
        )
    if any(len(pair.seeds) == 1 for pair in found.pairs):
        yield "With one seed, p is about these two models, not about the two ways to train them."


# ---------------------------------------------------------------- confusions and counts


def name_seeds(seeds: Sequence[str]) -> str:
    """Return "seed 42" or "seeds 42, 43"."""
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"


def confusions(table: ScoreTable, notes: Sequence[Cell] = ()) -> Iterator[Table]:
    """Return the confusion matrix of each cell, or why there is none."""
    for name, cell in named_cells(table):
        title = f"{table.title}: {name}"
        if cell.confusion is None:
            yield Table(title, columns(""), [], [*notes, *dict.fromkeys(cell.missing.values())])
        else:
            about = [*notes, f"Spans, {'sum of ' * (len(cell.seeds) > 1)}{name_seeds(list(cell.seeds))}"]
            yield matrix(title, cell.confusion.types, cell.confusion.spans, about)


def counts(table: CountTable, notes: Sequence[Cell] = ()) -> Table:
    """Return what was counted, each column with the paper's number and the difference."""
    heads = [head for name in table.columns for head in (name, "paper", "difference")]
    rows: list[Sequence[Cell]] = []
    for row in table.rows:
        parts = [
            ("no file" if c.ours is None else c.ours, c.paper, CountDifference(c.difference))
            for c in row.cells
        ]
        rows.append([row.row, *(part for each in parts for part in each)])
    missing = f"There is no {' and no '.join(table.missing)} file: totals are of the others."
    return Table(table.title, columns("", *heads), rows, [*notes, *([missing] * bool(table.missing))])
