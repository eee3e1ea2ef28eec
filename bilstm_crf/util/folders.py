"""Folders as inputs: the files below them, and whether an output would lie among these."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bilstm_crf.errors import InputError

# Hidden files, and those that Word leaves beside a document while it is open
HIDDEN = (".", "~$")


class Found(NamedTuple):
    """A file to read."""

    path: str
    folder: str | None = None  # the folder given by the user; None: the user named the file itself


def expand(paths: Iterable[str]) -> tuple[list[Found], list[InputError]]:
    """Return the files that `paths` stand for, and an error for each part of a folder that cannot be read.

    A folder stands for all files below it, sorted, without hidden ones; a file that was named before is not
    repeated. Links to files are read, links to folders are not followed. Paths that are not folders are
    returned unchanged.
    """
    files, errors = [], []
    known = {os.path.realpath(path) for path in paths if not os.path.isdir(path)}
    for path in paths:
        if not os.path.isdir(path):
            files.append(Found(path))
            continue
        below, closed = _below(path)
        errors += closed
        for each in below:
            if (real := os.path.realpath(each)) not in known:
                known.add(real)
                files.append(Found(each, path))
    return files, errors


def _below(folder: str) -> tuple[list[str], list[InputError]]:
    files, errors = [], []

    def note(error: OSError) -> None:
        errors.append(InputError(f"cannot be read: {error.strerror}", path=error.filename))

    for place, folders, names in os.walk(folder, onerror=note):
        visible = [name for name in folders if not name.startswith(HIDDEN)]
        links = [name for name in visible if os.path.islink(os.path.join(place, name))]
        errors += [
            InputError("a link to a folder, which is not followed", path=os.path.join(place, name))
            for name in sorted(links)
        ]
        folders[:] = [name for name in visible if name not in links]
        paths = [os.path.join(place, name) for name in names if not name.startswith(HIDDEN)]
        # Not pipes and devices, which would be waited for; a broken link is an error where it is read
        files += [path for path in paths if os.path.isfile(path) or os.path.islink(path)]
    return sorted(files, key=lambda path: Path(path).parts), errors


def folder_around(path: str, folders: Iterable[str]) -> str | None:
    """Return the one of `folders` that `path` lies in, through links or otherwise; None if in none.

    `path` need not exist.
    """
    around = Path(os.path.realpath(path))
    statuses = [(folder, os.stat(folder)) for folder in folders]
    for each in (around, *around.parents):
        try:
            status = each.stat()
        except OSError:
            continue
        for folder, other in statuses:
            if os.path.samestat(status, other):
                return folder
    return None
