"""Plan what `tag` does: its files, each with its formats and its output; raise what is wrong at once."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bilstm_crf.commands.output import require_suffix
from bilstm_crf.corpus import documents
from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.formats import FORMATS, SUFFIXES, Format, format_named, format_of
from bilstm_crf.output import WRITERS, Writer, writer_for_suffix, writer_named
from bilstm_crf.util.files import is_gzip, suffix_of
from bilstm_crf.util.folders import Found, expand, folder_around

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
    target: Writer
    output: str | None = None  # None: standard output, or the plan's one output
    folder: str | None = None  # the folder it was found in

    @property
    def keeps_format(self) -> bool:
        """Whether every byte but the labels comes back."""
        return self.source.name == self.target.name


@dataclass(frozen=True)
class Skipped:
    """A file that is not tagged."""

    path: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The files to tag. `several`: a file that cannot be read does not stop the others."""

    jobs: list[Job]
    skipped: list[Skipped] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # files in folders that are of no known format
    several: bool = False
    into_one: bool = False  # all jobs write `output`, or standard output
    output: str | None = None  # what the user named: a file or a folder

    @property
    def outputs(self) -> list[str | None]:
        """Return the files that will be written; None is standard output."""
        return [self.output] if self.into_one else [job.output for job in self.jobs]


def option_of(name: str) -> str:
    """Return the option of a parameter's name."""
    return "--" + name.removesuffix("_name").replace("_", "-")


def skipped_for(path: str, error: BilstmCrfError) -> Skipped:
    """Return the file with one line that says what is wrong and what to do."""
    line = "" if error.line is None else f"line {error.line}: "
    hint = "; ".join((error.hint or "").splitlines())
    return Skipped(path, f"{line}{error.message}" + (f"; {hint}" if hint else ""))


def plan_jobs(files: Sequence[str], options: dict[str, Any]) -> Plan:
    """Return each file with its formats and its output.

    Raises UsageError for a file given twice, an unknown format, outputs that are the same file or an input,
    and a wrong suffix.
    """
    if len(set(files)) < len(files):
        raise UsageError("the same file was given twice")
    folders = [path for path in files if os.path.isdir(path)]
    found, errors = expand(files)
    plan = Plan([], [skipped_for(str(error.path), error) for error in errors])
    plan = replace(plan, several=bool(folders) or len(found) > 1)
    if options["format_name"] is not None:
        format_named(options["format_name"])
    if options["to"] is not None:
        writer_named(options["to"])
    for each in found:
        _add(plan, each, options)
    if not plan.jobs and not plan.skipped:
        others = f"only {kinds_of(plan.left_out)}" if plan.left_out else "no files"
        raise UsageError(f"{files[0]} holds {others}", hint=f"expected files such as *{' *'.join(SUFFIXES)}")
    for output in (options["output"], options["output_dir"]):
        _require_outside(output, folders, is_folder=output == options["output_dir"])
    return _with_outputs(plan, options)


def _add(plan: Plan, found: Found, options: Mapping[str, Any]) -> None:
    """Add a file to the jobs, or say why not; raise what is wrong with the only file."""
    path = found.path
    if found.folder is not None and os.path.basename(path) == documents.NAME:
        return  # names the documents of the files beside it
    try:
        source = format_of(path, options["format_name"], options["input_encoding"])
    except UsageError as error:
        if not plan.several or path == "-":
            raise
        if found.folder is not None and not os.path.islink(path):
            plan.left_out.append(path)
        else:
            plan.skipped.append(skipped_for(path, error))
        return
    # On a terminal names are easier to see than records; pipes and files always get these
    marks = "text" if options["output"] in (None, "-") and _on_terminal() else "jsonl"
    job = Job(path, source, WRITERS[marks if source is FORMATS["text"] else source.name], folder=found.folder)
    plan.jobs.append(replace(job, target=target_of(job, options["output"], options["to"])))


def target_of(job: Job, output: str | None, to: str | None) -> Writer:
    """Return what to write: what `--to` says, else the output's suffix, else the job's own target."""
    if to is not None:
        return writer_named(to)
    if output is None or output == "-":
        return job.target
    if suffix_of(output) == suffix_of(job.path) and job.source.name in WRITERS:
        return WRITERS[job.source.name]
    return writer_for_suffix(output, job.source.name) or job.target


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def kinds_of(paths: Sequence[str]) -> str:
    """Return the suffixes of files with their numbers: `12 .jpg, 2 without a suffix`."""
    counts = Counter(suffix_of(path) or "without a suffix" for path in paths)
    return ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common())


# ---------------------------------------------------------------- outputs


