"""Processor cores, file locks, forks, garbage and private folders. Imports on every operating system."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import platform
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Whether a process can fork with a network in its memory. macOS has os.fork, but its system libraries do not
# survive it; Python spawns there as well.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"

# The signals that end a program: Ctrl-C, kill, and the end of the terminal, which Windows does not have
ENDING_SIGNALS = frozenset(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class LockedError(Exception):
    """Another process holds the lock; the text names that process."""


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_private(folder: Path) -> bool:
    """Return whether only this user can change the folder and its contents; True on Windows.

    Raises OSError if the folder does not exist.
    """
    if not hasattr(os, "getuid"):  # Windows has a temporary folder for each user
        return True
    own, around = folder.lstat(), folder.parent.stat()
    sticky = not around.st_mode & 0o022 or bool(around.st_mode & stat.S_ISVTX)
    return stat.S_ISDIR(own.st_mode) and own.st_uid == os.getuid() and not own.st_mode & 0o077 and sticky


def lock(descriptor: int, *, wait: bool = True) -> None:
    """Lock an open file for this process and its forks until it is closed or they end.

    Raises BlockingIOError if `wait` is false and another process has the lock, and another OSError where the
    file system or the operating system (Windows) has no such locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, "this system has no file locks")
    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock file `path` for the block, and remove it at the end.

    Yields False where the file system has no locks. The operating system releases the lock of a process that
    dies, and the file that it leaves blocks nobody. Raises LockedError if `wait` is false and another process
    holds the lock.
    """
    stream = _take(Path(path), wait)
    try:
        yield stream is not None
    finally:
        if stream is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)  # while it is held: no other process has this file
            stream.close()


def _take(path: Path, wait: bool) -> BinaryIO | None:
    """Open and lock the lock file; None where the file system has no locks. Raises LockedError."""
    while True:
        try:
            stream = open(path, "a+b")  # noqa: SIM115 (it is the lock)
        except FileNotFoundError:  # a process that failed has just removed its empty folder
            path.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            lock(stream.fileno(), wait=wait)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read(200).decode("utf-8", "replace").strip()
            stream.close()
            raise LockedError(holder or "another process") from None
        except OSError:
            stream.close()
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        # The process that held the lock before may have removed the file: then this one is stale.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
                    os.truncate(stream.fileno(), 0)
                    os.write(stream.fileno(), f"process {os.getpid()} on {platform.node()}\n".encode())
                return cast(BinaryIO, stream)
        stream.close()


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python's collector from visiting many objects that have no cycles, over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
