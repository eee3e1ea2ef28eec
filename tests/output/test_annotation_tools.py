"""Tasks for annotation tools: what comes back has the same tokens and names, and the corrections."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotators import EXPORTS
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FORMATS, FormatOptions, read
from bilstm_crf.labels import read_spans
from bilstm_crf.output import WRITERS
from bilstm_crf.output.annotation_tools import label_studio_config
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

MODEL = Path(__file__).parent.parent / "models" / "version-0.1.0"
SAMPLE = sorted((Path(__file__).parents[2] / "data" / "sample").glob("*/*-dev.conllu"))
RUNNING = FormatOptions(sentences="detect")
EMOJI = "😀 Kari Moe bur i 𝔅ergen."


def written(tool: str, sentences: Sequence[Sentence]) -> bytes:
    return b"".join(WRITERS[tool].write(sentences, FormatOptions()))


def read_again(content: bytes) -> list[Sentence]:
    sentences = [each for each in FORMATS["jsonl"].read(BytesIO(content), "export.json") if each.tokens]
    read_spans(sentences)
    return sentences


def gold(path: Path) -> list[Sentence]:
    sentences = [each for each in read(path) if each.tokens]
    read_spans(sentences)
    return sentences


def tagged(content: str, length: int = 1, options: FormatOptions = RUNNING) -> list[Sentence]:
    """The sentences of a text in which each run of so many tokens is a name."""
    sentences = list(FORMATS["text"].read(BytesIO(content.encode()), "a.txt", options))
    for sentence in sentences:
        stops = range(length, len(sentence) + 1, length)
        sentence.token_spans = [TokenSpan(stop - length, stop, "PER") for stop in stops]
    return sentences


def shown(sentences: Sequence[Sentence]) -> list[Any]:
    return [(each.tokens, each.token_spans) for each in sentences if each.tokens]


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", EXPORTS)
def test_a_corpus_comes_back_from_each_tool(name: str, path: Path) -> None:
    sentences = gold(path)
    tool, export = EXPORTS[name]
    again = read_again(export(written(tool, sentences)))
    assert shown(again) == shown(sentences)
    assert [(each.id, each.document) for each in again] == [(each.id, each.document) for each in sentences]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_norne_comes_back_from_each_tool(name: str, shared: Path) -> None:
    tool, export = EXPORTS[name]
    for path in sorted((shared / "norne").glob("*/*-dev.conllu")):
        sentences = gold(path)
        assert shown(read_again(export(written(tool, sentences)))) == shown(sentences)


TEXT = st.text(st.sampled_from("aB. ,-\n\r\t\u00a0\u2028\u0301\u200b\ufeff😀"), min_size=1)


@settings(max_examples=60)
@given(TEXT, st.integers(1, 3), st.sampled_from([*EXPORTS]))
@example("😀\r\nKa\u0301ri  Moe\u00a0sov.\tOla", 2, "doccano")
def test_odd_text_comes_back_from_each_tool(content: str, length: int, name: str) -> None:
    sentences = tagged(content, length)
    tool, export = EXPORTS[name]
    again = read_again(export(written(tool, sentences)))
    assert shown(again) == shown(sentences)
    assert [each.origin for each in again] == [each.origin for each in sentences if each.tokens]


@pytest.mark.parametrize("name", EXPORTS)
def test_a_correction_comes_back(name: str) -> None:
    def correct(names: list[Any]) -> None:
        first = names[0]
        if isinstance(first, list):
            first[2] = "ORG"
        elif "value" in first:
            first["value"]["labels"] = ["ORG"]
        else:
            first["label"] = "ORG"
        del names[1:]

    tool, export = EXPORTS[name]
    (sentence,) = read_again(export(written(tool, tagged(EMOJI)), correct))
    assert sentence.token_spans == [TokenSpan(0, 1, "ORG")]
    assert sentence.tokens == EMOJI.replace(".", " .").split()


@pytest.mark.parametrize("name", EXPORTS)
def test_a_sentence_without_names_is_annotated_as_such(name: str) -> None:
    tool, export = EXPORTS[name]
    (sentence,) = read_again(export(written(tool, tagged("Ola sov.", 9))))
    assert sentence.token_spans == []


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: re.sub(rb"\d+", b"77", c)])
def test_a_damaged_export_is_an_error_with_its_line(name: str, damage: Callable[[bytes], bytes]) -> None:
    tool, export = EXPORTS[name]
    content = damage(export(written(tool, tagged(EMOJI))))
    with pytest.raises(InputError) as caught:
        read_again(content)
    assert (caught.value.path, caught.value.line is not None) == ("export.json", True)


# ---------------------------------------------------------------- what each tool takes


def test_label_studio_takes_an_array_of_tasks_with_offsets_in_code_points() -> None:
    sentences = tagged(EMOJI, 2)
    sentences[0].scores = [0.25, 0.998, 0.5]
    (task,) = json.loads(written("label-studio", sentences))
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.25  # of the least certain name
    assert prediction["model_version"]
    for region in prediction["result"]:
        value = region["value"]
        assert task["data"]["text"][value["start"] : value["end"]] == value["text"]
    assert len({region["id"] for region in prediction["result"]}) == 3
    assert task["data"]["meta"] == {"file": "a.txt", "line": 1, "file_start": 0}


def test_the_configuration_names_what_the_tasks_name() -> None:
    view = ET.fromstring(label_studio_config(["PER", 'A&"<B']))
    labels, text = view
    assert [label.get("value") for label in labels] == ["PER", 'A&"<B']
    (task,) = json.loads(written("label-studio", tagged("Ola")))
    (region,) = task["predictions"][0]["result"]
    assert (region["from_name"], region["to_name"]) == (labels.get("name"), text.get("name"))
    assert labels.get("toName") == text.get("name")
    assert str(text.get("value")).removeprefix("$") in task["data"]


@settings(max_examples=60)
@given(TEXT, st.integers(1, 3))
def test_prodigys_tokens_give_the_text_and_its_spans(content: str, length: int) -> None:
    for line in written("prodigy", tagged(content, length)).splitlines():
        task = json.loads(line)
        tokens, spans = task["tokens"], task["spans"]
        assert "".join(token["text"] + " " * token["ws"] for token in tokens) == task["text"]
        assert [token["id"] for token in tokens] == [*range(len(tokens))]
        for span in spans:
            assert tokens[span["token_start"]]["start"] == span["start"]
            assert tokens[span["token_end"]]["end"] == span["end"]


def test_doccano_takes_offsets_in_utf16_and_the_same_keys_in_each_record() -> None:
    sentences = [*tagged(EMOJI, 2), *tagged("Ola."), Sentence(["Kari"], id="1", document="d")]
    records = [json.loads(line) for line in written("doccano", sentences).splitlines()]
    assert len({tuple(record) for record in records}) == 1
    units = records[0]["text"].encode("utf-16-le")
    found = [units[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in records[0]["label"]]
    assert found == ["😀 Kari", "Moe bur", "i 𝔅ergen"]


def test_sentences_without_labels_are_tasks_without_predictions() -> None:
    (task,) = json.loads(written("label-studio", [Sentence(["Kari", "sov"])]))
    assert list(task) == ["data"]


# ---------------------------------------------------------------- the commands


def test_files_of_several_formats_become_one_array(cli: Callable[..., Done], tmp_path: Path) -> None:
    text, output = tmp_path / "a.txt", tmp_path / "tasks.json"
    text.write_bytes(b"Kari Nordmann bur i Oslo.\r\nOla sov.\r\n")
    done = cli("tag", "--model", MODEL, text, SAMPLE[0], "--to", "label-studio", "-o", output, "--scores")
    assert done.status == 0, done.err
    tasks = json.loads(output.read_bytes())
    assert [task["data"]["meta"]["line"] for task in tasks[:2]] == [1, 2]
    assert {task["data"]["meta"]["file"] for task in tasks} == {str(text), str(SAMPLE[0])}
    assert cli("data", "check", output).status == 1  # predictions are not gold
    refused = cli("tag", "--model", MODEL, text, "--to", "doccano", "--scores")
    assert (refused.status, "--scores" in refused.err) == (2, True)


@pytest.mark.parametrize("tool", ["label-studio", "brat"])
def test_a_models_types_are_printed_as_a_configuration(tool: str, cli: Callable[..., Done]) -> None:
    content = cli("model", "info", MODEL, "--config-for", tool).out.decode()
    info = json.loads(cli("model", "info", MODEL, "--json").out)
    assert all(type_ in re.split(r'[\n"]', content) for type_ in info["entity_types"])


def test_the_export_is_evaluated(cli: Callable[..., Done], tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    tool, accepted = EXPORTS["label-studio"]
    export.write_bytes(accepted(written(tool, gold(SAMPLE[0]))))
    done = cli("evaluate", "--gold", SAMPLE[0], "--predicted", export, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["strict"]["micro"]["f1"] == 1
