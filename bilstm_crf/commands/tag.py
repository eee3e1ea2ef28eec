"""`bilstm-crf tag`: files in, the same files with the names in them out."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from bilstm_crf.commands.options import config_file, load_tagger
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.files import write_whole
from bilstm_crf.formats import FORMATS, Format, FormatOptions, format_of, read

if TYPE_CHECKING:
    from bilstm_crf.sentence import Sentence
    from bilstm_crf.tagger import Tagger


@click.command("tag")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--model", metavar="DIR", required=True, help="Folder of a trained model.")
@click.option(
    "-o", "--output", metavar="FILE", help="Where the result goes; whole or not at all.  [standard output]"
)
@click.option("--output-dir", metavar="DIR", help="For several files: each under its own name.")
@click.option("--text", metavar="TEXT", help="Tag this text instead of files.")
@click.option(
    "--format", "format_name", metavar="NAME", help=f"Of the input: {', '.join(FORMATS)}.  [by its name]"
)
@click.option("--to", metavar="NAME", help="Of the output.  [as the input; jsonl for text]")
@click.option(
    "--key", metavar="NAME", default="name", show_default=True, help="Of the label in CoNLL-U's MISC."
)
@click.option(
    "--split",
    type=click.Choice(["lines", "running"]),
    default="lines",
    show_default=True,
    help="Text: one sentence a line, or running text.",
)
@click.option(
    "--tokenise",
    type=click.Choice(["norwegian", "spaces"]),
    default="norwegian",
    show_default=True,
    help="Text: how words are found.",
)
@click.option(
    "--label-column",
    type=click.Choice(["auto", "last", "append"]),
    default="auto",
    show_default=True,
    help="Columns: replace the last, or add one.",
)
@click.option(
    "--flush", is_flag=True, help="Answer sentence by sentence, as they come (`tail -f … | bilstm-crf tag`)."
)
@click.option("--embeddings", metavar="NAME|PATH", help="Attach a full table of vectors to the model.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Processor threads.")
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--config",
    metavar="TOML",
    is_eager=True,
    expose_value=False,
    callback=config_file,
    help="A file that holds what these options do.",
)
@click.option("--quiet", is_flag=True, help="No progress, only errors.")
def command(files: tuple[str, ...], model: str, text: str | None, **options: Any) -> int:
    """Tag files: each byte of the input comes back, but for the labels.

    FILE is CoNLL-U, columns (CoNLL-2003 and the like), text or JSONL, also with .gz; `-` or nothing is
    standard input. In CoNLL-U only `name=` in MISC changes, in columns only the label; text becomes JSONL
    with character offsets, or what `--to` says.

    \b
    Examples
      bilstm-crf tag --model runs/nob-sg600 in.conllu -o out.conllu
      bilstm-crf tag --model runs/nob-sg600 *.conllu.gz --output-dir tagged
      bilstm-crf tag --model runs/nob-sg600 --text "Kari Nordmann flytta til Bergen."
      cat article.txt | bilstm-crf tag --model runs/nob-sg600 --format text --split running > article.jsonl
      tail -f feed.conllu | bilstm-crf tag --model runs/nob-sg600 --format conllu --flush
    """  # noqa: D301
    format_options = FormatOptions(
        key=options["key"],
        split=options["split"],
        tokenise=options["tokenise"],
        label_column=options["label_column"],
    )
    if text is not None:
        if files:
            raise UsageError("--text and files were both given; expected one of them")
        return tag_text(text, load_tagger(model, options), options["to"])
    outputs = outputs_of(files or ("-",), options["output"], options["output_dir"], options["to"])
    formats = {path: format_of(path, options["format_name"]) for path in outputs}  # before anything is read
    tagger = load_tagger(model, options)
    for path, output in outputs.items():
        target = target_format(formats[path], options["to"])
        sentences = tagger.tag_stream(read(path, formats[path].name, format_options), flush=options["flush"])
        watched = sentences if options["quiet"] else progress(sentences, path)
        with opened(output) as stream:
            write(watched, formats[path], target, format_options, stream, flush=options["flush"])
    return 0


def tag_text(text: str, tagger: Tagger, to: str | None) -> int:
    """Tags one text given on the command line; shown with the names marked, unless `--to` says otherwise."""
    running = FormatOptions(split="running")
    sentences = FORMATS["text"].read(io.BytesIO(text.encode()), "--text", running)
    target = FORMATS["text"] if to is None else format_of("", to)
    for sentence in tagger.tag_stream(sentences):
        sys.stdout.buffer.write(target.compose(sentence, running))
    return 0


def target_format(source: Format, to: str | None) -> Format:
    """The format to write: the one named, else the input's, but JSONL for text."""
    if to is not None:
        return format_of("", to)
    return FORMATS["jsonl"] if source.name == "text" else source


def outputs_of(
    files: Iterable[str], output: str | None, folder: str | None, to: str | None
) -> dict[str, str | None]:
    """Each input with its output (None: standard output). Raises UsageError where two would be one file."""
    files = list(files)
    if len(set(files)) < len(files):
        raise UsageError("the same file was given twice")
    if output is not None:
        if folder is not None or len(files) > 1:
            raise UsageError("-o names one file, for one input; for several give --output-dir DIR")
        return {files[0]: None if output == "-" else output}
    if folder is None:
        return dict.fromkeys(files)
    outputs: dict[str, str | None] = {}
    for path in files:
        if path == "-":
            raise UsageError("standard input has no name to have in --output-dir: give -o FILE")
        name = (
            Path(path).name
            if to is None
            else Path(path).name.removesuffix(".gz").rpartition(".")[0] + f".{to}"
        )
        if (target := str(Path(folder) / name)) in outputs.values():
            raise UsageError(f"two inputs are called {name}, and would be one file in {folder}")
        outputs[path] = target
    Path(folder).mkdir(parents=True, exist_ok=True)
    return outputs


@contextlib.contextmanager
def opened(output: str | None) -> Iterator[BinaryIO]:
    """The stream to write to; what goes wrong says that the file was not written."""
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        with write_whole(output) as stream:
            yield stream
    except InputError as error:
        error.hint = f"{error.hint}; {output} was not written" if error.hint else f"{output} was not written"
        raise


def write(
    sentences: Iterable[Sentence],
    source: Format,
    target: Format,
    options: FormatOptions,
    stream: BinaryIO,
    *,
    flush: bool,
) -> None:
    """Writes each sentence: its own bytes with new labels, or anew where the format is another one."""
    same = source.name == target.name
    for sentence in sentences:
        stream.write(target.render(sentence, options) if same else target.compose(sentence, options))
        if flush:
            stream.flush()


def progress(sentences: Iterable[Sentence], path: str) -> Iterator[Sentence]:
    """Passes the sentences on; on a terminal shows how many tokens are done, and how fast."""
    if not sys.stderr.isatty() or path == "-" or sys.stdout.isatty():
        yield from sentences
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("Tagging  {task.fields[path]}  {task.completed:,.0f} tokens  {task.fields[speed]}"),
    )
    started = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, path=os.path.basename(path), speed="")
        done = 0
        for sentence in sentences:
            yield sentence
            done += len(sentence)
            if done % 256 < len(sentence):
                bar.update(
                    task, completed=done, speed=f"{done / (time.perf_counter() - started):,.0f} tokens/s"
                )
        bar.update(task, completed=done)
