"""`bilstm-crf tag`: read files, write the same files with named entities."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from typing import Any, Literal

import click

from bilstm_crf.commands.options import (
    Command,
    documents_for,
    format_options,
    given_of,
    inputs_of,
    load_tagger,
    model_options,
    reading_options,
)
from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_batch import Batch
from bilstm_crf.commands.tag_jobs import (
    Job,
    checked_file,
    option_of,
    plan_jobs,
    require_flushable,
    require_use,
    target_of,
)
from bilstm_crf.commands.tag_run import FileTagger
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.output import WRITERS
from bilstm_crf.util.files import GIVEN_TEXT, made_folder, remove_unfinished, require_apart
from bilstm_crf.util.streams import standard_output

# Options that only apply to files, not to --text
FOR_FILES = (
    *("output_dir", "documents", "format_name", "misc_key", "token_column", "label_column"),
    *("input_encoding", "sentences", "flush"),
)


@click.command("tag", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--model", metavar="DIR", required=True, help="Folder of a trained model.")
@click.option("-o", "--output", metavar="FILE", help="Output file, written atomically.  [standard output]")
@click.option("--output-dir", metavar="DIR", help="Output folder for several files; each keeps its name.")
@click.option("--text", metavar="TEXT", help="Tag this text instead of files.")
@reading_options
@click.option("--to", metavar="NAME", help="Output format.  [as the input; jsonl for text]")
@click.option(
    "--sentences",
    type=click.Choice(["line", "detect"]),
    help="Text: one sentence a line, or running text to split.  [detect; line with --flush]",
)
@click.option(
    "--tokenise",
    type=click.Choice(["norwegian", "spacy", "spaces"]),
    default="norwegian",
    show_default=True,
    help="Tokeniser for text; spacy needs the extra `text`.",
)
@click.option("--flush", is_flag=True, help="Write each sentence as soon as it is read.")
@model_options
@click.option("--quiet", is_flag=True, help="No progress, only errors.")
@click.pass_context
def command(
    context: click.Context, files: tuple[str, ...], model: str, text: str | None, **options: Any
) -> int:
    """Tag files; everything but the labels is preserved byte for byte.

    FILE is CoNLL-U, columns (CoNLL-2003 and the like), text or JSONL, also with .gz; `-` or nothing is
    standard input. In CoNLL-U only `name=` in MISC changes, in columns only the label; text becomes JSONL
    with character offsets, or what `--to` says.

    \b
    Examples
      bilstm-crf tag --model runs/nob-sg600 in.conllu -o out.conllu
      bilstm-crf tag --model runs/nob-sg600 *.conllu.gz --output-dir tagged
      bilstm-crf tag --model runs/nob-sg600 --text "Kari Nordmann flytta til Bergen."
      bilstm-crf tag --model runs/nob-sg600 --sentences detect article.txt -o article.jsonl
      tail -f feed.conllu | bilstm-crf tag --model runs/nob-sg600 --format conllu --flush
    """  # noqa: D301
    whole_lines = options["flush"] or options["tokenise"] == "spaces"
    splitting = options["sentences"] or ("line" if whole_lines else "detect")
    reading = format_options(options, tagging=True, sentences=splitting, tokenise=options["tokenise"])
    if text is not None:
        given = given_of(context)
        others = ["FILE"] * bool(files) + [option_of(name) for name in FOR_FILES if name in given]
        if others:
            raise UsageError(f"--text and {others[0]} were both given; expected one of them")
        return tag_text(text, model, options)
    plan = plan_jobs(files or ("-",), options)
    require_use(given_of(context, in_file=False), plan.jobs)
    paths = [job.path for job in plan.jobs] + [each.path for each in plan.skipped]
    require_apart(plan.outputs, inputs_of({**options, "model": model}, *paths))
    if options["flush"]:
        require_flushable(plan)
    if None in plan.outputs:
        standard_output()  # if it is closed, say so before the work
    tagger = load_tagger(model, options, threads=1)  # after everything that can be wrong at once
    from bilstm_crf.inference.decoding import Decoding

    reading = replace(reading, known_types=tagger.entity_types)
    documents = documents_for(tagger, options["documents"])
    for folder in {os.path.dirname(os.path.realpath(output)) for output in plan.outputs if output}:
        remove_unfinished(folder)
    file_tagger = FileTagger(tagger, reading, documents, options["flush"], options["threads"], Decoding())
    if plan.several:
        return Batch(plan, file_tagger, options["quiet"]).run()
    (job,) = plan.jobs
    with made_folder(options["output_dir"] or "."):
        file_tagger.run(job, quiet=options["quiet"])
    return 0


def tag_text(text: str, model: str, options: dict[str, Any]) -> int:
    """Tag a text given on the command line; show it with marked names, unless `--to` says otherwise.

    Sentences are detected, but words separated by spaces are one sentence per line.
    """
    job = Job("", FORMATS["text"], WRITERS["text"])
    job = replace(job, target=target_of(job, options["output"], options["to"]))
    output = checked_file(options["output"], job)
    require_apart([output], inputs_of({**options, "model": model}))
    splitting: Literal["line", "detect"] = "line" if options["tokenise"] == "spaces" else "detect"
    reading = FormatOptions(sentences=splitting, tokenise=options["tokenise"])
    stream = BytesIO(text.encode("utf-8", "surrogateescape"))  # the bytes as they were typed
    tagger = load_tagger(model, options, threads=1)
    sentences = tagger.tag_stream(FORMATS["text"].read(stream, GIVEN_TEXT, reading))
    with open_output(output) as out:
        out.writelines(job.target.write(sentences, reading))
    return 0
