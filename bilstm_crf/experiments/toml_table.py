"""A table of an experiment file: reads values, and names the place in errors."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from bilstm_crf.errors import InputError, UsageError, did_you_mean

UNPRINTED = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters and line ends


def check_known(name: str, value: Any, known: Iterable[str]) -> None:
    """Raise UsageError for a value that is not known, with the nearest one that is."""
    known = list(known)
    if value not in known:
        message = f"{name} is {value!r}, expected one of {', '.join(known)}"
        raise UsageError(f"{message}.{did_you_mean(str(value), known)}")


class TomlTable:
    """A table of the file, its name in errors, and its content."""

    def __init__(self, path: str, name: str, content: Any) -> None:
        self.path, self.name = path, name
        if not isinstance(content, dict):
            self.fail(f"is {content!r}, expected a table")
        self.content: dict[str, Any] = content

    def fail(self, what: str, hint: str | None = None) -> NoReturn:
        """Raise InputError that names this table."""
        raise InputError(f"{self.name} {what}", path=self.path, hint=hint)

    def check_keys(self, known: Iterable[str]) -> None:
        """Raise InputError for a key that is not known."""
        known = list(known)
        for key in self.content:
            if key not in known:
                self.fail(f"has no key {key}.{did_you_mean(key, known)}", f"keys: {' '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of one line, since tables show it in their lines."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.fail(f"has {key} = {value!r}, expected a text" if key in self.content else f"lacks {key}")
        if any(unicodedata.category(character) in UNPRINTED for character in value):
            self.fail(f"has {key} = {value!r}, expected a text without line ends and control characters")
        return value

    def choice(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """Return a text that is one of `known`."""
        value = self.text(key, default)
        with self.named():
            check_known(key, value, known)
        return value

    @contextmanager
    def named(self) -> Iterator[None]:
        """Turn errors about settings and files into errors that name this table."""
        try:
            yield
        except (UsageError, InputError) as error:
            raise InputError(f"{self.name}: {error}", path=self.path, hint=error.hint) from error
