"""Keep access tokens out of messages, and the folders of a machine out of what is published."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\bhf_\w{6,}|(?<=Bearer )\S+|(?<=://)[^/\s@]+(?=@)")

_ABSOLUTE = re.compile(r"(?:[/~]|[A-Za-z]:[\\/]).*[\\/](?=.)", re.DOTALL)  # up to the last part


def redacted(text: str, token: str | None = None) -> str:
    """Return text without access tokens: those that look like one, and the given one.

    >>> redacted("hf_abcdefghijk is not valid")
    'hf_… is not valid'
    """
    if token:
        text = text.replace(token, "hf_…")
    return _TOKEN.sub("hf_…", text)


def without_folder(path: str) -> str:
    """Return the last part of an absolute path, and any other text as it is.

    >>> without_folder("/home/kari/train.conllu"), without_folder("runs/kari")
    ('train.conllu', 'runs/kari')
    """
    return _ABSOLUTE.sub("", path, count=1) if _ABSOLUTE.match(path) else path
