"""The paper's way of counting, by hand: each test is one of its differences from ours."""

from dataclasses import astuple

from hypothesis import given

from bilstm_crf.evaluation.semeval import SCHEMES, semeval
from bilstm_crf.evaluation.semeval_original import flatten, lenient_spans, semeval_original
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan
from span_strategies import scored


def counts(gold: str, predicted: str, scheme: str = "strict") -> tuple[int, ...]:
    """Correct, incorrect, partial, missed, spurious."""
    score = semeval_original(lenient_spans(gold.split()), lenient_spans(predicted.split()))[scheme]
    return (*astuple(score.gold), score.predicted.unmatched)


def test_a_stray_inner_label_opens_a_span():
    labels = ["O", "I-PER", "I-PER", "O"]
    assert lenient_spans(labels) == [TokenSpan(1, 3, "PER")]
    assert ENCODINGS["iob"].decode(labels) == []


def test_an_inner_label_of_another_type_closes_a_span_and_opens_the_next():
    assert lenient_spans(["B-PER", "I-ORG", "I-ORG"]) == [TokenSpan(0, 1, "PER"), TokenSpan(1, 3, "ORG")]


def test_a_span_goes_on_over_the_end_of_a_sentence():
    first, second = ["O", "B-PER"], ["I-PER", "O"]
    assert lenient_spans(first + second) == [TokenSpan(1, 3, "PER")]


def test_a_gold_span_is_counted_once_for_each_wrong_prediction_that_touches_it():
    gold, predicted = "B-PER I-PER I-PER I-PER", "B-PER I-PER B-ORG I-ORG"
    # Without their last words: predictions 0 and 2, gold 0 to 2.
    assert counts(gold, predicted) == (0, 2, 0, 0, 0)
    score = semeval_original(lenient_spans(gold.split()), lenient_spans(predicted.split()))["type"]
    assert score.recall == 1 / 2  # of two "possible" spans, though there is one
    ours = semeval([lenient_spans(gold.split())], [lenient_spans(predicted.split())])["type"].micro
    assert ours.recall == 1


def test_a_span_of_one_word_touches_only_what_has_its_boundaries():
    assert counts("B-PER I-PER", "B-PER O") == (0, 0, 0, 1, 1)
    assert counts("B-PER O", "B-ORG O") == (0, 1, 0, 0, 0)
    assert counts("B-PER O", "B-ORG O", "exact") == (1, 0, 0, 0, 0)


def test_a_prediction_takes_the_first_gold_span_that_it_touches():
    assert counts("B-PER I-PER B-ORG I-ORG I-ORG", "O B-ORG I-ORG I-ORG O", "type") == (1, 0, 0, 1, 0)
    assert counts("B-PER I-PER I-PER B-ORG I-ORG", "O B-ORG I-ORG I-ORG O", "type") == (0, 1, 0, 1, 0)


@given(scored())
def test_for_legal_labels_both_ways_find_the_same_correct_spans(case):
    gold, predicted, lengths = case
    theirs = semeval_original(flatten(gold, lengths), flatten(predicted, lengths))
    ours = semeval(gold, predicted)
    assert theirs["strict"].gold.correct == ours["strict"].micro.gold.correct
    for scheme in SCHEMES:
        assert sum(astuple(theirs[scheme].predicted)) == sum(map(len, predicted))


@given(scored())
def test_the_lenient_reading_of_legal_labels_is_the_strict_one(case):
    gold, _, lengths = case
    encode = ENCODINGS["iob"].encode
    labels = [label for pair in zip(gold, lengths, strict=True) for label in encode(*pair)]
    assert lenient_spans(labels) == flatten(gold, lengths)
