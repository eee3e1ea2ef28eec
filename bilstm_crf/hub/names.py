"""Tell the name of a model on the hub from the path of a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.errors import UsageError
from bilstm_crf.hub.redact import redacted

PREFIX = "hf:"
DEFAULT_REVISION = "main"
_NAME = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w./-]+))?", re.ASCII)


@dataclass(frozen=True)
class Repository:
    """A model on the hub, at one revision: a branch, a tag or a commit."""

    id: str  # owner/name
    revision: str | None = None  # None: the branch `main`

    @property
    def wanted(self) -> str:
        """The revision to use."""
        return self.revision or DEFAULT_REVISION

    def at(self, revision: str) -> Repository:
        """Return the repository at a revision. Raises UsageError if it has one already, or for a bad one."""
        if self.revision not in (None, revision):
            raise UsageError(f"{self} names a revision, and {revision!r} was given as well")
        return parse_repository(f"{self.id}@{revision}")

    def __str__(self) -> str:
        return self.id if self.revision is None else f"{self.id}@{self.revision}"


def parse_name(name: str | Path) -> Path | Repository:
    """Return the folder or the repository that a name means.

    A path that exists is a folder. Otherwise OWNER/NAME is a repository, with @REVISION after it or not;
    `hf:` before it makes it one even if there is such a folder. Anything else is a folder again.

    >>> parse_name("hf:kari/navn@v1")
    Repository(id='kari/navn', revision='v1')

    Raises UsageError for `hf:` with something else after it.
    """
    text = os.fspath(name)
    given = text.removeprefix(PREFIX)
    if isinstance(name, Path) or (given == text and os.path.exists(text)):
        return Path(name)
    found = _NAME.fullmatch(given)
    if found is not None and not {"", ".", ".."} & set((found[2] or "main").split("/")):
        return Repository(found[1], found[2])
    if given != text:
        raise _not_a_name(text)
    return Path(text)


def parse_repository(name: str) -> Repository:
    """Return the repository that a name means, though there be such a folder. Raises UsageError."""
    found = parse_name(PREFIX + name.removeprefix(PREFIX))
    if isinstance(found, Path):  # never, with that prefix
        raise _not_a_name(name)
    return found


def _not_a_name(text: str) -> UsageError:
    return UsageError(
        f"{redacted(text.removeprefix(PREFIX))!r} is no name of a model on the hub",
        hint="expected OWNER/NAME, or OWNER/NAME@REVISION with a branch, tag or commit",
    )
