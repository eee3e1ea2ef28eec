"""A table as people read it: rows of cells out of the JSON, as aligned text or Markdown; F1 in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bilstm_crf.corpus.statistics import as_text
from bilstm_crf.experiments.markdown import Code, as_table, escape, inline

PAPER_SEED = "42"
NOTHING = "–"
Rows = list[list[str]]


def render(table: Mapping[str, Any], *, markdown: bool = False) -> str:
    """The table with its title, and the comparisons below it."""
    quick = f" (a quick look: epochs {', '.join(map(str, table['epochs']))})" if table.get("quick") else ""
    title = f"{table['title']}{quick}"
    beside = f"paper: {table['beside']}" if table["beside"] else ""
    parts: list[tuple[str, Rows, list[str]]]
    if table["kind"] == "statistics":
        parts = [("", _statistics(table), _missing(table))]
    elif table["kind"] == "confusion":
        parts = _confusions(table)
    else:
        parts = [("", _scores(table), _notes(table))]
        if table["comparisons"]["pairs"]:
            parts.append(("Comparisons", pairs(table), pairs_notes(table)))
    blocks = [f"### {escape(title)}", escape(beside)] if markdown else [title, beside]
    for heading, rows, below in parts:
        if markdown:
            blocks += [f"#### {escape(heading)}" if heading else "", as_table(rows) if rows else ""]
            blocks += map(inline, below)
        else:
            blocks += [heading, as_text(rows) if rows else "", "\n".join(below)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def percent(fraction: float | None) -> str:
    return NOTHING if fraction is None else f"{100 * fraction:.2f}"


def points(difference: float | None) -> str:
    """A difference, with its sign.

    >>> points(-0.0123)
    '−1.23'
    """
    if difference is None:
        return NOTHING
    written = f"{100 * difference:+.2f}".replace("-", "−")
    return "0.00" if written[1:] == "0.00" else written


# ---------------------------------------------------------------- scores


def _scores(table: Mapping[str, Any]) -> Rows:
    """One line a cell: mean ± sd, seed 42, interval, the paper's number, the difference."""
    heading = ["", "F1", "seed 42", "95 % interval", "paper", "difference", "seeds"]
    rows = [heading, *([name, *_score(cell)] for name, cell in cells(table))]
    return _without_empty(rows, ("seed 42", "paper", "difference"))


def _without_empty(rows: Rows, headings: Sequence[str]) -> Rows:
    """The rows without those of these columns in which no row has anything."""
    empty = {
        place
        for place, (heading, *column) in enumerate(zip(*rows, strict=True))
        if heading in headings and not set(column) - {NOTHING, ""}
    }
    return [[text for place, text in enumerate(row) if place not in empty] for row in rows]


