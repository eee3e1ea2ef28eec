"""Standard input and output that lose nothing.

Python's own may be raw (PYTHONUNBUFFERED: writes can be partial), non-blocking (writes take nothing,
reads look like the end of the file) or closed (`>&-`).
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from bilstm_crf.errors import BilstmCrfError, InputError

try:
    from select import select
except ImportError:  # not on every system
    select = None  # type: ignore[assignment]


class Output:
    """A binary stream that writes every byte or raises OSError (full disk, closed pipe)."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Take the stream and its name in errors."""
        self._stream, self._name = stream, name

    def write(self, content: bytes) -> int:
        """Write all of it; a raw stream may write less, or return None if it would block."""
        rest = memoryview(content).cast("B")
        while rest:
            try:
                taken = self._stream.write(rest)
            except BlockingIOError as error:
                taken = error.characters_written
            except OSError as error:
                raise self._named(error) from error
            if not taken:
                _wait(self._stream, writing=True)
            rest = rest[taken or 0 :]
        return len(content)

    def writelines(self, contents: Iterable[bytes]) -> None:
        for content in contents:
            self.write(content)

    def flush(self) -> None:
        while True:
            try:
                self._stream.flush()
                return
            except BlockingIOError:
                _wait(self._stream, writing=True)
            except OSError as error:
                raise self._named(error) from error

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, error.strerror, self._name)  # the subclass of the number


class _Waiting(io.RawIOBase):
    """A readable file descriptor that waits for data."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                content = os.read(self._descriptor, len(buffer))
            except BlockingIOError:
                _wait(self, writing=False)
                continue
            buffer[: len(content)] = content
            return len(content)


def standard_output() -> Output:
    """Return the writer of results. Raises BilstmCrfError if standard output is closed."""
    if sys.stdout is None:
        raise BilstmCrfError("standard output is closed", hint="-o FILE writes to a file")
    return Output(sys.stdout.buffer, "standard output")


def standard_input() -> BinaryIO:
    """Return standard input as a binary stream. Raises InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("is closed, expected a file or a pipe", path="standard input")
    descriptor = descriptor_of(sys.stdin)
    if descriptor is None:  # not the process's own, as in tests
        return sys.stdin.buffer
    return cast(BinaryIO, io.BufferedReader(_Waiting(descriptor)))


def descriptor_of(stream: Any) -> int | None:
    """Return the file descriptor of a stream, None without one."""
    try:
        return cast(int, stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None


def open_closed_streams() -> None:
    """Open the null device for closed standard streams, so that no other file takes their number.

    `sys.stdin` and `sys.stdout` stay None; `print` to a standard error of None would go to standard output.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (for the life of the process)


def finish_output() -> OSError | None:
    """Flush standard output; return the error if that fails.

    What is left is then dropped: Python would try again at exit and print the error.
    """
    if sys.stdout is None:
        return None
    try:
        Output(cast(BinaryIO, sys.stdout), "standard output").flush()
        return None
    except OSError as error:
        descriptor = descriptor_of(sys.stdout)
        if descriptor is not None:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)
        return error
    except ValueError:  # closed
        return None


def _wait(stream: Any, *, writing: bool) -> None:
    """Wait until a non-blocking stream can be written to or read."""
    descriptor = descriptor_of(stream)
    if descriptor is None or select is None or os.name == "nt":  # where select takes only sockets
        time.sleep(0.01)
        return
    select([] if writing else [descriptor], [descriptor] if writing else [], [])
