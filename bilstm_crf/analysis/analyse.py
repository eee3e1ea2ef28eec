"""analyse(): gold and predicted spans come in; tables, confusions and examples go out as one Analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bilstm_crf.analysis.breakdown import (
    LENGTHS,
    Group,
    GroupOf,
    breakdown,
    by_length,
    by_type,
    label_scores,
    total,
)
from bilstm_crf.analysis.compare import Comparison, contrasts, lost, places
from bilstm_crf.analysis.documents import Source
from bilstm_crf.analysis.errors import Outcome, outcomes
from bilstm_crf.analysis.examples import Example, TypeConfusion, confusions, example, varied
from bilstm_crf.analysis.familiar import NAME_GROUPS, KnownWords, TrainNames
from bilstm_crf.evaluation.confusion import Confusion, confusion
from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.sentence import Sentence, Span

Spans = Sequence[Sequence[Span]]  # those of each sentence, with the label set's types


@dataclass(frozen=True)
class Background:
    """What is known beside the two files; each part that is there adds a breakdown."""

    names: TrainNames | None = None
    words: KnownWords | None = None
    sources: Sequence[Source] | None = None  # of each sentence


@dataclass(frozen=True)
class Analysis:
    """Scores are fractions from 0 to 1; nothing is rounded."""

    about: dict[str, str]  # what was compared: gold, a, b, signature
    sentences: int
    words: int
    total: Group
    breakdowns: dict[str, list[Group]]  # type, length; where known: name, vocabulary, genre, document
    labels: dict[str, TypeScore]  # of single words
    confusion: Confusion
    confusions: list[TypeConfusion]
    errors: list[Example]  # every outcome that is not correct, in the order of the text
    comparison: Comparison | None  # with the second system

    def as_dict(self) -> dict[str, Any]:
        """The analysis as JSON holds it."""
        return asdict(self)


def analyse(
    sentences: Sequence[Sentence],
    gold: Spans,
    predicted: Spans,
    *,
    about: dict[str, str],
    other: Spans | None = None,
    background: Background | None = None,
    context: int = 8,
    examples: int = 3,
) -> Analysis:
    """The errors of `predicted` against `gold`.

    Parameters
    ----------
    sentences
        The words, and where they stand; their own spans are not looked at.
    gold, predicted, other
        The spans of each sentence, sorted, without overlap; `other` is a second system's.
    about
        What was compared, for the reader: `gold`, `a`, perhaps `b`, `signature`.
    context
        Words to the left and right of an example.
    examples
        How many are shown of each confusion, and of each side of a comparison.
    """
    background = background or Background()
    found = outcomes(gold, predicted)
    lengths = [len(sentence) for sentence in sentences]

    def shown(outcome: Outcome) -> Example:
        source = background.sources[outcome.sentence] if background.sources is not None else None
        document = source.document if source else None
        return example(sentences[outcome.sentence], outcome, document, context=context)

    errors = [shown(outcome) for outcome in found if outcome.category != "correct"]
    comparison = None
    if other is not None:
        in_gold, in_a, in_b = places(gold), places(predicted), places(other)
        lost_by_b = [shown(outcome) for outcome in lost(outcomes(gold, other), in_a)]
        lost_by_a = [shown(outcome) for outcome in lost(found, in_b)]
        comparison = Comparison(
            *contrasts(in_gold, in_a, in_b),
            only_a=varied(lost_by_b, examples),
            only_b=varied(lost_by_a, examples),
        )
    return Analysis(
        about=about,
        sentences=len(sentences),
        words=sum(lengths),
        total=total(found),
        breakdowns={
            name: breakdown(found, group_of, order)
            for name, (group_of, order) in _groupings(sentences, background).items()
        },
        labels=label_scores(gold, predicted, lengths),
        confusion=confusion(gold, predicted, lengths),
        confusions=confusions(errors, examples),
        errors=errors,
        comparison=comparison,
    )


def _groupings(
    sentences: Sequence[Sentence], background: Background
) -> dict[str, tuple[GroupOf, Sequence[str]]]:
    """Each breakdown's rule and the order of its groups."""
    names, words, sources = background.names, background.words, background.sources

    def words_of(sentence: int, span: Span) -> list[str]:
        return sentences[sentence].tokens[span.start : span.end]

    groupings: dict[str, tuple[GroupOf, Sequence[str]]] = {"type": (by_type, ())}
    if names is not None:
        groupings["name"] = (lambda number, span: names.group(words_of(number, span), span.type), NAME_GROUPS)
    if words is not None:
        groupings["vocabulary"] = (lambda number, span: words.group(words_of(number, span)), words.groups)
    groupings["length"] = (by_length, LENGTHS)
    if sources is not None:
        groupings["genre"] = (lambda number, span: sources[number].genre, ())
        groupings["document"] = (lambda number, span: sources[number].document, ())
    return groupings
