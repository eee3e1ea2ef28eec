"""The protocol of a format: a module that reads a stream into sentences and writes sentences as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from bilstm_crf.errors import UsageError
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.charset import is_known


@dataclass(frozen=True)
class FormatOptions:
    """Options of readers and writers; each format uses those that concern it.

    Raises UsageError for an invalid `misc_key`, column or encoding, and for sentence detection without a
    tokeniser.
    """

    misc_key: str = "name"  # CoNLL-U: key of the label in MISC
    token_column: str | None = None  # columns: a number from 1 or a name in the header; None: recognised
    label_column: str = "auto"  # the same; or auto (recognised), last, append (write a new column)
    side: Literal["gold", "predicted"] = "gold"  # which of two columns of labels `auto` reads
    # The model's entity types if labels will be written (tag): annotation in the file is not read, and
    # columns with labels of other types are not overwritten. None: labels are read
    known_types: frozenset[str] | None = None
    input_encoding: str | None = None  # name of a codec, such as cp1252; None: UTF-8
    sentences: Literal["line", "detect"] = "line"  # text: one sentence a line, or detected
    tokenise: Literal["norwegian", "spacy", "spaces"] = "norwegian"  # text, and JSONL without tokens
    keep_raw: bool = True  # False (training): drop what only `render` and `compose` need
    first_line: int = 1  # CoNLL-U, text: the number of the stream's first line, if it is a chunk of a file
    first_start: int = 0  # text: the position of its first character

    @property
    def reads_labels(self) -> bool:
        """Whether labels are read, so that ill-formed ones are errors."""
        return self.known_types is None

    def __post_init__(self) -> None:
        if not self.misc_key or set(self.misc_key) & set("|=\t\r\n"):
            raise UsageError(
                f"--misc-key {self.misc_key!r} cannot stand in MISC: expected a name such as `name`"
            )
        for option, column in (("--token-column", self.token_column), ("--label-column", self.label_column)):
            if column is not None and (not column.strip() or column.lstrip("-+").strip("0") == ""):
                raise UsageError(
                    f"{option} {column!r}: expected a number from 1, or a name of the header row"
                )
        if self.input_encoding is not None and not is_known(self.input_encoding):
            raise UsageError(
                f"--input-encoding {self.input_encoding!r}: no such character encoding",
                hint="known, among others: utf-8 cp1252 latin-1 utf-16 cp865 mac-roman",
            )
        if (self.sentences, self.tokenise) == ("detect", "spaces"):
            raise UsageError("running text is split by the Norwegian tokeniser: spaces tell no sentences")


DEFAULTS = FormatOptions()

SCORE_DECIMALS = 4


def scored_spans(sentence: Sentence) -> Iterator[tuple[TokenSpan, float | None]]:
    """Return the token spans of a sentence, each with its score if that was computed."""
    spans = sentence.token_spans or ()
    scores: Sequence[float | None] = [None] * len(spans) if sentence.scores is None else sentence.scores
    return zip(spans, scores, strict=True)


def rounded(score: float | None) -> float | None:
    """Return a score as outputs show it."""
    return None if score is None else round(float(score), SCORE_DECIMALS)


class Format(Protocol):
    """One format: a module with these names."""

    @property
    def name(self) -> str:
        """The name in `--format`."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of its files; the first is that of outputs."""

    def read(self, stream: BinaryIO, path: str, options: FormatOptions) -> Iterator[Sentence]:
        """Yield the sentences of `stream`, each before a line after it is read.

        Raises InputError with path and line for ill-formed input.
        """

    def render(self, sentence: Sentence, options: FormatOptions) -> bytes:
        """Return the bytes that the sentence was read from, with `spans` as its labels (IOB2).

        The sentence was read by this format with `keep_raw`. If `spans` is None, nothing changes.
        """

    def compose(
        self, sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False
    ) -> bytes:
        """Return a sentence from any format in this one; nothing for a sentence without tokens.

        `new_document`: it begins a document, for which CoNLL-U and columns have a line. Raises InputError
        for a word that this format cannot hold.
        """
