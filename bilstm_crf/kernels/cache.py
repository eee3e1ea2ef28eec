"""A folder for numba's cache, if neither the package's folder nor the user's cache is writable."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

from numba import config
from numba.core import event

from bilstm_crf.errors import warn
from bilstm_crf.util.progress import Waiting
from bilstm_crf.util.system import is_private

SECONDS = "10 to 20"  # of one core, to compile what tagging needs, and training


@cache
def use_temporary_folder() -> bool:
    """Let numba cache its files in the temporary folder. Returns False, with a warning, where that fails.

    The cached code is executed, so the folder must belong to this user and be closed to all others.
    """
    try:
        folder = _private_folder()
    except OSError as error:
        warn(f"compiling takes {SECONDS} s at every start; set NUMBA_CACHE_DIR to a folder for it ({error})")
        return False
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return True


def _private_folder() -> Path:
    """Return a folder that only this user can write to. Raises OSError if that is impossible."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"bilstm_crf-numba-{user}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not is_private(folder):
        raise OSError(f"{folder} is writable by other users")
    tempfile.TemporaryFile(dir=folder).close()
    return folder


class _Announcement(event.Listener):
    """Tells of compiling, which happens when numba's cache lacks the result, if it takes long."""

    def __init__(self) -> None:
        self._waiting = Waiting(f"Compiling the fast loops, once, {SECONDS} s")
        self._depth = 0  # a loop is compiled while another one is

    def on_start(self, event: object) -> None:
        self._depth += 1
        if self._depth == 1:
            self._waiting.begin()

    def on_end(self, event: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._waiting.end()


event.register("numba:compile", _Announcement())
