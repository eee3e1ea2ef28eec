"""Recognise the kind of a file by its first bytes, whatever its name says."""

from __future__ import annotations

import os
import zipfile
from typing import BinaryIO, NamedTuple

HEAD_BYTES = 1024
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # Office files with a password ([MS-OFFCRYPTO] 2.3)


class Kind(NamedTuple):
    """A kind of file: the name of its `DocumentFormat` if it can be read, else what to do with it."""

    kind: str
    hint: str = ""
    document: str | None = None
    has_text: bool = True  # False: nobody expects that it is read, among others in a folder


WORD = Kind("a Word document", document="docx")
OPEN_DOCUMENT = Kind("an OpenDocument text", document="odt")
PDF = Kind("a PDF", document="pdf")
HTML = Kind("an HTML page", document="html")
OLD_WORD = Kind("an old Word document (.doc)", "save it as .docx")
OLD_OFFICE = Kind("an old Office file (.doc, .xls, .ppt, .msg)", "save it as .docx or .pdf")
LOCKED = Kind("an encrypted Office file", "save it without a password")
RTF = Kind("RTF", "save it as .docx")
SPREADSHEET = Kind("a spreadsheet", "save the column with the texts as a .txt file")
PRESENTATION = Kind("a presentation", "save it as .pdf")
BOOK = Kind("an e-book", "save it as .html or .pdf")
OUTLOOK = Kind("an Outlook message", "save it as .eml")
PAGES = Kind("a Pages document", "save it as .docx")
ZIP = Kind("a zip archive", "unpack it first")
PACKED = Kind("a packed archive", "unpack it first")
GZIP = Kind("a gzip file", "its name must end in .gz")
IMAGE = Kind("an image", "recognise its text (OCR) first", has_text=False)
SOUND = Kind("sound or video", "transcribe it first", has_text=False)

BY_SUFFIX: dict[str, Kind] = {
    suffix: kind
    for kind, suffixes in {
        OLD_WORD: ".doc .dot .wps",
        RTF: ".rtf",
        SPREADSHEET: ".xlsx .xls .xlsm .ods .numbers",
        PRESENTATION: ".pptx .ppt .odp .key",
        BOOK: ".epub .mobi .azw3",
        OUTLOOK: ".msg .pst",
        PAGES: ".pages",
        ZIP: ".zip",
        PACKED: ".7z .rar .tar .tgz .bz2 .xz .zst",
        IMAGE: ".jpg .jpeg .png .gif .tif .tiff .bmp .webp .heic .svg",
        SOUND: ".mp3 .m4a .wav .ogg .flac .mp4 .mov .avi .mkv .webm",
    }.items()
    for suffix in suffixes.split()
}

MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"%PDF-", PDF),
    (b"{\\rtf", RTF),
    (b"\x1f\x8b", GZIP),
    (b"BZh", PACKED),
    (b"\xfd7zXZ\0", PACKED),
    (b"\x28\xb5\x2f\xfd", PACKED),
    (b"7z\xbc\xaf\x27\x1c", PACKED),
    (b"Rar!\x1a\x07", PACKED),
    (b"\xff\xd8\xff", IMAGE),
    (b"\x89PNG\r\n\x1a\n", IMAGE),
    (b"GIF87a", IMAGE),
    (b"GIF89a", IMAGE),
    (b"II*\0", IMAGE),
    (b"MM\0*", IMAGE),
    (b"ID3", SOUND),
    (b"OggS", SOUND),
    (b"fLaC", SOUND),
)
# Parts of a zip archive that tell what it is
PARTS = (
    ("word/document.xml", WORD),
    ("xl/workbook.xml", SPREADSHEET),
    ("xl/workbook.bin", SPREADSHEET),
    ("ppt/presentation.xml", PRESENTATION),
    ("META-INF/container.xml", BOOK),
    ("Index/Document.iwa", PAGES),
)
MIME_TYPES = (
    ("application/vnd.oasis.opendocument.text", OPEN_DOCUMENT),
    ("application/vnd.oasis.opendocument.spreadsheet", SPREADSHEET),
    ("application/vnd.oasis.opendocument.presentation", PRESENTATION),
    ("application/epub+zip", BOOK),
)


def kind_in(path: str) -> Kind | None:
    """Return the kind of a file by its content; None for text, and if it cannot be opened."""
    if not os.path.isfile(path):  # a pipe can be read only once
        return None
    try:
        with open(path, "rb") as stream:
            return _kind_in(stream)
    except OSError:
        return None  # the reader of the file raises


def _kind_in(stream: BinaryIO) -> Kind | None:
    head = stream.read(HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return _zipped(stream)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        stream.seek(0)
        return LOCKED if ENCRYPTED in stream.read(1 << 20) else OLD_OFFICE
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return IMAGE if head[8:12] == b"WEBP" else SOUND
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in start):
        return HTML
    return None


def _zipped(stream: BinaryIO) -> Kind:
    """Return what kind of document a zip archive is."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = frozenset(archive.namelist())
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    type_ = part.read(100).decode("ascii", "replace").strip()
                for mime, kind in MIME_TYPES:
                    if type_.startswith(mime):
                        return kind
    except Exception:  # damaged in one of many ways: the reader says how
        return ZIP
    return next((kind for name, kind in PARTS if name in names), ZIP)
