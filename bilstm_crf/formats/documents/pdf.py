"""PDF: the text of its pages, by PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

from bilstm_crf.errors import InputError, MissingPackageError, warn
from bilstm_crf.util.extras import optional_import


def read(stream: BinaryIO, path: str, encoding: str | None = None) -> Iterator[str]:
    """Yield the text of the pages, joined where a sentence goes on.

    Raises InputError for a damaged or encrypted PDF and for one without text, MissingPackageError without
    pypdfium2.
    """
    content = stream.read()
    try:
        with optional_import():
            import pypdfium2
    except MissingPackageError as error:
        raise MissingPackageError("a PDF, which needs an extra", path=path, hint=error.hint) from error
    try:
        with closing(pypdfium2.PdfDocument(content)) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError("an encrypted PDF", path=path, hint="save it without a password") from error
        reason = str(error).partition("PDFium: ")[2].rstrip(").") or str(error)
        if reason == "Success":  # PDFium's word for no reason
            reason = "it cannot be opened"
        raise InputError(f"a PDF, but damaged: {reason}", path=path) from error
    pages = [page.replace("\r\n", "\n").strip() for page in pages]
    empty = sum(not page for page in pages)
    if empty == len(pages):
        raise InputError(
            "a PDF without text, perhaps scanned", path=path, hint="recognise its text (OCR), then tag that"
        )
    if empty:
        warn(f"{empty} of {len(pages)} pages have no text, perhaps because they were scanned", path=path)
    return joined([page for page in pages if page])


def joined(pages: list[str]) -> Iterator[str]:
    r"""Yield the pages; a page that begins inside a sentence is joined to the one before.

    >>> list(joined(["Kari bor i", "Oslo.", "Ola sov i", "går."]))
    ['Kari bor i', 'Oslo.', 'Ola sov i\ngår.']
    """
    text = ""
    for page in pages:
        if text and text[-1] not in ".?!:" and page[0].islower():
            text += "\n" + page
            continue
        if text:
            yield text
        text = page
    if text:
        yield text
