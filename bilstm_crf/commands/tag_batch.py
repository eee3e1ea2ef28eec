"""Tag many files: one that cannot be read does not stop the others, and is reported at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from bilstm_crf.commands import tag_groups
from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_groups import OF_ONE_FILE, GroupTagger, Held, TaggedFile, size_of
from bilstm_crf.commands.tag_jobs import Job, Plan, Skipped, skipped_for
from bilstm_crf.commands.tag_plan import kinds_of
from bilstm_crf.commands.tag_run import FileTagger, counted, open_outputs, shows_progress, shows_text
from bilstm_crf.errors import BilstmCrfError, InputError, InterruptedRunError
from bilstm_crf.formats.blocks import grouped
from bilstm_crf.formats.documents import DOCUMENTS
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import identity_of, made_folder, shown
from bilstm_crf.util.progress import BatchProgress, say, visible
from bilstm_crf.util.streams import standard_output


@dataclass
class Batch:
    """Tags the files of a plan, and counts."""

    plan: Plan
    file_tagger: FileTagger
    quiet: bool
    skipped: list[Skipped] = field(init=False)
    files: int = 0
    names: int = 0
    written: dict[tuple[int, int], str] = field(default_factory=dict)  # the outputs by their identity

    def __post_init__(self) -> None:
        self.skipped = list(self.plan.skipped)

    def run(self) -> int:
        """Tag all files and return the exit status: 1 if some were skipped.

        Raises BilstmCrfError if one output for all would hold nothing, since no file can be read.
        """
        plan, jobs = self.plan, self.plan.jobs
        at_once = self.quiet or any(job.path == "-" for job in jobs)
        folders = dict.fromkeys(job.folder for job in jobs if job.folder is not None)
        label = " ".join(folders) if len(folders) == 1 else f"{len(jobs):,} files"
        with BatchProgress(label, len(jobs), shown=shows_progress(plan.output, quiet=at_once)) as progress:
            try:
                if plan.into_one:
                    self._into_one(progress)
                else:
                    for job, tagged in self._files():
                        self._alone(job, tagged, progress)
            except KeyboardInterrupt:
                raise InterruptedRunError(self._interrupted()) from None
        self._report()
        return 1 if self.skipped else 0

    def _files(self) -> Iterator[tuple[Job, TaggedFile | None]]:
        """Yield each job with its tagged file, in order; with None if it is to be read bit by bit.

        Small files are tagged together, group by group, by several processes.
        """
        from bilstm_crf.inference.chunks import in_forks

        tagger, decoding = self.file_tagger.tagger, self.file_tagger.decoding
        for together, found in groupby(self.plan.jobs, self._is_small):
            jobs = list(found)
            if not together:
                yield from ((job, None) for job in jobs)
                continue
            measured = ((number, size_of(job), None) for number, job in enumerate(jobs))
            groups = grouped(measured, tag_groups.GROUP_BYTES)
            work = GroupTagger(self.file_tagger, jobs).tag
            tagged = in_forks(work, groups, tagger, decoding, processes=self.file_tagger.processes)
            yield from zip(jobs, (file for files in tagged for file in files), strict=True)

    def _is_small(self, job: Job) -> bool:
        if job.path == "-" or self.file_tagger.flush or not os.path.isfile(job.path):
            return False
        is_small = job.source.name in DOCUMENTS or size_of(job) <= tag_groups.GROUP_BYTES
        return is_small and not self._in_table(job)

    def _in_table(self, job: Job) -> bool:
        try:
            return self.file_tagger.in_table(job)
        except InputError:  # a bad table: who reads the file says so
            return True

    def _skip(self, job: Job, error: BilstmCrfError) -> None:
        self.skipped.append(skipped_for(shown(job.path), error))

    def _count(self, sentences: Iterable[Sentence], progress: BatchProgress) -> None:
        """Count the sentences of a file."""
        for _ in counted(sentences, progress.count):
            pass

    # ------------------------------------------------------------ one output for all

    def _into_one(self, progress: BatchProgress) -> None:
        """Write one output; a file is not written if no input can be read."""
        with open_output(self.plan.output) as out:
            for job in self.plan.jobs[:1]:
                for content in job.target.write(self.sentences(progress), self.file_tagger.reading):
                    self.file_tagger.write(content, job, out)
            if not self.files:
                self._report()
                raise BilstmCrfError("no file could be read; nothing was written")

    def sentences(self, progress: BatchProgress) -> Iterator[Sentence]:
        """Yield the sentences of each file, once it has been read to its end; with `--flush`, at once.

        A file that cannot be read adds to `skipped`.
        """
        for job, tagged in self._files():
            before = progress.names
            sentences: Iterable[Sentence]
            try:
                if tagged is not None:
                    sentences = tagged.result()
                    self._count(sentences, progress)
                else:
                    with self.file_tagger.opened(job) as stream:
                        stream_of = self.file_tagger.sentences(job, stream, progress.count)
                        if self.file_tagger.flush:
                            yield from stream_of
                        sentences = Held(stream_of)
            except OF_ONE_FILE as error:
                self._skip(job, error)
                continue
            finally:
                progress.count(0, 0, files=1)
            self.files += 1
            self.names += progress.names - before
            yield from sentences

    # ------------------------------------------------------------ an output for each

    def _alone(self, job: Job, tagged: TaggedFile | None, progress: BatchProgress) -> None:
        """Write a file's own output, which is not written if the file cannot be read."""
        try:
            if job.output is None:
                if shows_text(job):
                    standard_output().write(f"==> {visible(job.path)} <==\n".encode())
                self._write(job, tagged, progress)
            else:
                self._require_new(job)
                with made_folder(os.path.dirname(job.output) or "."):
                    self._write(job, tagged, progress)
                for output in job.outputs:
                    if output is not None and (identity := identity_of(output)) is not None:
                        self.written[identity] = job.path
        except OF_ONE_FILE as error:
            self._skip(job, error)
        progress.count(0, 0, files=1)

    def _write(self, job: Job, tagged: TaggedFile | None, progress: BatchProgress) -> None:
        before = progress.names
        if tagged is None:
            self.file_tagger.tag_into_output(job, progress.count, named=False)
        else:
            sentences = tagged.result()
            self._count(sentences, progress)
            with open_outputs(job, named=False) as (out, companion):
                for content in self.file_tagger.contents(job, sentences, companion):
                    self.file_tagger.write(content, job, out)
        self.files += 1
        self.names += progress.names - before

    def _require_new(self, job: Job) -> None:
        """Raise InputError for an output that this run wrote already: `A.jsonl` where case does not count."""
        for output in job.outputs:
            identity = None if output is None else identity_of(output)
            if identity is not None and identity in self.written:
                raise InputError(f"its output, {output}, is that of {self.written[identity]}")

    # ------------------------------------------------------------ messages

    def _report(self) -> None:
        plan = self.plan
        self.report_skipped()
        if plan.output is not None and self.files and not self.quiet:
            names, files = _counted(self.names, "name"), _counted(self.files, "file")
            say(f"{plan.output}: {names} in {files}")

    def report_skipped(self) -> None:
        """Say which files were not read."""
        plan = self.plan
        if plan.left_out and not self.quiet:
            say(f"ignored (unknown format): {kinds_of(plan.left_out)}")
        if self.skipped:
            count = len(self.skipped)
            say(f"warning: {count:,} {'file was' if count == 1 else 'files were'} skipped:")
            width = min(40, max(len(each.path) for each in self.skipped))
            for each in sorted(self.skipped, key=lambda skipped: skipped.path.split(os.sep)):
                say(f"  {each.path:{width}}  {each.reason}")

    def _interrupted(self) -> str:
        if self.plan.into_one:
            return f"Interrupted; {self.plan.output} was not written"
        where = "written" if self.plan.output is None else f"in {self.plan.output}"
        return f"Interrupted; {self.files:,} of {len(self.plan.jobs):,} files are {where}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
