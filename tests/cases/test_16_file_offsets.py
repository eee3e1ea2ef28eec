"""Case 16: an entity says where it is in the file, whatever the line ends, marks and encoding."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats import FormatOptions, jsonl, text
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Origin, TokenSpan
from done import Done

ARTICLE = "   Kari Moe bur i Bergen.   Ola Moe reiste.\n\n\n\tI Tromsø snør det 😀. Kari Moe sov."
OPTIONS = [FormatOptions(tokenise="spaces"), FormatOptions(), FormatOptions(sentences="detect")]

PARTS = ["Kari", "å", "😀", "\u0301", ".", " ", "\t", "\n", "\r\n", "\r", "\f", "\ufeff", "\u2028"]

Tag = Callable[..., Done]


def decoded(path: Path, encoding: str | None = None) -> str:
    """The file as Python reads it, without a byte order mark and with its own line ends."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    return content.decode(encoding or "utf-8").removeprefix("\ufeff")


def records(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


@given(
    st.lists(st.sampled_from(PARTS)),
    st.sampled_from(OPTIONS),
)
def test_offsets_are_those_of_the_decoded_file(parts: list[str], options: FormatOptions) -> None:
    content = "".join(parts).encode()
    whole = content.decode().removeprefix("\ufeff")
    lines = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for sentence in text.read(BytesIO(content), "a.txt", options):
        if not sentence.tokens:
            continue
        sentence.token_spans = [TokenSpan(i, i + 1, "X") for i in range(len(sentence))]
        (record,) = records(jsonl.compose(sentence))
        assert record["file"] == "a.txt"
        assert record["line"] == sentence.line
        for entity in record["entities"]:
            inside = record["text"][entity["start"] : entity["end"]]
            # In a text the marks of files that were concatenated are blanks.
            assert (
                whole[entity["file_start"] : entity["file_end"]].replace("\n\ufeff", "\n ")
                == inside
                == entity["text"]
            )
            assert entity["file_start"] == record["file_start"] + entity["start"]
            assert entity["text"] in lines[entity["line"] - 1]


@pytest.mark.parametrize("encoding", [None, "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("split", ["line", "detect"])
def test_an_article(
    cli: Tag, tiny_model: Path, tmp_path: Path, encoding: str | None, end: str, split: str
) -> None:
    article = ARTICLE if encoding != "cp1252" else ARTICLE.replace("😀", "–")
    path = tmp_path / "article.txt"
    path.write_bytes(article.replace("\n", end).encode(encoding or "utf-8"))
    how = ["--sentences", split, *(["--input-encoding", encoding] if encoding else [])]
    done = cli("tag", "--model", tiny_model, *how, path)
    assert (done.status, done.err) == (0, "")
    whole = decoded(path, encoding)
    found = records(done.out)
    assert {record["line"] for record in found} == {1, 4}
    assert {record["file"] for record in found} == {str(path)}
    entities = [entity for record in found for entity in record["entities"]]
    assert entities
    for entity in entities:
        assert whole[entity["file_start"] : entity["file_end"]] == entity["text"]
    # Read back, and tagged again, it is what it was.
    again = cli("tag", "--model", tiny_model, "--format", "jsonl", stdin=done.out)
    assert again.out == done.out
    sentences = list(jsonl.read(BytesIO(done.out), "x"))
    read_spans(sentences)
    assert [jsonl.compose(sentence) for sentence in sentences] == done.out.splitlines(keepends=True)


def test_new_entities_of_such_a_record_say_where_they_are() -> None:
    line = (
        '{"file": "a.txt", "line": 7, "file_start": 40, "text": "i\\nOslo .", "tokens": ["i", "Oslo", "."]}\n'
    )
    (sentence,) = jsonl.read(BytesIO(line.encode()), "x.jsonl")
    assert sentence.origin == Origin("a.txt", 7, 40)
    sentence.token_spans = [TokenSpan(1, 2, "LOC")]
    assert json.loads(jsonl.render(sentence))["entities"] == [
        {"start": 2, "end": 6, "label": "LOC", "text": "Oslo", "line": 8, "file_start": 42, "file_end": 46}
    ]


def test_what_has_no_file_name_says_none(cli: Tag, tiny_model: Path) -> None:
    given = ("tag", "--model", tiny_model, "--tokenise", "spaces", "--to", "jsonl")
    for done in (cli(*given, "--text", "Kari sov"), cli(*given, "--format", "text", stdin=b"Kari sov")):
        (record,) = records(done.out)
        assert (record["line"], record["file_start"]) == (1, 0)
        assert "file" not in record


def test_a_file_name_that_is_not_utf8_can_be_written() -> None:
    (sentence,) = text.read(BytesIO(b"Kari"), "b\udce5t.txt", FormatOptions(tokenise="spaces"))
    assert records(jsonl.compose(sentence))[0]["file"] == "b\\xe5t.txt"


def test_long_text_in_pieces_keeps_its_offsets() -> None:
    for unit in ("Kari sov. ", "Kari sov nå no\r\n", "Kari åt.\r", "ø"):
        content = "\ufeff" + unit * (70_000 // len(unit.encode()))
        whole = content.removeprefix("\ufeff")
        end = 0
        for sentence in text.read(BytesIO(content.encode()), "a.txt", FormatOptions(sentences="detect")):
            if sentence.origin is not None and sentence.tokens:
                start = sentence.origin.start
                assert start >= end
                end = start + len(sentence.text or "")
                assert whole[start:end] == sentence.text
        assert not whole[end:].strip()
