"""Documents become running text: all of it, in its order, and one clear error where there is none."""

from __future__ import annotations

import gzip
import io
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError, InputWarning, UsageError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.documents import DOCUMENTS, mail, source_of, text_of
from documents import open_document, paragraph, pdf, word, zipped


def text(name: str, content: bytes, encoding: str | None = None) -> str:
    return DOCUMENTS[name].text(io.BytesIO(content), "file", encoding)


# ---------------------------------------------------------------- Word


def test_word_gives_each_paragraph_wherever_it_stands() -> None:
    cell = "<w:tc>{}</w:tc>"
    body = (
        paragraph("Kari ", "Nord", "mann &amp; co")
        + f"<w:tbl><w:tr>{cell.format(paragraph('Oslo'))}{cell.format(paragraph('Bergen'))}</w:tr></w:tbl>"
        + "<w:sdt><w:sdtContent>" + paragraph("I et felt") + "</w:sdtContent></w:sdt>"
        + "<w:p><w:hyperlink><w:r><w:t>Lenke</w:t></w:r></w:hyperlink></w:p>"
        + "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>"
        + "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
    )  # fmt: skip
    assert text("docx", word(body)) == (
        "Kari Nordmann & co\n\nOslo\n\nBergen\n\nI et felt\n\nLenke\n\na\tb\nc\n"
    )


def test_word_shows_text_as_if_changes_were_accepted() -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    body = (
        "<w:p>" + run.format("Kari ") + f"<w:ins>{run.format('Moe ')}</w:ins>"
        + "<w:del><w:r><w:delText>Hansen </w:delText></w:r></w:del>"
        + f"<w:moveFrom>{run.format('borte')}</w:moveFrom><w:moveTo>{run.format('sov')}</w:moveTo></w:p>"
    )  # fmt: skip
    assert text("docx", word(body)) == "Kari Moe sov\n"


def test_word_has_headers_notes_comments_and_text_boxes_once() -> None:
    box = f"<w:txbxContent>{paragraph('I en boks')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>Foran </w:t></w:r><w:r><mc:AlternateContent><mc:Choice>"
        f"{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>og etter</w:t></w:r></w:p>"
    )
    found = text("docx", word(
        body, header1=paragraph("Topp"), header2=paragraph("Topp"), footer1=paragraph("Bunn"),
        footnotes=paragraph("Note"), comments=paragraph("Merknad"),
    ))  # fmt: skip
    assert found == "Topp\n\nI en boks\n\nForan og etter\n\nNote\n\nMerknad\n\nBunn\n"


# ---------------------------------------------------------------- OpenDocument


def test_open_document() -> None:
    body = (
        "<text:h>Tittel</text:h>\n  "
        "<text:p>Kari <text:span>Moe</text:span>\n   bor<text:s text:c='2'/>her<text:tab/>x"
        "<text:line-break/>y"
        "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Noten</text:p>"
        "</text:note-body></text:note> etter</text:p>"
        "<text:tracked-changes><text:p>slettet</text:p></text:tracked-changes>"
        "<text:list><text:list-item><text:p>Punkt</text:p></text:list-item></text:list>"
    )
    styles = (
        f'<x xmlns:text="{"urn:oasis:names:tc:opendocument:xmlns:text:1.0"}"><text:p>Topptekst</text:p></x>'
    )
    assert text("odt", open_document(body, styles=styles)) == (
        "Tittel\n\nNoten\n\nKari Moe bor  her\tx\ny etter\n\nPunkt\n\nTopptekst\n"
    )


# ---------------------------------------------------------------- HTML


PAGE = """<!DOCTYPE html><html><head><title>Tittel</title><style>p {}</style><meta charset="utf-8">
<script>if (a < b) document.write("<p>Nei</p>")</script></head><body>
<h1>Åse  Moe</h1><p>Av <b>Ola</b>&nbsp;Moe<br>i Bod&oslash;<!-- nei --><p>Uten slutt<ul><li>En<li>To</ul>
<table><tr><td>Kari<td>Oslo</table><noscript>Nei</noscript><pre>a
 b</pre>1 &lt; 2 &amp;amp; 3</body></html>"""


