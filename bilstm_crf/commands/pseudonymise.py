"""`bilstm-crf pseudonymise`: replace names and identifiers in files; `--restore` gives them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
from bilstm_crf.commands.pseudonymise_jobs import Job, Plan, plan_jobs, require_places
from bilstm_crf.commands.tag_jobs import option_of
from bilstm_crf.commands.tag_plan import kinds_of
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.errors import InputError, InterruptedRunError, UsageError, did_you_mean
from bilstm_crf.formats import FormatOptions
from bilstm_crf.pseudonyms.identifiers import DEFAULT_KINDS, KINDS
from bilstm_crf.pseudonyms.mapping import STYLES, Mapping, Style, read_mapping, write_mapping
from bilstm_crf.util.files import (
    made_folder,
    remove_unfinished,
    require_apart,
    shown,
)
from bilstm_crf.util.progress import Bar, say
from bilstm_crf.util.streams import standard_output

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request

RECALL = 0.05  # docs/pseudonymise.md says what it finds, and what it costs
UNSURE = 0.5
NO_KEY = "pseudonymise.none"  # a key that no MISC has: labels stay as they are, and are not read
FOR_RESTORING = {"files", "output", "mapping", "restore", "quiet"}


@click.command("pseudonymise", cls=Command)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--model", metavar="DIR|NAME", help="Folder, or fetched OWNER/NAME.  [the one in the box]")
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
    "--format",
    "format_name",
    metavar="NAME",
    help="Input format: text, conllu, conll2003, docx, odt, html, mail or pdf.  [by suffix]",
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

    FILE is text, CoNLL-U or columns, also with .gz, or a folder of such files; `-` is standard input. Of a
    document (.docx, .odt, .html, .eml, .pdf), the output is its text. No tool finds every name: read the
    outputs before you share them, and never share the mapping.

    \b
    Examples
      bilstm-crf pseudonymise interviews/ -o out/ --mapping secret.csv
      bilstm-crf pseudonymise a.txt --style number -o b.txt --mapping secret.csv
      bilstm-crf pseudonymise --restore out/ -o restored/ --mapping secret.csv
    """  # noqa: D301
    if not files:
        raise UsageError("no FILE was given", hint="`-` is standard input")
    plan = plan_jobs(files, options)
    if any(job.output is None for job in plan.jobs):
        standard_output()  # if it is closed, say so before the work
    require_apart(
        [*(job.output for job in plan.jobs), options["mapping"], options["report"] or os.devnull],
        inputs_of(options, *(source.path for source in plan.sources)),
    )
    require_places(files, options)
    mapping = read_mapping(options["mapping"])
    if options["restore"]:
        idle = given_of(context, in_file=False) - FOR_RESTORING
        if idle:
            raise UsageError(f"{option_of(sorted(idle)[0])} does nothing with --restore", hint="leave it out")
        status = restore_files(plan, mapping, options)
    else:
        status = pseudonymise_files(plan, mapping_to_extend(mapping, options), options)
    for each in plan.skipped:
        say(f"warning: {each.path} was skipped: {each.reason}")
    if plan.left_out:
        say(f"warning: ignored (unknown format): {kinds_of(plan.left_out)}")
    return 1 if plan.skipped else status


# ---------------------------------------------------------------- what is wrong at once


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
        name = type_.strip()
        found = {each for each in known if each == name or each.startswith(f"{name}_")}
        if not found:
            raise UsageError(
                f"--types {given}: the model has no type {name!r}.{did_you_mean(name, known)}",
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


def pseudonymise_files(plan: Plan, mapping: Mapping, options: dict[str, Any]) -> int:
    """Pseudonymise the files; the mapping is on disk before the first output is written."""
    from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request

    identifiers = identifiers_of(options["identifiers"])
    tagger = load_tagger(options["model"], options, threads=options["threads"])
    request = Request(
        types=types_of(options["types"], tagger),
        identifiers=identifiers,
        recall=options["recall"] if options["recall"] < 1 else None,
        same_names=options["same_names"],
        unsure_below=options["unsure_below"],
    )
    reading = FormatOptions(
        misc_key=NO_KEY,
        known_types=tagger.entity_types,
        **{name: options[name] for name in ("token_column", "sentences")},
    )
    run = Pseudonymiser(tagger, mapping, request, reading, Documents(options["documents"]))
    try:
        with Bar("Tagging", unit="files", shown=not options["quiet"]) as bar:
            plan.jobs = list(surveyed(run, plan, bar))
        run.decide()
        for source in plan.sources:
            run.note(run.edit(source), source)
    except KeyboardInterrupt:
        raise InterruptedRunError("Interrupted; nothing was written") from None
    write_mapping(mapping, options["mapping"])
    with Bar("Writing", unit="files", shown=not options["quiet"]) as bar:
        for number, job in enumerate(plan.jobs, 1):
            write_output(job, run.edit(job.source).text.encode())
            bar.at(number, len(plan.jobs))
    report(run, request, plan, options)
    return 0


def surveyed(run: Pseudonymiser, plan: Plan, bar: Bar) -> Iterator[Job]:
    """Yield the jobs whose sources could be read; raise what is wrong with the only one."""
    for number, job in enumerate(plan.jobs, 1):
        try:
            run.survey(job.source)
        except InputError as error:
            plan.skip(job, error)
            continue
        bar.at(number, len(plan.jobs))
        yield job


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


def report(run: Pseudonymiser, request: Request, plan: Plan, options: dict[str, Any]) -> None:
    """Print the summary, and write the report if one is asked for."""
    from bilstm_crf.pseudonyms.report import summary, write_report

    if not options["quiet"]:
        for line in summary(run.outcome, len(plan.jobs), options["mapping"]):
            say(line)
    if options["report"] is not None:
        write_report(run.outcome, request, options["report"], names=options["report_names"])


# ---------------------------------------------------------------- restore


def restore_files(plan: Plan, mapping: Mapping | None, options: dict[str, Any]) -> int:
    """Restore the files; exit status 1 if one of them is not the original again."""
    from bilstm_crf.pseudonyms.restore import restore

    if mapping is None:
        hint = "only the mapping can restore names"
        raise UsageError(f"--mapping {options['mapping']}: no such file", hint=hint)
    exact = 0
    for job in plan.jobs:
        path = shown(job.source.path)
        try:
            restored = restore(job.source.read(), job.source.name, mapping, path)
        except InputError as error:
            plan.skip(job, error)
            continue
        write_output(job, restored.content)
        exact += restored.is_exact
        if not restored.is_exact:
            why = "was edited" if restored.record else "no output of this mapping by its name or content"
            say(
                f"{path}: {why}; {restored.restored} pseudonyms restored"
                f" ({restored.alone} of them by the pseudonym alone), {len(restored.left)} left"
            )
            for line, pseudonym in restored.left[:20]:
                say(f"  line {line}: {pseudonym} could be several names")
    if not options["quiet"]:
        say(f"{exact} of {len(plan.jobs)} files restored byte for byte")
    return 0 if exact == len(plan.jobs) else 1
