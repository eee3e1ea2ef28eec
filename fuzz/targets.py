"""Fuzz targets: each takes any bytes and raises AssertionError if a reader breaks its promise.

Every reader raises InputError (or UsageError), or it reads; unchanged input comes back byte for byte; labels
that were written are read back as the same spans. The test suite runs the targets over `SEEDS`.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.formats import read as read_file
from bilstm_crf.formats.blocks import lines_of
from bilstm_crf.formats.documents import DOCUMENTS
from bilstm_crf.formats.documents.base import running_text
from bilstm_crf.formats.text import read as read_text
from bilstm_crf.labels import ENCODINGS, LabelSet, is_entity_type, read_spans
from bilstm_crf.sentence import Sentence, TokenSpan

MAX_BYTES = 4_096
SPACES = FormatOptions(tokenise="spaces")


def read_unchanged(format_name: str, data: bytes, options: FormatOptions) -> list[Sentence] | None:
    """Return the sentences, which give every byte back while they have no spans; None if they are refused."""
    format_ = FORMATS[format_name]
    try:
        sentences = list(format_.read(io.BytesIO(data), "fuzz", options))
    except InputError as error:
        if error.path != "fuzz":
            raise AssertionError("an error without the file's name") from error
        return None
    if format_name != "text":  # which has no labels, and marks names instead
        unchanged = b"".join(format_.render(sentence, options) for sentence in sentences)
        assert unchanged == data, "bytes changed although nothing was tagged"
    return sentences


def written_with_spans(format_name: str, sentences: list[Sentence], options: FormatOptions) -> bytes | None:
    """Return the file with a span on every third token; None if labels must not be overwritten."""
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(i, i + 1, "PER") for i in range(0, len(sentence), 3)]
    try:
        return b"".join(FORMATS[format_name].render(sentence, options) for sentence in sentences)
    except InputError:
        return None


def round_trip(format_name: str, data: bytes, options: FormatOptions = SPACES) -> None:
    """Read, write unchanged, write with labels, read again."""
    sentences = read_unchanged(format_name, data, options)
    if sentences is None:
        return
    written = written_with_spans(format_name, sentences, options)
    if written is None or format_name == "text":
        return
    try:
        again = list(FORMATS[format_name].read(io.BytesIO(written), "fuzz", options))
    except InputError as error:
        raise AssertionError(f"what was written cannot be read: {error}\n{written!r}") from error
    tokens, tokens_again = ([s.tokens for s in each if s.tokens] for each in (sentences, again))
    assert tokens_again == tokens, "tokens changed by tagging"
    labelled = [s for s in again if s.labels is not None]
    if all(s.labels is not None for s in again if s.tokens):
        read_spans(labelled)
        wanted = [s.token_spans for s in sentences if s.tokens]
        assert [s.token_spans for s in again if s.tokens] == wanted, "spans changed by writing and reading"


def conllu(data: bytes) -> None:
    round_trip("conllu", data)


def columns(data: bytes) -> None:
    """Tagging keeps the lines: their number, the tokens in theirs, and those without a token.

    What a tiny file looks like may be another thing once it has labels, so it is not read again.
    """
    options = replace(SPACES, known_types=frozenset(["PER"]))
    sentences = read_unchanged("conll2003", data, options)
    written = None if sentences is None else written_with_spans("conll2003", sentences, options)
    if sentences is None or written is None:
        return
    before, after = data.split(b"\n"), written.split(b"\n")
    assert len(before) == len(after), "lines came or went"
    tokens = {
        number: [t for t, n in zip(s.tokens, s.lines, strict=True) if n == number]
        for s in sentences
        for number in s.lines
    }
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        assert all(token.encode() in new for token in tokens.get(number, ())), "a token is lost"
        named = old[:1] == b"#" or new.startswith(old.rstrip())  # a column is named in a header row
        assert number in tokens or old == new or named, "a line without a token changed"


def jsonl(data: bytes) -> None:
    round_trip("jsonl", data)


def brat(data: bytes) -> None:
    """Annotations and, behind a NUL, their text: tokens lie in the text, or an error names a file."""
    annotations, _, content = data.partition(b"\0")
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / f"fuzz{suffix}") for suffix in (".ann", ".txt")]
        for file, each in zip(files, (annotations, content), strict=True):
            Path(file).write_bytes(each)
        try:
            sentences = list(read_file(files[0]))
        except InputError as error:
            if error.path not in files:
                raise AssertionError("an error without the file's name") from error
            return
    read_spans(sentences)
    found = [(sentence.text or "")[a:b] for sentence in sentences for a, b in sentence.offsets or ()]
    assert [len(token) for each in sentences for token in each.tokens] == [*map(len, found)]


def text(data: bytes) -> None:
    """Every character of the file is in exactly one sentence, at the place that its offsets say."""
    round_trip("text", data)
    for split in ("line", "detect") if len(data) < 512 else ("line",):
        options = FormatOptions(sentences=split, tokenise="spaces" if split == "line" else "norwegian")
        try:
            sentences = list(read_text(io.BytesIO(data), "fuzz", options))
        except InputError:
            return
        for sentence in sentences:
            found = [(sentence.text or "")[start:end] for start, end in sentence.offsets or ()]
            assert found == sentence.tokens, "offsets do not give the tokens"


def labels(data: bytes) -> None:
    """Labels of any spelling are read or refused; spans lie inside their sentence and do not overlap."""
    lines = data.decode("utf-8", "replace").split("\n")
    for lenient in (False, True):
        for repair in (None, "conlleval", "discard"):
            sentences = [Sentence(list(line.split()), labels=list(line.split()), line=1) for line in lines]
            try:
                encoding = read_spans(sentences, lenient=lenient, repair=repair)
            except InputError:
                continue
            assert encoding
            for sentence in sentences:
                reached = 0
                for span in sentence.token_spans or ():
                    assert reached <= span.start < span.end <= len(sentence), span
                    assert is_entity_type(span.type), span
                    reached = span.end
                # What was read can be written and read again
                again = Sentence(
                    sentence.tokens, ENCODINGS["iob"].encode(sentence.token_spans or (), len(sentence))
                )
                read_spans([again])
                assert again.token_spans == (sentence.token_spans or []), (
                    again.token_spans,
                    sentence.token_spans,
                )


def _file(data: bytes, suffix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BILSTM_CRF_CACHE"] = folder  # no converted vectors for the user to clean up
        path = Path(folder) / f"fuzz{suffix}"
        path.write_bytes(data)
        yield path


def vectors(data: bytes) -> None:
    """Word vectors in any format, which their content tells."""
    from bilstm_crf.embeddings.read import load_file

    for path in _file(data, ".bin"):
        try:
            found = load_file(path)
        except BilstmCrfError:
            return
        assert found.matrix.shape == (len(found.words), found.dim)
        assert np.isfinite(found.matrix).all(), "a value that is no number"
        assert len(set(found.words)) == len(found.words), "a word twice"


def toml(data: bytes) -> None:
    """A label set and an experiment, from any bytes."""
    from bilstm_crf.experiments.definition import read_experiment

    for path in _file(data, ".toml"):
        for read in (LabelSet.named, read_experiment):
            try:
                read(str(path))
            except BilstmCrfError:
                continue


@cache
def model_folder() -> Path:
    """A small untrained model with the n-grams and the document memory that a trained one can have."""
    from bilstm_crf.config import RunConfig
    from bilstm_crf.model.model_folder import save_model
    from bilstm_crf.training.build import build_model

    sizes = {"hidden": 4, "words.dim": 3, "characters.dim": 2, "filters": 2, "document_memory": 2}
    config = RunConfig().replace(sizes, train="x", dev="x", labels="file")
    sentence = Sentence(["Kari", "bur"], token_spans=[TokenSpan(0, 1, "PER")])
    folder = Path(tempfile.mkdtemp(prefix="fuzz-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    save_model(build_model(config, [sentence]), folder, None)
    return folder


def model_json(data: bytes) -> None:
    """A saved model whose model.json holds these bytes."""
    from bilstm_crf.inference.tagger import Tagger

    (model_folder() / "model.json").write_bytes(data)
    try:
        tagger = Tagger.load(model_folder())
    except BilstmCrfError:
        return
    assert len(tagger.predict([Sentence(["Kari", "bur"])])) == 1


def documents(data: bytes) -> None:
    """A document is refused, or becomes text that a text file can hold. Its first byte chooses the format.

    PDF is not among them: PDFium has fuzzers of its own.
    """
    kinds = ("docx", "odt", "html", "mail")
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    try:
        found = DOCUMENTS[kind].text(io.BytesIO(data[1:]), "fuzz", None)
    except InputError as error:
        if error.path != "fuzz":
            raise AssertionError("an error without the file's name") from error
        return
    assert found == running_text(iter(found.split("\n\n"))), "text that changes when it is read again"
    assert "".join(each.decode() for _, each in lines_of(io.BytesIO(found.encode()))) == found


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (conllu, columns, jsonl, brat, text, documents, labels, vectors, toml, model_json)
}