def test_html_gives_what_the_page_shows() -> None:
    assert text("html", PAGE.encode()) == (
        "Åse Moe\n\nAv Ola\u00a0Moe\ni Bodø\n\nUten slutt\n\nEn\n\nTo\n\nKari\n\nOslo\n\na\nb\n\n"
        "1 < 2 &amp; 3\n"
    )


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ("<META http-equiv=Content-Type content='text/html; charset=windows-1252'>", "cp1252"),
        ('<?xml version="1.0" encoding="iso-8859-15"?>', "iso-8859-15"),
        ("", "utf-8"),
        ("", "cp1252"),
        ("", "utf-16"),
        ("\ufeff", "utf-8"),
        ('<meta charset="no-such">', "utf-8"),
        ('<meta charset="utf-16">', "utf-8"),
    ],
)
def test_html_is_decoded_as_it_says(head: str, encoding: str) -> None:
    assert text("html", f"{head}<p>«Åse» på Ås".encode(encoding)) == "«Åse» på Ås\n"


def test_the_encoding_that_the_user_names_counts_first() -> None:
    page = '<meta charset="utf-8"><p>Ås'.encode("mac-roman")
    assert text("html", page, "mac-roman") == "Ås\n"


def test_damaged_bytes_are_replaced_with_a_warning() -> None:
    with pytest.warns(InputWarning, match="1 byte"):
        assert text("html", b'<meta charset="utf-8"><p>Kari \xff Moe') == "Kari \ufffd Moe\n"


TAGS = ["<p>", "</p>", "<b>", "<br>", "<script>", "</script>", "<td>", "<pre>", "</pre>", "<!--", "-->", "<!"]


@given(st.lists(st.sampled_from([*TAGS, "<", ">", "&", "&#0;", "&am", "a", " ", "\n", "\ufeff"])))
def test_any_page_is_read(parts: list[str]) -> None:
    found = text("html", "".join(parts).encode())
    assert "\0" not in found
    assert found == "" or (found.endswith("\n") and not found.startswith("\n") and "\n\n\n" not in found)


@pytest.mark.parametrize("unit", ["<!--", "<a ", "<![CDATA[", "<a b='", "</", "<!x", "<script><!--", "<?"])
@pytest.mark.parametrize("end", ["", ">", "-->", ">Kari<!"])
def test_a_page_without_ends_takes_no_quadratic_time(unit: str, end: str) -> None:
    """Which would be minutes here, by versions of Python that lack a fix."""
    text("html", (unit * 30_000 + end).encode())


# ---------------------------------------------------------------- mail


def message(**headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Åse Bråthen <ase@avisen.example>"
    made["To"] = "Kari Moe <kari@avisen.example>"
    made["Subject"] = "Møte i Bodø"
    for name, value in headers.items():
        made[name] = value
    return made


HEAD = """From: Åse Bråthen <ase@avisen.example>

To: Kari Moe <kari@avisen.example>

Subject: Møte i Bodø

"""


@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
def test_mail_is_decoded(transfer: str) -> None:
    made = message()
    made.set_content("Hei, Kari på Ås!\n\nHilsen Åse\n", cte=transfer)
    assert text("mail", bytes(made)) == HEAD + "Hei, Kari på Ås!\n\nHilsen Åse\n"


def test_of_two_versions_of_a_mail_the_plain_one_is_read_and_html_without_it() -> None:
    made = message()
    made.set_content("Ren tekst")
    made.add_alternative("<p>Med <b>stil</b>", subtype="html")
    assert text("mail", bytes(made)) == HEAD + "Ren tekst\n"
    alone = message()
    alone.set_content("<p>Hei&nbsp;Åse<p>Ola", subtype="html", charset="iso-8859-1")
    assert text("mail", bytes(alone)) == HEAD + "Hei\u00a0Åse\n\nOla\n"


def test_attachments_are_named_and_not_read_and_forwarded_mail_is() -> None:
    forwarded = message()
    forwarded.set_content("Inni")
    made = message()
    made.set_content("Ytre")
    made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="søknad.pdf")
    made.add_attachment("nei", filename="b.txt")
    made.add_attachment(forwarded)
    with pytest.warns(InputWarning, match=r"2 attachments are not read: søknad\.pdf, b\.txt"):
        assert text("mail", bytes(made)) == HEAD + "Ytre\n\n" + HEAD + "Inni\n"


