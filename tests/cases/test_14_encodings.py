"""Case 14: other character encodings are read when they are named, and the likely one is named when not."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, InputWarning, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions, read
from bilstm_crf.util.charset import likely_encoding
from bilstm_crf.util.files import open_input
from done import Done

ENCODINGS = [
    "cp1252",
    "latin-1",
    "cp865",
    "mac-roman",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "gbk",
]
TEXT = "Kari Åsen\r\nå ete smør på Østøya\n\nOla\r" * 40


def write(tmp_path: Path, content: bytes, name: str = "in.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


# ---------------------------------------------------------------- reading what is named


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "cp865", "mac-roman", "utf-16", "utf-16-be", "utf-32", "utf-7"]
)
@pytest.mark.parametrize("name", ["in.txt", "in.txt.gz"])
def test_a_file_comes_as_utf8(tmp_path: Path, encoding: str, name: str) -> None:
    content = TEXT.encode(encoding)
    path = write(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    wanted = TEXT.encode()
    with open_input(path, encoding) as stream:
        assert stream.read() == wanted
    with open_input(path, encoding) as stream:
        assert b"".join(iter(stream.readline, b"")) == wanted
    with open_input(path, encoding) as stream:
        assert b"".join(iter(lambda: stream.read(7), b"")) == wanted
    with open_input(path, encoding) as stream:
        assert stream.peek(20)[:20] == wanted[:20]  # type: ignore[attr-defined]
        assert stream.readline(5) + stream.readline() == wanted[:12]


@given(
    st.text(max_size=60), st.sampled_from(["utf-16", "utf-16-le", "utf-32-be", "utf-7", "gb18030"]), st.data()
)
def test_any_text_survives_however_its_bytes_arrive(text: str, encoding: str, data: st.DataObject) -> None:
    from bilstm_crf.util.charset import Transcoder

    content = text.encode(encoding)
    sizes = random.Random(data.draw(st.integers(0, 9)))

    class Drip(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return self.read(sizes.randint(1, 5))

    stream = io.BufferedReader(Transcoder(Drip(content), encoding, "x"))
    assert stream.read() == text.encode()


def test_a_line_is_there_before_the_next_was_written() -> None:
    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as sink, open_input(f"/dev/fd/{reading}", "utf-16-le") as stream:
        os.close(reading)
        for line in ("Åse\n", "ete\n"):
            sink.write(line.encode("utf-16-le"))
            given: list[bytes] = []
            reader = threading.Thread(target=lambda given=given: given.append(stream.readline()), daemon=True)
            reader.start()
            reader.join(20)
            assert given == [line.encode()]


@pytest.mark.parametrize(
    ("content", "encoding", "line", "found"),
    [
        (b"Kari\nb\x81l\n", "cp1252", 2, "0x81 at offset 6"),
        ("Kari\nbål\n".encode("latin-1"), "ascii", 2, "0xE5 at offset 6"),
        ("a\nb\n".encode("utf-16-le") + b"\x00\xd8\n\0", "utf-16-le", 3, "at offset 8"),
        ("a\n".encode("utf-16-le") + b"x", "utf-16-le", 2, "at offset 4"),
        (b"a\r\nb\rc\xff", "ascii", 3, "0xFF at offset 6"),
        (b"x" * 70_000 + b"\n\x81", "cp1252", 2, "0x81 at offset 70001"),
        ("Kari\n".encode("utf-16-le"), "utf-16", 1, "byte order mark"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_in_it_are_named_with_their_place(
    tmp_path: Path, content: bytes, encoding: str, line: int, found: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught, open_input(path, encoding) as stream:
        stream.read()
    assert caught.value.path == str(path)
    assert caught.value.line == line
    assert found in str(caught.value)


def test_the_lines_before_an_undecodable_byte_are_given(tmp_path: Path) -> None:
    path = write(tmp_path, b"Kari\nOla\nb\x81l\n")
    with open_input(path, "cp1252") as stream:
        assert [stream.readline(), stream.readline()] == [b"Kari\n", b"Ola\n"]
        with pytest.raises(InputError, match="line 3"):
            stream.readline()


def test_utf8_read_as_something_else_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "blåbær\n".encode())
    with pytest.warns(InputWarning, match="valid UTF-8"), open_input(path, "cp1252") as stream:
        assert stream.read() == "blåbær\n".encode().decode("cp1252").encode()
    for encoding in ("utf-8", "UTF8", "utf-8-sig", None):
        with open_input(path, encoding) as stream:
            assert stream.read() == "blåbær\n".encode()


@pytest.mark.parametrize("name", ["nope", "rot13", "base64", "hex", "zip", "undefined", "", "a\0b", "å"])
def test_what_is_no_character_encoding_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="no such character encoding"):
        FormatOptions(input_encoding=name)


FILES = {
    "conllu": "1\tÅse" + "\t_" * 8 + "\n2\tåt" + "\t_" * 8 + "\n\n",
    "conll2003": "Åse\tB-PER\nåt\tO\n\n",
    "jsonl": '{"text": "Åse åt"}\n',
    "text": "Åse åt\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "cp865"])
def test_every_format_and_command_reads_it(name: str, encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path, FILES[name].encode(encoding), "in" + FORMATS[name].suffixes[0])
    options = FormatOptions(input_encoding=encoding, tokenise="spaces")
    assert [s.tokens for s in read(path, options=options) if s.tokens] == [["Åse", "åt"]]


def test_the_output_is_utf8(cli: Callable[..., Done], tiny_model: Path, tmp_path: Path) -> None:
    words = (FILES["conll2003"] * 3).replace("\tB-PER", "").replace("\tO", "")
    path = write(tmp_path, words.encode("utf-16"), "in.conll")
    plain = write(tmp_path, words.encode(), "plain.conll")
    wide = cli("tag", "--model", tiny_model, path, "--input-encoding", "utf-16")
    assert wide == cli("tag", "--model", tiny_model, plain)
    options = ("--format", "conll2003", "--input-encoding", "utf-16")
    assert cli("tag", "--model", tiny_model, *options, stdin=path.read_bytes()) == wide


# ---------------------------------------------------------------- naming what is not named

SENTENCES = [
    "Åse Sørbø bur på Ålesund.",
    "– Vi må snakke om Grønland, sier «Jossa» Bøe.",
    "Prisen på brødet er 10 €, sier “Åse”…",
    "STØRE MØTTE ÆRLIG TALT ÅSE",
    "lærar på Østøya i 40-åra; én kafé",
    "Forsvaret’s ‘nye’ fly – det største",
]


@pytest.mark.parametrize("encoding", ["cp1252", "cp865", "mac-roman"])
@pytest.mark.parametrize("text", SENTENCES)
def test_the_likely_encoding_is_named(encoding: str, text: str) -> None:
    content = text.encode(encoding, "ignore")
    assert likely_encoding(content) == encoding
    with pytest.raises(InputError, match="line 2: byte 0x") as caught:
        list(FORMATS["text"].read(io.BytesIO(b"Hei\n" + content), "in.txt", FormatOptions(tokenise="spaces")))
    assert f"--input-encoding {encoding}" in (caught.value.hint or "")


@pytest.mark.parametrize("word", ["på", "Ås", "Øst", "ærlig", "sjø", "RØD", "Bø", "10\u00a0000"])
def test_one_word_is_enough_for_cp1252(word: str) -> None:
    assert likely_encoding(word.encode("cp1252")) == "cp1252"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("encoding", "hint"),
    [
        ("utf-16", "--input-encoding utf-16"),
        ("utf-32", "--input-encoding utf-32"),
        ("utf-16-le", "--input-encoding utf-16-le"),
        ("utf-16-be", "--input-encoding utf-16-be"),
        ("utf-32-le", "--input-encoding utf-32-le"),
        ("utf-32-be", "--input-encoding utf-32-be"),
    ],
)
def test_wide_characters_are_named(name: str, encoding: str, hint: str) -> None:
    content = (FILES[name] * 3).encode(encoding)
    with pytest.raises(InputError, match="line 1") as caught:
        list(FORMATS[name].read(io.BytesIO(content), "in", FormatOptions(tokenise="spaces")))
    assert (caught.value.hint or "").endswith(hint)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (gzip.compress(b"Hei", mtime=0), "gzip"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        ("Kari på Bø\xff".encode() + b"\xff", "damaged"),
        (bytes(range(128, 256)), "--input-encoding NAME"),
    ],
)
def test_what_is_no_text_or_damaged_is_said(content: bytes, word: str) -> None:
    with pytest.raises(InputError, match="line 1") as caught:
        list(FORMATS["text"].read(io.BytesIO(content), "in.txt", FormatOptions(tokenise="spaces")))
    assert word in (caught.value.hint or "")


# ---------------------------------------------------------------- byte order marks inside


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_that_were_concatenated_keep_their_marks_out_of_the_words(name: str, end: str) -> None:
    content = ("\ufeff" + FILES[name].replace("\n", end)) * 3
    sentences = list(FORMATS[name].read(io.BytesIO(content.encode()), "in", FormatOptions(tokenise="spaces")))
    assert [s.tokens for s in sentences if s.tokens] == [["Åse", "åt"]] * 3
    for sentence in sentences:
        sentence.token_spans = None
    assert b"".join(FORMATS[name].render(s, FormatOptions()) for s in sentences).decode() == content


def test_marks_inside_a_paragraph_and_a_sentence() -> None:
    content = "\ufeffKari sov.\n\ufeffOla åt.\r\ufeffÅse lo.\n"
    running = FormatOptions(sentences="detect")
    sentences = list(FORMATS["text"].read(io.BytesIO(content.encode()), "in", running))
    assert [s.tokens for s in sentences] == [["Kari", "sov", "."], ["Ola", "åt", "."], ["Åse", "lo", "."]]
    assert [s.line for s in sentences] == [1, 2, 3]
    assert b"".join(FORMATS["text"].render(s, running) for s in sentences).decode() == content
    columns = "\ufeffKari B-PER\n\ufeffsov O\n\ufeff O\n"
    (sentence,) = FORMATS["conll2003"].read(io.BytesIO(columns.encode()), "in", FormatOptions())
    assert sentence.tokens == ["Kari", "sov", "\ufeff"]


def test_offsets_do_not_count_the_first_mark(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    path = write(tmp_path, "\ufeff Kari sov\n\ufeffOla".encode())
    done = cli("tag", "--model", tiny_model, "--tokenise", "spaces", path)
    assert [json.loads(line)["file_start"] for line in done.out.splitlines()] == [1, 11]


@pytest.mark.parametrize("content", [b"%PDF-1.4\n%\xe2\xe3\n", b"{\\rtf1\\ansi Kari}\n"], ids=["PDF", "RTF"])
def test_documents_that_begin_in_ascii_are_not_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    for encoding in (None, "cp1252"):
        with pytest.raises(InputError, match="not text") as caught:
            list(read(path, "text", FormatOptions(input_encoding=encoding)))
        assert caught.value.hint


def test_utf8_read_as_another_encoding_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("på Ås".encode())
    with pytest.warns(InputWarning) as caught:
        list(read(path, None, FormatOptions(input_encoding="cp1252")))
    assert len(caught) == 1
