"""The format of a document: a function from bytes to running text, which is read as text files are."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bilstm_crf.errors import InputError
from bilstm_crf.formats import text
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.sentence import Sentence

# Gets the stream, its name for messages, and the character encoding if the user named one
Extract = Callable[[BinaryIO, str, str | None], Iterator[str]]


@dataclass(frozen=True)
class DocumentFormat:
    """A `Format` that is read and never written."""

    name: str
    kind: str  # for messages: "a Word document"
    suffixes: tuple[str, ...]
    extract: Extract  # yields paragraphs; raises InputError for a damaged or encrypted document

    def text(self, stream: BinaryIO, path: str, encoding: str | None = None) -> str:
        """Return the running text of a document. Raises InputError as `extract`, and if it is too large."""
        try:
            return running_text(self.extract(stream, path, encoding))
        except RecursionError as error:
            raise InputError(f"{self.kind} that is nested too deeply", path=path) from error

    def read(self, stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
        """See `Format.read`."""
        content = self.text(stream, path, options.input_encoding).encode()
        yield from text.read(io.BytesIO(content), path, dataclasses.replace(options, input_encoding=None))

    def render(self, sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
        """Return the sentence as in the running text, with its entities marked."""
        return text.render(sentence, options)

    def compose(
        self, sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False
    ) -> bytes:
        """Return a line of text with the entities marked: a document itself is never written."""
        return text.compose(sentence, options, new_document=new_document)


def running_text(paragraphs: Iterator[str]) -> str:
    r"""Join paragraphs with empty lines, without what no text file holds.

    >>> running_text(iter(["Av Kari\r\nMoe ", "\t", "\ufeffOla\0 sov."]))
    'Av Kari\nMoe\n\nOla sov.\n'
    """
    kept = []
    for paragraph in paragraphs:
        plain = paragraph.translate(REMOVED).encode("utf-8", "replace").decode()
        lines = (line.strip(" \t") for line in re.split(r"\r\n|[\r\n\v\f\x85\u2028\u2029]", plain))
        # Within a paragraph an empty line would be the end of it
        if plain := "\n".join(line for line in lines if line and not line.isspace()):
            kept.append(plain)
    return "\n\n".join(kept) + "\n" if kept else ""


# NUL, byte order marks and noncharacters
REMOVED = dict.fromkeys([0, 0xFEFF, 0xFFFE, 0xFFFF])