def test_a_mailbox_holds_messages() -> None:
    made = message()
    made.set_content("Hei\n\n>From Oslo\n")
    box = b"".join(
        b"From a@b Mon Jan  1\n" + bytes(made).replace(b"\n>From", b"\n>>From") + b"\n" for _ in range(3)
    )
    assert text("mail", box) == "\n".join([HEAD + "Hei\n\n>From Oslo\n"] * 3)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b"=?utf-8?q?=C3=85se?= =?utf-8?q?_Moe?=", "Åse Moe"),
        (b"=?iso-8859-1?B?xXNl?=", "Åse"),
        ("Åse".encode(), "Åse"),
        ("Åse".encode("cp1252"), "Åse"),
        (b"=?no-such?q?Kari?=", "Kari"),
        (b"=?utf-8?b?broken", "=?utf-8?b?broken"),
        (b"Kari\n Moe", "Kari Moe"),
    ],
)
def test_headers_are_decoded_as_far_as_they_can_be(header: bytes, shown: str) -> None:
    assert text("mail", b"Subject: " + header + b"\n\nx\n") == f"Subject: {shown}\n\nx\n"


def test_mail_that_is_nested_too_deep_is_refused() -> None:
    part = "Content-Type: multipart/mixed; boundary=b{0}\n\n--b{0}\n"
    nested = "".join(part.format(number) for number in range(3_000))
    with pytest.raises(InputError, match="nested too deep"):
        text("mail", nested.encode() + b"\nhei\n")


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(InputError, match="no headers"):
        text("mail", b"\nBare tekst\n")
    assert list(mail.messages_in(io.BytesIO(b""))) == []


# ---------------------------------------------------------------- PDF


def test_pdf_pages_are_joined_where_a_sentence_goes_on() -> None:
    pytest.importorskip("pypdfium2")
    content = pdf(["Kari Nordmann på Ås", "bor (ennå) i"], ["huset sitt."], ["Ola sov."])
    assert text("pdf", content) == "Kari Nordmann på Ås\nbor (ennå) i\nhuset sitt.\n\nOla sov.\n"


def test_pdf_without_text_is_refused_and_with_some_pages_without_is_warned_about() -> None:
    pytest.importorskip("pypdfium2")
    with pytest.raises(InputError, match="without text") as caught:
        text("pdf", pdf([], []))
    assert "OCR" in (caught.value.hint or "")
    with pytest.warns(InputWarning, match="1 of 2 pages"):
        assert text("pdf", pdf(["Kari"], [])) == "Kari\n"


@pytest.mark.parametrize("content", [b"%PDF-1.4 nothing", pdf(["Kari"])[:200], b""])
def test_a_damaged_pdf_is_an_input_error(content: bytes) -> None:
    pytest.importorskip("pypdfium2")
    with pytest.raises(InputError, match="damaged") as caught:
        text("pdf", content)
    assert "Success" not in caught.value.message


# ---------------------------------------------------------------- kinds of files


