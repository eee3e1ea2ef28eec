"""`bilstm-crf data`: fetch NorNE, check and count corpora."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bilstm_crf.commands.options import (
    CORES,
    Group,
    format_options,
    given_of,
    output_option,
    reading_options,
    repair_option,
)
from bilstm_crf.commands.output import write_json, write_result, write_text
from bilstm_crf.errors import UsageError
from bilstm_crf.util.files import require_apart
from bilstm_crf.util.progress import Waiting, note, say

if TYPE_CHECKING:
    from bilstm_crf.corpus.checks.files import CheckedFile
    from bilstm_crf.corpus.checks.findings import Place

language_option = click.option(
    "--language",
    type=click.Choice(["nob", "nno", "both"]),
    default="both",
    show_default=True,
    help="NorNE: Bokmål (nob), Nynorsk (nno) or both.",
)


@click.group(cls=Group, short_help="Fetch NorNE; check and count labelled files.")
def command() -> None:
    """Fetch NorNE; check and count labelled files.

    \b
    Examples
      bilstm-crf data norne                          fetch it into data/norne
      bilstm-crf data check train.conll dev.conll    list every fault
      bilstm-crf data stats                          compare NorNE with the paper
      bilstm-crf data stats train.conll dev.conll    count any files
    """  # noqa: D301


@command.command(short_help="Fetch the published NorNE files (40 MB).")
@click.argument("folder", metavar="[DIR]", default="data/norne", type=click.Path(path_type=Path))
@language_option
def norne(folder: Path, language: str) -> None:
    """Fetch the published NorNE files (about 40 MB) into DIR/nob and DIR/nno (default: data/norne).

    Interrupted downloads are resumed and existing files kept. Every file is verified: valid CoNLL-U with a
    label on each word, the expected number of sentences, and for the two dev files the SHA-256. A table
    documents.tsv in each folder maps sentences to documents.

    \b
    Examples
      bilstm-crf data norne
      bilstm-crf data norne corpora/norne --language nob
    """  # noqa: D301
    from bilstm_crf.corpus import norne as corpus

    for path in corpus.fetch(folder, language):
        write_text(f"{path}\n")
    say("Train the paper's baseline with:  bilstm-crf train --embeddings sg600")


@command.command(short_help="Print the text of a document.")
@click.argument("file", metavar="FILE")
@click.option("--format", "format_name", metavar="NAME", help="docx, odt, html, mail or pdf.  [by suffix]")
@click.option("--input-encoding", metavar="NAME", help="HTML and mail: character encoding.  [as they say]")
@output_option
def text(file: str, format_name: str | None, input_encoding: str | None, output: str | None) -> None:
    """Print the text of a document, which `tag` reads and in which its offsets count.

    \b
    Examples
      bilstm-crf data text report.docx -o report.txt
      bilstm-crf data text --format pdf - < report.pdf
    """  # noqa: D301
    from bilstm_crf.formats.documents import text_of

    require_apart([output], [file])
    write_result(text_of(file, format_name, input_encoding).encode(), output)


@command.command(short_help="List every fault, and what looks like a mistake.")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--train", metavar="FILE", multiple=True, help="File of the training set; repeatable.")
@click.option("--dev", metavar="FILE", multiple=True, help="The same for the development set.")
@click.option("--test", metavar="FILE", multiple=True, help="The same for the test set.")
@reading_options
@repair_option
@click.option(
    "--labels",
    metavar="SET",
    default="file",
    show_default=True,
    help="Label set that the types must be in: full, 7, 6, 4, file (any type) or a TOML file.",
)
@click.option(
    "--places", type=click.IntRange(1), default=3, show_default=True, help="Places to show of each finding."
)
@click.option(
    "--suspicious",
    is_flag=True,
    help="Also train models on parts of the data and list where they are sure that the rest is wrong; needs "
    "the extra `train`, and minutes.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=3,
    show_default=True,
    help="--suspicious: number of models.",
)
@click.option("--embeddings", metavar="NAME|PATH", help="--suspicious: word vectors for the models.  [none]")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with every place.")
@click.option("--quiet", is_flag=True, help="No progress, only errors.")
@click.pass_context
def check(context: click.Context, files: tuple[str, ...], **options: Any) -> int:
    """List every fault of labelled files at once, and what looks like a mistake in them.

    The splits of FILEs are guessed from their names (train, dev, test); --train, --dev and --test name them.
    An error is something that training would refuse, a warning something to look at. Exit status: 1 if there
    are errors, else 0.

    \b
    Examples
      bilstm-crf data check train.conll dev.conll test.conll
      bilstm-crf data check --train a.conll --train b.conll --dev c.conll
      bilstm-crf data check corpus.jsonl --json > check.json
      bilstm-crf data check train.conll dev.conll --suspicious --places 50
    """  # noqa: D301
    from bilstm_crf.corpus.checks.check import check_corpus, guess_split
    from bilstm_crf.corpus.checks.files import Reading
    from bilstm_crf.corpus.checks.findings import Findings
    from bilstm_crf.corpus.checks.report import Report
    from bilstm_crf.formats import files_of
    from bilstm_crf.labels import LabelSet

    splits: dict[str, list[str]] = {name: list(options[name]) for name in ("train", "dev", "test")}
    for path in dict.fromkeys(files):
        splits.setdefault(guess_split(path), []).append(path)
    splits = {name: [file for path in paths for file in files_of(path)] for name, paths in splits.items()}
    splits = {name: paths for name, paths in splits.items() if paths}
    if not splits:
        raise UsageError("expected files to check", hint="bilstm-crf data check train.conll dev.conll")
    for name in sorted({"folds", "embeddings"} & given_of(context)):
        if not options["suspicious"]:
            raise UsageError(f"--{name} is for --suspicious", hint="leave it out")
    reading = Reading(options["format_name"], format_options(options), options["repair"])
    findings = Findings()
    checked = check_corpus(splits, reading, LabelSet.named(options["labels"], keep_misc=True), findings)
    if options["suspicious"]:
        findings.add("suspicious", _suspicious(checked, options))
    report = Report(checked, findings.all)
    if options["as_json"]:
        write_json(report.json())
    else:
        write_text(report.text(options["places"]))
    return 1 if report.count("error") else 0


def _suspicious(checked: Sequence[CheckedFile], options: dict[str, Any]) -> list[Place]:
    """Return the places of likely annotation errors in all sentences whose labels can be read."""
    with Waiting("Loading PyTorch"):
        from bilstm_crf.training.suspicious import find_suspicious
    from bilstm_crf.embeddings.read import load

    sentences = [each for file in checked for each in file.sentences if each.token_spans is not None]
    vectors = load(options["embeddings"]) if options["embeddings"] else None
    return find_suspicious(sentences, note, folds=options["folds"], threads=min(2, CORES), vectors=vectors)


@command.command(short_help="Count sentences, tokens, entities and unknown word forms.")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--data", metavar="DIR", help="NorNE's folder.  [$BILSTM_CRF_DATA, else data/norne]")
@language_option
@reading_options
@repair_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Write Markdown tables.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def stats(
    context: click.Context, files: tuple[str, ...], data: str | None, language: str, **options: Any
) -> None:
    """Count sentences, tokens and entities by type and split, and unknown word forms.

    Without FILE, count NorNE and compare it with the paper. With FILEs, write one column per file and count
    the word forms that the first file lacks.

    \b
    Examples
      bilstm-crf data stats --data norne --language nob
      bilstm-crf data stats --markdown > statistics.md
      bilstm-crf data stats train.conll dev.conll --json
    """  # noqa: D301
    from bilstm_crf.corpus.norne import find_corpus
    from bilstm_crf.corpus.statistics import describe_files, describe_norne
    from bilstm_crf.render.markdown import table_to_markdown
    from bilstm_crf.render.text import to_text

    if options["as_json"] and options["as_markdown"]:
        raise UsageError("--json and --markdown exclude one another")
    if files and data:
        raise UsageError("files and --data exclude one another")
    of_files = {"format_name", "misc_key", "token_column", "label_column", "input_encoding", "repair"}
    idle = given_of(context) & ({"language"} if files else of_files)
    for option in context.command.params:
        if option.name in idle:
            other = "FILEs" if files else "the corpus's folder"
            raise UsageError(f"{option.opts[0]} does nothing with {other}: leave it out")
    if files:
        reading = format_options(options, keep_raw=False)
        found = describe_files(files, options["format_name"], reading, options["repair"])
    else:
        found = describe_norne(find_corpus(data), language)
    if options["as_json"]:
        write_json(found.json())
        return
    markdown = options["as_markdown"]
    blocks = [table_to_markdown(table) if markdown else to_text(table) for table in found.tables]
    blocks += [found.note, "\n".join(f"- {each}" if markdown else str(each) for each in found.unknown)]
    write_text("\n\n".join(filter(None, blocks)) + "\n")
