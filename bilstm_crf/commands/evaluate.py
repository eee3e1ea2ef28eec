"""`bilstm-crf evaluate`: a model, or any system's output, against gold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bilstm_crf.commands.options import (
    MODEL_ALONE,
    Command,
    documents_for,
    format_options,
    inputs_of,
    load_tagger,
    model_options,
    output_option,
    pair_options,
    require_pair_use,
)
from bilstm_crf.commands.output import require_report_suffix, write_result
from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.corpus.overview import warn_of_types
from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation import render
from bilstm_crf.evaluation.pair import iob_labels, read_pair
from bilstm_crf.evaluation.report import READINGS, Reading, Report, evaluate, map_types, require_scorable
from bilstm_crf.labels import LabelSet, Repair, has_illegal_labels
from bilstm_crf.sentence import Sentence, Span
from bilstm_crf.util.files import require_apart, require_files, sha256_of_all
from bilstm_crf.util.progress import say


@click.command(name="evaluate", cls=Command)
@pair_options
@click.option("--keep-misc", is_flag=True, help="With --labels full, 7 or 6: MISC stays a type of its own.")
@click.option(
    "--scheme",
    type=click.Choice([*READINGS, "all"]),
    default="strict",
    show_default=True,
    help="Which way of counting to show.",
)
@click.option("--confusion", is_flag=True, help="Add the confusion matrices, of spans and of words.")
@click.option("--json", "as_json", is_flag=True, help="Everything, in full precision, as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Tables in Markdown.")
@output_option
@model_options
@click.pass_context
def command(
    context: click.Context,
    files: tuple[str, ...],
    model: str | None,
    gold: str | None,
    predicted: str | None,
    **options: Any,
) -> None:
    """Score a model on gold files, or any system's output against gold.

    \b
      bilstm-crf evaluate --model runs/nob-sg600 dev.conllu
      bilstm-crf evaluate --gold dev.conllu --predicted theirs.conllu --labels 7

    A span counts where its boundaries and its type are right (seqeval, strict IOB2). The line with bars below
    a table is its signature: scores are comparable where it is the same but for the program's version. The
    test file is there to be scored once, at the end; scores on the file that chose the epoch are too high.
    """  # noqa: D301 (click reads the sign \b itself)
    require_pair_use(context, *MODEL_ALONE, "embeddings", "documents")
    if options["as_json"] and options["as_markdown"]:
        raise UsageError("--json and --markdown together: the output is one of the two")
    require_report_suffix(
        options["output"], {"--json": options["as_json"], "--markdown": options["as_markdown"]}
    )
    require_files([*files, gold, predicted])
    require_apart([options["output"]], inputs_of({**options, "model": model}, *files, gold, predicted))
    label_set = _label_set(options["labels"], options["keep_misc"])
    options["reading"] = format_options(options, keep_raw=False)
    for_model = model is not None and files and options["predicted_format"] is None
    if for_model and gold is None and predicted is None:
        report = _score_model(files, str(model), label_set, options)
    elif gold is not None and predicted is not None and model is None and not files:
        report = _score_predicted(gold, predicted, label_set or LabelSet.named("file"), options)
    else:
        raise UsageError(
            "expected a model and files, or gold and predicted files",
            hint="Try: bilstm-crf evaluate --model DIR FILE...   or: --gold GOLD --predicted A",
        )
    write_result(_rendered(report, options).encode("utf-8"), options["output"])


def _score_model(
    files: Sequence[str], model: str, label_set: LabelSet | None, options: dict[str, Any]
) -> Report:
    """Tag the words of gold files with a model, and score what it finds."""
    repair = options["repair"]
    by_file = [read_gold(file, options["format_name"], options["reading"], repair)[0] for file in files]
    sentences = [sentence for file in by_file for sentence in file]
    tagger = load_tagger(model, options, threads=options["threads"])
    if label_set is not None:
        require_scorable(tagger.label_set, label_set)
    documents = documents_for(tagger, options["documents"])
    if documents is not None:
        documents.name(sentences)
    spans = tagger.predict(sentences)
    if label_set is not None:
        spans = _as_set(label_set, sentences, spans, f"model {model}")
    return evaluate(
        sentences,
        spans,
        label_set=label_set or tagger.label_set,
        data_sha256=sha256_of_all(files),
        reading=_reading(repair, by_file),
    )


def _score_predicted(gold: str, predicted: str, label_set: LabelSet, options: dict[str, Any]) -> Report:
    """Score a system's output against gold."""
    repair = options["repair"]
    sentences, theirs = read_pair(
        gold,
        predicted,
        gold_format=options["format_name"],
        predicted_format=options["predicted_format"] or options["format_name"],
        options=options["reading"],
        repair=repair,
        say=say,
    )
    found = map_types(theirs, label_set)
    warn_of_types([*map_types(sentences, label_set), *found])
    return evaluate(
        sentences,
        found,
        label_set=label_set,
        data_sha256=sha256_of_all([gold]),
        predicted_labels=iob_labels(theirs),
        reading=_reading(repair, [sentences, theirs]),
    )


def _reading(repair: Repair | None, files: Sequence[Sequence[Sentence]]) -> Reading:
    return Reading(repaired=repair == "conlleval" and any(map(has_illegal_labels, files)))


def _label_set(name: str | None, keep_misc: bool) -> LabelSet | None:
    if keep_misc and name not in ("full", "7", "6"):
        raise UsageError(
            f"--keep-misc goes with --labels full, 7 or 6, not with {name or 'the default'}",
            hint="every other label set says itself what becomes of MISC",
        )
    return LabelSet.named(name, keep_misc=keep_misc) if name else None


def _as_set(
    label_set: LabelSet, sentences: Sequence[Sentence], spans: Sequence[list[Span]], whose: str
) -> list[list[Span]]:
    """The model's spans with the label set's types. A type that it does not know is the model's fault."""
    tagged = [
        Sentence(sentence.tokens, spans=found, path=whose)
        for sentence, found in zip(sentences, spans, strict=True)
    ]
    return map_types(tagged, label_set)


def _rendered(report: Report, options: dict[str, Any]) -> str:
    if options["as_json"]:
        return render.as_json(report)
    schemes = list(READINGS) if options["scheme"] == "all" else [options["scheme"]]
    show = render.markdown if options["as_markdown"] else render.text
    return show(report, schemes, with_confusion=options["confusion"])
