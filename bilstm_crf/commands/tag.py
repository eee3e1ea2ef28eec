"""`bilstm-crf tag`: files in, the same files with the names in them out."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
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
    from bilstm_crf.util.progress import TaggingProgress

# What is for files, and nothing to --text
FOR_FILES = {
    "output_dir": "--output-dir",
    "documents": "--documents",
    "format_name": "--format",
    "misc_key": "--misc-key",
    "token_column": "--token-column",
    "label_column": "--label-column",
    "input_encoding": "--input-encoding",
    "sentences": "--sentences",
    "flush": "--flush",
}

# Which formats an option is for: it says something about input, or (`misc_key`) about output as well
FOR_FORMATS: dict[str, tuple[str, ...]] = {
    "misc_key": ("conllu",),
    "token_column": ("conll2003",),
    "label_column": ("conll2003",),
    "sentences": ("text",),
    "tokenise": ("text", "jsonl"),
}
NAMES = {"conllu": "CoNLL-U", "conll2003": "columns", "text": "text", "jsonl": "JSONL"}


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
@click.option(
    "--flush", is_flag=True, help="Write each sentence as soon as it is read (`tail -f … | bilstm-crf tag`)."
)
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
      cat article.txt | bilstm-crf tag --model runs/nob-sg600 --format text --sentences detect > article.jsonl
      tail -f feed.conllu | bilstm-crf tag --model runs/nob-sg600 --format conllu --flush
    """  # noqa: D301
    from bilstm_crf.util.progress import TaggingProgress

    reading = format_options(
        options, tagging=True, sentences=options["sentences"], tokenise=options["tokenise"]
    )
    if text is not None:
        given = given_of(context)
        others = ["files"] * bool(files) + [FOR_FILES[name] for name in FOR_FILES if name in given]
        if others:
            raise UsageError(f"--text and {others[0]} were both given; expected one of them")
        return tag_text(text, model, options)
    encoding = options["input_encoding"]
    sources = {path: format_of(path, options["format_name"], encoding) for path in files or ("-",)}
    if len(sources) < len(files):
        raise UsageError("the same file was given twice")
    targets = {path: target_format(source, options["to"]) for path, source in sources.items()}
    require_use(given_of(context, in_file=False), sources, targets)
    outputs = outputs_of(sources, targets, options["output"], options["output_dir"])
    require_apart(outputs.values(), inputs_of({**options, "model": model}, *sources))
    if options["flush"]:
        require_flushable(outputs.values())
    if None in outputs.values():
        standard_output()  # where it is closed, say so before the work
    tagger = load_tagger(model, options, threads=1)  # after everything that can be wrong at once
    reading = replace(reading, known_types=tagger.entity_types)
    documents = documents_for(tagger, options["documents"])
    if options["output_dir"]:
        Path(options["output_dir"]).mkdir(parents=True, exist_ok=True)
    for folder in {os.path.dirname(os.path.realpath(output)) for output in outputs.values() if output}:
        remove_unfinished(folder)
    for path, output in outputs.items():
        with open_output(output) as out, open_input(path, encoding) as stream:
            tagged = tag_stream(
                tagger,
                stream,
                path,
                sources[path],
                targets[path],
                reading,
                documents,
                flush=options["flush"],
                processes=options["threads"],
            )
            shares_terminal = output is None and sys.stdout.isatty()  # with the results
            visible = sys.stderr.isatty() and not (options["quiet"] or shares_terminal or path == "-")
            # Closed at once if something goes wrong, so that no worker outlives it
            with closing(tagged), TaggingProgress(path, shown=visible) as progress:
                write_tagged(tagged, out, progress, flush=options["flush"])
    return 0


def write_tagged(
    tagged: Iterable[tuple[bytes, int]], out: BinaryIO, progress: TaggingProgress, *, flush: bool
) -> None:
    """Write what was tagged, bit by bit, and move the progress bar."""
    for content, tokens in tagged:
        out.write(content)
        if flush:
            out.flush()
        progress.add(tokens, len(content))


def tag_text(text: str, model: str, options: dict[str, Any]) -> int:
    """Tags one text given on the command line; shown with the names marked, unless `--to` says otherwise.

    Running text, but a sentence a line where its words stand between spaces, which tell no sentences.
    """
    target = format_named(options["to"] or "text", "--to")
    output = checked_file(options["output"], FORMATS["text"], target)
    require_apart([output], inputs_of({**options, "model": model}))
    splitting: Literal["line", "detect"] = "line" if options["tokenise"] == "spaces" else "detect"
    reading = FormatOptions(sentences=splitting, tokenise=options["tokenise"])
    stream = BytesIO(text.encode("utf-8", "surrogateescape"))  # the bytes as they were typed
    tagger = load_tagger(model, options, threads=1)
    sentences = tagger.tag_stream(FORMATS["text"].read(stream, GIVEN_TEXT, reading))
    with open_output(output) as out:
        out.writelines(target.compose(sentence, reading) for sentence in sentences)
    return 0


def target_format(source: Format, to: str | None) -> Format:
    """The format to write: the one named, else the input's, but JSONL for text."""
    if to is not None:
        return format_named(to, "--to")
    return FORMATS["jsonl"] if source.name == "text" else source


