"""Plan what `tag` does: from files and folders to jobs; raise what is wrong before the work begins."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bilstm_crf.commands.tag_jobs import (
    Job,
    Plan,
    leave_out,
    on_terminal,
    option_of,
    skipped_for,
    target_of,
    with_outputs,
)
from bilstm_crf.corpus import documents
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import FORMATS, SUFFIXES, brat, format_named
from bilstm_crf.formats.documents import DOCUMENT_SUFFIXES, DOCUMENTS, source_of
from bilstm_crf.output import WRITERS, writer_named
from bilstm_crf.util.files import suffix_of
from bilstm_crf.util.folders import Found, expand, folder_around

# Suffixes of files that are read; of brat's annotations, the text is
READ = {*SUFFIXES, *DOCUMENT_SUFFIXES} - {*brat.suffixes}
# The formats that an option applies to: on input, and for `misc_key` on output as well
FOR_FORMATS: dict[str, tuple[str, ...]] = {
    "misc_key": ("conllu",),
    "token_column": ("conll2003",),
    "label_column": ("conll2003",),
    "sentences": ("text", *DOCUMENTS),
    "tokenise": ("text", "jsonl", *DOCUMENTS),
}
NAMES = {"conllu": "CoNLL-U", "conll2003": "columns", "text": "text", "jsonl": "JSONL"}
NAMES |= {name: document.kind for name, document in DOCUMENTS.items()}


def plan_jobs(files: Sequence[str], options: dict[str, Any]) -> Plan:
    """Return each file with its formats and its output.

    Raises UsageError as `plan_inputs`, for outputs that are the same file, and for a wrong suffix.
    """
    return with_outputs(plan_inputs(files, options), options)


def plan_inputs(files: Sequence[str], options: dict[str, Any]) -> Plan:
    """Return each file with its formats, before it is known what is written where.

    Raises UsageError for a file given twice, an unknown format, no files, and an output among the inputs.
    """
    if options["format_name"] == brat.name:
        raise UsageError(
            "--format brat is for labelled files: tag reads their text and finds names of its own",
            hint="give the text: bilstm-crf tag a.txt --to brat -o tagged/a.ann",
        )
    if options["format_name"] is None:
        files = [_text_of(path) for path in files]
    if len(set(files)) < len(files):
        raise UsageError("the same file was given twice")
    folders = [path for path in files if os.path.isdir(path)]
    found, errors = expand(files)
    plan = Plan([], [skipped_for(str(error.path), error) for error in errors])
    plan = replace(plan, several=bool(folders) or len(found) > 1)
    if options["format_name"] is not None and options["format_name"] not in DOCUMENTS:
        format_named(options["format_name"])
    if options["to"] is not None:
        writer_named(options["to"])
    for output in (options["output"], options["output_dir"]):
        _require_outside(output, folders, is_folder=output == options["output_dir"])
    # An output that no run reads, such as a workbook, may lie in the folder: it is there the second time
    own = os.path.realpath(options["output"] or "-")
    for each in found:
        if each.folder is None or os.path.realpath(each.path) != own:
            _add(plan, each, options)
    if not plan.jobs and not plan.skipped:
        others = f"only {kinds_of(plan.left_out)}" if plan.left_out else "no files"
        raise UsageError(f"{files[0]} holds {others}", hint="expected such as *.txt, *.docx or *.conllu")
    return plan


def _text_of(path: str) -> str:
    """Return the file to tag: for brat's annotations, the text beside them."""
    is_brat = suffix_of(path) in brat.suffixes and os.path.isfile(path)
    return brat.text_beside(path) if is_brat else path


def _add(plan: Plan, found: Found, options: Mapping[str, Any]) -> None:
    """Add a file to the jobs, or say why not; raise what is wrong with the only file."""
    path = found.path
    if found.folder is not None and os.path.basename(path) == documents.NAME:
        return  # names the documents of the files beside it
    if found.folder is not None and suffix_of(path) in brat.suffixes and options["format_name"] is None:
        return  # its text is in the folder
    try:
        if path != "-" and suffix_of(path) not in READ and not os.path.lexists(path):
            raise InputError("no such file or folder", path=path)
        source = source_of(path, options["format_name"], options["input_encoding"])
    except (InputError, UsageError) as error:
        if not plan.several or path == "-":
            raise
        leave_out(found, error, plan)
        return
    # On a terminal names are easier to see than records; pipes and files always get these
    shown = options["output"] in (None, "-") and options["output_dir"] is None and on_terminal()
    marks = "text" if shown and options["nbest"] == 1 else "jsonl"
    job = Job(path, source, WRITERS[marks], folder=found.folder)
    if not job.has_running_text:
        job = replace(job, target=WRITERS[source.name])
    plan.jobs.append(replace(job, target=target_of(job, options["output"], options["to"])))


def _require_outside(output: str | None, folders: Sequence[str], *, is_folder: bool) -> None:
    """Raise UsageError for an output in a folder of inputs, where a later run would read it as an input."""
    if output is None or output == "-" or not (is_folder or suffix_of(output) in READ):
        return
    around = folder_around(output, folders)
    if around is not None:
        option = "--output-dir" if is_folder else "-o"
        elsewhere = os.path.normpath(os.path.join(around, "..", os.path.basename(os.path.abspath(output))))
        if is_folder and folder_around(elsewhere, folders) is not None:
            elsewhere += "-tagged"  # the output is the input folder itself
        raise UsageError(
            f"{option} {output} is inside {around}, whose files are inputs: it would be read as one later",
            hint=f"write it elsewhere, such as {option} {elsewhere}",
        )


def kinds_of(paths: Sequence[str]) -> str:
    """Return the suffixes of files with their numbers: `12 .jpg, 2 without a suffix`."""
    counts = Counter(suffix_of(path) or "without a suffix" for path in paths)
    return ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common())


# ---------------------------------------------------------------- options


def require_use(typed: set[str], jobs: Sequence[Job]) -> None:
    """Raise UsageError for an option that applies to none of the files."""
    read = {job.source.name for job in jobs}
    for name, formats in FOR_FORMATS.items():
        found = read | {job.target.name for job in jobs} if name == "misc_key" else read
        if jobs and name in typed and not found & set(formats):
            kinds = " or ".join(NAMES[each] for each in formats if each in FORMATS)
            given = " and ".join(sorted(NAMES.get(each, each) for each in found))
            raise UsageError(
                f"{option_of(name)} is for {kinds}, and does nothing for {given}",
                hint="leave it out, or name the input's format: --format NAME",
            )


def require_flushable(plan: Plan) -> None:
    """Raise UsageError for `--flush` into files, which only appear when they are complete."""
    for output in plan.outputs:
        try:
            piped = output is None or not stat.S_ISREG(os.stat(output).st_mode)
        except OSError:
            piped = False
        if not piped:
            raise UsageError(
                f"--flush does nothing for {output}, which is written atomically",
                hint="leave out -o, and redirect standard output: > FILE",
            )
