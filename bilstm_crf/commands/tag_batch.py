"""Tag many files: one that cannot be read does not stop the others, and is reported at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_jobs import Job, Plan, Skipped, kinds_of, skipped_for
from bilstm_crf.commands.tag_run import FileTagger, shows_progress
from bilstm_crf.errors import BilstmCrfError, InputError, InterruptedRunError, MissingPackageError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import identity_of, made_folder, shown
from bilstm_crf.util.progress import BatchProgress, say

# What is wrong with one file alone
OF_ONE_FILE = (InputError, MissingPackageError)


@dataclass
class Batch:
    """Tags the files of a plan, and counts."""

    plan: Plan
    file_tagger: FileTagger
    quiet: bool
    skipped: list[Skipped] = field(default_factory=list)
    files: int = 0
    names: int = 0
    written: dict[tuple[int, int], str] = field(default_factory=dict)  # the outputs by their identity

    def run(self) -> int:
        """Tag all files and return the exit status: 1 if some were skipped.

        Raises BilstmCrfError if one output for all would hold nothing, since no file can be read.
        """
        plan, jobs = self.plan, self.plan.jobs
        self.skipped = list(plan.skipped)
        at_once = self.quiet or any(job.path == "-" for job in jobs)
        folders = dict.fromkeys(job.folder for job in jobs if job.folder is not None)
        label = " ".join(folders) if len(folders) == 1 else f"{len(jobs):,} files"
        with BatchProgress(label, len(jobs), shown=shows_progress(plan.output, quiet=at_once)) as progress:
            try:
                if plan.into_one:
                    self._into_one(progress)
                else:
                    for job in jobs:
                        self._alone(job, progress)
            except KeyboardInterrupt:
                raise InterruptedRunError(self._interrupted()) from None
        self._report()
        return 1 if self.skipped else 0

    # ------------------------------------------------------------ one output for all

    def _into_one(self, progress: BatchProgress) -> None:
        """Write one output; a file is not written if no input can be read."""
        with open_output(self.plan.output) as out:
            for job in self.plan.jobs[:1]:
                for content in job.target.write(self._sentences(progress), self.file_tagger.reading):
                    self.file_tagger.write(content, job, out)
            if not self.files:
                self._report()
                raise BilstmCrfError("no file could be read; nothing was written")

    def _sentences(self, progress: BatchProgress) -> Iterator[Sentence]:
        """Yield the sentences of each file, once it has been read to its end; with `--flush`, at once."""
        for job in self.plan.jobs:
            before = progress.names
            try:
                with self.file_tagger.opened(job) as stream:
                    sentences = self.file_tagger.sentences(job, stream, progress.count)
                    if self.file_tagger.flush:
                        yield from sentences
                    tagged = list(sentences)
            except OF_ONE_FILE as error:
                self.skipped.append(skipped_for(shown(job.path), error))
                continue
            finally:
                progress.count(0, 0, files=1)
            self.files += 1
            self.names += progress.names - before
            yield from tagged

    # ------------------------------------------------------------ an output for each

    def _alone(self, job: Job, progress: BatchProgress) -> None:
        """Tag a file into its own output, which is not written if the file cannot be read."""
        try:
            if job.output is None:
                self._write(job, progress)
            else:
                self._require_new(job.output)
                with made_folder(os.path.dirname(job.output) or "."):
                    self._write(job, progress)
                identity = identity_of(job.output)
                if identity is not None:
                    self.written[identity] = job.path
        except OF_ONE_FILE as error:
            self.skipped.append(skipped_for(shown(job.path), error))
        progress.count(0, 0, files=1)

    def _write(self, job: Job, progress: BatchProgress) -> None:
        before = progress.names
        with (
            open_output(job.output, named=False) as out,
            self.file_tagger.opened(job) as stream,
            closing(self.file_tagger.tag(job, stream, progress.count)) as contents,
        ):
            for content in contents:
                self.file_tagger.write(content, job, out)
        self.files += 1
        self.names += progress.names - before

    def _require_new(self, output: str) -> None:
        """Raise InputError for an output that this run wrote already: `A.jsonl` where case does not count."""
        identity = identity_of(output)
        if identity is not None and identity in self.written:
            raise InputError(f"its output, {output}, is that of {self.written[identity]}")

    # ------------------------------------------------------------ messages

    def _report(self) -> None:
        plan = self.plan
        if plan.left_out and not self.quiet:
            say(f"left out, of no known format: {kinds_of(plan.left_out)}")
        if self.skipped:
            count = len(self.skipped)
            say(f"warning: {count:,} {'file was' if count == 1 else 'files were'} skipped:")
            width = min(40, max(len(each.path) for each in self.skipped))
            for each in self.skipped:
                say(f"  {each.path:{width}}  {each.reason}")
        if plan.output is not None and self.files and not self.quiet:
            names, files = _counted(self.names, "name"), _counted(self.files, "file")
            say(f"{plan.output}: {names} in {files}")

    def _interrupted(self) -> str:
        if self.plan.into_one:
            return f"Interrupted; {self.plan.output} was not written"
        where = "written" if self.plan.output is None else f"in {self.plan.output}"
        return f"Interrupted; {self.files:,} of {len(self.plan.jobs):,} files are {where}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
