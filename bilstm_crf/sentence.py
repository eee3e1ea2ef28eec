"""Sentence, its spans and alternatives: the data that every package takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class TokenSpan(NamedTuple):
    """A named entity by its place in a sentence: tokens `start` to `end - 1` (from 0) and an entity type.

    >>> TokenSpan(0, 2, "PER")
    TokenSpan(start=0, end=2, type='PER')
    """

    start: int
    end: int
    type: str


class Alternative(NamedTuple):
    """One way to label a whole sentence, of the n best."""

    probability: float
    token_spans: list[TokenSpan]


class Origin(NamedTuple):
    """The place of a sentence's text in its file."""

    file: str | None  # its name; None for standard input
    line: int  # from 1
    start: int  # in code points of the decoded file, from 0, without a byte order mark at its start


@dataclass(slots=True)
class Sentence:
    """One sentence of a file.

    Lines without tokens (such as comments after the last sentence) are a sentence without tokens, so that a
    writer can return every byte.
    """

    tokens: list[str]  # word forms, Unicode as the file has it
    labels: list[str] | None = None  # as in the file, in any encoding; None: unlabelled
    token_spans: list[TokenSpan] | None = None  # gold or predicted, sorted, without overlap; None: unknown
    scores: list[float] | None = None  # the probability of each of `token_spans`; None: not computed
    alternatives: list[Alternative] | None = None  # the n best, best first; None: not computed
    text: str | None = None  # the running text, if the file gives it
    offsets: list[tuple[int, int]] | None = None  # of each token in `text`: (start, end) in code points
    document: str | None = None  # name of its document
    id: str | None = None
    path: str = ""  # its file
    line: int = 0  # its first line, from 1
    lines: list[int] = field(default_factory=list)  # the line of each token, from 1
    origin: Origin | None = None  # of `text`, in a text file
    raw: Any = None  # private to the format that read it: what its writer needs

    def __len__(self) -> int:
        return len(self.tokens)
