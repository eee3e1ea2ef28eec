"""The main score: a span counts where both its boundaries and its type are right, by seqeval in strict IOB2.

Spans go in, so every encoding has become IOB2 before seqeval sees it. One call costs about 0.1 s for
2,400 sentences of 15 words, cheap enough for every epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import Average, TypeScore, macro, score_of, types_of
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Span

MAX_SEQEVAL_TYPES = 100  # seqeval looks at every span for every type: from here on the counts are ours


@dataclass(frozen=True)
class StrictScores:
    """Strict scores: micro, macro (`macro.f1`, or `macro_f1` for short) and one of each entity type."""

    micro: TypeScore
    macro: Average
    types: dict[str, TypeScore]  # sorted by type; every type found in gold or predicted

    @property
    def precision(self) -> float:
        """Micro precision, from 0 to 1."""
        return self.micro.precision

    @property
    def recall(self) -> float:
        """Micro recall, from 0 to 1."""
        return self.micro.recall

    @property
    def f1(self) -> float:
        """Micro F1, from 0 to 1: the number to compare systems by."""
        return self.micro.f1

    @property
    def macro_f1(self) -> float:
        """The unweighted mean of the types' F1, from 0 to 1."""
        return self.macro.f1


def strict(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]], lengths: Sequence[int]
) -> StrictScores:
    """Strict scores of `predicted` against `gold`.

    Parameters
    ----------
    gold, predicted
        The spans of each sentence, in the same order; inside a sentence they do not overlap.
    lengths
        The number of words of each sentence.
    """
    types = types_of(gold, predicted)
    if not types:
        nothing = TypeScore(0.0, 0.0, 0.0, 0, 0, 0)
        return StrictScores(nothing, Average(0.0, 0.0, 0.0), {})
    in_gold = Counter(span.type for spans in gold for span in spans)
    in_predicted = Counter(span.type for spans in predicted for span in spans)
    correct = Counter(
        span.type for pair in zip(gold, predicted, strict=True) for span in set(pair[0]) & set(pair[1])
    )
    counts = {type_: (in_gold[type_], in_predicted[type_], correct[type_]) for type_ in types}
    total = (in_gold.total(), in_predicted.total(), correct.total())
    if len(types) > MAX_SEQEVAL_TYPES:
        by_type = {type_: score_of(*each) for type_, each in counts.items()}
        return StrictScores(score_of(*total), macro(by_type.values()), by_type)
    report = _seqeval(gold, predicted, lengths, types)
    return StrictScores(
        micro=TypeScore(*_fractions(report["micro avg"]), *total),
        macro=Average(*_fractions(report["macro avg"])),
        types={
            type_: TypeScore(*_fractions(report[str(code)]), *counts[type_])
            for code, type_ in enumerate(types)
        },
    )


def _seqeval(
    gold: Sequence[Sequence[Span]],
    predicted: Sequence[Sequence[Span]],
    lengths: Sequence[int],
    types: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Seqeval's report, in which the number of a type stands for it."""
    # Here, since they bring scikit-learn along, for which `evaluate --help` should not wait a second.
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    # seqeval strips hyphens from the ends of a type; a number stands for the type, so that none can merge.
    codes = {type_: str(code) for code, type_ in enumerate(types)}
    report: dict[str, dict[str, float]] = classification_report(
        _labels(gold, lengths, codes),
        _labels(predicted, lengths, codes),
        mode="strict",
        scheme=IOB2,
        zero_division=0,
        output_dict=True,
    )
    return report


def _labels(
    sentences: Sequence[Sequence[Span]], lengths: Sequence[int], codes: dict[str, str]
) -> list[list[str]]:
    encode = ENCODINGS["iob"].encode
    return [
        encode([span._replace(type=codes[span.type]) for span in spans], length)
        for spans, length in zip(sentences, lengths, strict=True)
    ]


def _fractions(row: dict[str, float]) -> tuple[float, float, float]:
    return float(row["precision"]), float(row["recall"]), float(row["f1-score"])
