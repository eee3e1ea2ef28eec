"""`bilstm-crf errors`: show what a model, or any system, gets wrong."""

from __future__ import annotations

from typing import Any

import click

from bilstm_crf.analysis.analyse import Analysis, ReferenceData, Sampling, analyse
from bilstm_crf.analysis.document import to_document, to_json, to_terminal
from bilstm_crf.analysis.documents import sources
from bilstm_crf.analysis.seen import TrainNames, VocabularyCoverage
from bilstm_crf.commands.options import (
    FILE,
    MODEL_ALONE,
    Command,
    inputs_of,
    model_options,
    output_option,
    pair_options,
    require_pair_use,
)
from bilstm_crf.commands.output import chosen_report, write_result
from bilstm_crf.commands.systems import Systems, read_gold_files, read_systems
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.embeddings.read import load
from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.report import map_types, signature, signed_label_set, types_in
from bilstm_crf.labels import LabelSet
from bilstm_crf.render.page import to_html
from bilstm_crf.util.files import require_apart, require_files
from bilstm_crf.util.progress import Waiting

FORMATS = ("json", "html")


@click.command(name="errors", cls=Command)
@pair_options
@click.option(
    "--train",
    metavar="T",
    type=FILE,
    multiple=True,
    help="Training file: tell names and words seen there from unseen ones; repeatable.",
)
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(0),
    default=8,
    show_default=True,
    help="Tokens to the left and right of an example.",
)
@click.option(
    "--examples",
    metavar="N",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Examples of each confusion.",
)
@click.option("--json", "as_json", is_flag=True, help="Write everything, with every error, as JSON.")
@click.option("--html", "as_html", is_flag=True, help="Write one page, which needs no network.")
@output_option
@model_options
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Show what a model, or any system, gets wrong: how often, where, with examples.

    \b
      bilstm-crf errors --gold dev.conll --predicted a.conll --train train.conll
      bilstm-crf errors --model runs/nob-sg600 dev.conllu --html -o errors.html
      bilstm-crf errors --gold dev.conll --predicted a.conll --predicted b.conll

    Missed, spurious, wrong type, wrong boundary, or both wrong; by entity type, length, document and genre,
    and by what was seen in --train and --embeddings. A second system is compared with the first.
    """  # noqa: D301 (click reads the sign \b itself)
    require_pair_use(context, *MODEL_ALONE)
    output_format = chosen_report(options, FORMATS)
    files = [*options["files"], *options["train"], options["gold"], *options["predicted"]]
    require_files(files)
    require_apart([options["output"]], inputs_of(options))
    with Waiting("Analysing"):
        analysis = _analysis(options)
    if output_format == "html":
        result = to_html(to_document(analysis))
    else:
        result = to_json(analysis) if output_format == "json" else to_terminal(analysis)
    # The name of a file may hold bytes that are not UTF-8: Python's escape for them is JSON's as well.
    write_result(result.encode("utf-8", "backslashreplace"), options["output"])


def _analysis(options: dict[str, Any]) -> Analysis:
    documents = Documents(options["documents"])
    label_set = LabelSet.named(options["labels"]) if options["labels"] else None
    read = read_systems(options, label_set, documents)
    if len(read.systems) > 2:
        hint = "`bilstm-crf evaluate` compares the scores of more"
        raise UsageError(f"{len(read.systems)} systems, expected one or two", hint=hint)
    first, *second = read.systems
    about = {"gold": ", ".join(read.files), "a": first.name, **({"b": second[0].name} if second else {})}
    signed = signed_label_set(read.label_set, types_in(read.gold), first.spans)
    about["signature"] = signature("strict", signed, read.data_sha256, repaired=read.reading.repaired)
    return analyse(
        read.gold,
        read.gold_spans,
        first.spans,
        about=about,
        other=second[0].spans if second else None,
        reference=_reference(read, documents, options),
        sampling=Sampling(options["context"], options["examples"]),
    )


def _reference(read: Systems, documents: Documents, options: dict[str, Any]) -> ReferenceData:
    train = read_gold_files(options["train"], options)
    vectors = load(options["embeddings"]) if options["embeddings"] else None
    return ReferenceData(
        names=TrainNames(train, map_types(train, read.label_set)) if train else None,
        coverage=VocabularyCoverage(train or None, vectors) if train or vectors else None,
        sources=sources(read.gold, documents),
    )
