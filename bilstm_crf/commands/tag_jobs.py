"""The jobs of `tag`: the formats and the output of each file."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from bilstm_crf.commands.output import require_suffix
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.formats import FORMATS, Format
from bilstm_crf.formats.documents import DOCUMENTS
from bilstm_crf.output import WRITERS, Writer, writer_for_suffix, writer_named
from bilstm_crf.util.files import is_gzip, suffix_of
from bilstm_crf.util.folders import Found


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
        return self.source.name == self.target.name and self.source.name in FORMATS

    @property
    def outputs(self) -> list[str | None]:
        """Return the files that will be written; None is standard output."""
        return [self.output] if self.companion is None else [self.output, self.companion]

    @property
    def companion(self) -> str | None:
        """Return the second file of an output such as brat's: `x.txt` beside `x.ann`; None without one."""
        if self.target.companion is None or self.output is None:
            return None
        packed = self.output[-3:] if is_gzip(self.output) else ""
        stem = self.output.removesuffix(packed)
        if suffix_of(stem) in self.target.suffixes:
            stem = os.path.splitext(stem)[0]
        return stem + self.target.companion.suffix + packed

    @property
    def has_running_text(self) -> bool:
        """Whether it is text or a document."""
        return self.source.name == "text" or self.source.name in DOCUMENTS

    @property
    def renders(self) -> bool:
        """Whether sentences are written as they stood; a document becomes marked text with its lines."""
        return self.keeps_format or (self.has_running_text and self.target.name == "text")


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
    left_out: list[str] = field(default_factory=list)  # files of unknown formats in folders
    several: bool = False
    into_one: bool = False  # all jobs write `output`, or standard output
    output: str | None = None  # what the user named: a file or a folder

    @property
    def outputs(self) -> list[str | None]:
        """Return the files that will be written; None is standard output."""
        return [self.output] if self.into_one else [each for job in self.jobs for each in job.outputs]


def option_of(name: str) -> str:
    """Return the option of a parameter's name."""
    return "--" + name.removesuffix("_name").replace("_", "-")


def skipped_for(path: str, error: BilstmCrfError) -> Skipped:
    """Return the file with one line that says what is wrong and what to do."""
    line = "" if error.line is None else f"line {error.line}: "
    hint = "; ".join((error.hint or "").splitlines())
    return Skipped(path, f"{line}{error.message}" + (f"; {hint}" if hint else ""))


class LeftOut(Protocol):
    """The part of a plan that says which files are not read."""

    @property
    def skipped(self) -> list[Skipped]: ...

    @property
    def left_out(self) -> list[str]: ...


def leave_out(found: Found, error: InputError | UsageError, plan: LeftOut) -> None:
    """Note a file that cannot be read: by its name if a folder holds it and its format is unknown."""
    if found.folder is not None and isinstance(error, UsageError) and not os.path.islink(found.path):
        plan.left_out.append(found.path)
    else:
        plan.skipped.append(skipped_for(found.path, error))


def target_of(job: Job, output: str | None, to: str | None) -> Writer:
    """Return what to write: what `--to` says, else the output's suffix, else the job's own target."""
    if to is not None:
        return writer_named(to)
    if output is None or output == "-":
        return job.target
    if suffix_of(output) == suffix_of(job.path) and job.source.name in FORMATS:
        return WRITERS[job.source.name]
    return writer_for_suffix(output, job.source.name) or job.target


def on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


# ---------------------------------------------------------------- outputs


def with_outputs(plan: Plan, options: Mapping[str, Any]) -> Plan:
    """Return the plan with the output of each job."""
    output, folder = options["output"], options["output_dir"]
    if output is not None and folder is not None:
        raise UsageError("-o and --output-dir were both given; expected one of them")
    if folder is None:
        if plan.several and (output not in (None, "-") or _is_one_stream(plan.jobs)):
            return _into_one(plan, output)
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
    return replace(plan, into_one=True, output=None if output == "-" else output)


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


def checked_file(output: str | None, job: Job, *, folders: bool = True) -> str | None:
    """Return the path of an output, None for standard output. `folders`: there is an option for a folder.

    Raises UsageError for a folder, for the suffix of another format than the target, and for standard output
    if the target is binary (on a terminal) or two files. The suffix of the input is right for the input's own
    format, whatever it is.
    """
    if output is None or output == "-":
        if job.target.is_binary and on_terminal():
            raise UsageError(f"{job.target.kind} is not for a terminal: give -o FILE")
        if job.target.companion is not None:
            ways = "-o FILE or --output-dir DIR" if folders else "-o FILE"
            raise UsageError(f"{job.target.kind} are two files: give {ways}")
        return None
    if Path(output).is_dir():
        hint = "for a folder: --output-dir" if folders else None
        raise UsageError(f"{output} is a folder, expected a file", hint=hint)
    if not job.keeps_format or suffix_of(output) != suffix_of(job.path):
        writers = reversed(WRITERS.values())  # of two with one suffix the first counts
        others = {each: f"--to {other.name}" for other in writers for each in other.suffixes}
        require_suffix(output, job.target.kind, job.target.suffixes, others)
    return output
