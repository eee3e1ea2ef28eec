"""`bilstm-crf evaluate`: score a model, or the output of any systems, against gold."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from bilstm_crf.commands.options import (
    MODEL_ALONE,
    Command,
    inputs_of,
    model_options,
    output_option,
    pair_options,
    require_pair_use,
)
from bilstm_crf.commands.output import chosen_report, write_result
from bilstm_crf.commands.systems import Systems, read_systems
from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.comparison import SystemComparison, compare_systems
from bilstm_crf.evaluation.report import READINGS, Report, evaluate
from bilstm_crf.evaluation.tables import comparison_tables, report_tables
from bilstm_crf.labels import LabelSet
from bilstm_crf.render.latex import to_latex
from bilstm_crf.render.markdown import table_to_markdown
from bilstm_crf.render.table import Table, shorten_paths
from bilstm_crf.render.text import join_tables, to_csv
from bilstm_crf.util.files import require_apart, require_files
from bilstm_crf.util.progress import Waiting

FORMATS = ("json", "csv", "markdown", "latex")


@click.command(name="evaluate", cls=Command)
@pair_options
@click.option("--keep-misc", is_flag=True, help="With --labels full, 7 or 6: keep MISC as a type.")
@click.option(
    "--scheme",
    type=click.Choice([*READINGS, "all"]),
    default="strict",
    show_default=True,
    help="How spans are counted.",
)
@click.option("--confusion", is_flag=True, help="Add confusion matrices of spans and of tokens.")
@click.option("--json", "as_json", is_flag=True, help="Write all scores in full precision as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the tables in full precision as CSV.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Write the tables in Markdown.")
@click.option("--latex", "as_latex", is_flag=True, help="Write the tables in LaTeX (booktabs).")
@output_option
@model_options
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Score a model, or the output of any systems, against gold.

    \b
      bilstm-crf evaluate --model runs/nob-sg600 dev.conllu
      bilstm-crf evaluate --gold dev.conllu --predicted theirs.conllu --labels 7
      bilstm-crf evaluate --gold dev.conll --predicted a.conll --predicted b.conll

    A span counts if its boundaries and its type are right. Two systems or more are compared: the difference
    of F1, its 95 % interval and its p-value. The line with bars is the signature of a score: scores are
    comparable if their signatures differ in the version only. Score the test file once, at the end.
    """  # noqa: D301 (click reads the sign \b itself)
    require_pair_use(context, *MODEL_ALONE, "embeddings", "documents")
    output_format = chosen_report(options, FORMATS)
    require_files([*options["files"], options["gold"], *options["predicted"]])
    require_apart([options["output"]], inputs_of(options))
    read = read_systems(options, _label_set(options["labels"], options["keep_misc"]))
    reports = [_report(read, number) for number in range(len(read.systems))]
    with Waiting("Comparing the systems"):
        comparisons = _comparisons(read)
    if output_format == "json":
        result = _as_json(read, reports, comparisons)
    else:
        result = _write(_tables(read, reports, comparisons, options), output_format)
    write_result(result.encode("utf-8", "surrogateescape"), options["output"])


def _report(read: Systems, number: int) -> Report:
    system = read.systems[number]
    return evaluate(
        read.gold,
        system.spans,
        label_set=read.label_set,
        data_sha256=read.data_sha256,
        predicted_labels=system.labels,
        reading=read.reading,
    )


def _comparisons(read: Systems) -> list[SystemComparison]:
    """Compare the first system with each of the others."""
    first, *others = read.systems
    gold = read.gold_spans if others else []
    return [compare_systems((first.name, each.name), gold, first.spans, each.spans) for each in others]


def _label_set(name: str | None, keep_misc: bool) -> LabelSet | None:
    if keep_misc and name not in ("full", "7", "6"):
        raise UsageError(
            f"--keep-misc goes with --labels full, 7 or 6, not with {name or 'the default'}",
            hint="the other label sets define what becomes of MISC",
        )
    return LabelSet.named(name, keep_misc=keep_misc) if name else None


def _tables(
    read: Systems, reports: list[Report], comparisons: list[SystemComparison], options: dict[str, Any]
) -> list[Table]:
    """Return the comparison if there is one, and what was asked for of each system."""
    schemes = list(READINGS) if options["scheme"] == "all" else [options["scheme"]]
    of_each = [report_tables(each, schemes, with_confusion=options["confusion"]) for each in reports]
    if not comparisons:
        return of_each[0]
    names = shorten_paths([system.name for system in read.systems])
    tables = comparison_tables(names, reports, comparisons)
    if schemes != ["strict"] or options["confusion"]:
        tables += [
            each.titled(f"{name}: {each.title}")
            for name, own in zip(names, of_each, strict=True)
            for each in own
        ]
    return tables


def _write(tables: list[Table], output_format: str) -> str:
    if output_format == "csv":
        return to_csv(tables)
    if output_format == "markdown":
        return "\n\n".join(map(table_to_markdown, tables)) + "\n"
    if output_format == "latex":
        return "\n".join(map(to_latex, tables))
    # One table needs no title: its signature says what it is.
    return join_tables(tables, decimals=1, titles=len(tables) > 1)


def _as_json(read: Systems, reports: list[Report], comparisons: list[SystemComparison]) -> str:
    content: dict[str, Any] = reports[0].as_dict()
    if comparisons:
        named = zip(read.systems, reports, strict=True)
        content = {
            "systems": [{"name": system.name, **report.as_dict()} for system, report in named],
            "comparisons": [asdict(each) for each in comparisons],
        }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
