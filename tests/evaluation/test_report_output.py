import json

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.evaluation.report import READINGS, Report, evaluate, map_types, signature
from bilstm_crf.evaluation.tables import report_tables
from bilstm_crf.labels import LabelSet
from bilstm_crf.render.markdown import table_to_markdown
from bilstm_crf.render.text import join_tables
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.records import parse_record

GOLD = [
    Sentence(
        ["Kari", "Nordmann", "i", "Oslo"], token_spans=[TokenSpan(0, 2, "PER"), TokenSpan(3, 4, "GPE_LOC")]
    ),
    Sentence(["VG", "og", "Aftenposten"], token_spans=[TokenSpan(0, 1, "ORG"), TokenSpan(2, 3, "MISC")]),
]
PREDICTED = [
    [TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "GPE_LOC")],
    [TokenSpan(0, 1, "ORG"), TokenSpan(2, 3, "EVT")],
]
HASH = "9f2c61ab55d0"


def report(labels: str = "full", **options: bool) -> Report:
    label_set = LabelSet.named(labels, **options)
    predicted = [Sentence([], token_spans=spans) for spans in PREDICTED]
    return evaluate(GOLD, map_types(predicted, label_set), label_set=label_set, data_sha256=HASH)


def test_the_json_read_back_is_the_report():
    content = report().as_dict()
    read_back = json.loads(json.dumps(content))
    assert read_back == content
    assert parse_record(Report, read_back, "scores.json") == report()
    assert content["strict"]["micro"]["f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert content["words"] == 7


def text(scored: Report, schemes=("strict",), **options: bool) -> str:
    return join_tables(report_tables(scored, schemes, **options), decimals=1)


def markdown(scored: Report, schemes=("strict",), **options: bool) -> str:
    return "\n\n".join(map(table_to_markdown, report_tables(scored, schemes, **options)))


@pytest.mark.parametrize("write", [text, markdown])
def test_every_type_and_every_signature_is_in_the_output(write):
    output = write(report(), list(READINGS), with_confusion=True).replace("\\|", "|")
    for type_ in ("PER", "GPE_LOC", "ORG", "EVT"):
        assert type_ in output
    for name in report().signatures.values():
        assert name in output


def test_the_terminal_has_one_decimal_and_markdown_two():
    assert "57.1" in text(report())
    assert "57.14" not in text(report())
    assert "| micro | 50.00 | 66.67 | 57.14 | 3 | 4 |" in markdown(report())


def test_markdown_rows_have_the_same_number_of_cells_in_each_table():
    label_set = LabelSet.named("file")
    strange = [Sentence(["a"], token_spans=[TokenSpan(0, 1, "A|B")])]
    scored = evaluate(strange, [[TokenSpan(0, 1, "A|B")]], label_set=label_set, data_sha256=HASH)
    output = markdown(scored, list(READINGS), with_confusion=True)
    for block in output.split("\n### "):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1


def test_scores_of_nothing_are_shown_as_zero():
    scored = evaluate([], [], label_set=LabelSet.named("full"), data_sha256=HASH)
    for output in (text(scored), markdown(scored, list(READINGS), with_confusion=True)):
        assert "micro" in output
    assert scored.strict.f1 == scored.interval.high == 0


def test_the_interval_holds_the_score():
    scored = report()
    assert scored.interval.low <= scored.strict.f1 <= scored.interval.high


# ---------------------------------------------------------------- label sets


def test_the_label_set_maps_gold_and_predictions():
    assert sorted(report("7").strict.types) == ["EVT", "GPE", "ORG", "PER"]
    assert sorted(report("4").strict.types) == ["LOC", "MISC", "ORG", "PER"]
    assert report("4").strict.types["MISC"].correct == 1  # gold MISC, predicted EVT


def test_misc_is_outside_unless_it_is_kept():
    assert report().strict.micro.gold == 3
    assert report(keep_misc=True).strict.micro.gold == 4


def test_a_type_that_the_label_set_makes_is_left_as_it_is():
    already = [Sentence(["Oslo"], token_spans=[TokenSpan(0, 1, "GPE")])]
    assert map_types(already, LabelSet.named("7")) == [[TokenSpan(0, 1, "GPE")]]


def test_a_type_that_the_label_set_does_not_know_is_an_error():
    with pytest.raises(InputError, match=r"theirs.conllu: entity type GPE is not in the label set full"):
        map_types(
            [Sentence(["Oslo"], token_spans=[TokenSpan(0, 1, "GPE")], path="theirs.conllu")],
            LabelSet.named("full"),
        )


def test_illegal_labels_count_in_the_original_scheme_alone():
    label_set = LabelSet.named("full")
    gold = [Sentence(["Kari", "Nordmann"], token_spans=[TokenSpan(0, 2, "PER")])]
    scored = evaluate(
        gold, [[]], label_set=label_set, data_sha256=HASH, predicted_labels=[["I-PER", "I-PER"]]
    )
    assert scored.strict.f1 == 0
    assert scored.semeval_original["strict"].f1 == 1


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("labels", "keep_misc", "fields"),
    [
        ("full", False, "labels:full|misc:O"),
        ("full", True, "labels:full|misc:MISC"),
        ("4", False, "labels:4|misc:MISC"),
        ("file", False, "labels:file|misc:MISC"),
    ],
)
def test_the_signature_tells_label_sets_and_misc_apart(labels, keep_misc, fields):
    found = signature("strict", LabelSet.named(labels, keep_misc=keep_misc), HASH)
    assert found.startswith(f"strict|illegal:O|{fields}|one-to-one|data:9f2c61ab|bilstm_crf:")


def test_a_label_set_that_does_not_speak_of_misc_says_so():
    assert "|labels:mine|misc:-|" in signature("strict", LabelSet("mine", {"PER": "PER"}), HASH)
