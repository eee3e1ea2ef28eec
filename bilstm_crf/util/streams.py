"""Standard input and output that lose nothing, whatever they are connected to.

Python's own may be raw (PYTHONUNBUFFERED: a write takes as much as it likes), non-blocking (a write takes
nothing, a read finds nothing and looks like the end of the file) or not there at all (`>&-`).
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
except ImportError:  # no such thing on this system
    select = None  # type: ignore[assignment]


class Output:
    """A binary stream that takes every byte, or raises OSError (a full disk, a reader that went away)."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """`name` is what errors call the stream."""
        self._stream, self._name = stream, name

    def write(self, content: bytes) -> int:
        """Write all of it. A write to a raw stream may be short, and takes None where it would block."""
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
        return OSError(error.errno, error.strerror, self._name)  # of the class that belongs to the number


class _Waiting(io.RawIOBase):
    """A file descriptor to read from, which waits where there is nothing yet."""

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
    """Return the one writer of results. Raises BilstmCrfError where standard output is closed."""
    if sys.stdout is None:
        raise BilstmCrfError(
            "standard output is closed, so there is no place for the result", hint="-o FILE writes to a file"
        )
    return Output(sys.stdout.buffer, "standard output")


def standard_input() -> BinaryIO:
    """Return standard input as a binary stream. Raises InputError where it is closed."""
    if sys.stdin is None:
        raise InputError("is closed, expected a file or a pipe", path="standard input")
    descriptor = descriptor_of(sys.stdin)
    if descriptor is None:  # not the process's own, as in tests
        return sys.stdin.buffer
    return cast(BinaryIO, io.BufferedReader(_Waiting(descriptor)))


def descriptor_of(stream: Any) -> int | None:
    """Return the file descriptor behind a stream; None where there is none."""
    try:
        return cast(int, stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None


def open_closed_streams() -> None:
    """Put the null device behind standard streams that are closed.

    Else the next file that is opened would take their number, and messages would go into it. What Python
    has in their place stays None for standard input and output; `print` to a standard error of None would
    go to standard output.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (for the life of the process)


def finish_output() -> OSError | None:
    """Write out what standard output still holds; returns the error where it cannot be written.

    Then what is left is dropped, or Python would try again when it ends, and print the error.
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
    except ValueError:  # closed by somebody else
        return None


def _wait(stream: Any, *, writing: bool) -> None:
    """Wait until a non-blocking stream takes or has something."""
    descriptor = descriptor_of(stream)
    if descriptor is None or select is None or os.name == "nt":  # where select knows sockets alone
        time.sleep(0.01)
        return
    select([] if writing else [descriptor], [descriptor] if writing else [], [])
