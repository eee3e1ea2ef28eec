"""Damaged and hostile vector files: one error with the file's name, soon, and in little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.embeddings import packing
from bilstm_crf.embeddings.read import convert, load_file
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError
from done import Done
from fuzz.seeds import VECTORS
from vector_files import WORDS, binary, table, text, write

ENCODED = [word.encode() for word in WORDS]
TEXT = text(ENCODED, table(6, 5))
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "LZMA": zipfile.ZIP_LZMA,
}


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("model.txt", content)
    return stream.getvalue()


def refused(path: Path) -> str:
    """The message about a file that must not be read."""
    with pytest.raises(InputError) as caught:
        convert(path, None)
    assert str(path) in str(caught.value)
    return str(caught.value)


def shape(found: WordVectors) -> tuple[int, ...]:
    return found.matrix.shape


def is_read(path: Path) -> bool:
    """Whether a file is read; if not, its error names it."""
    try:
        convert(path, None)
    except InputError as error:
        if str(path) not in str(error):
            raise
        return False
    return True


# ---------------------------------------------------------------- packings


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_zip_cut_anywhere_is_damaged(method: int, tmp_path: Path) -> None:
    content = zipped(TEXT, method)
    for cut in range(4, len(content), 9):
        assert "damaged" in refused(write(tmp_path / "a.zip", content[:cut]))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_zip_with_one_bad_byte_is_read_or_refused(method: int, tmp_path: Path) -> None:
    content = zipped(TEXT, method)
    for at in range(0, len(content), 4):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        is_read(write(tmp_path / "a.zip", bytes(damaged)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_cut_or_changed_anywhere_is_read_or_refused(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = pack(TEXT)
    for at in range(1, len(content), 5):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        is_read(write(tmp_path / "a.gz", bytes(damaged)))
        assert not is_read(write(tmp_path / "a.gz", content[:at]))


# Offsets in the entry of the zip's directory: (from its beginning, layout, value)
FIELDS = {
    "encrypted": (8, "<H", 1, "encrypted"),
    "an unknown method": (10, "<H", 99, r"not supported \(number 99\)"),
    "a wrong checksum": (16, "<I", 1, "Bad CRC-32"),
    "a size of nothing": (24, "<I", 0, "damaged|is empty"),
    "a place beyond the end": (42, "<I", 0x7FFFFFFF, "damaged"),
    "a newer version": (6, "<H", 99, "damaged"),
}


@pytest.mark.parametrize(("at", "layout", "value", "message"), FIELDS.values(), ids=FIELDS.keys())
def test_a_zip_whose_directory_lies(at: int, layout: str, value: int, message: str, tmp_path: Path) -> None:
    content = bytearray(zipped(TEXT))
    struct.pack_into(layout, content, content.index(b"PK\1\2") + at, value)
    said = refused(write(tmp_path / "a.zip", bytes(content)))
    assert any(word in said for word in message.replace("\\", "").split("|"))


def test_the_disks_own_fault_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    path = write(tmp_path / "a.gz", gzip.compress(TEXT))
    monkeypatch.setattr(gzip.GzipFile, "read", fail)
    with pytest.raises(OSError, match="Input/output"):
        convert(path, None)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop"])
@pytest.mark.parametrize("command", ["embeddings info", "tag"])
def test_what_is_no_file_is_refused_at_once(
    kind: str, command: str, tmp_path: Path, cli: Callable[..., Done], request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "x.bin"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    if command == "tag":
        model = request.getfixturevalue("tiny_model")
        done = cli("tag", "--model", model, "--embeddings", path, "--format", "text", stdin=b"Kari\n")
    else:
        done = cli("embeddings", "info", path)
    assert done.status == 2
    assert "x.bin" in done.err
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- without end


def bomb(start: bytes, filling: bytes) -> bytes:
    """A gzip file of some 300 kB that unpacks to 300 MB."""
    packer = gzip.compress(filling * (1 << 20 // len(filling)))
    return gzip.compress(start) + packer * (300 << 20 >> 20)


HEADER = "<2i12id3i2q"  # of a fastText model: magic, version, settings, dictionary
HUGE = (793712314, 12, *[1] * 7, 2, 1, 1, 1, 1, 0.0, (1 << 31) - 1, (1 << 31) - 1, 0, 9, 0)
BOMBS = {
    "a line without end": (b"2 3\nog ", b"1"),
    "a line without end and without a header": (b"og ", b"1"),
    "blanks without end": (b"2 3\n", b" "),
    "empty lines without end": (b"2 3\nog 1 2 3\n", b"\n"),
    "a word without end": (b"2 3\n\0", b"\1"),
    "records without a word": (b"999999999 1\n", b" \0\0\0"),
    "a line without end behind the last": (b"1 3\nog 1 2 3\n", b"1"),
    "one word again and again": (b"99999999 1\n", b"o 1\n"),
    "a fastText model of nothing": (struct.pack(HEADER, *HUGE), b"\0"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "filling"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_in_bounded_memory(
    start: bytes, filling: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "FREE_BYTES", 1 << 22)
    path = write(tmp_path / "a.gz", bomb(start, filling))
    tracemalloc.start()
    try:
        refused(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20


def test_a_line_as_long_as_its_values_need_is_read(tmp_path: Path) -> None:
    rows = table(2, 3_000)
    for header in (True, False):
        content = text([b"og", "blåbær".encode() * 100], rows)
        if not header:
            content = content.split(b"\n", 1)[1]
        assert shape(convert(write(tmp_path / "a.txt", content), None)) == (2, 3_000)


@pytest.mark.parametrize("header", [b"999999999999 999999\n", b"1 999999\n", b"999999999999 1\n"])
def test_an_absurd_header_takes_no_memory(header: bytes, tmp_path: Path) -> None:
    for content in (b"og 1.5\n", binary([b"og"], table(1, 1)).split(b"\n", 1)[1]):
        tracemalloc.start()
        try:
            refused(write(tmp_path / "a.txt", header + content))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 40 << 20


def test_values_too_large_are_one_error(tmp_path: Path, cli: Callable[..., Done]) -> None:
    done = cli("embeddings", "info", write(tmp_path / "a.txt", b"1 2\nog 1e39 1\n"))
    assert done.status == 2
    assert "'og' holds a value that is no number" in done.err
    assert "Warning" not in done.err


# ---------------------------------------------------------------- fastText


def fasttext(**changes: float) -> bytes:
    """A model of two words and three n-grams in two dimensions, with some of its numbers changed."""
    numbers: dict[str, float] = {
        "magic": 793712314, "version": 12, "dim": 2, "ws": 5, "epoch": 5, "min_count": 1, "neg": 5,
        "word_ngrams": 1, "loss": 2, "model": 2, "bucket": 3, "minn": 3, "maxn": 6, "lr_update_rate": 100,
        "t": 1e-4, "size": 2, "nwords": 2, "nlabels": 0, "ntokens": 9, "pruned": -1, "kind": 0,
        "quantised": 0, "rows": 5, "columns": 2,
    }  # fmt: skip
    assert set(changes) <= set(numbers)
    numbers |= changes
    values = list(numbers.values())
    words = b"".join(word + b"\0" + struct.pack("<qb", 5, int(numbers["kind"])) for word in (b"og", b"Oslo"))
    matrix = struct.pack("<b2q", *map(int, values[21:])) + np.arange(10, dtype="<f4").tobytes()
    return struct.pack(HEADER, *values[:20]) + words + matrix


def changed() -> Iterator[tuple[str, float]]:
    for name in ("dim", "bucket", "size", "nwords", "rows", "columns", "pruned"):
        for value in (-(1 << 31), -2, 1 << 20, (1 << 31) - 1):
            yield name, value
    for name in ("rows", "columns", "pruned", "ntokens"):
        yield name, -(1 << 63)
        yield name, (1 << 63) - 1
    for name in ("minn", "maxn"):
        yield name, -1
        yield name, (1 << 31) - 1
    yield from [
        ("dim", 0),
        ("dim", 3),
        ("bucket", 0),
        ("nlabels", -1),
        ("version", 99),
        ("kind", 7),
        ("quantised", 2),
    ]


@pytest.mark.parametrize(("name", "value"), list(changed()))
def test_a_number_that_cannot_be_is_one_error(name: str, value: float, tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", fasttext(**{name: value}))
    if name == "ntokens":  # which nobody needs
        assert convert(path, None).words == ["og", "Oslo"]
        return
    for data in (path.read_bytes(), gzip.compress(path.read_bytes())):
        assert "fastText" in refused(write(path, data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": 3}, "classifier"),
        ({"nlabels": 1}, "classifier"),
        ({"quantised": 1}, "quantised"),
        ({"pruned": 5}, "quantised"),
    ],
)
def test_other_kinds_of_models_are_named(changes: dict[str, float], message: str, tmp_path: Path) -> None:
    assert message in refused(write(tmp_path / "a.bin", fasttext(**changes)))


def test_a_model_cut_at_any_byte_is_cut_short(tmp_path: Path) -> None:
    content = fasttext()
    assert shape(convert(write(tmp_path / "a.bin", content), None)) == (2, 2)
    for cut in range(4, len(content)):
        assert "cut short" in refused(write(tmp_path / "a.bin", content[:cut]))


def test_words_that_cannot_be_used_are_left_out_with_their_rows(tmp_path: Path) -> None:
    content = fasttext(bucket=0, rows=2).replace(b"og\0", b"\xff\xff\0")
    found = convert(write(tmp_path / "a.bin", content), tmp_path)
    assert found.words == ["Oslo"]
    assert found.source is not None
    assert found.source.skipped == {"not UTF-8": 1}
    np.testing.assert_array_equal(found.matrix, [[2, 3]])


def test_a_model_without_n_grams_has_its_words_alone(tmp_path: Path) -> None:
    found = convert(write(tmp_path / "a.bin", fasttext(maxn=0)), None)
    assert (shape(found), found.ngrams) == ((2, 2), None)


def test_the_files_of_the_case_folder(shared: Path, cli: Callable[..., Done]) -> None:
    folder = shared / "cases" / "40-hostile"
    for path in [*folder.glob("*.zip"), *folder.glob("fasttext-*.bin")]:
        done = cli("embeddings", "info", path)
        assert done.status == 2
        assert done.err.startswith(f"error: {path}")


def test_values_whose_sum_is_no_number_are_refused(tmp_path: Path) -> None:
    """Found by fuzzing: a word's vector is a mean over its n-grams."""
    model = VECTORS["fasttext"]
    huge = struct.pack("<6f", *[3e38] * 6)
    path = tmp_path / "huge.bin"
    path.write_bytes(model.replace(struct.pack("<6f", *range(6)), huge))
    with pytest.raises(InputError, match=r"huge\.bin.*too large"):
        load_file(path)
