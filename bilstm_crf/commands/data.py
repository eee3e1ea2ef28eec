"""`bilstm-crf data`: fetch NorNE; count what a corpus holds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from bilstm_crf.commands.options import Group, format_options, given_of, reading_options, repair_option
from bilstm_crf.commands.output import write_json, write_text
from bilstm_crf.errors import UsageError
from bilstm_crf.util.progress import say

language_option = click.option(
    "--language",
    type=click.Choice(["nob", "nno", "both"]),
    default="both",
    show_default=True,
    help="Which files.",
)


@click.group(cls=Group)
def command() -> None:
    """Fetch NorNE; count what a corpus holds.

    \b
    Examples
      bilstm-crf data norne                          the six published files into data/norne
      bilstm-crf data stats                          the paper's Tables 2 to 4 beside the paper's numbers
      bilstm-crf data stats train.conll dev.conll    any files
    """  # noqa: D301


@command.command()
@click.argument("folder", metavar="[DIR]", default="data/norne", type=click.Path(path_type=Path))
@language_option
def norne(folder: Path, language: str) -> None:
    """Fetch the published NorNE files into DIR/nob and DIR/nno (data/norne), some 40 MB.

    A download that broke off goes on with the next call; files that are here stay. Every file is verified: it
    is CoNLL-U with a name on each word and has the known number of sentences, and the two dev files have
    the known SHA-256. Beside the files a table, documents.tsv, says of which document each sentence is.

    \b
    Examples
      bilstm-crf data norne
      bilstm-crf data norne corpora/norne --language nob
    """  # noqa: D301
    from bilstm_crf.corpus import norne as corpus

    for path in corpus.fetch(folder, language):
        write_text(f"{path}\n")
    say("The paper's baseline:  bilstm-crf train --embeddings sg600")


@command.command()
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--data", metavar="DIR", help="The corpus's folder (else $BILSTM_CRF_DATA, else data/norne).")
@language_option
@reading_options
@repair_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Tables in Markdown.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def stats(
    context: click.Context,
    files: tuple[str, ...],
    data: str | None,
    language: str,
    as_markdown: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Count sentences, tokens and entities by type and split, and the unknown word forms.

    Without FILEs: NorNE, each number beside the paper's. With FILEs: one column a file, and the share of
    word forms that the first one lacks.

    \b
    Examples
      bilstm-crf data stats --data norne --language nob
      bilstm-crf data stats --markdown > statistics.md
      bilstm-crf data stats train.conll dev.conll --json
    """  # noqa: D301
    from bilstm_crf.corpus import statistics
    from bilstm_crf.render.markdown import table_to_markdown
    from bilstm_crf.render.text import to_text

    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude one another")
    if files and data:
        raise UsageError("files and --data exclude one another")
    of_norne, of_files = ("language",), ("format_name", "misc_key", "token_column", "label_column",
                                         "input_encoding", "repair")  # fmt: skip
    for option in context.command.params:
        if option.name in (of_norne if files else of_files) and option.name in given_of(context):
            other = "FILEs" if files else "the corpus's folder"
            raise UsageError(f"{option.opts[0]} does nothing with {other}: leave it out")
    if files:
        reading = format_options(options, keep_raw=False)
        count = partial(
            statistics.count, format_name=options["format_name"], options=reading, repair=options["repair"]
        )
        counted = {name: count([Path(name)]) for name in dict.fromkeys(files)}
        tables = [statistics.files_table(counted)]
        unknown = statistics.unknown_to_first(counted)
        report: dict[str, Any] = {"files": {name: counts.json() for name, counts in counted.items()}}
    else:
        from bilstm_crf.corpus.norne import find_corpus

        corpus = statistics.count_corpus(find_corpus(data), language)
        tables = [statistics.norne_table(each, splits) for each, splits in corpus.items()]
        unknown = statistics.unknown_forms(corpus)
        report = {
            each: {split: counts.json() for split, counts in splits.items()}
            for each, splits in corpus.items()
        }
    if as_json:
        report["unknown_forms"] = [each.json() for each in unknown]
        write_json(report)
        return
    blocks = [table_to_markdown(table) if as_markdown else to_text(table) for table in tables]
    if not files:
        blocks.append(statistics.NOTE)
    lines = [f"- {each}" if as_markdown else str(each) for each in unknown]
    write_text("\n\n".join([*blocks, *(["\n".join(lines)] if lines else [])]) + "\n")
