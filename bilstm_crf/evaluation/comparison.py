"""Two systems on the same gold spans: the difference of their F1, its interval and its p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bilstm_crf.evaluation.counts import sentence_counts, types_of
from bilstm_crf.evaluation.significance import Counts, Interval, compare, interval_of_difference, mean_f1
from bilstm_crf.sentence import TokenSpan

Spans = Sequence[Sequence[TokenSpan]]


@dataclass(frozen=True)
class Difference:
    """F1 of system a less that of system b, fractions from 0 to 1."""

    gold: int  # spans
    f1_a: float
    f1_b: float
    difference: float
    p_value: float  # approximate randomisation, two-sided
    interval: Interval  # paired bootstrap over sentences


@dataclass(frozen=True)
class SystemComparison:
    """System a against system b: micro F1, and F1 of each entity type found in gold, a or b."""

    a: str
    b: str
    micro: Difference
    types: dict[str, Difference]


def compare_systems(names: tuple[str, str], gold: Spans, a: Spans, b: Spans) -> SystemComparison:
    """Compare the spans of two systems, which have the names `names`."""
    types = {
        type_: _difference(*(_only(type_, side) for side in (gold, a, b))) for type_ in types_of(gold, a, b)
    }
    return SystemComparison(*names, _difference(gold, a, b), types)


def _only(type_: str, sentences: Spans) -> list[list[TokenSpan]]:
    return [[span for span in spans if span.type == type_] for spans in sentences]


def _difference(gold: Spans, a: Spans, b: Spans) -> Difference:
    of_a, of_b = counts_of(gold, a), counts_of(gold, b)
    found = compare(of_b, of_a)
    f1_a, f1_b = (float(mean_f1(each.sum(axis=1))) for each in (of_a, of_b))
    size = int(of_a[..., 1].sum())
    return Difference(size, f1_a, f1_b, found.difference, found.p_value, interval_of_difference(of_b, of_a))


def counts_of(gold: Spans, predicted: Spans) -> Counts:
    """Return the counts of one system's sentences as `significance` takes them, (1, N, 3)."""
    return np.array(sentence_counts(gold, predicted), np.int64).reshape(1, -1, 3)
