"""`bilstm-crf evaluate`: a model, or any system's output, against gold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import click

from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation import render
from bilstm_crf.evaluation.pair import iob_labels, read_gold, read_pair
from bilstm_crf.evaluation.report import READINGS, Report, evaluate, map_types
from bilstm_crf.files import open_input, write_whole
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import LabelSet

FILE = click.Path(exists=True, dir_okay=False)


@click.command(name="evaluate")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@click.option("--model", metavar="DIR", type=click.Path(), help="Tag the words of FILE with this model.")
@click.option("--gold", metavar="A", type=FILE, help="With --predicted: the truth.")
@click.option("--predicted", metavar="B", type=FILE, help="With --gold: any system's output, same words.")
@click.option(
    "--labels",
    metavar="SET",
    help="full, 7, 6, 4, file (types as they stand) or a TOML file.  [default: the model's own; else file]",
)
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
@click.option("-o", "--output", metavar="PATH", type=click.Path(dir_okay=False), help="Write there.")
@click.option("--format", "format_name", metavar="NAME", help="Of the files.  [default: by suffix]")
@click.option("--predicted-format", metavar="NAME", help="Of B, where it is not that of A.")
@click.option("--key", default="name", show_default=True, help="CoNLL-U: the entry of MISC with the label.")
def command(
    files: tuple[str, ...],
    model: str | None,
    gold: str | None,
    predicted: str | None,
    labels: str | None,
    keep_misc: bool,
    scheme: str,
    confusion: bool,
    as_json: bool,
    as_markdown: bool,
    output: str | None,
    format_name: str | None,
    predicted_format: str | None,
    key: str,
) -> None:
    """Score a model on gold files, or any system's output against gold.

    \b
      bilstm-crf evaluate --model runs/nob-sg600 dev.conllu
      bilstm-crf evaluate --gold dev.conllu --predicted theirs.conllu --labels 7

    A span counts where its boundaries and its type are right (seqeval, strict IOB2). The line with bars below
    a table is its signature: scores are comparable where it is the same but for the program's version. The
    test file is there to be scored once, at the end; scores on the file that chose the epoch are too high.
    """  # noqa: D301 (click reads the sign \b itself)
    if as_json and as_markdown:
        raise UsageError("--json and --markdown together: the output is one of the two")
    if keep_misc and labels not in ("full", "7", "6"):
        raise UsageError(
            f"--keep-misc goes with --labels full, 7 or 6, not with {labels or 'the default'}",
            hint="every other label set says itself what becomes of MISC",
        )
    label_set = LabelSet.named(labels, keep_misc=keep_misc) if labels else None
    options = FormatOptions(key=key, keep_raw=False)
    if model is not None and files and gold is None and predicted is None and predicted_format is None:
        report = _score_model(model, files, label_set, format_name, options)
    elif gold is not None and predicted is not None and model is None and not files:
        formats = (format_name, predicted_format or format_name)
        report = _score_pair(gold, predicted, label_set or LabelSet.named("file"), formats, options)
    else:
        raise UsageError(
            "expected a model and files, or gold and predicted files",
            hint="Try: bilstm-crf evaluate --model DIR FILE...   or: --gold A --predicted B",
        )

    schemes = list(READINGS) if scheme == "all" else [scheme]
    if as_json:
        result = render.as_json(report)
    else:
        result = (render.markdown if as_markdown else render.text)(report, schemes, with_confusion=confusion)
    if output is None:
        click.echo(result, nl=False)
    else:
        with write_whole(output) as stream:
            stream.write(result.encode("utf-8"))


def _score_model(
    model: str,
    files: Sequence[str],
    label_set: LabelSet | None,
    format_name: str | None,
    options: FormatOptions,
) -> Report:
    sentences = read_gold(files, format_name, options)
    from bilstm_crf.tagger import Tagger  # brings torch along: after what can go wrong at once

    tagger = Tagger.load(model)
    predicted = tagger.predict(sentences)
    if label_set is not None:
        # An unknown type is the model's, and not at a line of the file.
        tagged = [
            replace(sentence, spans=spans, path=f"model {model}", line=0, lines=[])
            for sentence, spans in zip(sentences, predicted, strict=True)
        ]
        predicted = map_types(tagged, label_set)
    return evaluate(sentences, predicted, label_set=label_set or tagger.label_set, data_sha256=_sha256(files))


def _score_pair(
    gold: str,
    predicted: str,
    label_set: LabelSet,
    formats: tuple[str | None, str | None],
    options: FormatOptions,
) -> Report:
    sentences, theirs = read_pair(
        gold, predicted, gold_format=formats[0], predicted_format=formats[1], options=options
    )
    return evaluate(
        sentences,
        map_types(theirs, label_set),
        label_set=label_set,
        data_sha256=_sha256([gold]),
        predicted_labels=iob_labels(theirs),
    )


def _sha256(paths: Sequence[str]) -> str:
    """Of the files' bytes one after another; of a gzip file, what is in it."""
    digest = hashlib.sha256()
    for path in paths:
        with open_input(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
