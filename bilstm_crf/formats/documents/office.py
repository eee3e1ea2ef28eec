"""Word's and OpenDocument's text: XML in a zip archive.

python-docx, the library for Word, leaves out inserted text (its issues 340 and 1123), content controls, text
boxes and footnotes. To miss a name is the one thing that this program must not do, so the XML is read here:
every paragraph, wherever it stands.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bilstm_crf.errors import InputError

MAX_BYTES = 256 << 20  # of one part, unpacked: a million pages are less

# What zipfile raises for damaged archives, unknown methods of compression and passwords
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
)
Handle = Callable[[Element], str | None]  # the text that an element stands for itself


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


# ---------------------------------------------------------------- Word

# ECMA-376, part 1, chapter 17. Text that was deleted or moved away, properties, and what older versions of
# Word show in place of a text box, which is there already
WORD_SKIPPED = {"del", "moveFrom", "pPr", "rPr", "tblPr", "sectPr", "Fallback", "instrText", "delText"}
WORD_SIGNS = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\u2011",
    "softHyphen": "\u00ad",
}
# In the order in which they are read; there may be several of each
WORD_PARTS = ("header", "document", "footnotes", "endnotes", "comments", "footer")


def read_word(stream: BinaryIO, path: str, encoding: str | None = None) -> Iterator[str]:
    """Yield the paragraphs of a .docx: headers, body, notes, comments, footers.

    Raises InputError for a damaged document.
    """
    archive = _Archive(stream, path, "a Word document")
    names = {kind: archive.names(rf"word/{kind}\d*\.xml") for kind in WORD_PARTS}
    if not names["document"]:
        raise archive.damaged("it has no word/document.xml")
    for kind in WORD_PARTS:
        met = set()  # the headers of first, odd and even pages are often the same
        for name in names[kind]:
            paragraphs = list(_paragraphs(archive.xml(name), {"p"}, WORD_SKIPPED, _of_word))
            if kind == "document" or "\n".join(paragraphs) not in met:
                met.add("\n".join(paragraphs))
                yield from paragraphs


def _of_word(element: Element) -> str | None:
    name = local(element)
    return element.text if name == "t" else WORD_SIGNS.get(name)


# ---------------------------------------------------------------- OpenDocument

# OpenDocument 1.3, part 3. Deleted text, the number of a note, and the author and date of a comment
OPEN_SKIPPED = {"tracked-changes", "note-citation", "creator", "date", "forms", "ruby-text", "title", "desc"}
WHITE = re.compile(r"[ \t\r\n]+")  # stands for one space (6.1.2)


def read_open_document(stream: BinaryIO, path: str, encoding: str | None = None) -> Iterator[str]:
    """Yield the paragraphs of an .odt: body with notes and comments, then headers and footers.

    Raises InputError for a damaged or encrypted document.
    """
    archive = _Archive(stream, path, "an OpenDocument text")
    if not archive.names(r"content\.xml"):
        raise archive.damaged("it has no content.xml")
    if archive.names("META-INF/manifest.xml") and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise InputError("encrypted", path=path, hint="save it without a password")
    for name in archive.names(r"content\.xml") + archive.names(r"styles\.xml"):
        yield from _paragraphs(archive.xml(name), {"p", "h"}, OPEN_SKIPPED, _of_open_document, in_text=True)


def _of_open_document(element: Element) -> str | None:
    name = local(element)
    if name == "s":
        count = next((value for key, value in element.attrib.items() if key.endswith("}c")), "1")
        return " " * (min(int(count), 1000) if count.isdigit() else 1)
    return {"tab": "\t", "line-break": "\n"}.get(name)


# ---------------------------------------------------------------- both


def _paragraphs(
    root: Element, named: set[str], skipped: set[str], handle: Handle, *, in_text: bool = False
) -> Iterator[str]:
    """Yield the text of each element whose name is in `named`, including nested ones.

    A text box or a note inside a paragraph comes before it. With `in_text`, text between elements counts.
    """
    open_: list[list[str]] = []  # the parts of each paragraph that has begun
    todo: list[tuple[Element, bool]] = [(root, False)]  # with whether its content has been read
    while todo:
        element, ended = todo.pop()
        name = local(element)
        if ended:
            if name in named:
                yield "".join(open_.pop())
        elif name not in skipped:
            if name in named:
                open_.append([])
            if open_:
                open_[-1].append(handle(element) or "")
                if in_text and element.text:
                    open_[-1].append(WHITE.sub(" ", element.text))
            todo.append((element, True))
            todo += [(child, False) for child in reversed(element)]
        if (ended or name in skipped) and in_text and open_ and element.tail:
            open_[-1].append(WHITE.sub(" ", element.tail))


class _Archive:
    """A zip archive whose parts are read with a limit."""

    def __init__(self, stream: BinaryIO, path: str, kind: str) -> None:
        self._path, self._kind = path, kind
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(stream.read()))
        except ZIP_ERRORS as error:
            raise self.damaged(str(error)) from error

    def damaged(self, reason: str) -> InputError:
        return InputError(f"{self._kind}, but damaged: {reason}", path=self._path)

    def names(self, pattern: str) -> list[str]:
        """Return the names of the parts that match, in the order of their numbers."""
        found = [name for name in self._zip.namelist() if re.fullmatch(pattern, name)]
        return sorted(dict.fromkeys(found), key=lambda name: (len(name), name))

    def read(self, name: str) -> bytes:
        try:
            with self._zip.open(name) as part:
                content = part.read(MAX_BYTES + 1)
        except ZIP_ERRORS as error:
            raise self.damaged(f"{name}: {error}") from error
        if len(content) > MAX_BYTES:
            raise InputError(f"{self._kind}: {name} has more than {MAX_BYTES >> 20} MB", path=self._path)
        return content

    def xml(self, name: str) -> Element:
        content = self.read(name)
        if b"<!DOCTYPE" in content[:4096]:  # whose entities can grow without bounds
            raise self.damaged(f"{name} has a document type")
        try:
            return ElementTree.fromstring(content)
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise self.damaged(f"{name}: {error}") from error
