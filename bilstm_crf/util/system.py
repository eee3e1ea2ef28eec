"""Processor cores, file locks, forks and private folders on each operating system. Imports on all."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Whether a process can be forked with a network in its memory. macOS has os.fork, but its system libraries
# do not survive one; Python spawns there as well.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lock(descriptor: int, *, wait: bool = True) -> None:
    """Lock a whole open file for this process and its forks; closing it, or their end, unlocks it.

    Raises BlockingIOError where another process has the lock and `wait` is false, another OSError where the
    file system or the operating system (Windows) has no such locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, "this system has no file locks")
    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_private(folder: Path) -> bool:
    """Return whether this user alone can change what the folder holds, itself included; True on Windows.

    Raises OSError where there is no such folder.
    """
    if not hasattr(os, "getuid"):  # Windows has a temporary folder for each user
        return True
    own, around = folder.lstat(), folder.parent.stat()
    sticky = not around.st_mode & 0o022 or bool(around.st_mode & stat.S_ISVTX)
    return stat.S_ISDIR(own.st_mode) and own.st_uid == os.getuid() and not own.st_mode & 0o077 and sticky
