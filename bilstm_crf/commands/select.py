"""`bilstm-crf select`: choose the sentences to annotate next, and write them with the model's names."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from bilstm_crf.commands.decoding_options import NO_SCORES, to_option
from bilstm_crf.commands.options import (
    FILE,
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
from bilstm_crf.commands.tag_jobs import Job, Plan, checked_file, target_of
from bilstm_crf.commands.tag_plan import plan_inputs, require_use
from bilstm_crf.commands.tag_run import FileTagger, open_outputs, shows_progress, written
from bilstm_crf.corpus.filters import comparable_text
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.formats import FORMATS, SUFFIXES, FormatOptions, conllu, contents_of, read
from bilstm_crf.formats.offsets import file_name
from bilstm_crf.output import WRITERS, Writer, document_starts
from bilstm_crf.selection.pool import Request, Selection, select
from bilstm_crf.selection.units import KINDS, METHODS
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import remove_unfinished, require_apart, suffix_of
from bilstm_crf.util.progress import BatchProgress, say
from bilstm_crf.util.streams import standard_output

if TYPE_CHECKING:
    from bilstm_crf.inference.decoding import Decoding


@click.command("select", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@tagger_option
@click.option(
    "-n",
    "--count",
    metavar="N",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Number of sentences or documents to select.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="least-confidence",
    show_default=True,
    help="Rank by the model's doubt of the whole sentence (least-confidence), per token (entropy), per token "
    "and unlike one another (diversity), or at random.",
)
@click.option(
    "--unit",
    type=click.Choice(KINDS),
    default="sentence",
    show_default=True,
    help="Select sentences, or whole documents by their mean.",
)
@click.option(
    "--exclude",
    metavar="FILE",
    type=FILE,
    multiple=True,
    help="Leave out the sentences of this file, which are annotated already; repeatable.",
)
@click.option(
    "--min-tokens",
    metavar="N",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Leave out shorter sentences or documents.",
)
@click.option("--max-tokens", metavar="N", type=click.IntRange(1), help="Leave out longer ones.")
@click.option("--seed", type=int, default=42, show_default=True, help="Seed of --method random.")
@output_file_option
@to_option
@reading_options
@text_options("--tokenise spaces")
@model_options
@click.option("--quiet", is_flag=True, help="No progress and no summary, only errors.")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], exclude: tuple[str, ...], **options: Any) -> int:
    """Select sentences to annotate: those that the model is least sure of.

    FILE is what `tag` takes: text, a document, CoNLL-U, columns, JSONL, a folder; `-` or nothing is
    standard input. The output holds the sentences ranked, each text once, with the names that the model finds
    as a first annotation to correct. CoNLL-U, JSONL and tasks for annotation tools also say rank and score.

    \b
    Examples
      bilstm-crf select articles/ -n 200 --to label-studio -o tasks.json
      bilstm-crf select pool.conllu --exclude train.conllu -o batch.conllu
    """  # noqa: D301
    given = given_of(context, in_file=False)
    if "seed" in given and options["method"] != "random":
        raise UsageError(f"--seed is for --method random, and does nothing for {options['method']}")
    request = request_of(options)
    plan = plan_inputs(files or ("-",), {**options, "output_dir": None, "nbest": 1})
    job = output_job(plan, options["output"], options["to"])
    require_use(given, [replace(each, target=job.target) for each in plan.jobs])
    paths = [*(each.path for each in plan.jobs), *(each.path for each in plan.skipped)]
    require_apart(job.outputs, [*inputs_of(options, *paths), *contents_of(exclude)])
    splitting = options["sentences"] or ("line" if options["tokenise"] == "spaces" else "detect")
    reading = format_options(options, tagging=True, sentences=splitting, tokenise=options["tokenise"])
    known = {text for path in exclude for text in known_texts(path, options["format_name"], reading)}
    if job.output is None:
        standard_output()  # if it is closed, say so before the work
    else:
        remove_unfinished(os.path.dirname(os.path.realpath(job.output)))
    tagger = load_tagger_or_ensemble(options["model"], options, threads=1)
    reading = replace(reading, known_types=tagger.entity_types)
    documents = documents_for(tagger, options["documents"], always=request.kind == "document")
    decoding = decoding_for(request, job.target)
    file_tagger = FileTagger(tagger, reading, documents, False, options["threads"], decoding)
    return Selector(plan, file_tagger, options["quiet"]).run(job, request, known)


def known_texts(path: str, format_name: str | None, reading: FormatOptions) -> set[str]:
    """Return the texts of a file's sentences, those that an annotator skipped or rejected as well.

    Its suffix tells the format, or else `format_name`. It is UTF-8, as annotation tools and this program
    write, or else encoded as the pool is.
    """
    named = None if os.path.isdir(path) or suffix_of(path) in SUFFIXES else format_name
    unlabelled = replace(reading, known_types=frozenset())
    try:
        return set(map(comparable_text, read(path, named, replace(unlabelled, input_encoding=None))))
    except InputError:
        if reading.input_encoding is None:
            raise
    return set(map(comparable_text, read(path, named, unlabelled)))


def request_of(options: Mapping[str, Any]) -> Request:
    """Return what the options ask for. Raises UsageError for a length that nothing can have."""
    shortest, longest = options["min_tokens"], options["max_tokens"] or math.inf
    if longest < shortest:
        raise UsageError(f"--max-tokens {longest} is less than --min-tokens {shortest}")
    return Request(options["method"], options["count"], options["unit"], shortest, longest, options["seed"])


def decoding_for(request: Request, target: Writer) -> Decoding:
    """Return the decoding: scores of the names where the output has a place for them."""
    from bilstm_crf.inference.decoding import Decoding

    return Decoding(scores=target.name not in NO_SCORES, uncertainty=request.method != "random")


def output_job(plan: Plan, output: str | None, to: str | None) -> Job:
    """Return the job that writes the selection; those of several formats become JSONL by default.

    Its source is the format of all inputs, if they have one in common.
    """
    kinds = {(job.source.name, job.target.name) for job in plan.jobs}
    job = plan.jobs[0] if len(kinds) == 1 else Job("", FORMATS["jsonl"], WRITERS["jsonl"])
    job = replace(job, target=target_of(job, output, to))
    return replace(job, output=checked_file(output, job, folders=False))


@dataclass(frozen=True)
class Selector:
    """Selects from the files of a plan, and writes."""

    plan: Plan
    file_tagger: FileTagger
    quiet: bool

    def run(self, job: Job, request: Request, known: Collection[str]) -> int:
        """Select, write, say what was selected, and return the exit status: 1 if a file was skipped.

        Raises InputError if there is nothing to select.
        """
        batch, files = Batch(self.plan, self.file_tagger, self.quiet), len(self.plan.jobs)
        label = f"{files:,} files" if self.plan.several else self.plan.jobs[0].path
        shown = shows_progress(job.output, quiet=self.quiet)
        with open_outputs(job) as (out, companion):
            with BatchProgress(label, files, shown=shown) as progress:
                sentences = self._sentences(batch, progress)
                selection = select(sentences, request, known)
            batch.report_skipped()
            if self.plan.several and not batch.files:
                raise BilstmCrfError("no file could be read; nothing was written")
            require_some(selection, request)
            for content in contents(job, noted(selection, request), self.file_tagger.reading, companion):
                self.file_tagger.write(content, job, out)
        if job.output is not None and not self.quiet:
            say(f"{job.output}: {summary(selection, request)}")
        return 1 if batch.skipped else 0

    def _sentences(self, batch: Batch, progress: BatchProgress) -> Iterator[Sentence]:
        """Yield the tagged sentences of all files; a fault in the only one is raised."""
        if self.plan.several:
            yield from batch.sentences(progress)
            return
        (job,) = self.plan.jobs
        with self.file_tagger.opened(job) as stream:
            yield from self.file_tagger.sentences(job, stream, progress.count)


def contents(
    job: Job, sentences: Iterable[Sentence], reading: FormatOptions, companion: BinaryIO | None
) -> Iterator[bytes]:
    """Yield the output in parts; from CoNLL-U to CoNLL-U all columns are kept."""
    if not job.keeps_format or job.source is not FORMATS["conllu"]:
        # Without what stood around a sentence in its file
        apart = (replace(sentence, raw=None) for sentence in sentences)
        yield from written(job, apart, reading, companion)
        return
    for sentence, begins in document_starts(sentences):
        yield conllu.excerpt(sentence, reading, new_document=begins)


def noted(selection: Selection, request: Request) -> Iterator[Sentence]:
    """Yield the selected sentences, each with notes of its rank, score and place."""
    for rank, unit in enumerate(selection.units, 1):
        for sentence in unit.sentences:
            line = sentence.line if sentence.origin is None else sentence.origin.line
            sentence.notes = {
                "selection_rank": rank,
                "selection_method": request.method,
                "selection_score": unit.score,
                "selection_source": f"{file_name(sentence) or '-'}:{line}",
            }
            yield sentence


def require_some(selection: Selection, request: Request) -> None:
    """Raise InputError if there is nothing to select."""
    if not selection.units:
        left_out = counted_out(selection)
        hint = "give other files, or leave out --exclude, --min-tokens and --max-tokens" if left_out else None
        found = f"{selection.pool:,} read{', ' * bool(left_out)}{left_out}"
        raise InputError(f"no {request.kind} to select: {found}", hint=hint)


def counted_out(selection: Selection) -> str:
    """Return how many units were not eligible, and why."""
    found = ((selection.known, "annotated already"), (selection.other_length, "of another length"))
    return ", ".join(f"{count:,} {reason}" for count, reason in found if count)


def summary(selection: Selection, request: Request) -> str:
    """Return one line that says what was selected."""
    units, left_out = len(selection.units), counted_out(selection)
    tokens = sum(unit.tokens for unit in selection.units)
    fewer = "" if units == request.count else f", fewer than the {request.count:,} that were asked for"
    selected = f"{units:,} of {selection.pool:,} {request.kind}s, {tokens:,} tokens"
    return f"{selected}{fewer}{f' ({left_out})' if left_out else ''}"