BROKEN = zipped({"word/document.xml": "<w:document"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("docx", b"", "damaged"),
        ("docx", b"PK\x03\x04 and more", "damaged"),
        ("docx", word(paragraph("Kari"))[:-30], "damaged"),
        ("docx", BROKEN, "damaged: word/document.xml"),
        ("docx", zipped({"a": ""}), "no word/document.xml"),
        ("docx", zipped({"word/document.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}), "document type"),
        ("odt", zipped({"mimetype": "x"}), "no content.xml"),
        ("odt", open_document("", **{"META-INF/manifest": "<x><encryption-data/></x>"}), "encrypted"),
    ],
)
def test_a_damaged_document_is_an_input_error(name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        text(name, content)
    assert str(caught.value).startswith("file: ")


def test_a_part_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bilstm_crf.formats.documents.office.MAX_BYTES", 1 << 20)
    with pytest.raises(InputError, match="more than 1 MB"):
        text("docx", word(paragraph("a" * (2 << 20))))


def test_deep_nesting_costs_no_stack() -> None:
    deep = "<w:sdt>" * 50_000 + paragraph("Kari") + "</w:sdt>" * 50_000
    assert text("docx", word(deep)) == "Kari\n"


PDF = pdf(["Kari"])
SHEET = zipped({"xl/workbook.xml": "<x/>"})
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", PDF, ["a PDF", "its name ends in .txt", "--format pdf"]),
        ("a.conllu", word(""), ["a Word document", "--format docx"]),
        ("a.docx", PDF, ["a PDF", ".docx", "*.pdf"]),
        ("a.docx", OLD, ["old Office", "save it as .docx"]),
        ("a.docx", OLD + "EncryptedPackage".encode("utf-16-le"), ["encrypted", "without a password"]),
        ("a.docx", SHEET, ["a spreadsheet"]),
        ("a.doc", OLD, ["old Word", "save it as .docx"]),
        ("a.doc", b"{\\rtf1 }", ["RTF", "save it as .docx"]),
        ("a.rtf", b"{\\rtf1 }", ["RTF", "save it as .docx"]),
        ("a.xlsx", SHEET, ["a spreadsheet"]),
        ("a.zip", zipped({"a.txt": "Kari"}), ["a zip archive", "unpack"]),
        ("a.msg", OLD, ["Outlook message", ".eml"]),
        ("a.jpg", b"\xff\xd8\xff\xe0", ["an image", "OCR"]),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0", ["an image", "its name ends in .txt"]),
        ("a.txt", gzip.compress(b"Kari", mtime=0), ["a gzip file", ".gz"]),
    ],
)
def test_a_file_that_cannot_be_read_is_named_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, said: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((InputError, UsageError)) as caught:
        source_of(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    for each in said:
        assert each in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.docx", word(""), "docx"),
        ("a.odt", open_document(""), "odt"),
        ("A.HTML", b"Kari", "html"),
        ("a.html.gz", gzip.compress(b"Kari", mtime=0), "html"),
        ("a.eml", b"Subject: a\n", "mail"),
        ("a.pdf", PDF, "pdf"),
        ("article", PDF, "pdf"),
        ("article.old", word(""), "docx"),
        ("article", b"\n <!DOCTYPE html><p>Kari", "html"),
        ("a.txt", b"Kari", "text"),
        ("a.conllu", b"", "conllu"),
    ],
)
def test_a_file_is_recognised(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert source_of(str(path)).name == found
    with pytest.raises(UsageError, match="suffix"):
        source_of(str(tmp_path / "absent"))


def test_a_page_under_txt_is_read_as_text_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("<html><p>Kari")
    with pytest.warns(InputWarning, match="--format html"):
        assert source_of(str(path)).name == "text"
    assert source_of(str(path), "html").name == "html"


# ---------------------------------------------------------------- sentences


def test_sentences_have_places_in_the_text_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(
        word(paragraph("Av Kari Moe") + paragraph("Ola sov. Han", " drømte.") + paragraph("Slutt"))
    )
    whole = text_of(str(path))
    options = FormatOptions(sentences="detect", input_encoding="cp1252")
    with open(path, "rb") as stream:
        sentences = [each for each in DOCUMENTS["docx"].read(stream, str(path), options) if each.tokens]
    assert [each.text for each in sentences] == ["Av Kari Moe", "Ola sov.", "Han drømte.", "Slutt"]
    for each in sentences:
        assert each.origin is not None
        assert each.origin.file == str(path)
        assert whole[each.origin.start :].startswith(each.text or "-")
        assert (each.text or "-") in whole.split("\n")[each.origin.line - 1]
