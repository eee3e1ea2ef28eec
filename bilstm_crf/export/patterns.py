r"""Translate Python's regular expressions and word lists of the text code into JavaScript's.

So there is one definition of each. The differences that matter here: what \w, \d, \s, \b and \Z mean, verbose
patterns, and ignoring case in a part of a pattern.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypedDict

from bilstm_crf.formats import norwegian, text
from bilstm_crf.inference import trimming
from bilstm_crf.util import word_forms


class JavaScriptPattern(TypedDict):
    """The arguments of JavaScript's `RegExp`."""

    source: str
    flags: str


WORD = r"\p{L}\p{N}_"  # what str.isalnum is true of, and _
# Classes that are everything but a negated one
NEGATED = {r"[^\W\d_]": r"[\p{L}\p{Nl}\p{No}]", r"[^\S\r\n]": r"(?:(?![\r\n])\s)"}
CLASSES = {"w": WORD, "d": r"\p{Nd}"}
BORDER = rf"(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"
# What [a-z] matches in Python where case is ignored
IGNORING_CASE = r"A-Z\u0130\u0131\u017f\u212a"
# Characters that are syntax: only these may stand behind a backslash in JavaScript's mode u
SYNTAX = frozenset("^$\\.*+?()[]{}|/")
KEPT = frozenset("nrtvfxu")  # escapes with the same meaning
PART = re.compile(r"\\U[0-9a-f]{8}|\\.|\(\?i:|.", re.DOTALL)


def javascript(pattern: re.Pattern[str], *, at_start: bool = False) -> JavaScriptPattern:
    r"""Return a pattern for JavaScript; `at_start`: it matches only where the text begins, as `match` does.

    Only for what the patterns of this program use: no named groups, no nested groups that ignore case.

    >>> javascript(re.compile(r"(?<=\w)\s# a comment is left", re.VERBOSE))["source"][:19]
    '(?<=[\\p{L}\\p{N}_])['
    """
    source = pattern.pattern
    if pattern.flags & re.VERBOSE:
        source = re.sub(r"(?<!\\)#.*", "", source)
    for old, new in NEGATED.items():
        source = source.replace(old, new)
    source = "".join(_parts(source, pattern.flags))
    flags = "us" if pattern.flags & re.DOTALL else "u"
    return {"source": f"^(?:{source})" if at_start else source, "flags": flags}


def _parts(source: str, flags: int) -> Iterator[str]:
    """Yield the parts of a pattern, each translated."""
    verbose, dotall, ignoring = (bool(flags & each) for each in (re.VERBOSE, re.DOTALL, re.IGNORECASE))
    in_class, depth, ends_ignoring = False, 0, -1
    for part in PART.findall(source):
        if part.startswith("\\"):
            yield _escape(part, in_class)
            continue
        if not in_class and part.startswith("("):
            depth += 1
            if part == "(?i:":
                part, ignoring, ends_ignoring = "(?:", True, depth
        elif not in_class and part == ")":
            if depth == ends_ignoring:
                ignoring = False
            depth -= 1
        if part in "[]":
            in_class = part == "["
        if verbose and not in_class and part.isspace():
            continue
        if part == "." and not in_class:
            part = "." if dotall else r"[^\n]"
        yield _either_case(part, in_class) if ignoring else part


def _either_case(part: str, in_class: bool) -> str:
    """Return a part of a pattern that ignores case; of classes, only a-z has letters here."""
    if not ("a" <= part <= "z"):
        return part
    if in_class:
        return IGNORING_CASE + part if part == "a" else part
    return f"[{part.upper()}{part}]"


def _escape(part: str, in_class: bool) -> str:
    """Return what JavaScript has for a backslash and what follows it."""
    letter = part[1]
    if letter == "U":
        return rf"\u{{{part[2:].lstrip('0')}}}"
    if letter == "s" or (letter == "S" and not in_class):
        return spaces() if in_class else f"[{'^' * (letter == 'S')}{spaces()}]"
    if letter in CLASSES:
        return CLASSES[letter] if in_class else f"[{CLASSES[letter]}]"
    if letter == "b":
        return BORDER
    if letter in "AZ":
        return "^" if letter == "A" else "$"
    if letter == "p" or letter in KEPT or letter in SYNTAX or (letter == "-" and in_class):
        return part
    if letter.isalnum():
        raise ValueError(f"no translation of {part!r} is known")
    return letter


@cache
def class_of(holds: Callable[[str], bool]) -> str:
    """Return the inside of a class of all characters for which this is true."""
    found: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if holds(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return "".join(rf"\u{{{a:x}}}" if a == b else rf"\u{{{a:x}}}-\u{{{b:x}}}" for a, b in found)


def spaces() -> str:
    r"""Return the inside of a class of Python's white space; JavaScript's has U+FEFF, but not U+0085."""
    return class_of(str.isspace)


def javascript_patterns() -> dict[str, JavaScriptPattern]:
    """Return every pattern of the engine by its name there."""
    found: dict[str, JavaScriptPattern] = {
        "ignorable": javascript(word_forms._IGNORABLE),
        "hidden": javascript(word_forms._HIDDEN),
        "styled": javascript(word_forms._STYLED),
        "token": javascript(norwegian.TOKEN),
        "stop": javascript(norwegian._STOP),
        "beginning": javascript(norwegian._BEGINNING),
        "next": javascript(norwegian._NEXT),
        "longWord": javascript(norwegian._LONG_WORD),
        "emptyLines": javascript(text._EMPTY_LINES),
        "lineBom": javascript(text.LINE_BOM),
        "lineEnd": javascript(trimming._LINE_END),
        "address": javascript(trimming._ADDRESS),
        "addressHint": javascript(trimming._HINT),
        "filled": javascript(re.compile(r"\S+")),
        "lineContent": javascript(re.compile(r"[^\r\n]+")),
        "digit": {"source": f"[{class_of(str.isdigit)}]", "flags": "u"},
    }
    anchored = {
        "range": norwegian._RANGE,
        "number": norwegian._NUMBER,
        "initials": norwegian._INITIALS,
        "listItem": norwegian._LIST_ITEM,
        "byline": norwegian._BYLINE,
    }
    return found | {name: javascript(pattern, at_start=True) for name, pattern in anchored.items()}


def norwegian_words() -> dict[str, list[str]]:
    """Return the words that the tokeniser knows, by their use."""
    lists = {
        "known": norwegian.KNOWN,
        "inner": norwegian.INNER,
        "months": norwegian.MONTHS,
        "domains": norwegian.DOMAINS,
        "starters": norwegian.STARTERS,
        "open": norwegian.OPEN_WORDS,
    }
    return {name: sorted(words) for name, words in lists.items()}
