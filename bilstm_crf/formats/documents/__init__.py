"""Read documents that are not text files: Word, OpenDocument, HTML, mail and PDF.

Each gives running text: paragraphs with an empty line between them, a line break where the document has one.
`Sentence.origin` counts lines and code points of this text, which `text_of` returns.
"""

from __future__ import annotations

import os

from bilstm_crf.errors import InputError, UsageError, warn
from bilstm_crf.formats import SUFFIXES, Format, format_of
from bilstm_crf.formats.documents import mail, office, pdf, web
from bilstm_crf.formats.documents.base import DocumentFormat
from bilstm_crf.formats.documents.recognise import BY_SUFFIX, HTML, OLD_OFFICE, ZIP, Kind, kind_in
from bilstm_crf.util.files import is_gzip, open_input, shown, suffix_of

__all__ = ["DOCUMENTS", "DOCUMENT_SUFFIXES", "DocumentFormat", "source_of", "text_of"]

DOCUMENTS: dict[str, DocumentFormat] = {
    document.name: document
    for document in (
        DocumentFormat("docx", "a Word document", (".docx", ".docm"), office.read_word),
        DocumentFormat("odt", "an OpenDocument text", (".odt",), office.read_open_document),
        DocumentFormat("html", "an HTML page", (".html", ".htm", ".xhtml"), web.read),
        DocumentFormat("mail", "mail", (".eml", ".mbox"), mail.read),
        DocumentFormat("pdf", "a PDF", (".pdf",), pdf.read),
    )
}
DOCUMENT_SUFFIXES = {suffix: each for each in DOCUMENTS.values() for suffix in each.suffixes}


def source_of(path: str, name: str | None = None, encoding: str | None = None) -> Format:
    """Return the format of a file, a document's or another, as `format_of` does.

    Raises InputError for a file whose content is not what its name says, or of a kind that is not read
    (a spreadsheet); UsageError for an image, and as `format_of`.
    """
    if name in DOCUMENTS:
        return DOCUMENTS[name]
    suffix = suffix_of(path)
    expected = DOCUMENT_SUFFIXES.get(suffix) if name is None else None
    found = None if is_gzip(path) else kind_in(path)
    if expected is not None:
        if found is not None and found.document != expected.name:
            raise _unexpected(found, path, suffix)
        return expected
    if found is HTML and (suffix in SUFFIXES or name is not None):
        warn("looks like HTML, but is read as text; --format html reads the page", path=path)
    elif found is not None and found.document is not None and name is None and suffix not in SUFFIXES:
        return DOCUMENTS[found.document]
    elif found is not None:
        raise _unexpected(found, path, suffix)
    if name is None and suffix in BY_SUFFIX and os.path.lexists(path):
        raise _unread(BY_SUFFIX[suffix], path)
    return format_of(path, name, encoding)


def _unexpected(found: Kind, path: str, suffix: str) -> InputError | UsageError:
    """Return the error for a file that is not what its name or `--format` says."""
    meant = BY_SUFFIX.get(suffix)
    if meant is not None and found in (meant, OLD_OFFICE, ZIP):  # of which the suffix says more
        return _unread(meant, path)
    named = f", although its name ends in {suffix}" if suffix else ""
    if found.document is not None:
        suffixes = DOCUMENTS[found.document].suffixes
        return InputError(
            f"{found.kind}{named}",
            path=path,
            hint=f"rename it to *{suffixes[0]}, or give --format {found.document}",
        )
    error = InputError if found.has_text or suffix in SUFFIXES or suffix in DOCUMENT_SUFFIXES else UsageError
    return error(f"{found.kind}{named}", path=path, hint=found.hint)


def _unread(kind: Kind, path: str) -> InputError | UsageError:
    """Return the error for a kind of file that is not read."""
    error = InputError if kind.has_text else UsageError
    return error(f"{kind.kind}, which cannot be read", path=path, hint=kind.hint)


def text_of(path: str, name: str | None = None, encoding: str | None = None) -> str:
    """Return the running text of a document, in which offsets count. Raises as `source_of` and `extract`."""
    source = source_of(path, name, encoding)
    if not isinstance(source, DocumentFormat):
        kinds = ", ".join(DOCUMENT_SUFFIXES)
        raise InputError(f"not a document: expected one of {kinds}", path=path)
    with open_input(path, as_text=False) as stream:
        return source.text(stream, shown(path), encoding)
