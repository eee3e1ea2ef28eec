"""Download one file, verified and atomically, or not at all.

What has arrived when a connection breaks stays beside the target as `NAME.part`, and the server's ETag as
`NAME.part.json`. The next try asks only for the rest, and only if the file on the server is still the same
(RFC 9110, sections 13.1.5 and 14: If-Range and Range).
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
from bilstm_crf.util.files import made_folder, read_json, sha256_of, write_json
from bilstm_crf.util.progress import Bar, human, note
from bilstm_crf.util.system import locked

TRIES = 4  # in a row without a new byte
PAUSE = 0.5  # seconds before the second try; doubled each time
TIMEOUT = (15, 60)  # seconds: to connect, and between two parts of the answer
CHUNK = 1 << 14  # bytes; an incomplete chunk is lost when the connection breaks
FULL = "the disk is full"
CHANGED = "the file on the server has changed, or a proxy is intercepting the request"
LENGTH = re.compile("[0-9]{1,15}")  # a plausible Content-Length: up to a petabyte
RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")
Check = Callable[[Path], None]  # raises DownloadError for a file that is not the right one

# What no second try mends: endless redirects, and those to another scheme or to no address.
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

    def __post_init__(self) -> None:
        self.part, self.notes, self.lock = (
            self.target.with_name(self.target.name + suffix)
            for suffix in (".part", ".part.json", ".part.lock")
        )

    def error(self, message: str, hint: str | None = None) -> DownloadError:
        return DownloadError(f"{self.label}: {message}", hint=hint)

    def fault(self, path: Path) -> DownloadError | None:
        """Return what the job's own check says against the file."""
        try:
            if self.check is not None:
                self.check(path)
        except DownloadError as error:
            return error
        return None

    def is_done(self) -> bool:
        return (
            self.target.is_file()
            and (self.size is None or self.target.stat().st_size == self.size)
            and (self.sha256 is None or sha256_of(self.target) == self.sha256)
            and self.fault(self.target) is None
        )


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

    `check` examines the file before it gets its name, and an existing one; it raises DownloadError. Prints
    `label` and the size on standard error; resumes what an earlier try left; tries again with growing pauses
    when the connection breaks. A second process that fetches the same file waits for the first.
    Raises DownloadError for everything that goes wrong; then the target is unchanged.
    """
    job = _Job(url, target, sha256, size, label, check)
    if job.is_done():
        return target
    try:
        with made_folder(target.parent), locked(job.lock):
            if not job.is_done():  # else another process was faster
                try:
                    with open(job.part, "ab") as part:
                        _download(job, part)
                finally:
                    if job.part.exists() and not job.part.stat().st_size:
                        job.part.unlink()
                        job.notes.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = error.strerror or str(error)
        if full and not reason.startswith(FULL):
            reason = FULL
        hint = "what has arrived is kept; the same command resumes it" if full else None
        raise job.error(f"{reason} ({target.parent})", hint) from error
    return target


def _download(job: _Job, part: IO[bytes]) -> None:
    """Fill the `.part` file, in several tries if necessary, and give it its name."""
    failures, furthest = 0, part.tell()
    while True:
        try:
            resumed = _receive(job, part)
            if _verify(job, part, resumed=resumed):
                break
        except (*WRONG_ADDRESS, ValueError) as error:  # ValueError: an address that is no text
            raise job.error(
                f"{_printable(job.url)} leads nowhere: {_printable(str(error))[:200]}",
                "the address, or one that the server redirects to, is wrong; or a proxy is in the way",
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


def _gave_up(job: _Job, error: Exception, have: int) -> DownloadError:
    reason = str(error) if isinstance(error, _BrokenOffError) else type(error).__name__
    if have:
        return job.error(
            f"the connection to {job.url} broke off after {human(have)} ({reason})",
            f"what has arrived is kept as {job.part}; the same command goes on with it",
        )
    return job.error(
        f"{job.url} cannot be reached ({reason})", "check the network; $HTTPS_PROXY names a proxy"
    )


def _receive(job: _Job, part: IO[bytes]) -> bool:
    """Make one request and append the answer to `part`; return whether it resumed an earlier part."""
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
        length: int | None = None  # of the whole file, by Content-Range
        if resumed:
            place = RANGE.fullmatch(content_range)
            if "Range" not in headers or place is None or int(place[1]) != have:
                _empty(part)
                asked = headers.get("Range", "all of it").replace("=", " ")
                sent = _printable(content_range)[:80]
                raise _BrokenOffError(f"the server sent {sent!r}, asked for {asked}")
            length = int(place[3]) if place[3] != "*" else None
        else:
            _empty(part)
            have = 0
            _note(job, response)
        total = _total(job, response, have, length)
        if resumed:
            note(f"Resuming  {job.label}  at {human(have)} of {human(total)}")
        else:
            note(f"Downloading  {job.label}  {human(total)}  from {_printable(job.url)}")
        free = shutil.disk_usage(job.target.parent).free
        if total is not None and total - have > free:
            raise OSError(errno.ENOSPC, f"{FULL}: {human(total - have)} to come, {human(free)} free")
        with Bar(job.label) as bar:
            for chunk in response.iter_content(CHUNK):
                part.write(chunk)
                bar.at(part.tell(), total)
                if total is not None and part.tell() > total:  # it may be endless
                    _empty(part)
                    raise job.error(f"{_printable(job.url)} sends more than {total:,} bytes", CHANGED)
        if total is not None and part.tell() < total:
            raise _BrokenOffError(f"{part.tell():,} of {total:,} bytes arrived")
    return resumed


def _empty(part: IO[bytes]) -> None:
    part.truncate(0)
    part.seek(0)


def _check_status(job: _Job, response: requests.Response) -> None:
    code, reason = response.status_code, _printable(response.reason)
    if code in (408, 416, 425, 429) or code >= 500:
        raise _BrokenOffError(f"the server answers {code} {reason}")
    if code not in (200, 206):
        raise job.error(
            f"the server answers {code} {reason} to {_printable(job.url)}",
            "the file may have moved; a newer version of this program may know where",
        )


def _total(job: _Job, response: requests.Response, have: int, length: int | None) -> int | None:
    """Return the length of the whole file by the answer (`length`: by its Content-Range), if it says one."""
    if _is_compressed(response):
        return job.size
    rest = response.headers.get("Content-Length")
    if rest is not None and LENGTH.fullmatch(rest) is None:
        raise job.error(
            f"the server says Content-Length {_printable(rest)[:40]!r}, expected a number",
            "the server is at fault, or a proxy that answers for it",
        )
    total = have + int(rest) if rest is not None else job.size
    total = total if length is None else length
    if job.size is not None and total != job.size:
        raise job.error(f"{job.url} has {total:,} bytes, expected {job.size:,}", CHANGED)
    return total


def _is_compressed(response: requests.Response) -> bool:
    """Return whether the answer is compressed, though we asked not to: its lengths are not the file's."""
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _verify(job: _Job, part: IO[bytes], *, resumed: bool) -> bool:
    """Return whether `part` is the file; False: begin again. Raises DownloadError if that is no use."""
    part.flush()
    found = sha256_of(job.part) if job.sha256 else None
    length = part.tell()
    fault: DownloadError | None
    if found == job.sha256 and job.size in (None, length):
        fault = job.fault(job.part)
        if fault is None:
            return True
    else:
        expected = [f"{job.size:,} bytes"] if job.size is not None else []
        expected += [f"SHA-256 {job.sha256}"] if job.sha256 else []
        fault = job.error(
            f"what came from {job.url} is not the file: {length:,} bytes"
            + (f" with SHA-256 {found}" if found else "")
            + f", expected {' with '.join(expected)}",
            f"nothing was kept; {CHANGED}",
        )
    _empty(part)
    if resumed:  # the parts may be of different files
        return False
    raise fault


def _validator(job: _Job) -> str | None:
    """Return the ETag (or date) of the file when `.part` was begun; None if unknown or of another address."""
    try:
        notes = read_json(job.notes)
        validator = notes["validator"] if notes["url"] == job.url else None
    except (InputError, KeyError, TypeError):
        return None
    # Anything else is no valid header, and would break every later call.
    return validator if isinstance(validator, str) and re.fullmatch("[ -~]+", validator) else None


def _note(job: _Job, response: requests.Response) -> None:
    etag = response.headers.get("ETag", "")
    # A weak ETag does not promise equal bytes, so If-Range must not carry it (RFC 9110, 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    write_json(job.notes, {"url": job.url, "validator": None if _is_compressed(response) else validator})


def _printable(text: str | None) -> str:
    """Escape what a terminal would not show, or would obey, in text from outside."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text or "")
