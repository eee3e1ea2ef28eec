"""Errors in their sentence, with file and line; and confusions of types, the most frequent first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.confusion import OUTSIDE
from bilstm_crf.evaluation.matching import CATEGORIES, Outcome
from bilstm_crf.sentence import Sentence, TokenSpan


@dataclass(frozen=True)
class QuotedSpan:
    """A span inside an example; `start` and `end` count the example's words from 0."""

    start: int
    end: int
    type: str
    text: str


@dataclass(frozen=True)
class Example:
    """One outcome with the tokens around it."""

    category: str
    path: str
    line: int  # of its first token in the file, from 1; 0: the format has no lines
    sentence_id: str | None
    document: str | None
    words: list[str]
    more_left: bool  # whether the sentence has tokens before and after these
    more_right: bool
    gold: QuotedSpan | None
    predicted: QuotedSpan | None


@dataclass(frozen=True)
class TypeConfusion:
    """All errors with the same two types (`O`: no entity). The same type twice means wrong boundaries."""

    gold: str
    predicted: str
    count: int
    categories: dict[str, int]  # those that occur
    examples: list[Example]


def example(sentence: Sentence, outcome: Outcome, document: str | None, *, context: int) -> Example:
    """Return the outcome with `context` tokens to its left and right."""
    spans = [span for span in (outcome.gold, outcome.predicted) if span is not None]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    first, last = max(start - context, 0), min(end + context, len(sentence))

    def quoted(span: TokenSpan | None) -> QuotedSpan | None:
        if span is None:
            return None
        text = " ".join(sentence.tokens[span.start : span.end])
        return QuotedSpan(span.start - first, span.end - first, span.type, text)

    return Example(
        category=outcome.category,
        path=sentence.path,
        line=sentence.lines[start] if start < len(sentence.lines) else sentence.line,
        sentence_id=sentence.id,
        document=document,
        words=sentence.tokens[first:last],
        more_left=first > 0,
        more_right=last < len(sentence),
        gold=quoted(outcome.gold),
        predicted=quoted(outcome.predicted),
    )


def confusions(errors: Iterable[Example], examples: int) -> list[TypeConfusion]:
    """Return errors by gold and predicted type, the most frequent first, with up to `examples` of each."""
    groups: defaultdict[tuple[str, str], list[Example]] = defaultdict(list)
    for error in errors:
        groups[_type(error.gold), _type(error.predicted)].append(error)
    return [
        TypeConfusion(gold, predicted, len(group), _categories(group), varied(group, examples))
        for (gold, predicted), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _categories(errors: Iterable[Example]) -> dict[str, int]:
    """Return the counts of the categories that occur, in the order of CATEGORIES."""
    counts = Counter(error.category for error in errors)
    return {category: counts[category] for category in CATEGORIES if category in counts}


def varied(errors: Sequence[Example], count: int) -> list[Example]:
    """Return the first `count` in the order of the text, names that were not shown yet before others."""
    shown: Counter[str] = Counter()
    ranked = []
    for position, error in enumerate(errors):
        name = " ".join(quoted.text for quoted in (error.gold, error.predicted) if quoted)
        ranked.append((shown[name], position))
        shown[name] += 1
    return [errors[position] for _, position in sorted(ranked)[:count]]


def _type(quoted: QuotedSpan | None) -> str:
    return OUTSIDE if quoted is None else quoted.type
