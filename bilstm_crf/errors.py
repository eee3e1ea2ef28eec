"""Every error that the program raises on purpose, as one small tree.

    BilstmCrfError          exit status 1: the work failed
    ├── UsageError          exit status 2: an option, a name or a combination that cannot be
    │   └── MissingPackageError             an optional package is not installed; the hint names the extra
    ├── InputError          exit status 2: a file is not what it should be (path, line, found, expected)
    │   └── ModelFolderError                a saved model is damaged, foreign or of another version
    ├── DownloadError       exit status 1: the network or the far end failed
    ├── DivergedError       exit status 1: the loss of training is no longer a number
    └── InterruptedRunError exit status 130: Ctrl-C, with what is safe and how to go on

A message says what was found, where, what was expected; `hint` says what to do next.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable


class BilstmCrfError(Exception):
    """The base: `str(error)` is the message, `hint` the next thing to try (or None)."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(BilstmCrfError):
    exit_status = 2


class MissingPackageError(UsageError):
    pass


class InputError(BilstmCrfError):
    """What is wrong in a file.

    `found` is the offending line as it stands, shown below the message beside its number.
    """

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        path: object = None,
        line: int | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(_located(message, path, line), hint=hint)
        self.path = path
        self.line = line
        self.found = found


class ModelFolderError(InputError):
    pass


class DownloadError(BilstmCrfError):
    pass


class DivergedError(BilstmCrfError):
    pass


class InterruptedRunError(BilstmCrfError):
    exit_status = 130


class InputWarning(UserWarning):
    """Something in a file that was read by assumption, or that looks like a mistake."""


def warn(message: str, *, path: object = None, line: int | None = None) -> None:
    """Warn about an input that can be used; the command line prints `warning: PATH, line N: …`.

    For what the program assumed, or what the user should look at. The result must still be right.
    """
    warnings.warn(_located(message, path, line), InputWarning, stacklevel=2)


def _located(message: str, path: object, line: int | None) -> str:
    where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
    return where + message


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """` Did you mean sg600?` where one of `known` is close to `given`, else nothing."""
    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
