"""Vector files of every format say the same; what is wrong with one is an error or a counted skip."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.embeddings import word2vec
from bilstm_crf.embeddings.builder import VECTORS, Builder
from bilstm_crf.embeddings.read import load, load_file
from bilstm_crf.embeddings.word2vec import Shape
from bilstm_crf.errors import InputError, UsageError
from vector_files import WORDS, binary, table, text, write

ENCODED = [word.encode() for word in WORDS]
ROWS = table(len(WORDS), 5)


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return stream.getvalue()


CONTENTS = {
    "word2vec binary": binary(ENCODED, ROWS),
    "word2vec binary without line breaks": binary(ENCODED, ROWS, line_breaks=False),
    "word2vec text": text(ENCODED, ROWS),
    "word2vec text with CRLF": text(ENCODED, ROWS).replace(b"\n", b"\r\n"),
    "fastText's .vec, a space at the end of each line": text(ENCODED, ROWS).replace(b"\n", b" \n"),
    "binary, gzip": gzip.compress(binary(ENCODED, ROWS)),
    "text, gzip": gzip.compress(text(ENCODED, ROWS)),
    "NLPL zip, binary and text": zipped(
        meta_json=b"{}", model_txt=text(ENCODED, ROWS), model_bin=binary(ENCODED, ROWS)
    ),
    "NLPL zip, text": zipped(meta_json=b"{}", model_txt=text(ENCODED, ROWS)),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_the_content_tells_the_format_whatever_the_name(content: bytes, tmp_path: Path) -> None:
    for _ in range(2):  # converted, then from the cache
        vectors = load(str(write(tmp_path / "table.xyz", content)))
        assert vectors is not None
        assert list(vectors.words) == WORDS
        np.testing.assert_array_equal(vectors.matrix, ROWS)
        assert vectors.index["Oslo"] == 2
        assert vectors.ngrams is None
        assert vectors.source is not None
        assert (vectors.source.skipped, vectors.source.bytes) == ({}, len(content))


def test_the_table_is_memory_mapped_float32_in_c_order(tmp_path: Path) -> None:
    vectors = load_file(write(tmp_path / "a.bin", binary(ENCODED, ROWS)))
    assert isinstance(vectors.matrix, np.memmap)
    assert vectors.matrix.dtype == np.float32
    assert vectors.matrix.flags.c_contiguous


@pytest.mark.parametrize("is_binary", [True, False])
def test_gensim_reads_the_same(is_binary: bool, tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    words = [f"ord{number}".encode() for number in range(5000)]
    content = (binary if is_binary else text)(words, table(5000, 7))
    path = write(tmp_path / "a", content)
    ours, theirs = load_file(path), KeyedVectors.load_word2vec_format(str(path), binary=is_binary)
    assert list(ours.words) == theirs.index_to_key
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)


words_without_separators = st.text(
    st.characters(codec="utf-8", exclude_characters=" \n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1
).filter(lambda word: word.encode().strip() == word.encode())


@given(st.lists(words_without_separators, min_size=1, max_size=20, unique=True), st.integers(1, 9))
def test_any_words_come_back_from_both_formats(words: list[str], dim: int) -> None:
    rows = table(len(words), dim)
    for is_binary in (True, False):
        content = (binary if is_binary else text)([word.encode() for word in words], rows)
        with tempfile.TemporaryDirectory() as folder:
            builder = Builder(Path("a"), Path(folder))
            stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
            word2vec.read(stream, Shape(len(words), dim), builder, binary=is_binary)
            builder.close()
            assert builder.words == words
            np.testing.assert_array_equal(builder.open_table(VECTORS), rows)


def test_a_word_may_hold_spaces_in_text(tmp_path: Path) -> None:
    words = ["New York", "10 000", "kl. 10.30 i dag", "a\u00a0b"]
    vectors = load_file(write(tmp_path / "a.txt", text([word.encode() for word in words], table(4, 3))))
    assert list(vectors.words) == words


@pytest.mark.parametrize("is_binary", [True, False])
def test_bad_words_are_left_out_and_counted_and_the_first_of_two_wins(
    is_binary: bool, tmp_path: Path
) -> None:
    words = [b"og", b"bl\xe5b\xe6r", b"og", b"i"]
    vectors = load_file(write(tmp_path / "a", (binary if is_binary else text)(words, table(4, 50))))
    assert list(vectors.words) == ["og", "i"]
    np.testing.assert_array_equal(vectors.matrix, table(4, 50)[[0, 3]])
    assert vectors.source is not None
    assert vectors.source.skipped == {"not UTF-8": 1, "seen before": 1}
    assert "left out: 1 not UTF-8, 1 seen before" in vectors.summary()


@pytest.mark.parametrize("is_binary", [True, False])
def test_words_beyond_the_headers_number_are_left_out_and_counted(is_binary: bool, tmp_path: Path) -> None:
    content = (binary if is_binary else text)(ENCODED, ROWS, promised=4)
    vectors = load_file(write(tmp_path / "a", content))
    assert list(vectors.words) == WORDS[:4]
    assert vectors.source is not None
    assert vectors.source.skipped == {"beyond the number in the header": 2}


@pytest.mark.parametrize("is_binary", [True, False])
def test_a_file_cut_anywhere_says_how_far_it_got(
    is_binary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(tmp_path / "cache"))
    content = (binary if is_binary else text)(ENCODED, ROWS)
    for cut in range(len(f"{len(WORDS)} 5\n"), len(content) - (1 if is_binary else 20), 7):
        path = write(tmp_path / f"{cut}", content[:cut])
        with pytest.raises(InputError, match=r"cut short: \d of the 6 words"):
            load_file(path)
        assert [
            entry.name for entry in (tmp_path / "cache/vectors").iterdir() if not entry.name.endswith(".lock")
        ] == []


BAD = {
    "empty": (b"", "is empty"),
    "prose": (b"Dette er en tekst.\nOg en til.\n", "begins with 'Dette er en tekst.', expected word vectors"),
    "zero words": (b"0 5\n", "promises 0 words"),
    "too few values": (b"2 3\nog 0.1 0.2 0.3\ni 0.4 0.5\n", "line 3: 2 values after the word, expected 3"),
    "too many values": (b"2 2\nog 0.111 0.222 0.333\n", "line 2: 3 values after the word, expected 2"),
    "not a number": (b"1 2\nog 0.1 x\n", "line 2: expected 2 numbers"),
    "NaN": (b"2 2\nog 0.1 0.2\ni nan 0.2\n", "the vector of the word 'i' holds a value that is no number"),
    "infinite": (binary([b"og"], np.full((1, 50), np.inf)), "'og' holds a value that is no number"),
    "no usable word": (text([b"\xff"], table(1, 3)), "holds no usable word"),
    "another dimension, binary": (
        b"900 9\n" + binary([b"w%d" % i for i in range(900)], table(900, 40)).split(b"\n", 1)[1],
        "words are not UTF-8",
    ),
    "gzip cut short": (gzip.compress(text(ENCODED, ROWS))[:-9], "damaged or cut short"),
    "zip cut short": (CONTENTS["NLPL zip, text"][:-30], "damaged or cut short"),
    "zip of other things": (zipped(a_csv=b"1", b_csv=b"2"), "without word vectors: it holds a.csv, b.csv"),
    "pickle of nothing": (b"\x80\x04N.", "a pickle of NoneType"),
    "pickle cut short": (b"\x80\x04\x95", "a pickle that is damaged or cut short"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_vector_file_is_one_clear_error(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_file(write(tmp_path / "a", content))
    assert str(tmp_path / "a") in str(caught.value)


def test_a_zip_with_a_wrong_checksum_is_damaged(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model.bin", binary(ENCODED, ROWS))
    content = stream.getvalue().replace(ROWS[3].tobytes(), ROWS[4].tobytes())
    with pytest.raises(InputError, match="Bad CRC-32"):
        load_file(write(tmp_path / "a.zip", content))


def test_a_folder_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(str(tmp_path))
    with pytest.raises(UsageError, match="neither a file nor a known name"):
        load(str(tmp_path / "absent.bin"))


# ---------------------------------------------------------------- names


def test_none_is_no_vectors() -> None:
    assert load("none") is None


def test_a_slip_in_a_name_is_pointed_out() -> None:
    with pytest.raises(
        UsageError, match=r"sg6OO is neither a file nor a known name\. Did you mean sg600"
    ) as caught:
        load("sg6OO")
    assert caught.value.hint == "known: none cbow100 sg50 sg100 sg300 sg600 joint-sg600"


def test_names_are_looked_for_in_the_option_the_environment_and_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"embeddings": 1.0, "environment": 2.0, "option": 3.0}
    for place, value in places.items():
        (tmp_path / place).mkdir()
        write(tmp_path / place / "sg50.txt", text([b"og"], np.full((1, 50), value)))

    def first_value(embeddings_dir: str | None = None) -> float:
        vectors = load("sg50", embeddings_dir=embeddings_dir, download=False)
        assert vectors is not None
        return float(vectors.matrix[0, 0])

    monkeypatch.delenv("BILSTM_CRF_EMBEDDINGS", raising=False)
    assert first_value() == 1.0
    monkeypatch.setenv("BILSTM_CRF_EMBEDDINGS", "environment")
    assert first_value() == 2.0
    assert first_value("option") == 3.0


def test_a_name_promises_its_dimensions(tmp_path: Path) -> None:
    write(tmp_path / "sg600.bin", binary(ENCODED, ROWS))
    with pytest.raises(InputError, match="vectors of 5 dimensions; sg600 was expected to have 600"):
        load("sg600", embeddings_dir=tmp_path)


def test_vectors_that_are_nowhere_say_where_was_looked_and_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_EMBEDDINGS", raising=False)
    with pytest.raises(
        UsageError, match=r"looked in here, \$BILSTM_CRF_EMBEDDINGS \(not set\), embeddings/"
    ) as caught:
        load("sg600", embeddings_dir="here", download=False)
    assert "bilstm-crf embeddings fetch sg600" in str(caught.value.hint)
    assert "$BILSTM_CRF_EMBEDDINGS" in str(caught.value.hint)