def cells(table: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every cell, named after its row, and after its column where there are several."""
    several = len(table["columns"]) > 1
    return [
        (f"{row['row']}, {cell['column']}" if several else row["row"], cell)
        for row in table["rows"]
        for cell in row["cells"]
    ]


def _score(cell: Mapping[str, Any]) -> list[str]:
    if cell["mean"] is None:
        reasons = dict.fromkeys(cell["missing"].values())
        return [_short("; ".join(reasons)), "", "", percent(cell["paper"]), "", ""]
    spread = f" ± {100 * cell['sd']:.2f}" if cell["sd"] is not None else ""
    interval = cell["interval"]
    count, all_seeds = len(cell["seeds"]), len(cell["seeds"]) + len(cell["missing"])
    return [
        percent(cell["mean"]) + spread,
        percent(cell["seeds"].get(PAPER_SEED, {}).get("f1")),
        f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}",
        percent(cell["paper"]),
        points(cell["difference"]),
        str(count) if count == all_seeds else f"{count} of {all_seeds}",
    ]


def _short(reason: str) -> str:
    return reason if len(reason) <= 60 else reason[:59] + "…"


def _notes(table: Mapping[str, Any]) -> list[str]:
    """What the numbers are, and one signature of each kind."""
    signatures = dict.fromkeys(cell["signature"] for _, cell in cells(table) if cell["mean"] is not None)
    about = (
        "Strict F1, mean ± standard deviation over the seeds; the interval is a bootstrap over sentences. "
        "Dev chose the epoch, so dev scores are optimistic."
    )
    return [about, *second_phase(table), *map(Code, signatures)]


def second_phase(table: Mapping[str, Any]) -> list[str]:
    """Which cells are scored with the model of a second phase, in a sentence; none: no sentence."""
    names = [
        name
        for name, cell in cells(table)
        if cell["mean"] is not None
        and cell["evaluation"]["split"] == "test"
        and cell.get("settings", {}).get("final")
    ]
    return [f"Scored with the model of the second phase, of train and dev: {'; '.join(names)}."] * bool(names)


def pairs(table: Mapping[str, Any]) -> Rows:
    """One line a comparison, with the seeds that it rests on."""
    rows = [["", "difference", "p", "p (Holm)", "seeds"]]
    for pair in table["comparisons"]["pairs"]:
        name = versus(pair["a"], pair["b"], table["columns"])
        p_values = [f"{pair[key]:.4f}" for key in ("p_value", "p_holm")]
        seeds = ", ".join(map(str, pair["seeds"]))
        rows.append([name, points(pair["difference"]), *p_values, seeds])
    return rows


def versus(a: Mapping[str, str], b: Mapping[str, str], columns: Sequence[str]) -> str:
    """`b − a`, and what they share named once."""
    if a["column"] == b["column"]:
        return f"{b['row']} − {a['row']}" + (f", {a['column']}" if len(columns) > 1 else "")
    if a["row"] == b["row"]:
        return f"{b['column']} − {a['column']}, {a['row']}"
    return f"{b['row']}, {b['column']} − {a['row']}, {a['column']}"


def pairs_notes(table: Mapping[str, Any]) -> list[str]:
    """What the comparisons are; and what holds for some of them alone, where there are such."""
    comparisons = table["comparisons"]
    test, found = comparisons["test"].capitalize(), comparisons["pairs"]
    notes = [
        f"{test} over sentences, two-sided, {comparisons['resamples']:,} resamples, "
        f"{comparisons['correction']}'s correction for {len(found)} comparisons."
    ]
    if any(_leaves_seeds_out(pair, table) for pair in found):
        notes.append(
            "Two cells are compared on the seeds that both have: where one has more, the difference is "
            "not that of the F1 above."
        )
    if any(len(pair["seeds"]) == 1 for pair in found):
        notes.append("With one seed, p speaks of these two models, not of the two ways to train them.")
    return notes


def _leaves_seeds_out(pair: Mapping[str, Any], table: Mapping[str, Any]) -> bool:
    ends = [(end["row"], end["column"]) for end in (pair["a"], pair["b"])]
    return any(
        len(cell["seeds"]) > len(pair["seeds"])
        for row in table["rows"]
        for cell in row["cells"]
        if (row["row"], cell["column"]) in ends
    )


# ---------------------------------------------------------------- confusion, statistics


def of_seeds(seeds: Sequence[str]) -> str:
    """What to call some seeds."""
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"


def summed(seeds: Sequence[str]) -> str:
    """What to call counts that are added up over them."""
    return f"{'sum of ' * (len(seeds) > 1)}{of_seeds(seeds)}"


def _confusions(table: Mapping[str, Any]) -> list[tuple[str, Rows, list[str]]]:
    parts: list[tuple[str, Rows, list[str]]] = []
    for name, cell in cells(table):
        if cell["mean"] is None:
            parts.append((name, [], ["; ".join(dict.fromkeys(cell["missing"].values()))]))
            continue
        confusion = cell["confusion"]
        lines = zip(confusion["types"], confusion["spans"], strict=True)
        rows = [
            ["gold \\ predicted", *confusion["types"]],
            *([type_, *(f"{n:,}" for n in counts)] for type_, counts in lines),
        ]
        parts.append((name, rows, [f"Spans, {summed(list(cell['seeds']))}"]))
    return parts


def _statistics(table: Mapping[str, Any]) -> Rows:
    rows = [["", *(head for column in table["columns"] for head in (column, "paper", "difference"))]]
    for row in table["rows"]:
        cells = [
            text
            for cell in row["cells"]
            for text in (
                _number(cell["ours"], "not run"),
                _number(cell["paper"]),
                signed(cell["difference"]),
            )
        ]
        rows.append([row["row"], *cells])
    return rows


def _number(value: int | None, nothing: str = NOTHING) -> str:
    return nothing if value is None else f"{value:,}"


def signed(value: int | None) -> str:
    """A difference of counts.

    >>> signed(-1204), signed(0), signed(None)
    ('−1,204', '0', '–')
    """
    if value is None:
        return NOTHING
    return f"{value:+,}".replace("-", "−") if value else "0"


def _missing(table: Mapping[str, Any]) -> list[str]:
    missing: Sequence[str] = table["missing"]
    return [f"There is no {' and no '.join(missing)} file: totals are of the others."] if missing else []
