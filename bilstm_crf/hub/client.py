"""Use `huggingface_hub`: its errors become ours, its progress bars too, and no token is ever printed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bilstm_crf.errors import BilstmCrfError, DownloadError, UsageError
from bilstm_crf.hub.names import Repository
from bilstm_crf.hub.redact import redacted
from bilstm_crf.util.progress import Bar, visible

if TYPE_CHECKING:
    from tqdm import tqdm

LOG_IN = "`hf auth login` or $HF_TOKEN gives access to what is private"


@contextlib.contextmanager
def explained(repository: Repository, token: str | None = None) -> Iterator[None]:
    """Turn what `huggingface_hub` raises into an error that says what to do, without a token in it.

    Raises UsageError for a name that the hub does not allow, else DownloadError.
    """
    try:
        yield
    except BilstmCrfError:
        raise
    except Exception as error:  # httpx2, hf_xet, the hub's client and the disk have their own exceptions
        secret = token or _known_token()
        explanation = _explanation(error, repository, secret)
        # A traceback shows the cause as well
        shown = redacted(str(error), secret) == str(error)
        raise explanation from (error if shown else None)


def _known_token() -> str | None:
    from huggingface_hub import get_token

    found: str | None = get_token()
    return found


def _explanation(error: Exception, repository: Repository, token: str | None) -> BilstmCrfError:
    from huggingface_hub import errors

    lines = redacted(str(error), token).strip().splitlines() or [type(error).__name__]
    reason = visible(lines[0])[:200]
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"{repository} is no name of a model on the hub: {reason}")
    message, hint = f"the hub could not be used: {reason}", "check the network; $HTTPS_PROXY names a proxy"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        message, hint = "access is restricted", f"accept its terms on its page on the hub; {LOG_IN}"
    elif isinstance(error, errors.RepositoryNotFoundError):
        message = "no such model on the hub, or a private one"
        hint = f"check the name, or the path if it is a folder; {LOG_IN}"
    elif isinstance(error, errors.RevisionNotFoundError):
        message = f"the hub has no revision {repository.wanted!r} of it"
        hint = "a revision is a branch, a tag or a commit; without one it is main"
    elif isinstance(error, errors.OfflineModeIsEnabled):
        message, hint = "not fetched, since $HF_HUB_OFFLINE is set", "unset it to use the network"
    elif status in (401, 403):
        message, hint = f"the hub refuses it: {reason}", f"{LOG_IN}; the token needs the right to write"
    elif status is not None:
        message, hint = f"the hub answers {status}: {reason}", "try again later"
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message, hint = "the disk is full", "free some room, or set $HF_HOME to another disk"
    return DownloadError(message, path=repository, hint=hint)


def progress_class(label: str) -> type[tqdm]:
    """Return a class of progress bars for `huggingface_hub` that shows ours."""
    from tqdm import tqdm

    class Shown(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": True})
            self._done = options.get("initial") or 0
            self._bar = Bar(label)
            self._bar.__enter__()

        def update(self, n: float | None = 1) -> None:
            self._done += n or 0
            self._bar.at(int(self._done), self.total)

        def close(self) -> None:
            self._bar.__exit__()

    return Shown


@contextlib.contextmanager
def own_bars() -> Iterator[None]:
    """Hide the bars of `huggingface_hub` in the block."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
