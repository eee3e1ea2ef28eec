"""fetch(): one file from the network, whole and verified under its name, or not there at all.

What has arrived of a broken download stays beside the target as `NAME.part`, and what is needed to go on with
it (the server's ETag) as `NAME.part.json`; the next try asks for the rest alone, and only if the file at
the far end is still the same (RFC 9110, sections 13.1.5 and 14: If-Range and Range).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from bilstm_crf.errors import DownloadError, InputError
from bilstm_crf.util import system
from bilstm_crf.util.files import made_folder, read_json, sha256_of, write_json
from bilstm_crf.util.progress import Bar, say

TRIES = 4  # in a row without a new byte
PAUSE = 0.5  # seconds before the second try; doubled each time
TIMEOUT = (15, 60)  # seconds: to connect, and between two pieces of the answer
CHUNK = 1 << 14  # bytes; what has come of one when the connection breaks is lost
FULL = "the disk is full"
LENGTH = re.compile("[0-9]{1,15}")  # of a Content-Length that can be meant: up to a petabyte
RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")
Check = Callable[[Path], None]  # raises DownloadError for what is not the file


# What no second try mends: endless redirects, and those to another scheme or to no address
WRONG_ADDRESS = (
    requests.TooManyRedirects,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidURL,
)


class _BrokenOffError(Exception):
    """The connection or the server failed in a way that another try may mend."""


@dataclass
class _Job:
    url: str
    target: Path
    sha256: str | None
    size: int | None
    label: str
    check: Check | None

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    @property
    def notes(self) -> Path:
        return self.target.with_name(self.target.name + ".part.json")


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    label: str,
    check: Check | None = None,
) -> Path:
    """Download `url` to `target`, unless it is there already with this `size` (bytes) and `sha256`.

    `check` looks into the file before it gets its name, and into one that is there; it raises DownloadError.
    Says `label` and the size on standard error first; resumes what an earlier try left; tries again with
    growing pauses when the connection breaks. Two processes may fetch the same file: one waits.
    Raises DownloadError for everything that goes wrong; the target is then as it was before.
    """
    job = _Job(url, target, sha256, size, label, check)
    if _is_there(job):
        return target
    try:
        with made_folder(target.parent), _locked_part(job.part) as part:
            try:
                if not _is_there(job):  # else another process was faster
                    _fetch(job, part)
            finally:
                if job.part.exists() and not job.part.stat().st_size:
                    job.part.unlink()
                    job.notes.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = error.strerror or str(error)
        if full and not reason.startswith(FULL):
            reason = FULL
        raise DownloadError(
            f"{label}: {reason} ({target.parent})",
            hint="what has arrived is kept; the same command goes on with it" if full else None,
        ) from error
    return target


def _is_there(job: _Job) -> bool:
    return (
        job.target.is_file()
        and (job.size is None or job.target.stat().st_size == job.size)
        and (job.sha256 is None or sha256_of(job.target) == job.sha256)
        and _fault(job, job.target) is None
    )


def _fault(job: _Job, path: Path) -> DownloadError | None:
    """Return the error that the job's own check raises for the file."""
    try:
        if job.check is not None:
            job.check(path)
    except DownloadError as error:
        return error
    return None


def _locked_part(path: Path) -> IO[bytes]:
    """The `.part` file, open for appending and locked against another process that fetches the same."""
    while True:
        stream = open(path, "ab")  # noqa: SIM115
        try:
            system.lock(stream.fileno())
        except OSError:  # a file system without locks
            return stream
        # Whoever held the lock may have renamed the file to its target: then ours is the wrong one.
        if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            return stream
        stream.close()


def _fetch(job: _Job, part: IO[bytes]) -> None:
    failures, furthest = 0, part.tell()
    while True:
        try:
            resumed = _receive(job, part)
            if _verified(job, part, resumed=resumed):
                break
        except (*WRONG_ADDRESS, ValueError) as error:  # ValueError: an address that is no text
            raise DownloadError(
                f"{job.label}: {_printable(job.url)} leads nowhere: {_printable(str(error))[:200]}",
                hint="the address, or one that the server sends on to, is wrong; or a proxy is in the way",
            ) from error
        except (_BrokenOffError, requests.RequestException) as error:
            failures = 0 if part.tell() > furthest else failures + 1
            furthest = max(furthest, part.tell())
            if failures >= TRIES - 1:
                raise _gave_up(job, error, part.tell()) from error
            time.sleep(PAUSE * 2**failures)
    os.fsync(part.fileno())
    os.replace(job.part, job.target)
    job.notes.unlink(missing_ok=True)


