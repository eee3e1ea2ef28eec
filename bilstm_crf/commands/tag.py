"""`bilstm-crf tag`: read files, write the same files with named entities."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

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
from bilstm_crf.commands.output import open_output, require_suffix
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import FORMATS, Format, FormatOptions, format_named, format_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import (
    GIVEN_TEXT,
    is_gzip,
    open_input,
    remove_unfinished,
    require_apart,
    shown,
    suffix_of,
)
from bilstm_crf.util.streams import standard_output

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger

# Options that only apply to files, not to --text
FOR_FILES = (
    *("output_dir", "documents", "format_name", "misc_key", "token_column", "label_column"),
    *("input_encoding", "sentences", "flush"),
)

# The formats that an option applies to: on input, and for `misc_key` on output as well
FOR_FORMATS: dict[str, tuple[str, ...]] = {
    "misc_key": ("conllu",),
    "token_column": ("conll2003",),
    "label_column": ("conll2003",),
    "sentences": ("text",),
    "tokenise": ("text", "jsonl"),
}
NAMES = {"conllu": "CoNLL-U", "conll2003": "columns", "text": "text", "jsonl": "JSONL"}


@dataclass(frozen=True)
class Job:
    """A file to tag."""

    path: str
    source: Format
    target: Format
    output: str | None = None  # None: standard output


@click.command("tag", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--model", metavar="DIR", help="Folder of a trained model.  [the one in the box]")
@click.option("-o", "--output", metavar="FILE", help="Output file, written atomically.  [standard output]")
@click.option("--output-dir", metavar="DIR", help="Output folder for several files; each keeps its name.")
@click.option("--text", metavar="TEXT", help="Tag this text instead of files.")
@reading_options
@click.option("--to", metavar="NAME", help="Output format.  [as the input; jsonl for text]")
@click.option(
    "--sentences",
    type=click.Choice(["line", "detect"]),
    default="line",
    show_default=True,
    help="Text: one sentence a line, or running text to split.",
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
    context: click.Context, files: tuple[str, ...], model: str | None, text: str | None, **options: Any
) -> int:
    """Tag files; everything but the labels is preserved byte for byte.

    FILE is CoNLL-U, columns (CoNLL-2003 and the like), text or JSONL, also with .gz; `-` or nothing is
    standard input. In CoNLL-U only `name=` in MISC changes, in columns only the label; text becomes JSONL
    with character offsets, or what `--to` says.

    \b
    Examples
      bilstm-crf tag --model runs/nob-sg600 in.conllu -o out.conllu
      bilstm-crf tag --model runs/nob-sg600 *.conllu.gz --output-dir tagged
      bilstm-crf tag --text "Kari Nordmann flytta til Bergen."
      bilstm-crf tag --model runs/nob-sg600 --sentences detect article.txt -o article.jsonl
      tail -f feed.conllu | bilstm-crf tag --model runs/nob-sg600 --format conllu --flush
    """  # noqa: D301
    reading = format_options(
        options, tagging=True, sentences=options["sentences"], tokenise=options["tokenise"]
    )
    if text is not None:
        given = given_of(context)
        others = ["FILE"] * bool(files) + [option_of(name) for name in FOR_FILES if name in given]
        if others:
            raise UsageError(f"--text and {others[0]} were both given; expected one of them")
        return tag_text(text, model, options)
    jobs = plan_jobs(files or ("-",), options)
    require_use(given_of(context, in_file=False), jobs)
    paths = [job.path for job in jobs]
    require_apart([job.output for job in jobs], inputs_of({**options, "model": model}, *paths))
    if options["flush"]:
        require_flushable(jobs)
    if any(job.output is None for job in jobs):
        standard_output()  # if it is closed, say so before the work
    tagger = load_tagger(model, options, threads=1)  # after everything that can be wrong at once
    reading = replace(reading, known_types=tagger.entity_types)
    documents = documents_for(tagger, options["documents"])
    if options["output_dir"]:
        Path(options["output_dir"]).mkdir(parents=True, exist_ok=True)
    for folder in {os.path.dirname(os.path.realpath(job.output)) for job in jobs if job.output}:
        remove_unfinished(folder)
    file_tagger = FileTagger(tagger, reading, documents, options["flush"], options["threads"])
    for job in jobs:
        file_tagger.run(job, quiet=options["quiet"])
    return 0


def option_of(name: str) -> str:
    """Return the option of a parameter's name."""
    return "--" + name.removesuffix("_name").replace("_", "-")