def _with_outputs(plan: Plan, options: Mapping[str, Any]) -> Plan:
    """Return the plan with the output of each job."""
    output, folder = options["output"], options["output_dir"]
    if output is not None and folder is not None:
        raise UsageError("-o and --output-dir were both given; expected one of them")
    if folder is None:
        if plan.several and (output not in (None, "-") or _is_one_stream(plan.jobs)):
            return _into_one(plan, None if output == "-" else output)
        return replace(plan, jobs=[replace(job, output=checked_file(output, job)) for job in plan.jobs])
    if os.path.lexists(folder) and not Path(folder).is_dir():
        raise UsageError(f"--output-dir {folder} is a file, expected a folder")
    if any(job.path == "-" for job in plan.jobs):
        raise UsageError("standard input has no name for a file in --output-dir: give -o FILE")
    return replace(plan, jobs=_in_folder(plan.jobs, folder), output=folder)


def _is_one_stream(jobs: Sequence[Job]) -> bool:
    """Return whether standard output gets one table or the like, with one head and one end."""
    kinds = {job.target.name for job in jobs}
    return len(kinds) == 1 and jobs[0].target.merges and not any(job.keeps_format for job in jobs)


def _into_one(plan: Plan, output: str | None) -> Plan:
    """Return the plan with one output for all jobs.

    CoNLL-U and columns come back byte for byte, which files of their own hold better than one for all.
    """
    for job in plan.jobs:
        if not job.target.merges or (job.keeps_format and job.target.name != "jsonl"):
            raise UsageError(
                f"-o names the output of one input; for several give --output-dir DIR ({job.target.kind})",
                hint="one file for all inputs: -o names.csv, or another kind of table",
            )
        checked_file(output, job)
    return replace(plan, into_one=True, output=output)


def _in_folder(jobs: Sequence[Job], folder: str) -> list[Job]:
    """Return the jobs with outputs in a folder, which mirrors the folders that the files were found in.

    Files of one name but for their suffix keep their suffix as well, if they were found in a folder:
    `a.conllu` and `a.jsonl` become `a.conllu.txt` and `a.jsonl.txt`.
    """
    names = [_name_below(job, output_name(job)) for job in jobs]
    counts = Counter(names)
    outputs: dict[str, Job] = {}
    for job, name in zip(jobs, names, strict=True):
        if counts[name] > 1 and job.folder is not None:
            name = _name_below(job, os.path.basename(job.path) + job.target.suffixes[0])
        if name in outputs:
            raise UsageError(
                f"two inputs would be the same file in {folder}, {name}: {outputs[name].path} and {job.path}"
            )
        outputs[name] = replace(job, output=checked_file(os.path.join(folder, name), job))
    return list(outputs.values())


def _name_below(job: Job, name: str) -> str:
    """Return the path of a job's output below the output folder."""
    if job.folder is None:
        return name
    return os.path.normpath(os.path.join(os.path.relpath(os.path.dirname(job.path), job.folder), name))


def output_name(job: Job) -> str:
    """Return the name of an output in a folder: `a.txt.gz` as JSONL is `a.jsonl.gz`."""
    name = Path(job.path).name
    if job.keeps_format:
        return name
    stem = name[:-3] if is_gzip(name) else name
    packed = name[len(stem) :]
    if Path(stem).suffix.lower() in job.source.suffixes:
        stem = Path(stem).stem
    return stem + job.target.suffixes[0] + packed


def checked_file(output: str | None, job: Job) -> str | None:
    """Return the path of an output, None for standard output.

    Raises UsageError for a folder, for the suffix of another format than the target, and for a binary
    target on a terminal. The suffix of the input is right for the input's own format, whatever it is.
    """
    if output is None or output == "-":
        if job.target.is_binary and _on_terminal():
            raise UsageError(f"{job.target.kind} is not for a terminal: give -o FILE")
        return None
    if Path(output).is_dir():
        raise UsageError(f"{output} is a folder, expected a file", hint="for a folder: --output-dir")
    if not job.keeps_format or suffix_of(output) != suffix_of(job.path):
        writers = reversed(WRITERS.values())  # of two with one suffix the first counts
        others = {each: f"--to {other.name}" for other in writers for each in other.suffixes}
        require_suffix(output, job.target.kind, job.target.suffixes, others)
    return output


def _require_outside(output: str | None, folders: Sequence[str], *, is_folder: bool) -> None:
    """Raise UsageError for an output in a folder of inputs, where a later run would read it as an input."""
    if output is None or output == "-" or not (is_folder or suffix_of(output) in SUFFIXES):
        return
    around = folder_around(output, folders)
    if around is not None:
        name = os.path.basename(os.path.normpath(output))
        option = "--output-dir" if is_folder else "-o"
        raise UsageError(
            f"{option} {output} is inside {around}, whose files are inputs: it would be read as one later",
            hint=f"write it elsewhere, such as {option} {os.path.join(around, '..', name)}",
        )


# ---------------------------------------------------------------- options


def require_use(typed: set[str], jobs: Sequence[Job]) -> None:
    """Raise UsageError for an option that applies to none of the files."""
    read = {job.source.name for job in jobs}
    for name, formats in FOR_FORMATS.items():
        found = read | {job.target.name for job in jobs} if name == "misc_key" else read
        if jobs and name in typed and not found & set(formats):
            kinds = " or ".join(NAMES[each] for each in formats)
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