def _receive(job: _Job, part: IO[bytes]) -> bool:
    """One request; appends what comes to `part`. Returns whether it went on with an earlier piece."""
    headers = {"Accept-Encoding": "identity"}  # so that lengths are those of the file
    have = part.tell()
    validator = _validator(job)
    # Without a validator only a known hash can tell whether the two halves belong together.
    if have and (validator or job.sha256):
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    with requests.get(job.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 416 and content_range == f"bytes */{have}":
            return True  # all of it is here already
        if response.status_code == 416 or (have and "Range" not in headers):
            _empty(part)
        _check_status(job, response)
        resumed = response.status_code == 206
        whole: int | None = None  # the length of the file by Content-Range
        if resumed:
            place = RANGE.fullmatch(content_range)
            if "Range" not in headers or place is None or int(place[1]) != have:
                _empty(part)
                asked = headers.get("Range", "all of it").replace("=", " ")
                raise _BrokenOffError(
                    f"the server sent {_printable(content_range)[:80]!r}, asked for {asked}"
                )
            whole = int(place[3]) if place[3] != "*" else None
        else:
            _empty(part)
            have = 0
            _note(job, response)
        total = _total(job, response, have, whole)
        if resumed:
            say(f"Going on with  {job.label}  at {human(have)} of {human(total)}")
        else:
            say(f"Downloading  {job.label}  {human(total)}  from {_printable(job.url)}")
        free = shutil.disk_usage(job.target.parent).free
        if total is not None and total - have > free:
            lacks = f"{FULL}: {human(total - have)} to come, {human(free)} free"
            raise OSError(errno.ENOSPC, lacks)
        with Bar(job.label) as bar:
            for piece in response.iter_content(CHUNK):
                part.write(piece)
                bar.at(part.tell(), total)
                if total is not None and part.tell() > total:  # perhaps without end
                    _empty(part)
                    raise DownloadError(
                        f"{job.label}: {_printable(job.url)} sends more than {total:,} bytes",
                        hint="the file on the server has changed, or a proxy is intercepting the request",
                    )
        if total is not None and part.tell() < total:
            raise _BrokenOffError(f"{part.tell():,} of {total:,} bytes came")
    return resumed


def _empty(part: IO[bytes]) -> None:
    part.truncate(0)
    part.seek(0)


def _check_status(job: _Job, response: requests.Response) -> None:
    code = response.status_code
    if code in (408, 416, 425, 429) or code >= 500:
        raise _BrokenOffError(f"the server answers {code} {_printable(response.reason)}")
    if code not in (200, 206):
        raise DownloadError(
            f"{job.label}: the server answers {code} {_printable(response.reason)} to {_printable(job.url)}",
            hint="the file may have moved; a newer version of this program may know where",
        )


def _total(job: _Job, response: requests.Response, have: int, whole: int | None) -> int | None:
    """The length of the whole file by the answer (`whole`: by its Content-Range); None where it says none."""
    if _packed(response):
        return job.size
    length = response.headers.get("Content-Length")
    if length is not None and LENGTH.fullmatch(length) is None:
        raise DownloadError(
            f"{job.label}: the server says Content-Length {_printable(length)[:40]!r}, expected a number",
            hint="the server is at fault, or a proxy that answers for it",
        )
    total = have + int(length) if length is not None else job.size
    total = total if whole is None else whole
    if job.size is not None and total != job.size:
        raise DownloadError(
            f"{job.label}: {job.url} has {total:,} bytes, expected {job.size:,}",
            hint="the file on the server has changed, or a proxy is intercepting the request",
        )
    return total


def _packed(response: requests.Response) -> bool:
    """Whether the file was packed on the way, though we asked not to: its lengths are not the file's."""
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _verified(job: _Job, part: IO[bytes], *, resumed: bool) -> bool:
    """Whether `part` is the file; False: begin again. Raises DownloadError where that would not help."""
    part.flush()
    found = sha256_of(job.part) if job.sha256 else None
    length = part.tell()
    if found == job.sha256 and job.size in (None, length):
        fault = _fault(job, job.part)
        if fault is None:
            return True
        _empty(part)
        if resumed:
            return False
        raise fault
    _empty(part)
    if resumed:  # two pieces of different files
        return False
    expected = [f"{job.size:,} bytes"] if job.size is not None else []
    expected += [f"SHA-256 {job.sha256}"] if job.sha256 else []
    raise DownloadError(
        f"{job.label}: what came from {job.url} is not the file: {length:,} bytes"
        + (f" with SHA-256 {found}" if found else "")
        + f", expected {' with '.join(expected)}",
        hint="nothing was kept; the file on the server has changed, or a proxy is intercepting the request",
    )


def _validator(job: _Job) -> str | None:
    """The ETag (or date) that the file had when `.part` was begun; None: unknown, or of another address."""
    try:
        notes = read_json(job.notes)
        validator = notes["validator"] if notes["url"] == job.url else None
    except (InputError, KeyError, TypeError):
        return None
    # Else no header, and no later call would get past it
    return validator if isinstance(validator, str) and re.fullmatch("[ -~]+", validator) else None


def _note(job: _Job, response: requests.Response) -> None:
    etag = response.headers.get("ETag", "")
    # A weak ETag does not promise equal bytes, so If-Range must not carry it (RFC 9110, 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    write_json(job.notes, {"url": job.url, "validator": None if _packed(response) else validator})


def _gave_up(job: _Job, error: Exception, have: int) -> DownloadError:
    reason = str(error) if isinstance(error, _BrokenOffError) else type(error).__name__
    if have:
        return DownloadError(
            f"{job.label}: the connection to {job.url} broke off after {human(have)} ({reason})",
            hint=f"what has arrived is kept as {job.part}; the same command goes on with it",
        )
    return DownloadError(
        f"{job.label}: {job.url} cannot be reached ({reason})",
        hint="is there a network? $HTTPS_PROXY names a proxy",
    )


def _printable(text: str | None) -> str:
    """Text from outside as a terminal may show it: what prints as nothing or as a command is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text or "")


def human(size: int | None) -> str:
    """A number of bytes for people: `29.2 MB` (decimal units).

    >>> human(29_200_000)
    '29.2 MB'
    """
    if size is None:
        return "of unknown size"
    if size < 1_000_000:
        return f"{size / 1000:.0f} kB" if size >= 1000 else f"{size} bytes"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
