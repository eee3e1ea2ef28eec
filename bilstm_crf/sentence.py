"""Sentence, its spans and alternatives: the data that every package takes and returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, NamedTuple

from bilstm_crf.util.offsets import Offsets, align, joined


class TokenSpan(NamedTuple):
    """A named entity by its place in a sentence: tokens `start` to `end - 1` (from 0) and an entity type.

    >>> TokenSpan(0, 2, "PER")
    TokenSpan(start=0, end=2, type='PER')
    """

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Span:
    """A named entity in a text: `text` is what stands there from `start` to `end`, in code points from 0.

    >>> Span("Kari Nordmann", "PER", 0.998, 0, 13)
    Span(text='Kari Nordmann', label='PER', score=0.998, start=0, end=13)
    """

    text: str
    label: str  # an entity type, such as PER
    score: float | None  # its probability, from 0 to 1; None: not computed
    start: int
    end: int


class Alternative(NamedTuple):
    """One way to label a whole sentence, of the n best."""

    probability: float
    token_spans: list[TokenSpan]


class Uncertainty(NamedTuple):
    """The uncertainty of a model about a sentence's labels; 0 is certain."""

    least_confidence: float  # 1 - P(best label sequence), from 0 to 1 (Culotta and McCallum 2005)
    entropy: float  # of the distribution over label sequences, in nats


class Origin(NamedTuple):
    """The place of a sentence's text in its file."""

    file: str | None  # its name; None for standard input
    line: int  # from 1
    start: int  # in code points of the decoded file, from 0, without a byte order mark at its start


@dataclass(slots=True, repr=False)
class Sentence:
    """One sentence of a text or file.

    Lines without tokens (such as comments after the last sentence) are a sentence without tokens, so that a
    writer can return every byte.
    """

    tokens: list[str]  # word forms, Unicode as the file has it
    labels: list[str] | None = None  # as in the file, in any encoding; None: unlabelled
    token_spans: list[TokenSpan] | None = None  # gold or predicted, sorted, without overlap; None: unknown
    scores: list[float] | None = None  # the probability of each of `token_spans`; None: not computed
    alternatives: list[Alternative] | None = None  # the n best, best first; None: not computed
    uncertainty: Uncertainty | None = None  # of the labels; None: not computed
    text: str | None = None  # the running text, if the file gives it
    offsets: list[tuple[int, int]] | None = None  # of each token in `text`: (start, end) in code points
    document: str | None = None  # name of its document
    id: str | None = None
    notes: dict[str, str | int | float] | None = None  # to write as comments of CoNLL-U and keys of JSONL
    path: str = ""  # its file
    line: int = 0  # its first line, from 1
    lines: list[int] = field(default_factory=list)  # the line of each token, from 1
    origin: Origin | None = None  # of `text`, in a text file
    raw: Any = None  # private to the format that read it: what its writer needs

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def spans(self) -> list[Span]:
        """The named entities of `token_spans`, with their characters in the document, as `locate` does."""
        return self.locate(self.token_spans or [], self.scores)

    def locate(self, token_spans: Sequence[TokenSpan], scores: Sequence[float] | None = None) -> list[Span]:
        """Return spans of tokens as spans of characters, for example those of an alternative.

        Their offsets are those in the document or file if the sentence knows its place there (`origin`), else
        in the sentence's text; in the tokens joined by spaces if there is no text with `offsets`.
        """
        if not token_spans:
            return []
        text, offsets = self.located()
        base = self.origin.start if self.origin is not None and text == self.text else 0
        spans = []
        for number, (first, last, label) in enumerate(token_spans):
            start, end = offsets[first][0], offsets[last - 1][1]
            score = None if scores is None else scores[number]
            spans.append(Span(text[start:end], label, score, base + start, base + end))
        return spans

    def located(self) -> tuple[str, Offsets]:
        """Return the text and the tokens' offsets in it; the tokens joined by spaces if offsets are unknown.

        The tokens are joined as well if two spans share a stretch of the text: words of one multi-word
        token.
        """
        if self.text is not None:
            offsets = self.offsets or align(self.tokens, self.text)
            if offsets is not None and all(
                offsets[span.end - 1][1] <= offsets[after.start][0]
                for span, after in pairwise(self.token_spans or ())
            ):
                return self.text, offsets
        return joined(self.tokens)

    def __repr__(self) -> str:
        """Show the text and the entities: `<Sentence 'Kari sov i Oslo.' [PER Kari] [GPE_LOC Oslo]>`."""
        text = " ".join(self.tokens[:MAX_SHOWN]) if self.text is None else self.text
        return f"<Sentence {shortened(text)!r}{marked(self.spans, len(self.token_spans or ()))}>"


MAX_SHOWN, MAX_SPANS_SHOWN = 60, 5  # characters of a text and spans in a repr


def shortened(text: str) -> str:
    """Return the beginning of a text for a repr."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def marked(spans: Iterable[Span], count: int) -> str:
    """Return the first of `count` spans for a repr, each after a blank."""
    shown = [f" [{span.label} {shortened(span.text)}]" for span in islice(spans, MAX_SPANS_SHOWN)]
    return "".join(shown) + (f" and {count - len(shown):,} more" if count > len(shown) else "")
