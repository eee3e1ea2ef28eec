"""Thousands of entity types: what comes out grows with their number, not with its square."""

import json

import pytest

from bilstm_crf.analysis.analyse import analyse
from bilstm_crf.analysis.document import to_document, to_json, to_terminal
from bilstm_crf.evaluation.confusion import MAX_TYPES, confusion
from bilstm_crf.evaluation.report import evaluate
from bilstm_crf.evaluation.strict import MAX_SEQEVAL_TYPES, confirm, strict
from bilstm_crf.evaluation.tables import report_tables
from bilstm_crf.labels import LabelSet
from bilstm_crf.render.markdown import table_to_markdown
from bilstm_crf.render.page import to_html
from bilstm_crf.render.text import join_tables
from bilstm_crf.sentence import Sentence, TokenSpan

Spans = list[list[TokenSpan]]


def corpus(types: int) -> tuple[Spans, Spans]:
    """Two spans of each type; of every third the type is wrong, of every fifth the boundary."""
    gold, predicted = [], []
    for number in range(2 * types):
        gold.append([TokenSpan(0, 2, f"T{number % types}")])
        end, type_ = 1 + (number % 5 != 0), (number + (number % 3 == 0)) % types
        predicted.append([TokenSpan(0, end, f"T{type_}")])
    return gold, predicted


def sizes(types: int) -> dict[str, int]:
    gold, predicted = corpus(types)
    sentences = [Sentence(["a", "b"], token_spans=spans, path="a", lines=[1, 2]) for spans in gold]
    report = evaluate(sentences, predicted, label_set=LabelSet.named("file"), data_sha256="0" * 64)
    about = {"gold": "a", "a": "b", "signature": "c"}
    analysis = analyse(sentences, gold, predicted, about=about)
    tables = report_tables(report, with_confusion=True)
    return {
        "evaluate --json": len(json.dumps(report.as_dict())),
        "evaluate --confusion": len(join_tables(tables)),
        "evaluate --markdown": sum(len(table_to_markdown(table)) for table in tables),
        "errors --json": len(to_json(analysis)),
        "errors --html": len(to_html(to_document(analysis))),
        "errors": len(to_terminal(analysis)),
    }


def test_output_grows_no_faster_than_the_types() -> None:
    few, many = sizes(100), sizes(400)
    for name, size in few.items():
        assert many[name] < 4.5 * size, name


def test_the_matrix_keeps_every_count_and_says_what_it_puts_together() -> None:
    gold, predicted = corpus(MAX_TYPES + 7)
    gold += [[TokenSpan(0, 2, "T56")]] * 3  # frequent now, and last by number
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


def test_seqeval_is_not_asked_about_so_many_types_that_it_takes_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gold, predicted = corpus(MAX_SEQEVAL_TYPES + 5)
    gold.append([])
    predicted.append([TokenSpan(0, 1, "SPURIOUS")])
    scores, lengths = strict(gold, predicted), [2] * len(gold)
    assert not confirm(scores, gold, predicted, lengths)
    monkeypatch.setattr("bilstm_crf.evaluation.strict.MAX_SEQEVAL_TYPES", 1000)
    assert confirm(scores, gold, predicted, lengths), "it would say the same"


def test_the_report_of_many_types_is_json_that_can_be_read_back() -> None:
    gold, predicted = corpus(200)
    sentences = [Sentence(["a", "b"], token_spans=spans) for spans in gold]
    report = evaluate(sentences, predicted, label_set=LabelSet.named("file"), data_sha256="0" * 64)
    assert json.loads(json.dumps(report.as_dict())) == report.as_dict()
