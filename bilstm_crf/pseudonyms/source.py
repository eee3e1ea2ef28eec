"""A file to pseudonymise: its bytes, read again when they are needed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, cast

from bilstm_crf.formats import Format
from bilstm_crf.util.charset import BLOCK, Transcoder, is_utf8
from bilstm_crf.util.files import open_input, shown


@dataclass
class Source:
    """A file of the corpus. Its content may be given: the text of a document; standard input, read once."""

    path: str
    name: str  # of the output
    format: Format
    encoding: str | None = None  # None: UTF-8
    content: bytes | None = None

    def read(self) -> bytes:
        """Return the bytes, decompressed. Raises InputError if that cannot be done."""
        if self.content is not None:
            return self.content
        with open_input(self.path) as stream:
            content = stream.read()
        if self.path == "-":
            self.content = content
        return content

    def stream(self, content: bytes) -> BinaryIO:
        """Return the bytes in UTF-8. Reading raises InputError for bytes of another encoding."""
        stream = io.BytesIO(content)
        if self.encoding is None or is_utf8(self.encoding):
            return stream
        return cast(BinaryIO, io.BufferedReader(Transcoder(stream, self.encoding, shown(self.path)), BLOCK))
