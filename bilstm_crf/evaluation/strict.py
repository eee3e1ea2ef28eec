"""The main score: a span counts where both its boundaries and its type are right.

The counts are those of seqeval in its strict mode with IOB2; `confirm` compares the two where seqeval is
installed. Spans come in, so every encoding is scored alike.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bilstm_crf.evaluation.counts import Average, Score, TypeScore, score_of, types_of
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan

MAX_SEQEVAL_TYPES = 100  # seqeval looks at every span for every type: more of them would take minutes


@dataclass(frozen=True)
class StrictScores:
    """Strict scores: micro, macro and one of each entity type."""

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


def strict(gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]]) -> StrictScores:
    """Return the strict scores of `predicted` against `gold`, the spans of the same sentences."""
    in_gold = Counter(span.type for spans in gold for span in spans)
    in_predicted = Counter(span.type for spans in predicted for span in spans)
    correct = Counter(
        span.type for pair in zip(gold, predicted, strict=True) for span in set(pair[0]) & set(pair[1])
    )
    types = {
        type_: score_of(in_gold[type_], in_predicted[type_], correct[type_])
        for type_ in types_of(gold, predicted)
    }
    micro = score_of(in_gold.total(), in_predicted.total(), correct.total())
    if not types:
        return StrictScores(micro, Average(0.0, 0.0, 0.0), {})
    # numpy's mean, as seqeval takes it: its last bit differs from that of a plain sum.
    scores = [(score.precision, score.recall, score.f1) for score in types.values()]
    return StrictScores(micro, Average(*(float(np.mean(part)) for part in zip(*scores, strict=True))), types)


def confirm(
    scores: StrictScores,
    gold: Sequence[Sequence[TokenSpan]],
    predicted: Sequence[Sequence[TokenSpan]],
    lengths: Sequence[int],
) -> bool:
    """Compare scores with seqeval's, if that is installed; return whether it was asked.

    It brings scikit-learn along and is slow, so it is asked for the scores at the end of a training only.
    Raises RuntimeError if any precision, recall or F1 differs.
    """
    types = list(scores.types)
    if not types or len(types) > MAX_SEQEVAL_TYPES or importlib.util.find_spec("seqeval") is None:
        return False
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
    of_types = {codes[type_]: score for type_, score in scores.types.items()}
    rows: dict[str, Score] = {"micro avg": scores.micro, "macro avg": scores.macro, **of_types}
    for name, ours in rows.items():
        theirs = [float(report[name][key]) for key in ("precision", "recall", "f1-score")]
        if [ours.precision, ours.recall, ours.f1] != theirs:
            raise RuntimeError(f"strict score {name}: seqeval has {theirs}, expected {ours}")
    return True


def _labels(
    sentences: Sequence[Sequence[TokenSpan]], lengths: Sequence[int], codes: dict[str, str]
) -> list[list[str]]:
    encode = ENCODINGS["iob"].encode
    return [
        encode([span._replace(type=codes[span.type]) for span in spans], length)
        for spans, length in zip(sentences, lengths, strict=True)
    ]
