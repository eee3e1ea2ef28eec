"""Vector files as people have them are read, or the error names the problem and the way out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.embeddings.read import load_file
from bilstm_crf.errors import InputError, InputWarning
from done import Done

WORDS = ["og", "Oslo", "sau"]
VALUES = ["0.1 0.2 0.3", "0.4 0.5 0.6", "-0.1 0.2 0.5"]
ROWS = np.array([[float(value) for value in row.split()] for row in VALUES], np.float32)
BODY = "".join(f"{word} {values}\n" for word, values in zip(WORDS, VALUES, strict=True))
TEXT = ("3 3\n" + BODY).encode()
BINARY = b"3 3\n" + b"".join(
    w.encode() + b" " + row.tobytes() + b"\n" for w, row in zip(WORDS, ROWS, strict=True)
)
BOM = b"\xef\xbb\xbf"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


READ = {
    "GloVe without a header": BODY.encode(),
    "GloVe with a BOM": BOM + BODY.encode(),
    "GloVe with tabs": BODY.replace(" ", "\t").encode(),
    "GloVe without a last line break": BODY.encode()[:-1],
    "GloVe with CRLF": BODY.replace("\n", "\r\n").encode(),
    "tabs": TEXT.replace(b" ", b"\t"),
    "word, tab, values": re.sub(rb"(?m)^(\w+) (?=.* .* )", rb"\1\t", TEXT),
    "a tab and a blank": TEXT.replace(b" ", b"\t "),
    "BOM": BOM + TEXT,
    "BOM before binary": BOM + BINARY,
    "double blanks": b"3 3\n" + BODY.replace(" ", "  ").encode(),
    "leading blanks": ("3 3\n" + "".join(f"  {line}\n" for line in BODY.splitlines())).encode(),
    "blanks around the header": b"  3   3  \n" + BODY.encode(),
    "trailing tabs": TEXT.replace(b"\n", b"\t\n"),
    "empty lines": TEXT.replace(b"\n", b"\n\n"),
    "exponents": TEXT.replace(b"0.5", b"5e-1").replace(b"0.2", b"2E-01"),
    "bz2": bz2.compress(TEXT),
    "xz": lzma.compress(BINARY),
    "gz of GloVe": gzip.compress(BODY.encode()),
    "several gzip members": gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]),
    "zip with a folder": zipped({"58/": b"", "58/model.bin": BINARY, "58/README": b"x"}),
    "zip with a folder and both": zipped({"58/model.bin": BINARY, "58/model.txt": TEXT, "58/a.json": b"{}"}),
    "zip from macOS": zipped(
        {"58/model.bin": BINARY, "__MACOSX/58/._model.bin": b"\0\5\26\7" * 10, "58/.DS_Store": b"\0\0\0\1"}
    ),
    "zip with ./": zipped({"./model.txt": TEXT}),
    "zip with one file of another name": zipped({"crawl-300d.vec": TEXT}),
    "zip with a list of words": zipped({"vectors.txt": BODY.encode(), "vocab.txt": b"og\nOslo\nsau\n"}),
    "zip packed by bzip2": zipped({"model.txt": TEXT}, zipfile.ZIP_BZIP2),
    "zip packed by LZMA": zipped({"model.txt": TEXT}, zipfile.ZIP_LZMA),
}  # fmt: skip


@pytest.mark.parametrize("content", READ.values(), ids=READ.keys())
def test_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(content)
    vectors = load_file(tmp_path / "vectors")
    assert list(vectors.words) == WORDS
    np.testing.assert_array_equal(vectors.matrix, ROWS)


TWO = zipped({"glove.50d.txt": BODY.encode(), "glove.100d.txt": BODY.encode()})
REFUSED = {
    "UTF-16": (TEXT.decode().encode("utf-16"), "UTF-16", "iconv"),
    "UTF-16 without a BOM": (TEXT.decode().encode("utf-16-le"), "UTF-16", "iconv"),
    "lines that end in CR": (TEXT.replace(b"\n", b"\r"), "CR", "tr "),
    "commas": (BODY.replace(" ", ",").encode(), "begins with 'og,0.1", "','"),
    "commas under a header": (b"3 3\n" + BODY.replace(" ", ";").encode(), "line 2: 0 values", "';'"),
    "a short line in GloVe": (BODY.encode() + b"by 0.1 0.2\n", "line 4: 2 values", ""),
    "a GloVe file cut short": (BODY.encode() + b"by 0.1 0", "line 4: 2 values .* cut short", ""),
    "word frequencies": (b"og 51\nOslo 12\n", "begins with 'og 51'", "known"),
    "two models in a zip": (TWO, r"2 vector files: glove\.50d\.txt, glove\.100d\.txt", "unzip"),
    "two models in folders": (
        zipped({"a/model.bin": BINARY, "b/model.bin": BINARY}),
        "2 vector files: a/model.bin, b/model.bin", "unzip",
    ),
    "ELMo in a zip": (
        zipped({"model.hdf5": b"\x89HDF\r\n", "options.json": b"{}", "vocab.txt": b"og\n"}),
        "without word vectors: it holds model.hdf5, options.json, vocab.txt", "",
    ),
    "an empty zip": (zipped({}), "holds nothing", ""),
    "a zip in a zip": (zipped({"a.zip": zipped({"a.txt": TEXT})}), "a zip file, packed once more", "unpack"),
    "gensim in a zip": (
        zipped({"parent.model": b"\x80\x02}q\x00.", "parent.model.vectors.npy": b"x", "README": b""}),
        r"parent\.model: holds gensim's own format", r"\.npy",
    ),
    "a tar": (b"model.txt".ljust(257, b"\0") + b"ustar\0", "a tar archive", "unpack"),
    "Zstandard": (b"\x28\xb5\x2f\xfd" + b"\0" * 20, "Zstandard", "unpack"),
    "HTML": (b"<!DOCTYPE html>\n<title>404</title>\n", "HTML", "known"),
    "npy": (b"\x93NUMPY\x01\0", "NumPy", "known"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused_with_the_way_out(content: bytes, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "vectors.zip").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_file(tmp_path / "vectors.zip")
    assert str(tmp_path / "vectors.zip") in str(caught.value)
    assert hint.strip("\\").replace("\\.", ".") in str(caught.value.hint)


@pytest.mark.parametrize("header", ["3 3\n", ""])
def test_decimal_commas_are_read_and_said(header: str, tmp_path: Path) -> None:
    (tmp_path / "a.vec").write_text(header + BODY.replace(".", ","), "utf-8")
    with pytest.warns(InputWarning, match="decimal commas") as said:
        vectors = load_file(tmp_path / "a.vec")
    assert len(said) == 1
    np.testing.assert_array_equal(vectors.matrix, ROWS)


def test_latin_1_words_are_left_out_and_counted(tmp_path: Path, cli: Callable[..., Done]) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.replace(b"sau", b"s\xe5"))
    done = cli("embeddings", "info", tmp_path / "a.txt")
    assert done.status == 0
    assert "2 words" in done.out.decode()
    assert "1 not UTF-8" in done.out.decode()


def test_words_of_digits_and_with_spaces_keep_their_own_rows(tmp_path: Path) -> None:
    words = ["TV2", "2019", "U2", "10 000", ". . .", "og"]
    rows = np.arange(18, dtype=np.float32).reshape(6, 3) / 8
    body = "".join(f"{w} {' '.join(map(str, row))}\n" for w, row in zip(words, rows, strict=True))
    for header in ("6 3\n", ""):
        (tmp_path / "digits.txt").write_text(header + body)
        vectors = load_file(tmp_path / "digits.txt")
        assert list(vectors.words) == words
        np.testing.assert_array_equal(vectors.matrix, rows)


def test_gensim_reads_the_same_from_glove(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    rows = np.random.default_rng(0).normal(size=(5_000, 20)).astype(np.float32)
    lines = (f"ord{number} {' '.join(map(str, row.tolist()))}\n" for number, row in enumerate(rows))
    (tmp_path / "glove.txt").write_text("".join(lines))
    ours = load_file(tmp_path / "glove.txt")
    theirs = KeyedVectors.load_word2vec_format(str(tmp_path / "glove.txt"), no_header=True)
    assert list(ours.words) == theirs.index_to_key
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)


def test_the_files_of_the_case_folder(shared: Path, tmp_path: Path, cli: Callable[..., Done]) -> None:
    folder = shared / "cases" / "12-vector-files"
    refused = {"gensim.zip", "two.zip"}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".txt", ".vec", ".zip"):
            done = cli("embeddings", "info", path)
            assert done.status == (2 if path.name in refused else 0), done.err
            assert path.name in done.err if path.name in refused else "3 dimensions" in done.out.decode()
