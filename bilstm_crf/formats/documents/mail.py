"""Mail: a message (.eml) or many (.mbox); subject, names of writers and readers, and the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import BinaryIO

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.documents.web import decode_text, decoded, paragraphs_of

HEADERS = ("From", "To", "Cc", "Subject")
EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")


def read(stream: BinaryIO, path: str, encoding: str | None = None) -> Iterator[str]:
    """Yield the paragraphs of the messages. A warning names attachments, which are not read.

    Raises InputError for a file that holds no message.
    """
    attachments: list[str] = []
    for content in messages_in(stream):
        message = message_from_bytes(content)
        if not message.keys():
            raise InputError("not a message: it has no headers such as From and Subject", path=path)
        yield from _paragraphs(message, path, encoding, attachments)
    if attachments:
        names = ", ".join(attachments[:5]) + (", …" if len(attachments) > 5 else "")
        number = "1 attachment is" if len(attachments) == 1 else f"{len(attachments):,} attachments are"
        warn(f"{number} not read: {names}", path=path)


def messages_in(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the messages of a mailbox, each behind a line `From …` (RFC 4155), or the only message."""
    lines: list[bytes] = []
    after_blank = True
    for line in stream:
        if after_blank and line.startswith(b"From "):
            if any(each.strip() for each in lines):
                yield b"".join(lines)
            lines = []
        else:
            lines.append(line[1:] if re.match(rb">+From ", line) else line)
        after_blank = not line.strip()
    if any(each.strip() for each in lines):
        yield b"".join(lines)


def _paragraphs(message: Message, path: str, encoding: str | None, attachments: list[str]) -> Iterator[str]:
    """Yield the headers and the text of a message and of the messages that it forwards."""
    headers = [(name.title(), value) for name, value in message.raw_items()]
    for wanted in HEADERS:
        for name, value in headers:
            if name == wanted and (text := header_text(value)):
                yield f"{name}: {text}"
    yield from _body(message, path, encoding, attachments)


def _body(part: Message, path: str, encoding: str | None, attachments: list[str]) -> Iterator[str]:
    kind = part.get_content_type()
    if part.is_multipart():
        inner = [each for each in part.get_payload() if isinstance(each, Message)]
        if kind == "multipart/alternative":
            inner = _chosen(inner)
        for each in inner:
            if kind == "message/rfc822":
                yield from _paragraphs(each, path, encoding, attachments)
            else:
                yield from _body(each, path, encoding, attachments)
    elif part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
        attachments.append(header_text(part.get_filename() or "") or kind)
    else:
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            charset = encoding or part.get_content_charset()
            if kind == "text/html":
                yield from paragraphs_of(decoded(content, path, charset))
            else:
                text = decode_text(content, charset, path).replace("\r\n", "\n")
                yield from EMPTY_LINES.split(text)


def _chosen(parts: list[Message]) -> list[Message]:
    """Return the one of several versions of a text to read: plain text, unless that is empty."""
    for part in parts:
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and content.strip():
                return [part]
    return [part for part in parts if part.get_content_type() != "text/plain"][-1:]


def header_text(value: object) -> str:
    """Return a header in one line, with its encoded words decoded (RFC 2047).

    >>> header_text("=?utf-8?q?=C3=85se_Br=C3=A5then?= <ase@example.no>")
    'Åse Bråthen <ase@example.no>'
    """
    raw = str(value)
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, ValueError):
        pieces = [(raw, None)]
    text = "".join(_decoded(content, charset) for content, charset in pieces)
    return re.sub(r"\s+", " ", text).strip()


def _decoded(content: bytes | str, charset: str | None) -> str:
    if isinstance(content, str):  # with bytes that are not ASCII as half surrogates
        content = content.encode("utf-8", "surrogateescape")
    for name in (charset, "utf-8", "cp1252"):
        try:
            if name is not None:
                return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("utf-8", "replace")