def tag_text(text: str, model: str | None, options: dict[str, Any]) -> int:
    """Tag a text given on the command line; show it with marked names, unless `--to` says otherwise.

    Sentences are detected, but words separated by spaces are one sentence per line.
    """
    target = format_named(options["to"] or "text", "--to")
    output = checked_file(options["output"], Job("", FORMATS["text"], target))
    require_apart([output], inputs_of({**options, "model": model}))
    splitting: Literal["line", "detect"] = "line" if options["tokenise"] == "spaces" else "detect"
    reading = FormatOptions(sentences=splitting, tokenise=options["tokenise"])
    stream = BytesIO(text.encode("utf-8", "surrogateescape"))  # the bytes as they were typed
    tagger = load_tagger(model, options, threads=1)
    sentences = tagger.tag_stream(FORMATS["text"].read(stream, GIVEN_TEXT, reading))
    with open_output(output) as out:
        out.writelines(target.compose(sentence, reading) for sentence in sentences)
    return 0


# ---------------------------------------------------------------- files


@dataclass(frozen=True)
class FileTagger:
    """Tags files with one model."""

    tagger: Tagger
    reading: FormatOptions
    documents: Documents | None
    flush: bool  # after each sentence
    processes: int

    def run(self, job: Job, *, quiet: bool) -> None:
        """Tag a file, with a progress bar if a terminal shows nothing else."""
        from bilstm_crf.util.progress import TaggingProgress

        with open_output(job.output) as out, open_input(job.path, self.reading.input_encoding) as stream:
            tagged = self._tag(job, stream)
            shares_terminal = job.output is None and sys.stdout.isatty()  # with the results
            visible = sys.stderr.isatty() and not (quiet or shares_terminal or job.path == "-")
            # Closed at once if something goes wrong, so that no worker outlives it
            with closing(tagged), TaggingProgress(job.path, shown=visible) as progress:
                for content, tokens in tagged:
                    out.write(content)
                    if self.flush:
                        out.flush()
                    progress.add(tokens, len(content))

    def _tag(self, job: Job, stream: BinaryIO) -> Generator[tuple[bytes, int], None, None]:
        """Yield what is to be written, each part with its number of tokens.

        CoNLL-U that stays CoNLL-U, which may be gigabytes, is tagged by several processes; other formats, and
        files whose documents are in a table, by this one.
        """
        from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks

        path, source, target = shown(job.path), job.source, job.target
        in_table = self.documents is not None and self.documents.has_table(path)
        if source is target is FORMATS["conllu"] and not self.flush and not in_table:
            chunk_tagger = ChunkTagger(self.tagger, source, self.reading, path)
            chunks = tag_chunks(chunk_tagger, stream, processes=self.processes)
            return ((chunk.content, chunk.tokens) for chunk in chunks)
        sentences = source.read(stream, path, self.reading)
        if self.documents is not None:
            sentences = self.documents.named(sentences)
        sentences = self.tagger.tag_stream(sentences, flush=self.flush)
        if source is target:
            return ((target.render(sentence, self.reading), len(sentence)) for sentence in sentences)
        return (
            (target.compose(sentence, self.reading, new_document=new), len(sentence))
            for sentence, new in document_starts(sentences)
        )


