"""`bilstm-crf tag`: read files, write the same files with named entities."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from typing import Any, Literal

import click

from bilstm_crf.commands.decoding_options import decoding_of, decoding_options, require_place, to_option
from bilstm_crf.commands.options import (
    Command,
    documents_for,
    format_options,
    given_of,
    inputs_of,
    load_tagger_or_ensemble,
    model_options,
    output_file_option,
    reading_options,
    tagger_option,
    text_options,
)
from bilstm_crf.commands.tag_batch import Batch
from bilstm_crf.commands.tag_jobs import Job, checked_file, option_of, target_of
from bilstm_crf.commands.tag_plan import plan_jobs, require_flushable, require_use
from bilstm_crf.commands.tag_run import FileTagger, open_outputs, written
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
@tagger_option
@output_file_option
@click.option(
    "--output-dir", metavar="DIR", help="Output folder: a file for each input, in folders as theirs."
)
@click.option("--text", metavar="TEXT", help="Tag this text instead of files.")
@reading_options
@to_option
@text_options("--flush or --tokenise spaces")
@click.option("--flush", is_flag=True, help="Write each sentence as soon as it is read.")
@decoding_options
@model_options
@click.option("--quiet", is_flag=True, help="No progress, only errors.")
@click.pass_context
def command(
    context: click.Context, files: tuple[str, ...], model: str | None, text: str | None, **options: Any
) -> int:
    """Tag files and folders: find the names in them.

    FILE is text, a document (.docx .odt .html .eml .mbox .pdf), CoNLL-U, columns or JSONL, also with .gz; a
    folder stands for all files below it; `-` or nothing is standard input. The output is what its suffix or
    `--to` says. In CoNLL-U and columns only the labels change; text becomes JSONL with character offsets,
    and on a terminal the text with its names marked.

    A file that cannot be read is reported, and the others are tagged: exit status 1.

    \b
    Examples
      bilstm-crf tag --text "Kari Nordmann flytta til Bergen."
      bilstm-crf tag article.docx
      bilstm-crf tag articles/ -o names.xlsx
      bilstm-crf tag in.conllu -o out.conllu
      bilstm-crf tag *.conllu.gz --output-dir tagged
      tail -f feed.conllu | bilstm-crf tag --format conllu --flush
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
    require_place(options, [job.target for job in plan.jobs])
    decoding = decoding_of(options)
    paths = [job.path for job in plan.jobs] + [each.path for each in plan.skipped]
    require_apart(plan.outputs, inputs_of({**options, "model": model}, *paths))
    if options["flush"]:
        require_flushable(plan)
    if None in plan.outputs:
        standard_output()  # if it is closed, say so before the work
    tagger = load_tagger_or_ensemble(model, options, threads=1)  # after everything that can be wrong at once
    reading = replace(reading, known_types=tagger.entity_types)
    documents = documents_for(tagger, options["documents"])
    for folder in {os.path.dirname(os.path.realpath(output)) for output in plan.outputs if output}:
        remove_unfinished(folder)
    flush, processes = options["flush"], options["threads"]
    file_tagger = FileTagger(tagger, reading, documents, flush, processes, decoding)
    if plan.several:
        return Batch(plan, file_tagger, options["quiet"]).run()
    (job,) = plan.jobs
    with made_folder(options["output_dir"] or "."):
        file_tagger.run(job, quiet=options["quiet"])
    return 0


def tag_text(text: str, model: str | None, options: dict[str, Any]) -> int:
    """Tag a text given on the command line; show it with marked names, unless `--to` says otherwise.

    Sentences are detected, but words separated by spaces are one sentence per line.
    """
    job = Job("", FORMATS["text"], WRITERS["text"])
    job = replace(job, target=target_of(job, options["output"], options["to"]))
    job = replace(job, output=checked_file(options["output"], job))
    require_place(options, [job.target])
    decoding = decoding_of(options)
    require_apart(job.outputs, inputs_of({**options, "model": model}))
    splitting: Literal["line", "detect"] = "line" if options["tokenise"] == "spaces" else "detect"
    reading = FormatOptions(sentences=splitting, tokenise=options["tokenise"])
    stream = BytesIO(text.encode("utf-8", "surrogateescape"))  # the bytes as they were typed
    tagger = load_tagger_or_ensemble(model, options, threads=1)
    file_tagger = FileTagger(tagger, reading, None, False, 1, decoding)
    sentences = file_tagger.running_text(stream, GIVEN_TEXT)
    with open_outputs(job) as (out, companion):
        for content in written(job, sentences, reading, companion):
            file_tagger.write(content, job, out)
    return 0
