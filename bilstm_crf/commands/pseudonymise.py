"""`bilstm-crf pseudonymise`: replace names and identifiers in files; `--restore` gives them back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from bilstm_crf.commands.options import (
    Command,
    given_of,
    inputs_of,
    load_tagger,
    model_options,
)
from bilstm_crf.commands.output import open_output
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.formats import FORMATS, SUFFIXES, FormatOptions, format_of
from bilstm_crf.pseudonyms.identifiers import DEFAULT_KINDS, KINDS
from bilstm_crf.pseudonyms.mapping import STYLES, Mapping, Style, read_mapping, write_mapping
from bilstm_crf.util.files import (
    made_folder,
    open_input,
    remove_unfinished,
    require_apart,
    shown,
    suffix_of,
)
from bilstm_crf.util.progress import Bar, say
from bilstm_crf.util.streams import standard_output

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request, Source

RECALL = 0.1  # docs/pseudonymise.md says what it finds, and what it costs
UNSURE = 0.5
NO_KEY = "pseudonymise.none"  # a key that no MISC has: labels stay as they are, and are not read
KNOWN_FORMATS = ("text", "conllu", "conll2003")
FOR_RESTORING = {"files", "output", "mapping", "restore", "quiet"}


@dataclass(frozen=True)
class Job:
    """A file and its output; None is standard output."""

    path: str
    name: str  # of the output, within the output folder
    output: str | None


@click.command("pseudonymise", cls=Command)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--model", metavar="DIR", help="Folder of a trained model.")
@click.option(
    "-o", "--output", metavar="PATH", help="Output folder; or a file for one FILE.  [standard output]"
)
@click.option(
    "--mapping",
    metavar="CSV",
    required=True,
    help="Secret file of who got which pseudonym; created (mode 0600), or read and extended.",
)
@click.option("--restore", is_flag=True, help="Give pseudonymised FILEs their names back.")
@click.option(
    "--types",
    metavar="LIST",
    default="PER",
    show_default=True,
    help="Entity types to replace, separated by commas; all: every type of the model.",
)
@click.option(
    "--style",
    type=click.Choice(STYLES),
    help="Pseudonyms: invented names, [PER-1], or [PER].  [that of the mapping; else name]",
)
@click.option(
    "--identifiers",
    metavar="LIST",
    default=",".join(DEFAULT_KINDS),
    help="Identifiers to replace: EMAIL, URL, HANDLE, NATIONAL_ID, ACCOUNT, PHONE, ORG_NUMBER; "
    "all or none.  [all but ORG_NUMBER]",
)
@click.option(
    "--recall",
    metavar="T",
    type=click.FloatRange(0, 1),
    default=RECALL,
    show_default=True,
    help="Also replace names of at least this probability; 1: only what `tag` finds.",
)
@click.option(
    "--same-names/--no-same-names",
    default=True,
    show_default=True,
    help="Also replace names that were found elsewhere in the corpus.",
)
@click.option("--number-files", is_flag=True, help="Call the outputs 0001.txt, 0002.txt, …")
@click.option(
    "--report", metavar="FILE", help="Write what was replaced and what is unsure (.txt, .md or .html)."
)
@click.option("--report-names", is_flag=True, help="Show the unsure names themselves in the report.")
@click.option(
    "--unsure-below",
    metavar="T",
    type=click.FloatRange(0, 1),
    default=UNSURE,
    show_default=True,
    help="List replaced names of smaller probability as unsure.",
)
@click.option(
    "--format", "format_name", metavar="NAME", help="Input format: text, conllu or conll2003.  [by suffix]"
)
@click.option(
    "--token-column",
    metavar="N|NAME",
    help="Columns: number (from 1) or header name of the token column.  [recognised, else 1]",
)
@click.option(
    "--input-encoding",
    metavar="NAME",
    help="Character encoding of the input, such as cp1252; output is UTF-8.  [UTF-8]",
)
@click.option(
    "--sentences",
    type=click.Choice(["line", "detect"]),
    default="detect",
    show_default=True,
    help="Text: running text, or one sentence a line.",
)
@model_options
@click.option("--quiet", is_flag=True, help="No progress and no summary, only errors.")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], **options: Any) -> int:
    """Replace the names of people, and identifiers such as phone numbers, the same way everywhere.

    FILE is text, CoNLL-U or columns, also with .gz, or a folder of such files; `-` is standard input.
    Nobody finds every name: read the outputs before you share them, and never share the mapping.

    \b
    Examples
      bilstm-crf pseudonymise --model DIR interviews/ -o out/ --mapping secret.csv
      bilstm-crf pseudonymise --model DIR a.txt --style number -o b.txt --mapping secret.csv
      bilstm-crf pseudonymise --restore out/ -o restored/ --mapping secret.csv
    """  # noqa: D301
    if not files:
        raise UsageError("no FILE was given", hint="`-` is standard input")
    jobs = plan_jobs(files, options)
    if any(job.output is None for job in jobs):
        standard_output()  # if it is closed, say so before the work
    require_apart(
        [*(job.output for job in jobs), options["mapping"], options["report"] or os.devnull],
        inputs_of(options, *(job.path for job in jobs)),
    )
    require_secret_place(options)
    mapping = read_mapping(options["mapping"])
    if options["restore"]:
        idle = given_of(context, in_file=False) - FOR_RESTORING
        if idle:
            option = "--" + sorted(idle)[0].replace("_", "-")
            raise UsageError(f"{option} does nothing with --restore", hint="leave it out")
        return restore_files(jobs, mapping, options)
    if options["model"] is None:
        raise UsageError("no model: give --model DIR")
    return pseudonymise_files(jobs, mapping_to_extend(mapping, options), options)


# ---------------------------------------------------------------- what is wrong at once


def plan_jobs(files: Sequence[str], options: dict[str, Any]) -> list[Job]:
    """Return each file with its output. Raises UsageError for outputs that are the same file."""
    output = options["output"]
    found = [pair for path in dict.fromkeys(files) for pair in files_in(path)]
    if not found:
        raise UsageError(f"no file in {files[0]} has one of the suffixes {' '.join(known_suffixes())}")
    into_folder = output is not None and (
        len(found) > 1 or os.path.isdir(output) or output.endswith(("/", os.sep)) or os.path.isdir(files[0])
    )
    if options["number_files"]:
        found = [
            (path, f"{at:04}{''.join(Path(name).suffixes[-2:])}") for at, (path, name) in enumerate(found, 1)
        ]
    if not into_folder:
        if len(found) > 1:
            raise UsageError(f"{len(found)} files need a folder for their outputs: -o DIR")
        path, name = found[0]
        target = None if output in (None, "-") else output
        return [Job(path, name if target is None else os.path.basename(target), target)]
    if os.path.lexists(output) and not os.path.isdir(output):
        raise UsageError(f"-o {output} is a file, expected a folder for {len(found)} outputs")
    jobs: dict[str, Job] = {}
    for path, name in found:
        if path == "-":
            raise UsageError("standard input has no name for a file in a folder: give -o FILE")
        if name in jobs:
            raise UsageError(f"{jobs[name].path} and {path} would be the same file in {output}: {name}")
        jobs[name] = Job(path, name, os.path.join(output, name))
    return list(jobs.values())


def known_suffixes() -> list[str]:
    """Return the suffixes of the formats that can be pseudonymised."""
    return [suffix for suffix, format_ in SUFFIXES.items() if format_.name in KNOWN_FORMATS]


def files_in(path: str) -> list[tuple[str, str]]:
    """Return the files of a folder with their names in it; of a file, the file itself."""
    if not os.path.isdir(path):
        return [(path, os.path.basename(path) if path != "-" else "standard-input")]
    suffixes = known_suffixes()
    found = sorted(each for each in Path(path).rglob("*") if each.is_file() and suffix_of(each) in suffixes)
    return [(str(each), str(each.relative_to(path))) for each in found]


def require_secret_place(options: dict[str, Any]) -> None:
    """Raise UsageError for a mapping among the outputs, with which it would be shared."""
    output, mapping = options["output"], Path(options["mapping"]).resolve()
    if output is not None and Path(output).resolve() in (mapping, *mapping.parents):
        raise UsageError(
            f"--mapping {options['mapping']} is in the folder of the outputs, and would be shared with them",
            hint="put it elsewhere: whoever has it can undo the pseudonymisation",
        )


def mapping_to_extend(mapping: Mapping | None, options: dict[str, Any]) -> Mapping:
    """Return the mapping of earlier runs, or a new one. Raises UsageError for another style than its own."""
    style = cast("Style | None", options["style"])
    if mapping is None:
        return Mapping.new(style or "name")
    if style is not None and style != mapping.style:
        raise UsageError(
            f"--style {style}: {options['mapping']} was made with --style {mapping.style}",
            hint="leave --style out, or begin another mapping",
        )
    return mapping


def types_of(given: str, tagger: Tagger) -> frozenset[str]:
    """Return the entity types of `--types`. Raises UsageError for one that the model lacks."""
    known = tagger.entity_types
    if given == "all":
        return known
    types: set[str] = set()
    for type_ in given.split(","):
        found = {
            each for each in known if each == type_.strip() or (type_.strip(), "_") == (each[:3], each[3:4])
        }
        if not found:
            raise UsageError(
                f"--types {given}: the model has no type {type_.strip()!r}.{did_you_mean(type_, known)}",
                hint=f"it has {', '.join(sorted(known))}",
            )
        types |= found
    return frozenset(types)


def identifiers_of(given: str) -> tuple[str, ...]:
    """Return the kinds of `--identifiers`. Raises UsageError for an unknown one."""
    if given in ("all", "none"):
        return KINDS if given == "all" else ()
    kinds = [kind.strip().upper() for kind in given.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(
                f"--identifiers {kind} is unknown.{did_you_mean(kind, KINDS)}", hint=" ".join(KINDS)
            )
    return tuple(kinds)


# ---------------------------------------------------------------- pseudonymise


def pseudonymise_files(jobs: Sequence[Job], mapping: Mapping, options: dict[str, Any]) -> int:
    """Pseudonymise the files; the mapping is on disk before the first output is written."""
    from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request

    sources = [source_of(job, options) for job in jobs]
    tagger = load_tagger(options["model"], options, threads=options["threads"])
    request = Request(
        types=types_of(options["types"], tagger),
        identifiers=identifiers_of(options["identifiers"]),
        recall=options["recall"] if options["recall"] < 1 else None,
        same_names=options["same_names"],
        unsure_below=options["unsure_below"],
    )
    reading = FormatOptions(
        misc_key=NO_KEY,
        known_types=tagger.entity_types,
        **{name: options[name] for name in ("token_column", "input_encoding", "sentences")},
    )
    run = Pseudonymiser(tagger, mapping, request, reading, Documents(options["documents"]))
    with Bar("Tagging", unit="files", shown=not options["quiet"]) as bar:
        done = iter(range(1, len(sources) + 1))
        run.survey(sources, lambda tokens: bar.at(next(done), len(sources)))
    for number, source in enumerate(sources):
        run.note(run.edit(number, source), source)
    write_mapping(mapping, options["mapping"])
    with Bar("Writing", unit="files", shown=not options["quiet"]) as bar:
        for number, (job, source) in enumerate(zip(jobs, sources, strict=True)):
            write_output(job, run.edit(number, source).text.encode())
            bar.at(number + 1, len(jobs))
    report(run, request, jobs, options)
    return 0


def source_of(job: Job, options: dict[str, Any]) -> Source:
    """Return the source of a job. Raises UsageError for a format that cannot be pseudonymised."""
    from bilstm_crf.pseudonyms.corpus import Source

    format_ = format_of(job.path, options["format_name"], options["input_encoding"])
    if format_.name not in KNOWN_FORMATS:
        raise UsageError(
            f"{shown(job.path)} is {format_.name}: text, CoNLL-U and columns can be pseudonymised",
            hint="write its text or its tokens to such a file first",
        )
    return Source(job.path, job.name, FORMATS[format_.name])


def write_output(job: Job, content: bytes) -> None:
    """Write one output, with the folders that it stands in."""
    if job.output is None:
        with open_output(None) as out:
            out.write(content)
        return
    folder = os.path.dirname(os.path.realpath(job.output))
    with made_folder(folder):
        remove_unfinished(folder)
        with open_output(job.output) as out:
            out.write(content)


def report(run: Pseudonymiser, request: Request, jobs: Sequence[Job], options: dict[str, Any]) -> None:
    """Print the summary, and write the report if one is asked for."""
    from bilstm_crf.pseudonyms.report import summary, write_report

    if not options["quiet"]:
        for line in summary(run.outcome, request, len(jobs), options["mapping"]):
            say(line)
    if options["report"] is not None:
        write_report(run.outcome, request, options["report"], names=options["report_names"])


# ---------------------------------------------------------------- restore


def restore_files(jobs: Sequence[Job], mapping: Mapping | None, options: dict[str, Any]) -> int:
    """Restore the files; exit status 1 if one of them is not the original again."""
    from bilstm_crf.pseudonyms.restore import restore

    if mapping is None:
        raise UsageError(
            f"--mapping {options['mapping']}: no such file", hint="only the mapping can restore names"
        )
    exact = 0
    for job in jobs:
        with open_input(job.path) as stream:
            content = stream.read()
        restored = restore(content, job.name if job.path != "-" else "", mapping, shown(job.path))
        write_output(job, restored.content)
        exact += restored.is_exact
        if not restored.is_exact:
            say(
                f"{shown(job.path)}: was edited; {restored.restored} pseudonyms restored"
                f" ({restored.alone} of them by the pseudonym alone), {len(restored.left)} left"
            )
            for line, pseudonym in restored.left[:20]:
                say(f"  line {line}: {pseudonym} could be several names")
    if not options["quiet"]:
        say(f"{exact} of {len(jobs)} files restored byte for byte")
    return 0 if exact == len(jobs) else 1
