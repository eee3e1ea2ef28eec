"""Text for people: one way to standard error, with nothing in it that steers a terminal."""

from __future__ import annotations

import contextlib
import sys
import unicodedata

# Characters that change the direction of what follows: in a file name they can hide what it is.
DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def say(message: str) -> None:
    """Print one line for a person on standard error; results never come this way.

    A line that cannot be printed (closed, full disk, reader gone) is dropped: it must not cost the result.
    """
    if sys.stderr is None:  # print() would take standard output instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(visible(message), file=sys.stderr, flush=True)


def visible(line: str) -> str:
    r"""Return the line with control characters, line ends and writing directions escaped.

    >>> print(visible("a\x1b[2J b"))
    a\x1b[2J b
    """
    if line.isprintable():  # the usual case: no control, separator, surrogate or direction in it
        return line
    return "".join(
        character.encode("unicode_escape").decode() if _steers(character) else character for character in line
    )


def _steers(character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    return unicodedata.bidirectional(character) in DIRECTIONS
