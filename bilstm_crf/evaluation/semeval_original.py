"""SemEval-2013 as the paper's script counts it: to explain a difference, not to compare systems by.

The script is `ner_eval.py` of davidsbatista/NER-Evaluation as it was when the paper came out (November 2019).
It differs from `semeval.semeval` in four ways:

  1. The labels of all sentences are one list: a stray `I-` at the start of a sentence continues the span
     that ends the sentence before, if the types agree.
  2. Reading is lenient: a stray `I-` opens a span, and an `I-` of another type closes one and opens the next.
  3. Each prediction looks by itself, from the left, for the first gold span that it touches. A gold span may
     be found again and again and is `incorrect` (or `partial`) once for each, so that the counts on the gold
     side can exceed the number of gold spans, and recall falls.
  4. The test for touching ignores the last token of either span, so a span of one token touches nothing
     except a span with the same boundaries: it is missed, and the prediction spurious.

Scores of single types are left out, because the script adds each spurious span to every type. So is its bug
of dropping a single span that covers the whole corpus (fixed in June 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bilstm_crf.evaluation.matching import Outcome
from bilstm_crf.evaluation.semeval import SCHEMES, SchemeScore
from bilstm_crf.sentence import TokenSpan


def lenient_spans(labels: Iterable[str]) -> list[TokenSpan]:
    """Return the spans of one list of `B-`, `I-` and `O` labels, by rule 2 above.

    >>> lenient_spans(["I-PER", "I-PER", "I-ORG", "O"])
    [TokenSpan(start=0, end=2, type='PER'), TokenSpan(start=2, end=3, type='ORG')]
    """
    spans: list[TokenSpan] = []
    for position, label in enumerate(labels):
        type_ = label[2:]
        if label == "O":
            continue
        last = spans[-1] if spans else None
        if last and last.end == position and last.type == type_ and label[0] != "B":
            spans[-1] = last._replace(end=position + 1)
        else:
            spans.append(TokenSpan(position, position + 1, type_))
    return spans


def flatten(sentences: Iterable[Sequence[TokenSpan]], lengths: Iterable[int]) -> list[TokenSpan]:
    """Return the spans of all sentences, counted in tokens from the start of the first."""
    flat = []
    offset = 0
    for spans, length in zip(sentences, lengths, strict=True):
        flat += [TokenSpan(offset + start, offset + end, type_) for start, end, type_ in sorted(spans)]
        offset += length
    return flat


def semeval_original(gold: Sequence[TokenSpan], predicted: Sequence[TokenSpan]) -> dict[str, SchemeScore]:
    """Return the scores of the four schemes by name, from the sorted spans of the flat list."""
    exact = set(gold)
    found: set[TokenSpan] = set()
    pairs: Counter[str] = Counter()  # predictions that have a partner, by category
    first = 0
    for span in predicted:
        while first < len(gold) and gold[first].end <= span.start:
            first += 1
        partner = span if span in exact else _first_touched(span, gold, first)
        if partner is not None:
            found.add(partner)
            pairs[Outcome(0, partner, span).category] += 1
    missed, spurious = len(exact - found), len(predicted) - pairs.total()
    sides = pairs + Counter(missed=missed), pairs + Counter(spurious=spurious)
    return {scheme: SchemeScore.of(scheme, *sides) for scheme in SCHEMES}


def _first_touched(span: TokenSpan, gold: Sequence[TokenSpan], first: int) -> TokenSpan | None:
    for position in range(first, len(gold)):
        other = gold[position]
        if other.start >= span.end:
            break
        touches = max(span.start, other.start) < min(span.end, other.end) - 1
        if touches or span[:2] == other[:2]:
            return other
    return None
