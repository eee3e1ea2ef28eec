"""The errors that the program raises on purpose, as one small tree.

    BilstmCrfError          exit status 1: the work failed
    ├── UsageError          exit status 2: a wrong option, name or combination
    │   └── MissingPackageError             an optional package is not installed; the hint names the extra
    ├── InputError          exit status 2: a file is not what it should be
    │   └── ModelFolderError                a saved model is damaged, foreign or of another version
    ├── DownloadError       exit status 1: the network or the server failed
    ├── DivergedError       exit status 1: the training loss is no longer a number
    ├── LostProcessError    exit status 1: another process of the same training has ended
    └── InterruptedRunError exit status 130: Ctrl-C; the message says what is safe and how to continue

A message says what was found, where, and what was expected; `hint` says what to do.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable


class BilstmCrfError(Exception):
    """The base. `path` and `line` precede the message; `found` is the offending line, shown below it.

    `message` is the message alone.
    """

    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        path: object = None,
        line: int | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(_located(message, path, line))
        self.message = message
        self.path = path
        self.line = line
        self.found = found
        self.hint = hint


class UsageError(BilstmCrfError):
    exit_status = 2


class MissingPackageError(UsageError):
    pass


class InputError(BilstmCrfError):
    exit_status = 2


class ModelFolderError(InputError):
    pass


class DownloadError(BilstmCrfError):
    pass


class DivergedError(BilstmCrfError):
    pass


class LostProcessError(BilstmCrfError):
    pass


class InterruptedRunError(BilstmCrfError):
    exit_status = 130


class InputWarning(UserWarning):
    """An assumption about an input, or something in it that looks like a mistake."""


def warn(message: str, *, path: object = None, line: int | None = None) -> None:
    """Warn about a usable input; the command line prints `warning: PATH, line N: …`.

    The result must still be right: a warning states an assumption, or what the user should check.
    """
    warnings.warn(_located(message, path, line), InputWarning, stacklevel=2)


def _located(message: str, path: object, line: int | None) -> str:
    where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
    return where + message


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return ` Did you mean sg600?` if one of `known` is close to `given`, else nothing."""
    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
