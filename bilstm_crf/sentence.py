"""Sentence and Span: the one data type that every room of the program takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Span(NamedTuple):
    """A named entity: the tokens `start` to `end - 1` (from 0) and its entity type.

    >>> Span(0, 2, "PER")
    Span(start=0, end=2, type='PER')
    """

    start: int
    end: int
    type: str


class Origin(NamedTuple):
    """Where a sentence's text begins in the file that it was taken from."""

    file: str | None  # its name, as it was given; None: it has none, as standard input
    line: int  # from 1
    start: int  # in code points of the decoded file, from 0; a byte order mark at its start does not count


@dataclass(slots=True)
class Sentence:
    """One sentence, with what a reader knows of it.

    A stretch of a file that holds no token (comments after the last sentence, say) comes as a sentence
    without tokens, so that a writer can give every byte back; who needs words skips it.
    """

    tokens: list[str]  # word forms, Unicode as the file has it
    labels: list[str] | None = None  # as they stand in the file, in any encoding; None: unlabelled
    spans: list[Span] | None = None  # gold or predicted, sorted, without overlap; None: not known
    text: str | None = None  # the running text, where the file gives it
    offsets: list[tuple[int, int]] | None = None  # of each token in `text`: (start, end) in code points
    document: str | None = None  # the document it belongs to
    id: str | None = None
    path: str = ""  # the file it was read from
    line: int = 0  # its first line there, from 1
    lines: list[int] = field(default_factory=list)  # the line of each token, from 1
    origin: Origin | None = None  # where `text` begins in a file of text; None: not known
    raw: Any = None  # what this format's writer needs to give the input back; nobody else looks inside

    def __len__(self) -> int:
        return len(self.tokens)
