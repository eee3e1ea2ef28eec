"""HTML: the text that a page shows, with a paragraph for each block."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO

from bilstm_crf.errors import warn
from bilstm_crf.util.charset import BYTE_ORDER_MARKS, is_known


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Elements without text of their own, or with text that a page does not show
SKIPPED = _names("script style template noscript title svg math iframe object audio video canvas")
INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q ruby s samp "
    "small span strike strong sub sup time tt u var wbr input select option button meter output picture "
    "source map area meta link base rt rp nobr"
)
VOID = _names("area base br col embed hr img input link meta param source track wbr")
WHITE = re.compile(r"[ \t\r\n\f]+")
CHARSET = re.compile(
    rb"<meta[^>]{0,1000}?charset[ \t\r\n]*=[ \t\r\n]*[\"']?[ \t\r\n]*([\w.:-]+)", re.IGNORECASE
)
XML_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding[ \t]*=[ \t]*[\"']([\w.:-]+)", re.IGNORECASE)
MARKS = (*BYTE_ORDER_MARKS, (codecs.BOM_UTF8, "utf-8"))
HEAD_BYTES = 4096  # a browser looks no further than 1,024


def read(stream: BinaryIO, path: str, encoding: str | None = None) -> Iterator[str]:
    """Yield the paragraphs of a page."""
    return paragraphs_of(decoded(stream.read(), path, encoding))


def decoded(content: bytes, path: str, encoding: str | None = None) -> str:
    """Return a page as text: in the encoding that is given or declared, else UTF-8, else cp1252.

    Warns if bytes cannot be decoded and are replaced.
    """
    for mark, name in MARKS:
        if content.startswith(mark) and encoding is None:
            encoding = name
    if encoding is None:
        declared = CHARSET.search(content[:HEAD_BYTES]) or XML_ENCODING.match(content[:HEAD_BYTES].lstrip())
        encoding = declared[1].decode("ascii", "replace") if declared else None
        if encoding is not None and encoding.lower().startswith("utf-16"):
            encoding = "utf-8"  # it cannot be UTF-16: the declaration was read as ASCII
    return decode_text(content, encoding, path)


def decode_text(content: bytes, declared: str | None, path: str) -> str:
    """Return bytes as text, in the declared encoding if they are that, else UTF-8, else cp1252.

    Latin-1 is read as cp1252, as by browsers (https://encoding.spec.whatwg.org).
    """
    candidates = ["utf-8", "cp1252"]
    if declared is not None and is_known(declared):
        name = codecs.lookup(declared).name
        if name != "ascii":  # whose text says that it has no other characters, but has
            candidates = ["cp1252" if name == "iso8859-1" else name, "utf-8"]
    for name in candidates:
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    text = content.decode(candidates[0], "replace")
    count = text.count("\ufffd")
    bytes_ = "1 byte is" if count == 1 else f"{count:,} bytes are"
    warn(f"{bytes_} not {candidates[0]}, and stand for unknown characters", path=path)
    return text


def paragraphs_of(page: str) -> Iterator[str]:
    r"""Yield the paragraphs of a page.

    >>> list(paragraphs_of("<p>Kari <b>Moe</b>,<br>Ås &amp; Ski<li>Ola<script>x</script>"))
    ['Kari Moe,\nÅs & Ski', 'Ola']
    """
    parser = _Parser()
    parser.feed(_with_ends(page))
    parser.close()
    parser.end_paragraph()
    return iter(parser.paragraphs)


# CDATA and the like, which browsers take for comments
_DECLARATION = re.compile(r"<!(?!--|doctype)[^>]*>", re.IGNORECASE)


def _with_ends(page: str) -> str:
    """Return a page in which whatever begins has an end, as browsers read it.

    Where it has none, html.parser begins again at each `<`, in quadratic time (CVE-2025-6069; fixed in newer
    versions of Python).
    """
    shut = page.rfind(">") + 1
    whole, rest = _DECLARATION.sub("", page[:shut]), page[shut:].replace("<", "&lt;")
    unended = whole.find("<!--", whole.rfind("-->") + 1)
    return whole + rest if unended < 0 else whole[:unended]


class _Parser(HTMLParser):
    """Collects the paragraphs of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self._text: list[str] = []
        self._skipped: list[str] = []  # open elements inside one that is not shown, and this one
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SKIPPED:
            self._skipped.append(tag)
        elif tag == "body":
            self._skipped.clear()  # an element of the head that was never closed
        if self._skipped:
            return
        if tag == "br":
            self._text.append("\n")
        elif tag not in INLINE:
            self.end_paragraph()
            self._preformatted += tag in ("pre", "textarea", "listing")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag in self._skipped:
                while self._skipped.pop() != tag:
                    pass
            return
        if tag not in INLINE and tag not in VOID:
            self.end_paragraph()
            self._preformatted -= tag in ("pre", "textarea", "listing") and self._preformatted > 0

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._text.append(data if self._preformatted else WHITE.sub(" ", data))

    def end_paragraph(self) -> None:
        """Finish a paragraph; where elements meet, white space becomes one space."""
        text = "".join(self._text)
        self._text.clear()
        if not self._preformatted:
            text = re.sub(r" *\n *", "\n", re.sub(" +", " ", text)).strip(" \n")
        if not text.strip():
            return
        # Preformatted text may hold several paragraphs
        self.paragraphs += re.split(r"\n[ \t]*\n\s*", text.strip("\r\n")) if self._preformatted else [text]
