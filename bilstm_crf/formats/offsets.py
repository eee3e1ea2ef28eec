"""The place of a sentence: its file and its lines."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from functools import lru_cache

from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import has_name


def file_name(sentence: Sentence) -> str | None:
    """Return the name of a sentence's file, with bytes that are not UTF-8 escaped; None without a name."""
    path = sentence.path if sentence.origin is None else sentence.origin.file
    return os.fsencode(path).decode("utf-8", "backslashreplace") if path and has_name(path) else None


def lines_before(text: str, position: int) -> int:
    r"""Return the number of line ends (\n, \r\n or \r) of `text` before a position."""
    return bisect_right(_line_ends(text), position)


@lru_cache(maxsize=1)  # all names of a text ask for it, one after another
def _line_ends(text: str) -> list[int]:
    return [match.end() for match in re.finditer("\r\n|\r|\n", text)]