def outputs_of(
    sources: dict[str, Format], targets: dict[str, Format], output: str | None, folder: str | None
) -> dict[str, str | None]:
    """Each input with its output (None: standard output).

    Raises UsageError where two would be one file, or where there is no such folder.
    """
    if output is not None:
        if folder is not None or len(sources) > 1:
            raise UsageError("-o names one file, for one input; for several give --output-dir DIR")
        ((path, source),) = sources.items()
        return {path: checked_file(output, source, targets[path], path)}
    if folder is None:
        return dict.fromkeys(sources)
    if os.path.lexists(folder) and not Path(folder).is_dir():
        raise UsageError(f"--output-dir {folder} is a file, expected a folder")
    outputs: dict[str, str | None] = {}
    for path in sources:
        if path == "-":
            raise UsageError("standard input has no name to have in --output-dir: give -o FILE")
        name = Path(path).name
        if targets[path].name != sources[path].name:
            name = with_suffix(name, sources[path], targets[path])
        if (target := str(Path(folder) / name)) in outputs.values():
            raise UsageError(f"two inputs would be one file in {folder}, {name}")
        outputs[path] = checked_file(target, sources[path], targets[path], path)
    return outputs


def with_suffix(name: str, source: Format, target: Format) -> str:
    """The name of a file that becomes one of another format: `a.txt.gz` is `a.jsonl.gz`."""
    stem = name[:-3] if is_gzip(name) else name
    packed = name[len(stem) :]
    suffix = Path(stem).suffix
    if suffix.lower() in source.suffixes:
        stem = stem[: -len(suffix)]
    return stem + target.suffixes[0] + packed


def checked_file(output: str | None, source: Format, target: Format, path: str = "") -> str | None:
    """Return the path of an output, None for standard output.

    Raises UsageError where a folder has the name, or its suffix promises another format than `target`. The
    suffix of the input is right for the input's own format, whatever it is.
    """
    if output is None or output == "-":
        return None
    if Path(output).is_dir():
        raise UsageError(
            f"{output} is a folder, expected the name of a file", hint="for a folder: --output-dir"
        )
    if source is not target or suffix_of(output) != suffix_of(path):
        others = {each: f"--to {other.name}" for other in FORMATS.values() for each in other.suffixes}
        require_suffix(output, NAMES.get(target.name, target.name), target.suffixes, others)
    return output


def require_use(typed: set[str], sources: Mapping[str, Format], targets: Mapping[str, Format]) -> None:
    """Refuse an option that does nothing for any of the files. Raises UsageError."""
    read = {source.name for source in sources.values()}
    written = {target.name for target in targets.values()}
    for name, formats in FOR_FORMATS.items():
        found = read | written if name == "misc_key" else read
        if name in typed and not found & set(formats):
            kinds = " or ".join(NAMES[each] for each in formats)
            given = " and ".join(sorted(NAMES.get(each, each) for each in found))
            raise UsageError(
                f"--{name.replace('_', '-')} is for {kinds}, and does nothing for {given}",
                hint="leave it out, or name the input's format: --format NAME",
            )


def require_flushable(outputs: Iterable[str | None]) -> None:
    """Refuse `--flush` into files, which appear when they are whole. Raises UsageError."""
    for output in outputs:
        try:
            piped = output is None or not stat.S_ISREG(os.stat(output).st_mode)
        except OSError:
            piped = False
        if not piped:
            raise UsageError(
                f"--flush does nothing for {output}, which appears when all of it is there",
                hint="leave out -o, and send standard output there: > FILE",
            )


def tag_stream(
    tagger: Tagger,
    stream: BinaryIO,
    path: str,
    source: Format,
    target: Format,
    options: FormatOptions,
    documents: Documents | None,
    *,
    flush: bool,
    processes: int,
) -> Generator[tuple[bytes, int], None, None]:
    """What is to be written, bit by bit, each with its number of tokens.

    A sentence's own bytes with new labels, or the sentence anew where the format is another one. CoNLL-U as
    CoNLL-U, which may be gigabytes, is shared out among processes; any other format takes this one, as does
    a file whose documents a table names.
    """
    from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks

    in_table = documents is not None and documents.has_table(shown(path))
    if source is target is FORMATS["conllu"] and not flush and not in_table:
        work = ChunkTagger(tagger, source, options, shown(path))
        pieces = tag_chunks(work, stream, processes=processes)
        return ((piece.content, piece.tokens) for piece in pieces)
    given = source.read(stream, shown(path), options)
    sentences = tagger.tag_stream(given if documents is None else documents.named(given), flush=flush)
    if source is target:
        return ((target.render(sentence, options), len(sentence)) for sentence in sentences)
    return (
        (target.compose(sentence, options, new_document=new), len(sentence))
        for sentence, new in document_starts(sentences)
    )


def document_starts(sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Each sentence, and whether a document begins with it: it is of another one than that before it."""
    document: str | None = None
    for sentence in sentences:
        begins = bool(sentence.tokens) and sentence.document != document
        if sentence.tokens:  # comments alone part no document
            document = sentence.document
        yield sentence, begins
