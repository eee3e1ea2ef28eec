from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.analysis.compare import contrasts, lost, places
from bilstm_crf.analysis.examples import confusions, example, varied
from bilstm_crf.evaluation.matching import Outcome, outcomes
from bilstm_crf.sentence import Sentence, TokenSpan
from evaluation.span_strategies import scored

SENTENCE = Sentence(
    ["I", "dag", "kom", "Kari", "Nordmann", "hit", "igjen"],
    id="s1",
    path="a.conllu",
    lines=[3, 4, 5, 6, 7, 8, 9],
)


def test_an_example_holds_both_spans_the_words_around_and_the_place():
    outcome = Outcome(0, TokenSpan(3, 4, "PER"), TokenSpan(3, 5, "ORG"))
    shown = example(SENTENCE, outcome, "vg1", context=1)
    assert shown.words == ["kom", "Kari", "Nordmann", "hit"]
    assert (shown.more_left, shown.more_right) == (True, True)
    assert (shown.gold.start, shown.gold.end, shown.gold.text) == (1, 2, "Kari")
    assert (shown.predicted.start, shown.predicted.end, shown.predicted.text) == (1, 3, "Kari Nordmann")
    assert (shown.category, shown.path, shown.line) == ("wrong_both", "a.conllu", 6)
    assert (shown.sentence_id, shown.document) == ("s1", "vg1")


@given(scored(), st.integers(0, 3))
def test_the_words_of_an_example_are_those_of_its_spans(case, context):
    gold, predicted, lengths = case
    sentences = [Sentence([f"w{n}" for n in range(length)], line=1) for length in lengths]
    for outcome in outcomes(gold, predicted):
        words = sentences[outcome.sentence].tokens
        shown = example(sentences[outcome.sentence], outcome, None, context=context)
        for quoted, span in ((shown.gold, outcome.gold), (shown.predicted, outcome.predicted)):
            assert (quoted is None) == (span is None)
            if quoted is not None and span is not None:
                assert quoted.text == " ".join(words[span.start : span.end])
                assert shown.words[quoted.start : quoted.end] == words[span.start : span.end]
        assert shown.more_left == (shown.words[0] != words[0])
        assert shown.more_right == (shown.words[-1] != words[-1])


def missed(name: str):
    return example(Sentence([name]), Outcome(0, TokenSpan(0, 1, "PER"), None), None, context=0)


def test_other_names_come_before_a_name_again():
    errors = [missed(name) for name in ("Kari", "Kari", "Ola", "Kari")]
    assert [each.gold.text for each in varied(errors, 3)] == ["Kari", "Ola", "Kari"]


@given(scored())
def test_every_error_is_in_one_confusion(case):
    gold, predicted, lengths = case
    sentences = [Sentence(["w"] * length) for length in lengths]
    errors = [
        example(sentences[outcome.sentence], outcome, None, context=0)
        for outcome in outcomes(gold, predicted)
        if outcome.category != "correct"
    ]
    found = confusions(errors, 2)
    assert sum(each.count for each in found) == len(errors)
    assert [each.count for each in found] == sorted((each.count for each in found), reverse=True)
    assert all(sum(each.categories.values()) == each.count for each in found)
    assert all(len(each.examples) == min(each.count, 2) for each in found)


@given(scored(), st.data())
def test_a_comparison_adds_up_to_gold_and_to_both_systems(case, data):
    gold, a, _ = case
    b = [data.draw(st.sampled_from([one, other])) for one, other in zip(gold, a, strict=True)]
    whole, types = contrasts(places(gold), places(a), places(b))
    for each in [whole, *types]:
        wanted = {each.name} if each is not whole else {contrast.name for contrast in types}
        sizes = [sum(span.type in wanted for spans in side for span in spans) for side in (gold, a, b)]
        assert each.gold == sizes[0] == each.both_right + each.only_a + each.only_b + each.both_wrong
        wrong_a = each.wrong_predictions_a + each.wrong_predictions_both
        wrong_b = each.wrong_predictions_b + each.wrong_predictions_both
        assert (each.both_right + each.only_a + wrong_a, each.both_right + each.only_b + wrong_b) == (
            sizes[1],
            sizes[2],
        )
    assert len(lost(outcomes(gold, b), places(a))) == whole.only_a
    assert len(lost(outcomes(gold, a), places(b))) == whole.only_b
