from collections import Counter

import pytest
from hypothesis import given

from bilstm_crf.analysis.breakdown import breakdown, by_length, by_type, label_scores, total
from bilstm_crf.evaluation.confusion import confusion
from bilstm_crf.evaluation.matching import PAIRED, outcomes
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan
from evaluation.span_strategies import scored


@pytest.mark.parametrize(
    ("gold", "predicted", "category"),
    [
        ([TokenSpan(0, 2, "PER")], [TokenSpan(0, 2, "PER")], "correct"),
        ([TokenSpan(0, 2, "PER")], [TokenSpan(0, 2, "ORG")], "wrong_type"),
        ([TokenSpan(0, 2, "PER")], [TokenSpan(1, 2, "PER")], "wrong_boundary"),
        ([TokenSpan(0, 2, "PER")], [TokenSpan(1, 3, "ORG")], "wrong_both"),
        ([TokenSpan(0, 2, "PER")], [], "missed"),
        ([], [TokenSpan(0, 2, "PER")], "spurious"),
    ],
)
def test_each_category_is_what_its_name_says(gold, predicted, category):
    assert [outcome.category for outcome in outcomes([gold], [predicted])] == [category]


def test_spans_that_only_touch_are_missed_and_spurious():
    found = outcomes([[TokenSpan(0, 1, "PER")]], [[TokenSpan(1, 2, "PER")]])
    assert [outcome.category for outcome in found] == ["missed", "spurious"]


@given(scored())
def test_every_span_is_counted_once_and_the_categories_add_up(case):
    gold, predicted, _ = case
    found = outcomes(gold, predicted)
    assert Counter((o.sentence, o.gold) for o in found if o.gold) == Counter(places(gold))
    assert Counter((o.sentence, o.predicted) for o in found if o.predicted) == Counter(places(predicted))
    whole = total(found)
    assert sum(whole.gold.values()) == whole.score.gold == sum(map(len, gold))
    assert sum(whole.predicted.values()) == whole.score.predicted == sum(map(len, predicted))
    assert all(whole.gold[category] == whole.predicted[category] for category in PAIRED)


@given(scored())
def test_the_groups_of_a_breakdown_add_up_to_the_whole(case):
    gold, predicted, _ = case
    found = outcomes(gold, predicted)
    whole = total(found)
    for group_of in (by_type, by_length, lambda number, span: str(number)):
        groups = breakdown(found, group_of)
        for side in ("gold", "predicted"):
            added = sum((Counter(getattr(group, side)) for group in groups), Counter())
            assert added == +Counter(getattr(whole, side))


@given(scored())
def test_the_scores_are_those_of_evaluate(case):
    gold, predicted, _ = case
    found = outcomes(gold, predicted)
    scores = strict(gold, predicted)
    assert_same(total(found).score, scores.micro)
    groups = {group.name: group.score for group in breakdown(found, by_type)}
    assert groups.keys() == scores.types.keys()
    for type_, score in groups.items():
        assert_same(score, scores.types[type_])


@given(scored())
def test_the_confusion_matrix_holds_the_same_pairs(case):
    gold, predicted, lengths = case
    found = outcomes(gold, predicted)
    matrix = confusion(gold, predicted, lengths)
    pairs = Counter((o.gold.type if o.gold else "O", o.predicted.type if o.predicted else "O") for o in found)
    for row, counts in zip(matrix.types, matrix.spans, strict=True):
        assert counts == [pairs[row, column] for column in matrix.types]


@given(scored())
def test_the_scores_of_labels_are_scikit_learns(case):
    from sklearn.metrics import precision_recall_fscore_support

    gold, predicted, lengths = case
    scores = label_scores(gold, predicted, lengths)
    sides = [
        [label for spans, n in zip(side, lengths, strict=True) for label in ENCODINGS["iob"].encode(spans, n)]
        for side in (gold, predicted)
    ]
    assert set(scores) == {*sides[0], *sides[1]}
    if scores:
        oracle = precision_recall_fscore_support(*sides, labels=list(scores), zero_division=0)
        ours = [(s.precision, s.recall, s.f1, s.gold) for s in scores.values()]
        assert ours == [pytest.approx(row) for row in zip(*oracle, strict=True)]


def test_a_group_has_its_own_gold_and_its_own_predictions():
    found = outcomes([[TokenSpan(0, 2, "PER")]], [[TokenSpan(0, 2, "ORG")]])
    per, org = breakdown(found, by_type)
    assert (per.name, per.gold["wrong_type"], per.score.predicted) == ("PER", 1, 0)
    assert (org.name, org.predicted["wrong_type"], org.score.gold) == ("ORG", 1, 0)


def test_nothing_at_all_is_a_group_of_zeros():
    assert total([]).score.f1 == 0.0
    assert breakdown([], by_type) == []


def test_lengths_from_five_words_are_one_group():
    assert [by_length(0, TokenSpan(2, 2 + length, "PER")) for length in (1, 2, 4, 5, 60)] == [
        "1", "2", "4", "5+", "5+",
    ]  # fmt: skip


def places(sentences):
    return [(number, span) for number, spans in enumerate(sentences) for span in spans]


def assert_same(score, other):
    assert (score.gold, score.predicted, score.correct) == (other.gold, other.predicted, other.correct)
    assert (score.precision, score.recall, score.f1) == pytest.approx(
        (other.precision, other.recall, other.f1)
    )
