"""JSONL: entities at character offsets, and nothing else of an object touched."""

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions, jsonl
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Alternative, Sentence, TokenSpan

OPTIONS = FormatOptions(tokenise="spaces")


def read(content: str) -> list[Sentence]:
    return list(jsonl.read(BytesIO(content.encode()), "test.jsonl", OPTIONS))


def tagged(content: str, spans: list[TokenSpan]) -> str:
    (sentence,) = read(content)
    sentence.token_spans = spans
    return jsonl.render(sentence).decode()


def test_text_alone_is_one_sentence() -> None:
    (sentence,) = read('{"text": "Hei du . Ha det .", "id": 7, "document": "avis"}\n')
    assert sentence.tokens == ["Hei", "du", ".", "Ha", "det", "."]
    assert (sentence.id, sentence.document, sentence.labels) == ("7", "avis", None)


def test_tokens_alone_are_joined_by_spaces() -> None:
    (sentence,) = read('{"tokens": ["10\u00a0000", "kr", "a b"]}')
    assert (sentence.text, sentence.offsets) == ("10\u00a0000 kr a b", [(0, 6), (7, 9), (10, 13)])


def test_entities_become_labels_like_those_of_any_format() -> None:
    line = (
        '{"text": "😀 Kari Ås, Oslo", "tokens": ["😀", "Kari", "Ås", ",", "Oslo"], '
        '"entities": [{"start": 11, "end": 15, "label": "LOC"}, {"start": 2, "end": 9, "label": "PER"}]}'
    )
    (sentence,) = read(line)
    assert sentence.labels == ["O", "B-PER", "I-PER", "O", "B-LOC"]
    read_spans([sentence])
    assert jsonl.render(sentence).decode() == line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"text":"Å","x":1.0e5 ,"n":{"entities":[1]}, "entities" : [ ] ,"u":"\\u00e5","tokens":["Å"]}',
            '{"text":"Å","x":1.0e5 ,"n":{"entities":[1]}, "entities" : '
            '[{"start": 0, "end": 1, "label": "PER"}] ,"u":"\\u00e5","tokens":["Å"]}',
        ),
        (
            '{"text": "Kari"}\r\n',
            '{"text": "Kari", "tokens": ["Kari"], "entities": [{"start": 0, "end": 4, "label": "PER"}]}\r\n',
        ),
        (
            '\ufeff { "tokens" : ["Kari"], "entities": null}',
            '\ufeff { "tokens" : ["Kari"], "entities": [{"start": 0, "end": 4, "label": "PER"}]'
            ', "text": "Kari"}',
        ),
        (
            '{"text": "Kari", "tokens": null, "entities": [{"start": 0, "end": 4, "label": "ORG"}]}',
            '{"text": "Kari", "tokens": ["Kari"], "entities": [{"start": 0, "end": 4, "label": "PER"}]}',
        ),
    ],
)
def test_entities_are_replaced_where_they_stand_or_appended(line: str, expected: str) -> None:
    assert tagged(line, [TokenSpan(0, 1, "PER")]) == expected
    assert tagged(expected, [TokenSpan(0, 1, "PER")]) == expected


def test_entities_that_say_the_same_keep_their_own_keys() -> None:
    line = '{"text": "Kari", "tokens": ["Kari"], "entities": [{"label":"PER","id":3,"start":0,"end":4}]}\n'
    assert tagged(line, [TokenSpan(0, 1, "PER")]) == line


def test_an_empty_line_and_an_empty_text_hold_no_sentence_and_come_back() -> None:
    content = '\n{"text": ""}\n \n{"tokens": [], "entities": []}\n'
    sentences = read(content)
    assert [s.tokens for s in sentences] == [[], [], [], []]
    assert b"".join(jsonl.render(s) for s in sentences).decode() == content


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('ab"\\}{,:', max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.text('xy"\\}{,: å', min_size=1, max_size=3), VALUES, max_size=3)


@given(OBJECTS, st.integers(0, 3), st.booleans(), st.sampled_from([None, (",", ":"), (" ,  ", " :\t")]))
def test_every_other_member_keeps_its_bytes_and_its_place(others, position, ascii_, separators) -> None:
    items = list(others.items())
    items.insert(min(position, len(items)), ("entities", [{"start": 0, "end": 2, "label": "ORG"}]))
    content = {**dict(items), "tokens": ["Å", "]}"], "text": "Å ]}"}
    content["entities"] = [{"start": 0, "end": 1, "label": "ORG"}]
    line = json.dumps(content, ensure_ascii=ascii_, separators=separators) + "\n"
    result = tagged(line, [TokenSpan(1, 2, "PER")])
    old = json.dumps(content["entities"], ensure_ascii=ascii_, separators=separators)
    new = '[{"start": 2, "end": 4, "label": "PER"}]'
    # The only other place where the old entities could stand is inside one of the random strings, escaped.
    assert result == line.replace(old, new)


def test_composing_gives_the_text_of_multiword_tokens_and_can_be_read_again() -> None:
    sentence = Sentence(
        ["d'", "a", "Ås"], token_spans=[TokenSpan(0, 2, "PER"), TokenSpan(2, 3, "LOC")], text="da Ås",
        offsets=[(0, 2), (0, 2), (3, 5)], id="1",
    )  # fmt: skip
    line = jsonl.compose(sentence).decode()
    assert json.loads(line) == {
        "id": "1",
        "text": "da Ås",
        "tokens": ["da", "Ås"],
        "entities": [{"start": 0, "end": 2, "label": "PER"}, {"start": 3, "end": 5, "label": "LOC"}],
    }
    assert "\\u" not in line
    (again,) = read(line)
    assert again.labels == ["B-PER", "B-LOC"]
    # Two spans inside one multi-word token cannot be told apart in the text: the words are joined instead.
    sentence.token_spans = [TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "LOC")]
    assert json.loads(jsonl.compose(sentence))["text"] == "d' a Ås"


@pytest.mark.parametrize("label", ["", "A B", "A|B", "A\tB", "A\u00a0B"])
def test_a_label_that_no_column_holds_is_an_error(label: str) -> None:
    entity = {"start": 0, "end": 4, "label": label}
    line = json.dumps({"text": "Oslo", "tokens": ["Oslo"], "entities": [entity]}).encode()
    with pytest.raises(InputError, match="line 1"):
        list(jsonl.read(BytesIO(line), "a.jsonl"))


@pytest.mark.parametrize(
    ("line", "entities"),
    [
        (
            '{"text": "Kari sov", "entities": [{"start": 0, "end": 4, "label": "PER", "by": "Ola"}]}',
            [{"start": 0, "end": 4, "label": "PER", "by": "Ola", "score": 0.9877}],
        ),
        ('{"text": "Kari sov", "ents": []}', [{"start": 0, "end": 4, "label": "PER", "score": 0.9877}]),
    ],
)
def test_scores_come_into_layouts_of_objects(line: str, entities: list[object]) -> None:
    (sentence,) = read(line)
    sentence.token_spans, sentence.scores = [TokenSpan(0, 1, "PER")], [0.98765]
    sentence.alternatives = [Alternative(0.75, [TokenSpan(1, 2, "PER")])]
    record = json.loads(jsonl.render(sentence))
    (other,) = record["alternatives"]
    assert (other["probability"], other["entities"][0]["text"]) == (0.75, "sov")
    assert next(record[key] for key in ("entities", "ents", "label") if key in record) == entities
