"""Confusion matrices: gold types down, predicted types across, `O` (outside every entity) last in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import types_of
from bilstm_crf.evaluation.matching import outcomes
from bilstm_crf.sentence import TokenSpan

OUTSIDE = "O"
MAX_TYPES = 50  # nobody reads a matrix of more, and one of thousands fills the disk


@dataclass(frozen=True)
class Confusion:
    """Counts by gold type (row) and predicted type (column), in the order of `types`.

    Of more than MAX_TYPES types, the most frequent have their own rows and the others share one, called
    `(7 other types)`. `spans` counts spans matched one-to-one, whether their boundaries agree or not: column
    `O` holds missed spans, row `O` spurious ones, and their common cell is 0. `words` counts tokens.
    """

    types: list[str]  # sorted, then the others if there are any, then O
    spans: list[list[int]]  # (K, K) for K of these
    words: list[list[int]]  # (K, K)

    def __post_init__(self) -> None:
        for kind, matrix in (("spans", self.spans), ("words", self.words)):
            if {len(matrix), *map(len, matrix)} != {len(self.types)}:
                raise ValueError(f"{kind} is not a square matrix of {len(self.types)} types")


def confusion(
    gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]], lengths: Sequence[int]
) -> Confusion:
    """Return both matrices; `lengths` are the sentences' numbers of tokens."""
    spans = Counter(
        (one.type if one else OUTSIDE, other.type if other else OUTSIDE)
        for _, one, other in outcomes(gold, predicted)
    )
    words: Counter[tuple[str, str]] = Counter()
    for gold_spans, predicted_spans, length in zip(gold, predicted, lengths, strict=True):
        words.update(zip(_word_types(gold_spans, length), _word_types(predicted_spans, length), strict=True))
    shown = _shown(gold, predicted)
    types = [*dict.fromkeys(shown.values()), OUTSIDE]
    return Confusion(types, _matrix(spans, types, shown), _matrix(words, types, shown))


def _shown(gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]]) -> dict[str, str]:
    """Return the name of each type in the matrices, in their order."""
    types = types_of(gold, predicted)
    if len(types) <= MAX_TYPES:
        return {type_: type_ for type_ in types}
    sizes = Counter(span.type for side in (gold, predicted) for spans in side for span in spans)
    frequent = sorted(sorted(types, key=lambda type_: -sizes[type_])[:MAX_TYPES])
    others = f"({len(types) - MAX_TYPES:,} other types)"  # no entity type has blanks
    return {type_: type_ for type_ in frequent} | dict.fromkeys(sorted({*types} - {*frequent}), others)


def _word_types(spans: Iterable[TokenSpan], length: int) -> list[str]:
    types = [OUTSIDE] * length
    for start, end, type_ in spans:
        types[start:end] = [type_] * (end - start)
    return types


def _matrix(counts: Counter[tuple[str, str]], types: list[str], shown: dict[str, str]) -> list[list[int]]:
    place = {type_: position for position, type_ in enumerate(types)}
    matrix = [[0] * len(types) for _ in types]
    for (row, column), count in counts.items():
        matrix[place[shown.get(row, row)]][place[shown.get(column, column)]] += count
    return matrix
