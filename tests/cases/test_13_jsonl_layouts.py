"""Case 13: the JSONL of other programs is read, tagged in its own layout, and read back."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions, jsonl
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

READ = FormatOptions(tokenise="spaces")
TAG = FormatOptions(tokenise="spaces", known_types=frozenset())
TEXT = "😀 Kari Moe bur i Bergen ."
WORDS = TEXT.split()
PER, LOC = {"start": 2, "end": 10, "label": "PER"}, {"start": 17, "end": 23, "label": "LOC"}
LABELS = ["O", "B-PER", "I-PER", "O", "O", "B-LOC", "O"]


def result(entity: dict[str, Any]) -> dict[str, Any]:
    start, end = entity["start"], entity["end"]
    value = {"start": start, "end": end, "text": TEXT[start:end], "labels": [entity["label"]]}
    return {"id": "x", "from_name": "ner", "to_name": "txt", "type": "labels", "value": value}


# Each says that Kari Moe is a person and Bergen a place, as one program writes it.
LAYOUTS: dict[str, Any] = {
    "own": {"text": TEXT, "tokens": WORDS, "entities": [PER, LOC]},
    "hugging face, ner_tags": {"id": "0", "tokens": WORDS, "ner_tags": LABELS},
    "hugging face, tags": {"words": WORDS, "tags": LABELS},
    "hugging face, labels": {"tokens": WORDS, "labels": LABELS},
    "wikiann": {"tokens": WORDS, "ner_tags": LABELS, "langs": ["no"] * 7, "spans": ["PER: Kari Moe"]},
    "doccano, entities": {
        "text": TEXT,
        "entities": [
            {"id": 7, "label": "PER", "start_offset": 2, "end_offset": 10},
            {"id": 8, "label": "LOC", "start_offset": 17, "end_offset": 23},
        ],
        "relations": [],
    },
    "doccano, label": {"id": 1, "text": TEXT, "label": [[2, 10, "PER"], [17, 23, "LOC"]]},
    "doccano, labels": {"text": TEXT, "labels": [[2, 10, "PER"], [17, 23, "LOC"]]},
    "prodigy": {"text": TEXT, "spans": [PER, LOC], "answer": "accept"},
    "prodigy, tokens": {
        "text": TEXT,
        "tokens": [
            {"text": "Kari", "start": 2, "end": 6, "id": 0, "ws": True},
            {"text": "Moe", "start": 7, "end": 10, "id": 1, "ws": True},
            {"text": " ", "start": 10, "end": 11, "id": 2},
        ],
        "spans": [{**PER, "token_start": 0, "token_end": 1}, LOC],
    },
    "spacy, doc.to_json": {"text": TEXT, "ents": [PER, LOC], "tokens": [{"id": 0, "start": 0, "end": 1}]},
    "spacy, pair": [TEXT, {"entities": [[2, 10, "PER"], [17, 23, "LOC"]]}],
    "label studio": {
        "id": 3,
        "data": {"text": TEXT, "source": "avis"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {"id": 5, "result": [result(PER), result(LOC), {"type": "choices", "value": {"choices": ["a"]}}]},
        ],
    },
    "label studio, json_min": {
        "text": TEXT,
        "label": [{"start": 2, "end": 10, "text": "Kari Moe", "labels": ["PER"]}, result(LOC)["value"]],
    },
}


def read(content: str | bytes, options: FormatOptions = READ) -> list[Sentence]:
    data = content.encode() if isinstance(content, str) else content
    return [s for s in jsonl.read(BytesIO(data), "in.jsonl", options) if s.tokens]


def tagged(content: str, spans: list[TokenSpan]) -> str:
    sentences = list(jsonl.read(BytesIO(content.encode()), "in.jsonl", TAG))
    for sentence in sentences:
        sentence.token_spans = spans if sentence.tokens else []
    return b"".join(jsonl.render(sentence) for sentence in sentences).decode()


def dump(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read(name: str) -> None:
    (sentence,) = read(dump(LAYOUTS[name]))
    assert (sentence.tokens, sentence.labels) == (WORDS, LABELS)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("spans", [[], [TokenSpan(0, 1, "EVT"), TokenSpan(1, 3, "PER")]], ids=["none", "two"])
def test_what_tag_writes_is_read_back_and_nothing_else_changes(name: str, spans: list[TokenSpan]) -> None:
    line = dump(LAYOUTS[name])
    again = tagged(line, spans)
    (sentence,) = read(again)
    read_spans([sentence])
    assert sentence.token_spans == spans
    assert tagged(again, spans) == again
    before, after = json.loads(line), json.loads(again)
    if isinstance(before, dict):
        changed = {key for key in after if after[key] != before.get(key)}
        assert len(changed) <= 1
        assert list(after) == list(before)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_entities_leave_every_byte(name: str) -> None:
    line = dump(LAYOUTS[name]).replace(", ", " ,  ")
    assert tagged(line, [TokenSpan(1, 3, "PER"), TokenSpan(5, 6, "LOC")]) == line


def test_an_entity_that_stays_keeps_what_else_was_said_of_it() -> None:
    after = json.loads(
        tagged(dump(LAYOUTS["doccano, entities"]), [TokenSpan(1, 3, "PER"), TokenSpan(5, 6, "ORG")])
    )
    assert after["entities"] == [
        {"id": 7, "label": "PER", "start_offset": 2, "end_offset": 10},
        {"label": "ORG", "start_offset": 17, "end_offset": 23},
    ]
    after = json.loads(
        tagged(dump(LAYOUTS["label studio"]), [TokenSpan(5, 6, "LOC"), TokenSpan(6, 7, "EVT")])
    )
    choices, loc, event = after["annotations"][1]["result"]
    assert (choices["type"], loc) == ("choices", result(LOC))
    assert (event["from_name"], event["value"]["labels"]) == ("ner", ["EVT"])
    assert after["annotations"][0] == {"was_cancelled": True, "result": []}


def test_a_task_of_label_studio_without_annotations_gets_one() -> None:
    after = tagged(dump({"data": {"text": "Kari sov"}}), [TokenSpan(0, 1, "PER")])
    (sentence,) = read(after)
    assert sentence.labels == ["B-PER", "O"]
    assert json.loads(after)["data"] == {"text": "Kari sov"}


# ---------------------------------------------------------------- annotation that cannot be read


TOKENS_ONLY = {"tokens": ["Kari", "Moe"]}
FAULTS: list[tuple[str, Any, str, str]] = [
    ("ids", {**TOKENS_ONLY, "ner_tags": [1, 2]}, "ner_tags", "number"),
    ("a label too few", {**TOKENS_ONLY, "ner_tags": ["O"]}, "ner_tags", "1 labels for 2 tokens"),
    ("labels that are no list", {**TOKENS_ONLY, "ner_tags": "O O"}, "ner_tags", "a string"),
    ("inside a token", {"text": "i Bergen-området", "label": [[2, 8, "LOC"]]}, "label", "Bergen-området"),
    ("past the end", {"text": "Kari", "spans": [{"start": 0, "end": 9, "label": "X"}]}, "spans", "0 to 9"),
    ("before the start", {"text": "Kari", "label": [[-1, 4, "X"]]}, "label", "-1 to"),
    ("white space alone", {"text": "a  b", "label": [[1, 3, "X"]]}, "label", "1 to 3"),
    ("nested", {"text": "U i B", "label": [[0, 5, "ORG"], [4, 5, "LOC"]]}, "label", "overlap"),
    ("two types", {"text": "Kari", "label": [[0, 4, "X"], [0, 4, "Y"]]}, "label", "overlap"),
    ("a type with a blank", {"text": "Kari", "label": [[0, 4, "a b"]]}, "label", "'a b'"),
    ("a relation in place of an entity", {"text": "Kari", "label": [[0, 4]]}, "label", "not"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "record", "key", "word"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_names_its_line_and_tag_passes_over_it(name: str, record: Any, key: str, word: str) -> None:
    content = dump({"text": "God dag", "entities": []}) + dump(record)
    with pytest.raises(InputError, match="line 2: ") as caught:
        read(content)
    assert word in str(caught.value)
    assert key in str(caught.value) or "label" in str(caught.value)
    assert [s.labels for s in read(tagged(content, [TokenSpan(0, 1, "EVT")]))][1][0] == "B-EVT"


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Kari", "entities": ["Q42"]},
        {"text": "Kari", "entities": {"PER": ["Kari"]}},
        ["Kari", {"entities": [["Q42"]]}],
    ],
)
def test_what_is_no_annotation_is_not_replaced(record: Any) -> None:
    with pytest.raises(InputError, match=r'line 1: "entities"'):
        read(dump(record), TAG)


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Kari sov", "label": "sport", "tags": ["avis", "sport"]},
        {"tokens": ["Kari", "sov"], "tags": ["PROPN", "VERB"]},
        {"text": "Kari sov", "spans": [{"text": "Kari"}], "labels": []},
    ],
)
def test_keys_that_only_look_like_annotation_stay(record: dict[str, Any]) -> None:
    after = json.loads(tagged(dump(record), [TokenSpan(0, 1, "PER")]))
    assert {key: after[key] for key in record if key != "labels"} == {
        key: record[key] for key in record if key != "labels"
    }
    assert read(dump(after))[0].labels == ["B-PER", "O"]


def test_white_space_at_an_entitys_ends_is_left_off_with_one_line() -> None:
    line = dump({"text": "Kari Moe sov .", "entities": [{"start": 0, "end": 9, "label": "PER"}]})
    with pytest.warns(InputWarning, match=r"in\.jsonl, line 1: .*'Kari Moe '") as caught:
        sentences = read(line * 3)
    assert [s.labels for s in sentences] == [["B-PER", "I-PER", "O", "O"]] * 3
    assert len(caught) == 1


def test_the_same_entity_twice_is_one() -> None:
    assert read(dump({"text": "Kari sov", "label": [[0, 4, "PER"]] * 2}))[0].labels == ["B-PER", "O"]


# ---------------------------------------------------------------- tokens


def test_words_between_given_tokens_are_found() -> None:
    (sentence,) = read(dump({"text": "dei i Bergen-området no", "tokens": [{"start": 6, "end": 12}]}))
    assert sentence.tokens == ["dei", "i", "Bergen", "-området", "no"]


@pytest.mark.parametrize(
    "tokens",
    [
        [{"text": "Moe", "start": 0, "end": 4}],
        [{"start": 0, "end": 99}],
        [{"start": 3, "end": 3}],
        [{"start": 2, "end": 4}, {"start": 0, "end": 2}],
        [{"id": 1}],
        [{"start": "0", "end": "4"}],
    ],
)
def test_token_objects_that_are_not_there_are_an_error(tokens: list[Any]) -> None:
    with pytest.raises(InputError, match='line 1: "tokens"'):
        read(dump({"text": "Kari", "tokens": tokens}), TAG)


# ---------------------------------------------------------------- whole files of JSON


RECORDS = [LAYOUTS["own"], LAYOUTS["doccano, label"], LAYOUTS["spacy, pair"], {"text": ""}]


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
@pytest.mark.parametrize("wrap", ["{}", "\ufeff{}\n", "\r\n  {}\r\n\r\n"])
def test_an_array_of_records_is_read_and_comes_back(indent: Any, wrap: str) -> None:
    content = wrap.format(json.dumps(RECORDS, indent=indent, ensure_ascii=False))
    sentences = list(jsonl.read(BytesIO(content.encode()), "in.json", READ))
    assert b"".join(jsonl.render(s) for s in sentences).decode() == content
    assert [s.labels for s in sentences if s.tokens] == [LABELS] * 3
    lines = content.replace("\r\n", "\n").split("\n")
    if indent == 2:
        assert [lines[s.line - 1].strip() for s in sentences if s.tokens] == ["{", "{", "["]
    after = json.loads(tagged(content, [TokenSpan(1, 2, "EVT")]).removeprefix("\ufeff"))
    assert after[1]["label"] == [[2, 6, "EVT"]]


def test_records_over_several_lines_are_read() -> None:
    content = "\n\n".join(json.dumps(record, indent=1, ensure_ascii=False) for record in RECORDS[:2]) + "\n"
    second = content[: content.index("\n\n")].count("\n") + 3
    assert [(s.line, s.labels) for s in read(content)] == [(1, LABELS), (second, LABELS)]
    assert len(json.loads(tagged(content, []).split("\n\n")[1])["label"]) == 0


@pytest.mark.parametrize("content", ["[]", "[\n]\n", " [ ] "])
def test_an_array_without_records_holds_nothing(content: str) -> None:
    assert read(content) == []
    assert tagged(content, []) == content


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[{"text": "a"},\n {"text": }]', 2),
        ('[{"text": "a"}\n {"text": "b"}]', 2),
        ('[{"text": "a"},\n {"text": "b"}\n', 3),
        ('[{"text": "a"}]\n{"text": "b"}', 2),
        ('[\n{"text": "a"},\n3]', 3),
        ("[1, 2]", 1),
        ('{\n"text": "a"\n', 3),
    ],
)
def test_a_fault_in_a_whole_file_names_its_line(content: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"in\.jsonl, line {line}: "):
        read(content)


# ---------------------------------------------------------------- deep and odd JSON


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"text": "a", "x": ' + '{"a":' * 600 + "1" + "}" * 600 + "}",
        "[" * 50_000,
        '{"a":' * 50_000,
        '[{"text": "a", "entities": ' + "[" * 5_000 + "]" * 5_000 + "}]",
    ],
    ids=["a list", "objects", "brackets", "open objects", "in an array"],
)
def test_deep_json_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(InputError, match=r"line 2: .*deep"):
        read(("\n" if line.startswith("[{") else '{"text": "b"}\n') + line)


@given(st.integers(1, 498), st.booleans())
def test_depth_that_is_read_is_written_from_any_depth_of_the_stack(depth: int, objects: bool) -> None:
    opening, closing = ('{"a":', "}") if objects else ("[", "]")
    line = '{"text": "Kari", "x": ' + opening * depth + "1" + closing * depth + "}"
    (sentence,) = read(line)
    sentence.token_spans = [TokenSpan(0, 1, "PER")]

    def deeper(levels: int) -> bytes:
        return deeper(levels - 1) if levels else jsonl.render(sentence)

    assert deeper(100).decode().startswith(line[:-1])


def test_numbers_that_python_refuses_come_back() -> None:
    line = '{"text": "Kari", "n": ' + "9" * 10_000 + ', "m": 1e999, "x": -0}\n'
    assert tagged(line, [TokenSpan(0, 1, "PER")]).startswith(line[:-2])


def test_a_label_of_an_odd_kind_is_no_traceback() -> None:
    for label in (["PER"], {"a": 1}, None, 3):
        line = dump({"text": "Kari", "entities": [{"start": 0, "end": 4, "label": label}]})
        assert read(tagged(line, [TokenSpan(0, 1, "PER")]))[0].labels == ["B-PER"]
        with pytest.raises(InputError):
            read(line)


# ---------------------------------------------------------------- the command


def test_every_layout_through_the_command(cli: Callable[..., Done], tiny_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("".join(map(dump, LAYOUTS.values())) + dump({**TOKENS_ONLY, "ner_tags": [1, 2]}), "utf-8")
    done = cli("tag", "--model", tiny_model, "--tokenise", "spaces", file)
    assert (done.status, done.err) == (0, "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(done.out)) == len(LAYOUTS) + 1
    stats = cli("data", "stats", file)
    assert stats.status == 2
    assert f"line {len(LAYOUTS) + 1}: " in stats.err
    assert "feature.names" in stats.err
