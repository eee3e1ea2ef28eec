"""Formats by name and suffix, and what all of them share: streams, gzip, one and the same Sentence."""

import gzip
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions, align, format_of, read
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan

OPTIONS = FormatOptions(tokenise="spaces")
SENTENCE = Sentence(
    ["Kari", "bor", "i", "Oslo"], token_spans=[TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "GPE_LOC")]
)


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.conllu", "conllu"), ("b/A.CONLLU.gz", "conllu"), ("a.conll", "conll2003"), ("a.bio", "conll2003"),
     ("a.iob.gz", "conll2003"), ("a.tsv", "conll2003"), ("a.txt", "text"), ("a.x.jsonl", "jsonl")],
)  # fmt: skip
def test_the_suffix_tells_the_format(path: str, name: str) -> None:
    assert format_of(path).name == name
    assert format_of(path, "text").name == "text"


@pytest.mark.parametrize(
    ("path", "name", "fragment"),
    [("a.conllu", "conlu", "Did you mean conllu?"), ("a.conlu", None, "Did you mean .conllu?"),
     ("-", None, "standard input has no suffix"), ("Makefile", None, "give --format")],
)  # fmt: skip
def test_an_unknown_format_is_a_usage_error_before_anything_is_read(path, name, fragment: str) -> None:
    with pytest.raises(UsageError, match=fragment.replace("?", r"\?")) as caught:
        read(path, name)
    assert "conll2003" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["conllu", "conll2003", "jsonl"])
def test_words_and_spans_survive_every_format_and_gzip(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{FORMATS[name].suffixes[0]}.gz"
    path.write_bytes(gzip.compress(FORMATS[name].compose(SENTENCE) * 2))
    sentences = list(read(path, options=OPTIONS))
    read_spans(sentences)
    assert [(s.tokens, s.token_spans, s.path) for s in sentences] == [
        (SENTENCE.tokens, SENTENCE.token_spans, str(path))
    ] * 2


def test_a_cut_gzip_file_and_an_absent_one_are_input_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu.gz"
    path.write_bytes(gzip.compress(FORMATS["conllu"].compose(SENTENCE) * 50)[:-20])
    with pytest.raises(InputError, match="gzip"):
        list(read(path))
    with pytest.raises(InputError, match="cannot be read"):
        list(read(tmp_path / "absent.conllu"))


@pytest.mark.parametrize("word", ["a\tb", "a\nb", "a\0b"])
@pytest.mark.parametrize("name", ["conllu", "conll2003"])
def test_a_word_that_no_column_holds_is_an_input_error(name: str, word: str) -> None:
    with pytest.raises(InputError, match=r"x\.jsonl, line 3: the word"):
        FORMATS[name].compose(Sentence([word], path="x.jsonl", line=3))


# ---------------------------------------------------------------- streams


def sentence_in(name: str) -> bytes:
    return FORMATS[name].compose(SENTENCE if name != "text" else replace(SENTENCE, token_spans=None))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_sentence_comes_through_a_pipe_before_the_next_was_written(name: str) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as sink:
        sentences = FORMATS[name].read(stream, "pipe", OPTIONS)
        for _ in range(3):
            sink.write(sentence_in(name))
            # Would wait for ever if the reader asked for more than it needs.
            assert len(next(sentences)) == 4


class Endless:
    """A stream of one sentence again and again, which counts its lines as they are taken."""

    def __init__(self, unit: bytes, times: int) -> None:
        self.taken = 0
        self._lines = self._all(unit.splitlines(keepends=True), times)

    def _all(self, lines: list[bytes], times: int) -> Iterator[bytes]:
        for _ in range(times):
            for line in lines:
                self.taken += 1
                yield line

    def readline(self, limit: int = -1) -> bytes:
        return next(self._lines, b"")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_memory_does_not_grow_with_the_stream(name: str) -> None:
    unit = sentence_in(name)
    stream = Endless(unit, times=1_500_000 // len(unit))
    lines = unit.count(b"\n")
    sentences = FORMATS[name].read(cast(BinaryIO, stream), "stream", OPTIONS)
    next(sentences)
    tracemalloc.start()
    for read_so_far, _ in enumerate(sentences, 2):
        assert stream.taken == read_so_far * lines
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_training_keeps_nothing_that_only_a_writer_needs() -> None:
    for format_ in FORMATS.values():
        stream = BytesIO(b"\n" + format_.compose(SENTENCE))
        (sentence,) = format_.read(stream, "x", FormatOptions(tokenise="spaces", keep_raw=False))
        assert (sentence.raw, sentence.text, sentence.offsets) == (None, None, None)


@pytest.mark.parametrize(
    ("tokens", "text", "offsets"),
    [
        (["Oslo", "."], " Oslo. ", [(1, 5), (5, 6)]),
        (["10\u00a0000", "\u00a0", "x"], "10\u00a0000 \u00a0 x", [(0, 6), (7, 8), (9, 10)]),
        (["å"], "a\u030a", None),
        (["Oslo"], "Oslo!", None),
        (["Oslo", "!"], "Oslo", None),
        ([], "  ", []),
    ],
)
def test_tokens_are_aligned_without_guessing(tokens, text: str, offsets) -> None:
    assert align(tokens, text) == offsets