def document_starts(sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Yield each sentence, and whether its document is another one than that of the sentence before."""
    document: str | None = None
    for sentence in sentences:
        begins = bool(sentence.tokens) and sentence.document != document
        if sentence.tokens:  # comments alone separate no documents
            document = sentence.document
        yield sentence, begins


# ---------------------------------------------------------------- what is wrong at once


def plan_jobs(files: Sequence[str], options: dict[str, Any]) -> list[Job]:
    """Return each file with its formats and its output.

    Raises UsageError for a file given twice, an unknown format, outputs that are the same file, and a
    wrong suffix.
    """
    jobs = []
    for path in dict.fromkeys(files):
        source = format_of(path, options["format_name"], options["input_encoding"])
        target = FORMATS["jsonl"] if source.name == "text" else source
        jobs.append(Job(path, source, format_named(options["to"], "--to") if options["to"] else target))
    if len(jobs) < len(files):
        raise UsageError("the same file was given twice")
    output, folder = options["output"], options["output_dir"]
    if output is not None:
        if folder is not None or len(jobs) > 1:
            raise UsageError("-o names the output of one input; for several give --output-dir DIR")
        return [replace(jobs[0], output=checked_file(output, jobs[0]))]
    if folder is None:
        return jobs
    if os.path.lexists(folder) and not Path(folder).is_dir():
        raise UsageError(f"--output-dir {folder} is a file, expected a folder")
    outputs: dict[str, Job] = {}
    for job in jobs:
        if job.path == "-":
            raise UsageError("standard input has no name for a file in --output-dir: give -o FILE")
        name = output_name(job)
        if name in outputs:
            raise UsageError(f"two inputs would be the same file in {folder}, {name}")
        outputs[name] = replace(job, output=checked_file(str(Path(folder) / name), job))
    return list(outputs.values())


def output_name(job: Job) -> str:
    """Return the name of an output in a folder: `a.txt.gz` as JSONL is `a.jsonl.gz`."""
    name = Path(job.path).name
    if job.target.name == job.source.name:
        return name
    stem = name[:-3] if is_gzip(name) else name
    packed = name[len(stem) :]
    if Path(stem).suffix.lower() in job.source.suffixes:
        stem = Path(stem).stem
    return stem + job.target.suffixes[0] + packed


def checked_file(output: str | None, job: Job) -> str | None:
    """Return the path of an output, None for standard output.

    Raises UsageError for a folder, and for the suffix of another format than the target. The suffix of
    the input is right for the input's own format, whatever it is.
    """
    if output is None or output == "-":
        return None
    if Path(output).is_dir():
        raise UsageError(f"{output} is a folder, expected a file", hint="for a folder: --output-dir")
    if job.source is not job.target or suffix_of(output) != suffix_of(job.path):
        others = {each: f"--to {other.name}" for other in FORMATS.values() for each in other.suffixes}
        require_suffix(output, NAMES.get(job.target.name, job.target.name), job.target.suffixes, others)
    return output


def require_use(typed: set[str], jobs: Sequence[Job]) -> None:
    """Raise UsageError for an option that applies to none of the files."""
    read = {job.source.name for job in jobs}
    for name, formats in FOR_FORMATS.items():
        found = read | {job.target.name for job in jobs} if name == "misc_key" else read
        if name in typed and not found & set(formats):
            kinds = " or ".join(NAMES[each] for each in formats)
            given = " and ".join(sorted(NAMES.get(each, each) for each in found))
            raise UsageError(
                f"{option_of(name)} is for {kinds}, and does nothing for {given}",
                hint="leave it out, or name the input's format: --format NAME",
            )


def require_flushable(jobs: Sequence[Job]) -> None:
    """Raise UsageError for `--flush` into files, which only appear when they are complete."""
    for job in jobs:
        try:
            piped = job.output is None or not stat.S_ISREG(os.stat(job.output).st_mode)
        except OSError:
            piped = False
        if not piped:
            raise UsageError(
                f"--flush does nothing for {job.output}, which is written atomically",
                hint="leave out -o, and redirect standard output: > FILE",
            )
