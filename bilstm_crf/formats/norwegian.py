"""Split Norwegian text into sentences and tokens as the Norwegian Dependency Treebank (NDT) does.

A text goes in; the offsets of its tokens come out, sentence by sentence. Only white space and characters
that are never displayed stand between tokens. The time is linear in the text's length.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from itertools import pairwise
from pathlib import Path
from typing import Any

from bilstm_crf.util.word_forms import PlainText

TokenSpan = tuple[int, int]  # start and end, in code points
Offsets = list[TokenSpan]


def _read_words() -> list[frozenset[str]]:
    """Return the sections of `norwegian.txt`, which explains them."""
    content = Path(__file__).with_name("norwegian.txt").read_text("utf-8")
    sections = re.split(r"^\[.*\]$", re.sub(r"#.*", "", content), flags=re.MULTILINE)
    return [frozenset(section.split()) for section in sections[1:]]


INNER, FINAL, MONTHS, DOMAINS, STARTERS, OPEN_WORDS = _read_words()
KNOWN = INNER | FINAL


# ---------------------------------------------------------------- plain text


def in_plain_text(find: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """Let `find` see a text in its plain form, and return the offsets in the text itself.

    So words that look the same are split in the same way, and none begins or ends with a hidden character.
    """

    @wraps(find)
    def found(text: str) -> list[Any]:
        plain = PlainText(text)
        return find(text) if plain.text == text else _original(find(plain.text), plain)

    return found


def _original(found: list[Any], plain: PlainText) -> list[Any]:
    """Return the offsets of tokens or of sentences of tokens in the original text."""
    if found and isinstance(found[0], list):
        return [offsets for sentence in found if (offsets := _original(sentence, plain))]
    places = [plain.original(offsets) for offsets in found]
    return [(start, end) for start, end in places if start < end]


@in_plain_text
def words(text: str) -> Offsets:
    """Return the start and end of each token of `text`, in code points."""
    return [span for sentence in _Text(text).sentences() for span in sentence]


@in_plain_text
def sentences(text: str) -> list[Offsets]:
    """Return the start and end of each token of `text`, sentence by sentence."""
    return _Text(text).sentences()


# ---------------------------------------------------------------- tokens

_LETTER = r"[^\W\d_]"
# With combining marks, which are no part of \w
_WORD = (
    r"[\w\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0e31-\u0e4e]"
)
_UNIT = rf"(?:\d+(?:[,:]\d+)+|{_WORD}+(?:['’´`]{_WORD}+)*)"
# Quantifiers are bounded where the rest can fail to match, so that no text is scanned over and over.
TOKEN = re.compile(
    rf"""
      (?:https?://|ftp://|www\.)[^\s<>"«»”“]*[\w/&=\#%~-]
    | [\w.+-]{{1,64}}@[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{1,8}}
    | [@\#©]\w+
    | (?:km/[th]|{_LETTER}/{_LETTER})(?!{_WORD})(?:-{_WORD}+)?
    | [+−-]?\d+(?:[.,:]\d+)*(?:,-|°{_LETTER}?|\.?-)?(?!{_WORD}|\.?[-‑–&'’´`,:]?{_WORD})
    | -?{_UNIT}(?:(?:\.-|[.\-‑–&]){_UNIT})*(?:-(?!-)|\+{{1,2}}(?!{_WORD})|(?<=[sxzSXZ])['’])?
    | \.\.+ | --+ | §+
    | \S
    """,
    re.VERBOSE,
)
_RANGE = re.compile(r"(\d+(?:[.,]\d+)*|[a-z]+)-\d+(?:[.,]\d+)*\Z")
_MARKS = frozenset(".?!:…")  # what may end a sentence

Pieces = tuple[tuple[TokenSpan, ...], tuple[int, ...]]  # tokens, and which of them may end a sentence


def _pieces(chunk: str) -> Pieces:
    """Return the tokens of a chunk without white space. Each full stop is a token of its own for now."""
    if chunk.isalnum():
        return ((0, len(chunk)),), ()
    found: Offsets = []
    for match in TOKEN.finditer(chunk):
        start, end = match.span()
        if chunk[start] == "-" and chunk[start + 1 : end][:1].isupper():  # "-Ja", but "-kledd"
            found.append((start, start + 1))
            start += 1
        if chunk[end - 1] in "'’" and end - start > 1 and chunk[0] in "'’‘":  # 'Jets', but Hellas'
            found += [(start, end - 1), (end - 1, end)]
        else:
            found += _parts(chunk, start, end)
    marks = [i for i, (a, _) in enumerate(found) if chunk[a] in _MARKS]
    return tuple(found), tuple(marks)


def _parts(chunk: str, start: int, end: int) -> Iterator[TokenSpan]:
    """Split a word with full stops or hyphens where NDT does: 1-4, kl.12, 19.plass, hjem.Han."""
    word = chunk[start:end]
    if "-" in word and (match := _RANGE.match(word)) and (word[0].isdigit() or match[1] in MONTHS):
        middle = start + match.end(1)
        yield from ((start, middle), (middle, middle + 1), (middle + 1, end))
        return
    if "." in word and "@" not in word and "/" not in word:
        first = start
        for stop in _STOP.finditer(word, _known_prefix(word)):
            at = first + stop.start()
            left = word[max(0, stop.start() - _NEAR) : stop.start()].rpartition(".")[2]
            right = word[stop.end() : stop.end() + _NEAR]
            if len(left) > 1 and left[-1].islower() and right[0].isupper() and left.lower() not in KNOWN:
                yield from ((start, at), (at, at + 1))
            elif _stands_alone(left, right):
                yield start, at + 1
            else:
                continue
            start = at + 1
    yield start, end


_STOP = re.compile(r"\.(?=\w)")
_NEAR = 20  # characters; no abbreviation is longer


def _known_prefix(word: str) -> int:
    """Return the length of the longest abbreviation of several parts that the word begins with."""
    known = (i for i in range(min(len(word), _NEAR), 2, -1) if word[:i].lower() in KNOWN and "." in word[:i])
    return next(known, 0)


def _stands_alone(left: str, right: str) -> bool:
    """Return whether `left` and its full stop are a token: 19.plass, kl.12, but 17.mai, vg.no."""
    if left.isdigit():
        return right[0].isalpha() and _BEGINNING.match(right)[0] not in MONTHS  # type: ignore[index]
    return left.lower() in KNOWN and len(left) > 1 and right not in DOMAINS and right != "s"


_BEGINNING = re.compile(r"\w+")
_remembered = lru_cache(maxsize=1 << 14)(_pieces)
_MAX_REMEMBERED = 40  # characters of a chunk


def _tokens(text: str) -> tuple[Offsets, list[int]]:
    """Return the tokens, with each full stop alone, and the indexes of those that may end a sentence."""
    tokens: Offsets = []
    marks: list[int] = []
    for match in re.finditer(r"\S+", text):
        start, end = match.span()
        found, ends = (_remembered if end - start <= _MAX_REMEMBERED else _pieces)(match.group())
        if len(found) == 1 and not ends:
            tokens.append((start, end))
            continue
        marks += [len(tokens) + i for i in ends]
        tokens += [(start + a, start + b) for a, b in found]
    return tokens, marks


# ---------------------------------------------------------------- sentences

_CLOSING = frozenset("»”’)]}\"'")
_NEXT = re.compile(r"[«\"“”„‘'(\[{–—\-•*\s]{0,6}(.)", re.DOTALL)
_NUMBER = re.compile(r"\d{1,2}(?:\.-?\d{1,2}){0,3}\Z")
_INITIALS = re.compile(rf"{_LETTER}(?:\.{_LETTER})*\Z")
_LONG_WORD = re.compile(rf"{_LETTER}{{4}}\Z|[aeiouyæøå]{_LETTER}{{1,2}}\Z")
_MAX_ASIDE = 300  # characters between an opening bracket or quote and a colon inside


class _Text:
    """The tokens of one text, and where its sentences begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens, self.marks = _tokens(text)
        starts = [start for start, _ in self.tokens]
        self.line_starts = [0, *(bisect_left(starts, position) for position in _line_starts(text))]
        self.start = 0  # of the sentence

    def sentences(self) -> list[Offsets]:
        """Return the tokens of each sentence."""
        found: list[Offsets] = []
        reached = 0
        ends = {*self.line_starts, len(self.tokens)}
        for mark in self.marks:
            self.start = max(self.start, self.line_starts[bisect_right(self.line_starts, mark) - 1])
            following = mark + 1
            while following < len(self.tokens) and self._closes(following):
                following += 1
            if following in ends:
                continue
            cut, merged = self._decide(mark, following)
            if merged:
                self.tokens[mark] = (self.tokens[mark - 1][0], self.tokens[mark][1])
                self.tokens[mark - 1] = (0, 0)
            if cut:
                ends.add(following)
                self.start = following
        for end in sorted(ends):
            sentence = [span for span in self.tokens[reached:end] if span[1]]
            found += [sentence] if sentence else []
            reached = end
        return found

    def _word(self, index: int) -> str:
        start, end = self.tokens[index]
        return self.text[start:end]

    def _closes(self, index: int) -> bool:
        """Return whether a token is a closing bracket or quote right behind the one before it."""
        start, _ = self.tokens[index]
        return self.text[start] in _CLOSING and self.tokens[index - 1][1] == start

    def _decide(self, mark: int, following: int) -> tuple[bool, bool]:
        """Return whether a sentence begins at `following`, and whether the mark joins the word before it."""
        start = self.tokens[following][0]
        match = _NEXT.match(self.text, start)
        after = match[1] if match else "A"
        goes_on = (
            after.islower() or self.text[start] in ",;:?!.…" or self.text[start] in _CLOSING - {'"', "'"}
        )
        apart = self.tokens[following - 1][1] < start
        sign = self._word(mark)
        if sign == ":":
            return apart and not goes_on and not after.isdigit() and not self._in_aside(mark), False
        if sign != ".":
            return apart and not goes_on, False
        kind = self._kind(mark)
        if kind == "inner" or (kind and following > mark + 1 and self._word(mark + 1) in ")]"):
            return False, True
        if kind == "initials":
            if following > mark + 1 and "." in self._word(mark - 1):  # «A.I.»
                return False, True
            word = self._word(following)
            is_name = after.isupper() and word not in STARTERS
            return apart and not goes_on and not is_name, is_name or goes_on
        if kind == "number":
            first = mark - 1 == self.start
            in_date = mark > 1 and self._word(mark - 2)[-1:] == "." and self._word(mark - 2)[0].isdigit()
            merged = goes_on or first or (after.isdigit() and (in_date or len(self._word(following)) < 3))
            return not merged, merged
        if kind == "final" and goes_on:
            return False, True
        if after.islower() and following == mark + 1:  # "vi gikk. så kom": chat, or an unknown abbreviation
            return apart and bool(_LONG_WORD.search(self._word(mark - 1))), False
        return not goes_on and (apart or after.isupper()), False

    def _kind(self, mark: int) -> str:
        """Return what the word before a full stop is: an abbreviation, a number, initials; "" for others."""
        if not mark or self.tokens[mark - 1][1] != self.tokens[mark][0]:
            return ""
        word = self._word(mark - 1)
        lower = word.lower()
        if lower in KNOWN and not (len(word) == 1 and word.isupper()):
            return "inner" if lower in INNER else "final"
        if _NUMBER.match(word):
            return "number"
        return "initials" if _INITIALS.match(word) and (word.isupper() or len(word) > 1) else ""

    def _in_aside(self, mark: int) -> bool:
        """Return whether a token stands inside brackets or quotes that opened within the sentence."""
        end = self.tokens[mark][0]
        start = max(self.tokens[self.start][0] + 1, end - _MAX_ASIDE)
        pairs = (("«", "»"), ("(", ")"), ("[", "]"), ("“", "”"))
        return any(self.text.rfind(a, start, end) > self.text.rfind(b, start, end) for a, b in pairs)


# ---------------------------------------------------------------- lines

_LIST_ITEM = re.compile(r"[•·*]|[-–—] ?[A-ZÆØÅ]|(?:\d{1,2}|[a-z])\)\s|\d{1,2}\.\s+[A-ZÆØÅ]")
_BYLINE = re.compile(r"Av [A-ZÆØÅ]")  # below a headline such as "Ordføreren går av", too
# Of wrapped lines, in characters; narrower ones only where several lines say so
_MIN_WIDTH, _NARROW, _MAX_WIDTH = 60, 30, 132

Line = tuple[int, str]  # where it begins in the text, without white space at its ends


def _line_starts(text: str) -> Iterator[int]:
    """Yield where a line begins that is the first of a sentence: after headlines, bylines, list items."""
    if "\n" not in text and "\r" not in text:
        return
    block: list[Line] = []
    reached = 0
    for match in re.finditer(r"[^\r\n]+", text):
        line = match.group().strip()
        if not line:
            continue
        between = text[reached : match.start()]
        if block and between.count("\n") + between.count("\r") - between.count("\r\n") > 1:
            yield from _starts_in(block)
            yield match.start()
            block = []
        block.append((match.start() + match.group().index(line[0]), line))
        reached = match.end() - len(match.group()) + len(match.group().rstrip())
    yield from _starts_in(block)


def _starts_in(block: list[Line]) -> Iterator[int]:
    """Yield the starts of sentences among the lines of a block that has no empty line."""
    if len(block) < 2:
        return
    width = max(len(line) for _, line in block)
    # A line is full if the next one's first word did not fit: then a break says nothing.
    full = [
        len(above) + 1 + len(below.split(maxsplit=1)[0]) > width for (_, above), (_, below) in pairwise(block)
    ]
    is_wrapped = width <= _MAX_WIDTH and (
        (width >= _MIN_WIDTH and block[-1][1].rstrip("»”\"'’)")[-1:] in tuple(".?!:"))
        or (width >= _NARROW and len(block) > 3 and sum(full) > 0.7 * len(full))
    )
    for (_, above), (start, below), is_full in zip(block, block[1:], full, strict=False):
        if _is_break(above, below, width) and not (is_wrapped and is_full):
            yield start


def _is_break(above: str, below: str, width: int) -> bool:
    """Return whether a sentence ends with the line above, if that is not just full."""
    if _LIST_ITEM.match(below) or (below[0] in "-–—" and above[-1] in ".?!:"):
        return True
    if below[0].islower() or above[-1] in ",;(«/&.?!…" or above.endswith((" -", " –")):
        return False
    if _BYLINE.match(below):
        return True
    return width >= _MIN_WIDTH or above.rsplit(maxsplit=1)[-1].lower() not in OPEN_WORDS
