"""What a format is: a module that reads a stream into sentences, and writes sentences as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from bilstm_crf.errors import UsageError
from bilstm_crf.sentence import Sentence


@dataclass(frozen=True)
class FormatOptions:
    """What a reader and a writer must be told; each format looks at what concerns it.

    Raises UsageError for a `key` that cannot stand in MISC, and for running text without its tokeniser.
    """

    key: str = "name"  # CoNLL-U: the key in MISC that holds the label
    label_column: Literal["auto", "last", "append"] = "auto"  # columns: the last one, a new one, or as found
    split: Literal["lines", "running"] = "lines"  # text: one sentence a line, or running text
    tokenise: Literal["norwegian", "spaces"] = "norwegian"  # text, and JSONL without tokens
    keep_raw: bool = True  # False (training): keep nothing that only `render` and `compose` need
    first_line: int = 1  # CoNLL-U: the number of the stream's first line, where it is a piece of a file

    def __post_init__(self) -> None:
        if not self.key or set(self.key) & set("|=\t\r\n"):
            raise UsageError(f"the key {self.key!r} cannot stand in MISC: expected a name such as `name`")
        if (self.split, self.tokenise) == ("running", "spaces"):
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
