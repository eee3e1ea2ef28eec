"""SemEval-2013 by hand, and beside seqeval and nervaluate.

A case is drawn as two strings, one letter a word: `P` and `p` are the first and a later word of a PER, `O o`
of an ORG, `L l` of a LOC, `.` is outside.
"""

import warnings
from dataclasses import astuple

import pytest
from hypothesis import given

from bilstm_crf.evaluation.confusion import confusion
from bilstm_crf.evaluation.matching import match, overlap
from bilstm_crf.evaluation.semeval import SCHEMES, semeval
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan
from span_strategies import TYPES, scored, span_lists

NAMES = {"P": "PER", "O": "ORG", "L": "LOC"}


def drawn(sentence: str) -> list[TokenSpan]:
    labels = [
        "O" if letter == "." else ("B-" if letter.isupper() else "I-") + NAMES[letter.upper()]
        for letter in sentence
    ]
    return ENCODINGS["iob"].decode(labels)


# Each: gold, predicted, then per scheme (strict, exact, partial, type) the counts
# correct, incorrect, partial, missed, spurious.
BY_HAND = {
    "I the same": ("Pp.", "Pp.", (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
    "II nothing in gold": ("...", "Pp.", (0, 0, 0, 0, 1), (0, 0, 0, 0, 1), (0, 0, 0, 0, 1), (0, 0, 0, 0, 1)),
    "III not found": ("Pp.", "...", (0, 0, 0, 1, 0), (0, 0, 0, 1, 0), (0, 0, 0, 1, 0), (0, 0, 0, 1, 0)),
    "IV another type": ("Pp.", "Oo.", (0, 1, 0, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0), (0, 1, 0, 0, 0)),
    "V too long": (".Pp", "Ppp", (0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (1, 0, 0, 0, 0)),
    "VI too long, other type": (
        ".Pp", "Ooo", (0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 1, 0, 0, 0)),
    "one gold span for two predictions": (
        "Pppp", "PpPp", (0, 1, 0, 0, 1), (0, 1, 0, 0, 1), (0, 0, 1, 0, 1), (1, 0, 0, 0, 1)),
    "one prediction for two gold spans": (
        "PpPp", "Pppp", (0, 1, 0, 1, 0), (0, 1, 0, 1, 0), (0, 0, 1, 1, 0), (1, 0, 0, 1, 0)),
    "the same type before the greater overlap": (
        "Pppp", "OooP", (0, 1, 0, 0, 1), (0, 1, 0, 0, 1), (0, 0, 1, 0, 1), (1, 0, 0, 0, 1)),
    "side by side touches nothing": (
        "Pp..", "..Pp", (0, 0, 0, 1, 1), (0, 0, 0, 1, 1), (0, 0, 0, 1, 1), (0, 0, 0, 1, 1)),
    "all at once": (
        "PpOo.L.P", "PpPpL...", (1, 1, 0, 2, 1), (2, 0, 0, 2, 1), (2, 0, 0, 2, 1), (1, 1, 0, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND.values(), ids=BY_HAND.keys())
def test_the_counts_are_those_found_by_hand(case):
    gold, predicted, *expected = case
    scores = semeval([drawn(gold)], [drawn(predicted)])
    for scheme, counts in zip(SCHEMES, expected, strict=True):
        score = scores[scheme].micro
        found = (*astuple(score.gold), score.predicted.unmatched)
        assert found == counts, scheme


def test_precision_and_recall_follow_the_formulas_of_semeval():
    # Gold: 4 spans. Predicted: 3. One pair is the same, one overlaps, one prediction is spurious.
    scores = semeval([drawn("Pp.Oo.L.P")], [drawn("Pp.O.L...")])
    assert (scores["strict"].micro.precision, scores["strict"].micro.recall) == (1 / 3, 1 / 4)
    assert (scores["partial"].micro.precision, scores["partial"].micro.recall) == (1.5 / 3, 1.5 / 4)
    assert (scores["type"].micro.precision, scores["type"].micro.recall) == (2 / 3, 2 / 4)


def test_a_type_is_scored_by_its_gold_spans_for_recall_and_its_predictions_for_precision():
    exact = semeval([drawn("Pp.P")], [drawn("Oo.P")])["exact"]
    assert exact.types["PER"].recall == 1  # both found, one under another name
    assert exact.types["PER"].precision == 1  # the one prediction
    assert exact.types["ORG"].precision == 1  # its boundaries are those of a gold span
    assert exact.types["ORG"].recall == 0  # there is no gold ORG


@given(scored())
def test_strict_is_what_seqeval_calls_strict(case):
    ours, theirs = semeval(*case[:2])["strict"], strict(*case[:2])
    assert list(ours.types) == list(theirs.types)
    for one, other in [(ours.micro, theirs.micro), (ours.macro, theirs.macro)] + [
        (ours.types[type_], theirs.types[type_]) for type_ in ours.types
    ]:
        assert (one.precision, one.recall, one.f1) == pytest.approx((other.precision, other.recall, other.f1))


@given(scored())
def test_every_span_is_used_exactly_once(case):
    for gold, predicted in zip(*case[:2], strict=True):
        pairs = match(gold, predicted)
        assert sorted(one for one, _ in pairs if one) == sorted(gold)
        assert sorted(other for _, other in pairs if other) == sorted(predicted)
        assert all(overlap(one, other) > 0 for one, other in pairs if one and other)
        # and no two leftovers that touch
        missed = [one for one, other in pairs if other is None]
        spurious = [other for one, other in pairs if one is None]
        assert all(overlap(one, other) <= 0 for one in missed for other in spurious)


@pytest.mark.parametrize(
    ("gold", "predicted", "partner"),
    [
        ("Pppppp", "PpPppp", TokenSpan(2, 6, "PER")),  # the greater overlap
        ("Pppp", "PpPp", TokenSpan(0, 2, "PER")),  # the leftmost of equals
        ("Pppp", "OooP", TokenSpan(3, 4, "PER")),  # the same type, however small the overlap
    ],
)
def test_of_several_predictions_the_best_is_the_partner(gold, predicted, partner):
    assert [other for one, other in match(drawn(gold), drawn(predicted)) if one] == [partner]


@given(scored())
def test_the_order_of_the_spans_does_not_matter(case):
    gold, predicted, _ = case
    backwards = [[spans[::-1] for spans in side] for side in (gold, predicted)]
    assert semeval(*backwards) == semeval(gold, predicted)


@given(scored())
def test_looser_schemes_never_score_lower(case):
    f1 = {scheme: scores.micro.f1 for scheme, scores in semeval(*case[:2]).items()}
    assert f1["strict"] <= f1["exact"] <= f1["partial"]
    assert f1["strict"] <= f1["type"]


@given(scored())
def test_exchanging_gold_and_predicted_exchanges_precision_and_recall_of_strict_and_exact(case):
    there, back = semeval(case[0], case[1]), semeval(case[1], case[0])
    for scheme in ("strict", "exact"):
        one, other = there[scheme].micro, back[scheme].micro
        assert (one.precision, one.recall) == (other.recall, other.precision)


def test_nothing_is_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gold, predicted in [([], []), ([[]], [[]]), ([drawn("P.")], [[]]), ([[]], [drawn("P.")])]:
            assert all(
                scores.micro.f1 == scores.macro.f1 == 0 for scores in semeval(gold, predicted).values()
            )


# ---------------------------------------------------------------- nervaluate


def nervaluate_counts(gold: list[TokenSpan], predicted: list[TokenSpan]) -> dict[str, tuple[int, ...]]:
    from nervaluate import Evaluator

    def entities(spans: list[TokenSpan]) -> list[list[dict[str, object]]]:
        return [[{"label": type_, "start": start, "end": end - 1} for start, end, type_ in spans]]

    types = [*TYPES, "LOC"]
    found = Evaluator(entities(gold), entities(predicted), tags=types, loader="dict").evaluate()["overall"]
    return {
        scheme: (one.correct, one.incorrect, one.partial, one.missed, one.spurious)
        for scheme in SCHEMES
        for one in [found["ent_type" if scheme == "type" else scheme]]
    }


def our_counts(gold: list[TokenSpan], predicted: list[TokenSpan]) -> dict[str, tuple[int, ...]]:
    scores = semeval([gold], [predicted])
    return {name: (*astuple(one.micro.gold), one.micro.predicted.unmatched) for name, one in scores.items()}


def touches_two(gold: list[TokenSpan], predicted: list[TokenSpan]) -> bool:
    return any(
        sum(overlap(span, other) > 0 for other in others) > 1
        for spans, others in ((gold, predicted), (predicted, gold))
        for span in spans
    )


@given(span_lists(12), span_lists(12))
def test_nervaluate_agrees_where_no_span_touches_two_of_the_other_side(gold, predicted):
    ours, theirs = our_counts(gold, predicted), nervaluate_counts(gold, predicted)
    if not touches_two(gold, predicted):
        assert ours == theirs
    for scheme in ("strict", "exact", "partial"):
        assert ours[scheme][0] == theirs[scheme][0]  # what is correct is so in any order


@pytest.mark.parametrize(
    ("gold", "predicted", "scheme", "ours", "theirs"),
    [
        ("Pppppp", "O.Pppp", "type", (1, 0, 0, 0, 1), (0, 1, 0, 0, 1)),
        ("Pppp..P", "OooPppp", "strict", (0, 1, 0, 1, 1), (0, 2, 0, 0, 0)),
    ],
)
def test_nervaluate_differs_as_documented_where_a_span_touches_two(gold, predicted, scheme, ours, theirs):
    assert our_counts(drawn(gold), drawn(predicted))[scheme] == ours
    assert nervaluate_counts(drawn(gold), drawn(predicted))[scheme] == theirs


# ---------------------------------------------------------------- confusion


def test_the_confusion_matrices_are_those_found_by_hand():
    found = confusion([drawn("PpOo.L.P")], [drawn("PpPpL...")], [8])
    assert found.types == ["LOC", "ORG", "PER", "O"]
    assert found.spans == [
        [0, 0, 0, 1],  # the LOC is missed
        [0, 0, 1, 0],  # the ORG is called PER
        [0, 0, 1, 1],  # one PER is right, one missed
        [1, 0, 0, 0],  # a spurious LOC
    ]
    assert found.words == [[0, 0, 0, 1], [0, 0, 2, 0], [0, 0, 2, 1], [1, 0, 0, 1]]


@given(scored())
def test_the_rows_of_the_confusion_are_gold_and_its_columns_predictions(case):
    gold, predicted, lengths = case
    found = confusion(gold, predicted, lengths)
    for number, type_ in enumerate(found.types[:-1]):
        assert sum(found.spans[number]) == sum(span.type == type_ for spans in gold for span in spans)
        column = sum(row[number] for row in found.spans)
        assert column == sum(span.type == type_ for spans in predicted for span in spans)
    assert sum(map(sum, found.words)) == sum(lengths)
