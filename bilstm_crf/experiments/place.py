"""A place of an experiment's file: what is read there is as expected, or an InputError names the place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from bilstm_crf.errors import InputError, UsageError, did_you_mean

UNPRINTED = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters and of line ends


class Place:
    """A table of the file, and how a message names it."""

    def __init__(self, path: str, name: str, content: Any) -> None:
        self.path, self.name = path, name
        if not isinstance(content, dict):
            self.fail(f"is {content!r}, expected a table")
        self.content: dict[str, Any] = content

    def fail(self, what: str, hint: str | None = None) -> NoReturn:
        raise InputError(f"{self.name} {what}", path=self.path, hint=hint)

    def check_keys(self, known: Iterable[str]) -> None:
        known = list(known)
        for key in self.content:
            if key not in known:
                self.fail(f"has no key {key}.{did_you_mean(key, known)}", f"known: {' '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """One line: it stands in the lines of tables."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.fail(f"has {key} = {value!r}, expected a text" if key in self.content else f"lacks {key}")
        if any(unicodedata.category(character) in UNPRINTED for character in value):
            self.fail(f"has {key} = {value!r}, expected a text without line ends and control characters")
        return value

    def choice(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            self.fail(f'has {key} = "{value}", expected {" or ".join(known)}.{did_you_mean(value, known)}')
        return value

    @contextmanager
    def named(self) -> Iterator[None]:
        """Makes of what is wrong with an option, or with a file that it names, what is wrong here."""
        try:
            yield
        except (UsageError, InputError) as error:
            raise InputError(f"{self.name}: {error}", path=self.path, hint=error.hint) from error
