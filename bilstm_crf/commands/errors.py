"""`bilstm-crf errors`: what a model, or any system's output, gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import click

from bilstm_crf.analysis import page, render
from bilstm_crf.analysis.analyse import Analysis, Background, analyse
from bilstm_crf.analysis.documents import sources
from bilstm_crf.analysis.familiar import KnownWords, TrainNames
from bilstm_crf.commands.options import (
    FILE,
    MODEL_ALONE,
    Command,
    format_options,
    inputs_of,
    load_tagger,
    model_options,
    output_option,
    pair_options,
    require_pair_use,
)
from bilstm_crf.commands.output import require_report_suffix, write_result
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.corpus.overview import warn_of_types
from bilstm_crf.embeddings.read import load
from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.pair import read_pair
from bilstm_crf.evaluation.report import map_types, require_scorable, signature, signed_label_set, types_in
from bilstm_crf.labels import LabelSet, has_illegal_labels
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import require_apart, require_files, sha256_of_all
from bilstm_crf.util.progress import say


@click.command(name="errors", cls=Command)
@pair_options
@click.option("--predicted-b", metavar="B", type=FILE, help="A second system's output, to compare with.")
@click.option(
    "--train",
    metavar="T",
    type=FILE,
    multiple=True,
    help="Tell names and words seen there from unseen ones; repeatable.",
)
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(0),
    default=8,
    show_default=True,
    help="Words around an example.",
)
@click.option(
    "--examples", metavar="N", type=click.IntRange(0), default=3, show_default=True, help="Of each confusion."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, with every error, as JSON.")
@click.option("--html", "as_html", is_flag=True, help="One page, which needs no network.")
@output_option
@model_options
@click.pass_context
def command(click_context: click.Context, /, **options: Any) -> None:
    """Show what a model, or any system's output, gets wrong: how often, where, with examples.

    \b
      bilstm-crf errors --gold dev.conllu --predicted theirs.conllu --train train.conllu
      bilstm-crf errors --model runs/nob-sg600 dev.conllu --html -o errors.html
      bilstm-crf errors --gold dev.conllu --predicted a.conllu --predicted-b b.conllu

    Missed, spurious, wrong type, wrong boundary, or both wrong; by entity type, length, document and genre,
    and by what was known from --train and --embeddings. docs/errors.md says how entities are paired.
    """  # noqa: D301 (click reads the sign \b itself)
    require_pair_use(click_context, *MODEL_ALONE)
    if options["as_json"] and options["as_html"]:
        raise UsageError("--json and --html together: the output is one of the two")
    require_report_suffix(options["output"], {"--json": options["as_json"], "--html": options["as_html"]})
    require_files([*options["files"], *options["train"], options["gold"], options["predicted"]])
    require_apart([options["output"]], inputs_of(options))
    analysis = _analysis(options)
    show = render.as_json if options["as_json"] else page.html if options["as_html"] else render.text
    # The name of a file may hold bytes that are no UTF-8: Python's escape for them is JSON's as well.
    result = show(analysis).encode("utf-8", "backslashreplace")
    write_result(result, options["output"])


def _analysis(options: dict[str, Any]) -> Analysis:
    documents = Documents(options["documents"])
    gold, predicted, label_set, about = _scored(options, documents)
    systems = [*_by_file(gold), predicted] if options["model"] is None else _by_file(gold)
    other = None
    if options["predicted_b"] is not None:
        gold_file = options["gold"] or options["files"][0]
        _, second = read_pair(gold_file, options["predicted_b"], **_formats(options))
        other = map_types(second, label_set)
        about["b"] = options["predicted_b"]
        systems.append(second)
    spans = map_types(predicted, label_set)
    if options["model"] is None:
        warn_of_types([*map_types(gold, label_set), *spans])
    about["signature"] = signature(
        "strict",
        signed_label_set(label_set, types_in(gold), spans),
        sha256_of_all(options["files"] or (options["gold"],)),
        repaired=options["repair"] == "conlleval" and any(map(has_illegal_labels, systems)),
    )
    return analyse(
        gold,
        map_types(gold, label_set),
        spans,
        about=about,
        other=other,
        background=_background(gold, label_set, documents, options),
        context=options["context"],
        examples=options["examples"],
    )


def _scored(
    options: dict[str, Any], documents: Documents
) -> tuple[list[Sentence], list[Sentence], LabelSet, dict[str, str]]:
    """Gold, the same sentences with predicted spans, the label set, and what is compared with what."""
    files, model, label_set = options["files"], options["model"], _label_set(options)
    given = (options["gold"] is not None, options["predicted"] is not None)
    if model is not None and files and given == (False, False):
        if options["predicted_b"] is not None and len(files) > 1:
            raise UsageError(f"--predicted-b with {len(files)} gold files: expected one, of the same words")
        gold = _read_gold(files, options)
        documents.name(gold)
        tagger = load_tagger(model, options, threads=options["threads"])
        name = f"model {model}"
        predicted = [
            replace(sentence, spans=spans, path=name)
            for sentence, spans in zip(gold, tagger.predict(gold), strict=True)
        ]
        if label_set is not None:
            require_scorable(tagger.label_set, label_set)
        label_set = label_set or tagger.label_set
    elif model is None and not files and given == (True, True):
        gold, predicted = read_pair(options["gold"], options["predicted"], **_formats(options))
        documents.name(gold)
        files, name = (options["gold"],), options["predicted"]
        label_set = label_set or LabelSet.named("file")
    else:
        raise UsageError(
            "expected a model and files, or gold and predicted files",
            hint="Try: bilstm-crf errors --model DIR FILE...   or: --gold GOLD --predicted A",
        )
    return gold, predicted, label_set, {"gold": ", ".join(files), "a": name}


def _by_file(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """The sentences of each file by themselves: each has its own encoding."""
    return [list(file) for _, file in groupby(sentences, key=lambda sentence: sentence.path)]


def _label_set(options: dict[str, Any]) -> LabelSet | None:
    return LabelSet.named(options["labels"]) if options["labels"] else None


def _read_gold(files: Sequence[str], options: dict[str, Any]) -> list[Sentence]:
    reading = format_options(options, keep_raw=False)
    return [
        sentence
        for file in files
        for sentence in read_gold(file, options["format_name"], reading, options["repair"])[0]
    ]


def _formats(options: dict[str, Any]) -> dict[str, Any]:
    """How a pair of files is read."""
    format_name = options["format_name"]
    return {
        "gold_format": format_name,
        "predicted_format": options["predicted_format"] or format_name,
        "options": format_options(options, keep_raw=False),
        "repair": options["repair"],
        "say": say,
    }


def _background(
    gold: Sequence[Sentence], label_set: LabelSet, documents: Documents, options: dict[str, Any]
) -> Background:
    train = _read_gold(options["train"], options)
    vectors = load(options["embeddings"]) if options["embeddings"] else None
    return Background(
        names=TrainNames(train, map_types(train, label_set)) if train else None,
        words=KnownWords(train or None, vectors) if train or vectors else None,
        sources=sources(gold, documents),
    )
