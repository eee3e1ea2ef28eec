"""What a format is: a module that reads a stream into sentences, and writes sentences as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from bilstm_crf.errors import UsageError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.charset import is_known


@dataclass(frozen=True)
class FormatOptions:
    """Options of readers and writers; each format uses those that concern it.

    Raises UsageError for a `misc_key` that cannot stand in MISC, a column that is none, and for running text
    without its tokeniser.
    """

    misc_key: str = "name"  # CoNLL-U: the key in MISC that holds the label
    # Columns: a number from 1, or a name of the header row. None: recognised by the file's form
    token_column: str | None = None
    # The same; or auto (recognised by its form), last, append (labels are written into a new column)
    label_column: str = "auto"
    # Columns with gold and predicted labels: which of them `auto` reads
    side: Literal["gold", "predicted"] = "gold"
    # The model's entity types, where labels are to be written (tag): annotation in the file is not read, and
    # columns with labels of other types are not overwritten. None: labels are read
    known_types: frozenset[str] | None = None
    input_encoding: str | None = None  # a codec's name, as cp1252; None: UTF-8
    sentences: Literal["line", "detect"] = "line"  # text: one sentence a line, or running text
    tokenise: Literal["norwegian", "spacy", "spaces"] = "norwegian"  # text, and JSONL without tokens
    keep_raw: bool = True  # False (training): keep nothing that only `render` and `compose` need
    first_line: int = 1  # CoNLL-U: the number of the stream's first line, where it is a piece of a file

    @property
    def reads_labels(self) -> bool:
        """Whether labels are wanted, so that ill-formed ones are errors."""
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


class Format(Protocol):
    """One format; a module with these names is one."""

    name: str
    suffixes: tuple[str, ...]

    def read(self, stream: BinaryIO, path: str, options: FormatOptions) -> Iterator[Sentence]:
        """The sentences of `stream`, each as soon as its last line was read; no line further is asked for.

        Raises InputError (path, line, what was found and expected) where the input is ill-formed.
        """

    def render(self, sentence: Sentence, options: FormatOptions) -> bytes:
        """The bytes the sentence was read from, with `spans` (as IOB2) in them and all else as it came.

        Sentences must have been read by this format with `keep_raw`; spans None change nothing.
        """

    def compose(
        self, sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False
    ) -> bytes:
        """The sentence, from whatever format, anew in this one; nothing for a sentence without tokens.

        `new_document`: a document begins with it, which CoNLL-U and columns say in a line of its own.

        Raises InputError for a word that this format cannot hold.
        """
