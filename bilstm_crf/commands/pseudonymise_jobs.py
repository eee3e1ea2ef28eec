"""Plan what `pseudonymise` does: its files, each with its output; raise what is wrong at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bilstm_crf.commands.tag_jobs import Skipped, leave_out, skipped_for
from bilstm_crf.corpus import documents
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import FORMATS
from bilstm_crf.formats.documents import DocumentFormat, source_of, text_of
from bilstm_crf.pseudonyms.source import Source
from bilstm_crf.util.files import is_gzip, shown
from bilstm_crf.util.folders import Found, expand, folder_around

KNOWN_FORMATS = ("text", "conllu", "conll2003")


@dataclass(frozen=True)
class Job:
    """A file and its output; None is standard output."""

    source: Source
    output: str | None


@dataclass
class Plan:
    """The files to pseudonymise; `skipped` files are reported and do not stop the others."""

    jobs: list[Job] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # files of unknown formats in folders

    def skip(self, job: Job, error: InputError) -> None:
        """Note that a file cannot be read; raise what is wrong with the only one."""
        if len(self.jobs) == 1:
            raise error
        self.skipped.append(skipped_for(shown(job.source.path), error))

    @property
    def sources(self) -> list[Source]:
        return [job.source for job in self.jobs]


def plan_jobs(files: Sequence[str], options: dict[str, Any]) -> Plan:
    """Return each file with its output. Raises UsageError for outputs that are the same file."""
    found, errors = expand(files)
    plan = Plan(skipped=[skipped_for(str(error.path), error) for error in errors])
    several = len(found) > 1 or any(each.folder is not None for each in found)
    sources = [source for each in found if (source := source_for(each, plan, options, several)) is not None]
    if not sources:
        raise UsageError(f"{files[0]} holds no text", hint="expected such as *.txt, *.docx or *.conllu")
    if options["number_files"]:
        for number, source in enumerate(sources, 1):
            source.name = f"{number:04}{suffixes_of(source.name)}"
    output = options["output"]
    if output is None or not (several or os.path.isdir(output) or output.endswith(("/", os.sep))):
        if several:
            raise UsageError(f"{len(sources)} files need a folder for their outputs: -o DIR")
        target = None if output in (None, "-") else output
        if target is not None and not options["restore"]:  # an edited file is known by its own name
            sources[0].name = os.path.basename(target)
        plan.jobs = [Job(sources[0], target)]
        return plan
    if os.path.lexists(output) and not os.path.isdir(output):
        raise UsageError(f"-o {output} is a file, expected a folder for {len(sources)} outputs")
    names: dict[str, str] = {}
    for source in sources:
        if source.path == "-":
            raise UsageError("standard input has no name for a file in a folder: give -o FILE")
        if source.name in names:
            both = f"{names[source.name]} and {source.path}"
            raise UsageError(f"{both} would be the same file in {output}: {source.name}")
        names[source.name] = source.path
        plan.jobs.append(Job(source, os.path.join(output, source.name)))
    return plan


def source_for(found: Found, plan: Plan, options: dict[str, Any], several: bool) -> Source | None:
    """Return the source of a file; None, with a note in the plan, for one that is left out.

    Raises UsageError or InputError for a file that cannot be pseudonymised, if it is the only one.
    """
    path, encoding = found.path, options["input_encoding"]
    if found.folder is not None and os.path.basename(path) == documents.NAME:
        return None  # names the documents of the files beside it
    around = found.folder or os.path.dirname(path) or "."
    name = "standard-input" if path == "-" else os.path.relpath(path, around)
    if options["restore"]:
        return Source(path, name, FORMATS["text"])
    try:
        format_ = source_of(path, options["format_name"], encoding)
        if isinstance(format_, DocumentFormat):
            text = text_of(path, options["format_name"], encoding).encode()
            return Source(path, f"{os.path.splitext(name)[0]}.txt", FORMATS["text"], content=text)
        if format_.name not in KNOWN_FORMATS:
            raise UsageError(
                f"{shown(path)} is {format_.name}: text, CoNLL-U and columns can be pseudonymised",
                hint="write its text or its tokens to such a file first",
            )
    except (InputError, UsageError) as error:  # also a missing package
        if not several or path == "-":
            raise
        leave_out(found, error, plan)
        return None
    return Source(path, name, FORMATS[format_.name], encoding)


def suffixes_of(name: str) -> str:
    """Return `.txt` of `a.b.txt`, `.txt.gz` of `a.txt.gz`."""
    stem, packed = (name[:-3], name[-3:]) if is_gzip(name) else (name, "")
    return Path(stem).suffix + packed


def require_places(files: Sequence[str], options: dict[str, Any]) -> None:
    """Raise UsageError for outputs among the inputs, and for a mapping that would be shared or cannot be."""
    output, report, given = options["output"], options["report"], options["mapping"]
    mapping = Path(given).resolve()
    around = None if output is None else folder_around(output, filter(os.path.isdir, files))
    if around is not None:
        raise UsageError(
            f"-o {output} is in {around}, the next run would read it again", hint="put it elsewhere"
        )
    if report is not None and Path(report).resolve() == mapping:
        raise UsageError(f"--report and --mapping are the same file: {given}")
    if output is not None and Path(output).resolve() in (mapping, *mapping.parents):
        raise UsageError(
            f"--mapping {given} is in the folder of the outputs, and would be shared with them",
            hint="put it elsewhere: whoever has it can undo the pseudonymisation",
        )
    if given == "-" or not mapping.parent.is_dir():
        raise UsageError(f"--mapping {given}: expected a file in a folder that exists")
