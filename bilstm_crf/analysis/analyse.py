"""Analyse errors: gold and predicted spans come in; breakdowns, confusions and examples go out."""

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
from bilstm_crf.analysis.compare import Comparison, compare
from bilstm_crf.analysis.documents import Source
from bilstm_crf.analysis.examples import Example, TypeConfusion, confusions, example
from bilstm_crf.analysis.seen import NAME_GROUPS, TrainNames, VocabularyCoverage
from bilstm_crf.evaluation.confusion import Confusion, confusion
from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.evaluation.matching import Outcome, outcomes
from bilstm_crf.sentence import Sentence, TokenSpan

Spans = Sequence[Sequence[TokenSpan]]  # those of each sentence, with the label set's types


@dataclass(frozen=True)
class ReferenceData:
    """Optional inputs besides the files to compare; each one given adds a breakdown."""

    names: TrainNames | None = None
    coverage: VocabularyCoverage | None = None
    sources: Sequence[Source] | None = None  # of each sentence


@dataclass(frozen=True)
class Sampling:
    """The number of tokens of context and of examples to show."""

    context: int = 8  # tokens to the left and right of an example
    examples: int = 3  # of each confusion, and of each side of a comparison


@dataclass(frozen=True)
class Analysis:
    """Scores as fractions from 0 to 1; nothing is rounded."""

    about: dict[str, str]  # what was compared: gold, a, b, signature
    sentences: int
    words: int
    total: Group
    breakdowns: dict[str, list[Group]]  # type, length; where known: name, vocabulary, genre, document
    labels: dict[str, TypeScore]  # of single tokens
    confusion: Confusion
    confusions: list[TypeConfusion]
    errors: list[Example]  # every outcome that is not correct, in the order of the text
    comparison: Comparison | None  # with the second system

    def as_dict(self) -> dict[str, Any]:
        """Return the analysis as JSON holds it."""
        return asdict(self)


def analyse(
    sentences: Sequence[Sentence],
    gold: Spans,
    predicted: Spans,
    *,
    about: dict[str, str],
    other: Spans | None = None,
    reference: ReferenceData | None = None,
    sampling: Sampling | None = None,
) -> Analysis:
    """Return the errors of `predicted` against `gold`.

    Parameters
    ----------
    sentences
        The tokens, and where they stand; the spans of these sentences are ignored.
    gold, predicted, other
        The spans of each sentence, sorted, without overlap; `other` is a second system's.
    about
        What is compared, for the reader: `gold`, `a`, `b` if there is one, `signature`.
    """
    reference, sampling = reference or ReferenceData(), sampling or Sampling()
    found = outcomes(gold, predicted)
    lengths = [len(sentence) for sentence in sentences]

    def shown(outcome: Outcome) -> Example:
        sources = reference.sources
        document = sources[outcome.sentence].document if sources is not None else None
        return example(sentences[outcome.sentence], outcome, document, context=sampling.context)

    errors = [shown(outcome) for outcome in found if outcome.category != "correct"]
    comparison = None
    if other is not None:
        names = (about["a"], about["b"])
        comparison = compare(names, gold, predicted, other, show=shown, examples=sampling.examples)
    return Analysis(
        about=about,
        sentences=len(sentences),
        words=sum(lengths),
        total=total(found),
        breakdowns={
            name: breakdown(found, group_of, order)
            for name, (group_of, order) in _groupings(sentences, reference).items()
        },
        labels=label_scores(gold, predicted, lengths),
        confusion=confusion(gold, predicted, lengths),
        confusions=confusions(errors, sampling.examples),
        errors=errors,
        comparison=comparison,
    )


def _groupings(
    sentences: Sequence[Sentence], reference: ReferenceData
) -> dict[str, tuple[GroupOf, Sequence[str]]]:
    """Return the rule of each breakdown and the order of its groups."""
    names, coverage, sources = reference.names, reference.coverage, reference.sources

    def words_of(sentence: int, span: TokenSpan) -> list[str]:
        return sentences[sentence].tokens[span.start : span.end]

    groupings: dict[str, tuple[GroupOf, Sequence[str]]] = {"type": (by_type, ())}
    if names is not None:
        groupings["name"] = (lambda number, span: names.group(words_of(number, span), span.type), NAME_GROUPS)
    if coverage is not None:
        group = coverage.group
        groupings["vocabulary"] = (lambda number, span: group(words_of(number, span)), coverage.groups)
    groupings["length"] = (by_length, LENGTHS)
    if sources is not None:
        groupings["genre"] = (lambda number, span: sources[number].genre, ())
        groupings["document"] = (lambda number, span: sources[number].document, ())
    return groupings
