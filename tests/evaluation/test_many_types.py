"""Thousands of entity types: what comes out grows with their number, not with its square."""

import json

import pytest

from bilstm_crf.analysis import page
from bilstm_crf.analysis import render as analysis_render
from bilstm_crf.analysis.analyse import analyse
from bilstm_crf.evaluation import render
from bilstm_crf.evaluation.confusion import MAX_TYPES, confusion
from bilstm_crf.evaluation.report import evaluate
from bilstm_crf.evaluation.strict import MAX_SEQEVAL_TYPES, _seqeval, strict
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence, Span

Spans = list[list[Span]]


def corpus(types: int) -> tuple[Spans, Spans]:
    """Two spans of each type; of every third the type is wrong, of every fifth the boundary."""
    gold, predicted = [], []
    for number in range(2 * types):
        gold.append([Span(0, 2, f"T{number % types}")])
        end, type_ = 1 + (number % 5 != 0), (number + (number % 3 == 0)) % types
        predicted.append([Span(0, end, f"T{type_}")])
    return gold, predicted


def sizes(types: int) -> dict[str, int]:
    gold, predicted = corpus(types)
    sentences = [Sentence(["a", "b"], spans=spans, path="a", lines=[1, 2]) for spans in gold]
    report = evaluate(sentences, predicted, label_set=LabelSet.named("file"), data_sha256="0" * 64)
    about = {"gold": "a", "a": "b", "signature": "c"}
    analysis = analyse(sentences, gold, predicted, about=about)
    return {
        "evaluate --json": len(render.as_json(report)),
        "evaluate --confusion": len(render.text(report, with_confusion=True)),
        "evaluate --markdown": len(render.markdown(report, with_confusion=True)),
        "errors --json": len(analysis_render.as_json(analysis)),
        "errors --html": len(page.html(analysis)),
        "errors": len(analysis_render.text(analysis)),
    }


def test_output_grows_no_faster_than_the_types() -> None:
    few, many = sizes(100), sizes(400)
    for name, size in few.items():
        assert many[name] < 4.5 * size, name


def test_the_matrix_keeps_every_count_and_says_what_it_puts_together() -> None:
    gold, predicted = corpus(MAX_TYPES + 7)
    gold += [[Span(0, 2, "T56")]] * 3  # frequent now, and last by number
    predicted += [[]] * 3
    found = confusion(gold, predicted, [2] * len(gold))
    assert len(found.types) == MAX_TYPES + 2
    assert found.types[-2:] == ["(7 other types)", "O"]
    assert "T56" in found.types
    for matrix, total in ((found.spans, len(gold)), (found.words, 2 * len(gold))):
        assert [len(row) for row in matrix] == [len(found.types)] * len(found.types)
        assert sum(map(sum, matrix)) == total


def test_up_to_the_limit_each_type_stands_alone() -> None:
    gold, predicted = corpus(MAX_TYPES)
    found = confusion(gold, predicted, [2] * len(gold))
    assert found.types == [*sorted(f"T{n}" for n in range(MAX_TYPES)), "O"]


def test_our_own_counting_of_many_types_gives_what_seqeval_gives() -> None:
    gold, predicted = corpus(MAX_SEQEVAL_TYPES + 5)
    gold.append([])
    predicted.append([Span(0, 1, "SPURIOUS")])
    lengths = [2] * len(gold)
    ours = strict(gold, predicted, lengths)
    types = list(ours.types)
    theirs = _seqeval(gold, predicted, lengths, types)
    for code, type_ in enumerate(types):
        score = ours.types[type_]
        assert [score.precision, score.recall, score.f1] == [
            theirs[str(code)][name] for name in ("precision", "recall", "f1-score")
        ]
    assert ours.micro.f1 == theirs["micro avg"]["f1-score"]
    assert ours.macro.f1 == pytest.approx(theirs["macro avg"]["f1-score"], abs=1e-15)


def test_the_report_of_many_types_is_json_that_can_be_read_back() -> None:
    gold, predicted = corpus(200)
    sentences = [Sentence(["a", "b"], spans=spans) for spans in gold]
    report = evaluate(sentences, predicted, label_set=LabelSet.named("file"), data_sha256="0" * 64)
    assert json.loads(render.as_json(report)) == report.as_dict()
