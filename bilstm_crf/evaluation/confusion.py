"""The confusion matrix: gold types down, predicted types across, `O` (outside every entity) last in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import types_of
from bilstm_crf.evaluation.matching import match
from bilstm_crf.sentence import Span

OUTSIDE = "O"


@dataclass(frozen=True)
class Confusion:
    """Counts by gold type (row) and predicted type (column), in the order of `types`.

    `spans` counts spans matched one-to-one, whether their boundaries agree or not: column `O` holds missed
    spans, row `O` spurious ones, and their common cell is 0. `words` counts words.
    """

    types: list[str]  # sorted, then O
    spans: list[list[int]]  # (K + 1) x (K + 1) for K types
    words: list[list[int]]  # (K + 1) x (K + 1)


def confusion(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]], lengths: Sequence[int]
) -> Confusion:
    """Both matrices; `lengths` are the sentences' numbers of words."""
    spans: Counter[tuple[str, str]] = Counter()
    words: Counter[tuple[str, str]] = Counter()
    for gold_spans, predicted_spans, length in zip(gold, predicted, lengths, strict=True):
        for one, other in match(gold_spans, predicted_spans):
            spans[one.type if one else OUTSIDE, other.type if other else OUTSIDE] += 1
        words.update(zip(_word_types(gold_spans, length), _word_types(predicted_spans, length), strict=True))
    types = [*types_of(gold, predicted), OUTSIDE]
    return Confusion(types, _matrix(spans, types), _matrix(words, types))


def _word_types(spans: Iterable[Span], length: int) -> list[str]:
    types = [OUTSIDE] * length
    for start, end, type_ in spans:
        types[start:end] = [type_] * (end - start)
    return types


def _matrix(counts: Counter[tuple[str, str]], types: list[str]) -> list[list[int]]:
    return [[counts[row, column] for column in types] for row in types]
