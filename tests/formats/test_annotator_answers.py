"""Records that an annotator rejected, skipped or never saw are no gold sentences; `tag` reads them all."""

import json
from io import BytesIO
from typing import Any

import pytest

from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions, jsonl
from bilstm_crf.sentence import Sentence

PER = {"start": 0, "end": 4, "label": "PER"}
REGION = {
    "from_name": "label",
    "to_name": "text",
    "type": "labels",
    "value": {"start": 0, "end": 4, "labels": ["PER"]},
}


def task(*annotations: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"text": "Kari sov"}, "annotations": list(annotations), **others}


def read(records: list[Any], **options: Any) -> list[Sentence]:
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    found = jsonl.read(BytesIO(content), "a.jsonl", FormatOptions(tokenise="spaces", **options))
    return [each for each in found if each.tokens]


GOLD: list[tuple[dict[str, Any], list[str]]] = [
    ({"text": "Kari sov", "spans": [PER], "answer": "accept"}, ["B-PER", "O"]),
    ({"text": "Kari sov", "spans": [PER], "answer": "yes"}, ["B-PER", "O"]),
    ({"text": "Kari sov", "spans": [], "answer": "accept", "_view_id": "ner_manual"}, ["O", "O"]),
    (task({"result": []}), ["O", "O"]),
    (task({"result": [], "was_cancelled": True}, {"result": [REGION]}), ["B-PER", "O"]),
    (task({"result": [REGION]}, predictions=[{"result": []}]), ["B-PER", "O"]),
    (task({"result": []}, {"result": [REGION], "ground_truth": True}), ["B-PER", "O"]),
    ({"text": "Kari sov", "annotation_id": 7, "annotator": 1}, ["O", "O"]),
    ({"text": "Kari sov", "annotation_id": 7, "names": [REGION["value"]], "kind": ["a"]}, ["B-PER", "O"]),
    (
        task({"result": [REGION, {"type": "choices", "value": {"start": 0, "end": 4, "choices": ["a"]}}]}),
        ["B-PER", "O"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "labels"), GOLD)
def test_an_answer_is_gold(record: dict[str, Any], labels: list[str]) -> None:
    (sentence,) = read([record])
    assert sentence.labels == labels


NOT_GOLD: list[dict[str, Any]] = [
    {"text": "Kari sov", "spans": [PER], "answer": "reject"},
    {"text": "Kari sov", "spans": [PER], "answer": "ignore"},
    {"text": "Kari sov", "spans": [PER], "answer": "accept", "_view_id": "ner"},
    {"text": "Kari sov", "spans": [PER], "answer": "accept", "_view_id": "blocks", "_is_binary": True},
    task({"result": [REGION], "was_cancelled": True}),
    task(predictions=[{"result": [REGION]}]),
    {"text": "Kari sov", "label": [], "annotation_id": None},
]


@pytest.mark.parametrize("record", NOT_GOLD)
def test_other_records_are_left_out_and_counted(record: dict[str, Any]) -> None:
    with pytest.warns(InputWarning, match=r"a\.jsonl: 2 records are left out"):
        (sentence,) = read([record, GOLD[0][0], record])
    assert (sentence.line, sentence.labels) == (2, ["B-PER", "O"])
    assert len(read([record], known_types=frozenset(["PER"]))) == 1


def test_offsets_of_a_browser_are_read_where_only_they_fit() -> None:
    text = "😀 Kari bur i 𝔅ergen ."
    units = {"text": text, "label": [[3, 7, "PER"], [14, 21, "LOC"]]}
    with pytest.warns(InputWarning, match="line 1: .*UTF-16"):
        (sentence,) = read([units])
    assert sentence.labels == ["O", "B-PER", "O", "O", "B-LOC", "O"]
    points = {"text": text, "label": [[2, 6, "PER"], [13, 19, "LOC"]]}
    assert read([points])[0].labels == sentence.labels


def test_the_first_of_several_annotations_counts_with_a_warning() -> None:
    with pytest.warns(InputWarning, match="1 record has several"):
        (sentence,) = read([task({"result": [REGION]}, {"result": []})])
    assert sentence.labels == ["B-PER", "O"]


def test_names_of_two_controls_are_not_lost() -> None:
    record = {"text": "Kari sov", "annotation_id": 7, "who": [REGION["value"]], "what": [REGION["value"]]}
    with pytest.raises(InputError, match="'who' and 'what'"):
        read([record])


def region(start: int, end: int, text: str, *labels: str) -> dict[str, Any]:
    return {"type": "labels", "value": {"start": start, "end": end, "text": text, "labels": labels}}


def test_a_name_that_is_not_where_it_says_is_an_error() -> None:
    """Its offsets fit tokens, but others: the text was edited after the annotation."""
    moved = task({"result": [region(0, 4, "Ola", "PER")]})
    with pytest.raises(InputError, match=r"task 1: .*'Ola'.*'Kari'"):
        read([moved])
    assert len(read([moved], known_types=frozenset())) == 1
    lines = {**task({"result": [region(0, 8, r"Kari\nMoe", "PER")]}), "data": {"text": "Kari\nMoe sov"}}
    assert read([lines])[0].labels == ["B-PER", "I-PER", "O"]


def test_the_text_of_a_name_tells_the_unit_of_its_offsets() -> None:
    """Both units give tokens here."""
    content = {**task({"result": [region(7, 8, "Å", "LOC")]}), "data": {"text": "😀😀 i Å b"}}
    with pytest.warns(InputWarning, match="UTF-16"):
        (sentence,) = read([content])
    assert sentence.tokens[sentence.labels.index("B-LOC")] == "Å"  # type: ignore[union-attr]


def test_offsets_in_a_known_unit_are_not_read_in_another() -> None:
    """Half of `Åsed`; one place further left it would be a token."""
    tokens = ["😀", "a", "b", "Å", "sed"]
    record = {"text": "😀 a b Åsed", "tokens": tokens, "meta": {"offsets": "utf-16"}}
    with pytest.raises(InputError, match="sed"):
        read([{**record, "label": [[8, 9, "LOC"]]}])


@pytest.mark.parametrize(("labels", "word"), [((), "no label"), (("PER", "ORG"), "PER and ORG")])
def test_a_name_has_one_label(labels: tuple[str, ...], word: str) -> None:
    with pytest.raises(InputError, match=word):
        read([task({"result": [region(0, 4, "Kari", *labels)]})])
