"""Tag small files together, and hold what was read of a large one until it is read to its end."""

from __future__ import annotations

import os
import pickle
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, NamedTuple

from bilstm_crf.commands.tag_jobs import Job
from bilstm_crf.commands.tag_run import FileTagger
from bilstm_crf.errors import BilstmCrfError, InputError, InputWarning, MissingPackageError
from bilstm_crf.formats import FORMATS
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import is_gzip, shown

# Errors that concern one file only
OF_ONE_FILE = (InputError, MissingPackageError)

# Files up to this size are tagged together, in groups of about this size
GROUP_BYTES = 1 << 18
# Sentences of a larger file that are in memory until it is read to its end, and on disk at once beyond these
MAX_HELD_SENTENCES, BATCH_SENTENCES = 100_000, 5_000


class TaggedFile(NamedTuple):
    """The tagged sentences of a file, or the error that its reading raised."""

    sentences: list[Sentence]
    error: BilstmCrfError | None
    warnings: list[str]

    def result(self) -> list[Sentence]:
        """Return the sentences; repeat the warnings of the process that read them. Raises the error."""
        for message in self.warnings:
            warnings.warn(message, InputWarning, stacklevel=2)
        if self.error is not None:
            raise self.error
        return self.sentences


@dataclass(frozen=True)
class GroupTagger:
    """Tags small files together."""

    file_tagger: FileTagger
    jobs: list[Job]  # a fork has them: only their numbers are sent

    def tag(self, numbers: list[int]) -> list[TaggedFile]:
        """Return the tagged file of each of these jobs."""
        from bilstm_crf.inference.chunks import annotated

        jobs = [self.jobs[number] for number in numbers]
        files = [self._read(job) for job in jobs]
        tagger, decoding = self.file_tagger.tagger, self.file_tagger.decoding
        for is_document in (True, False):
            chosen = [
                sentence
                for job, file in zip(jobs, files, strict=True)
                for sentence in file.sentences
                if (job.has_running_text and self.file_tagger.reading.sentences == "detect") == is_document
            ]
            annotated(tagger, chosen, decoding, is_document=is_document)
        return files

    def _read(self, job: Job) -> TaggedFile:
        sentences: list[Sentence] = []
        failed = None
        with warnings.catch_warnings(record=True) as caught:  # this may be another process
            warnings.simplefilter("always", InputWarning)
            try:
                with self.file_tagger.opened(job) as stream:
                    source = FORMATS["text"] if job.has_running_text else job.source
                    sentences = list(source.read(stream, shown(job.path), self.file_tagger.reading))
            except OF_ONE_FILE as error:
                sentences, failed = [], error
        return TaggedFile(sentences, failed, [str(each.message) for each in caught])


def size_of(job: Job) -> int:
    """Return the number of bytes of a file; an estimate for one that is compressed."""
    try:
        return os.path.getsize(job.path) * (8 if is_gzip(job.path) else 1)
    except OSError:
        return 0


class Held:
    """Sentences of a file that is not read to its end; beyond a limit they are on disk."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        """Read all sentences. Raises what their reader raises."""
        iterator = iter(sentences)
        self._file: IO[bytes] | None = None
        self._first = list(islice(iterator, MAX_HELD_SENTENCES))
        while batch := list(islice(iterator, BATCH_SENTENCES)):
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is read)
            pickle.dump(batch, self._file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Sentence]:
        """Yield the sentences, once."""
        yield from self._first
        if self._file is not None:
            size = self._file.tell()
            self._file.seek(0)
            while self._file.tell() < size:
                yield from pickle.load(self._file)  # of this process's own file
            self._file.close()
