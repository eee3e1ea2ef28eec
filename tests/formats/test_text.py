"""Plain text: words with their places in it, no text lost, memory bounded, entities marked for the eye."""

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import UsageError
from bilstm_crf.formats import FormatOptions, text
from bilstm_crf.formats.text import PARAGRAPH_BYTES, sentence_of
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.word_forms import is_invisible

SPACES = FormatOptions(tokenise="spaces")
RUNNING = FormatOptions(sentences="detect")
SPACY = FormatOptions(sentences="detect", tokenise="spacy")


def read(content: str | bytes, options: FormatOptions) -> list[Sentence]:
    data = content.encode() if isinstance(content, str) else content
    return list(text.read(BytesIO(data), "test.txt", options))


def test_blanks_part_words_and_no_break_spaces_do_not() -> None:
    (sentence,) = read("  10\u00a0000  kroner .\r\n", SPACES)
    assert sentence.tokens == ["10\u00a0000", "kroner", "."]
    assert sentence.text == "10\u00a0000  kroner ."
    assert sentence.offsets == [(0, 6), (8, 14), (15, 16)]


def test_norwegian_abbreviations_stay_whole() -> None:
    assert sentence_of("Møt meg kl. 12, f.eks. hos Kari.").tokens == [
        "Møt", "meg", "kl.", "12", ",", "f.eks.", "hos", "Kari", "."
    ]  # fmt: skip


def test_running_text_is_split_into_sentences_that_hold_all_of_it() -> None:
    content = "\ufeff  Dr. Ås bor i\nOslo. Han  gikk!\n\n\r\nEtterpå\u00a0?"
    sentences = read(content, RUNNING)
    assert [(s.text, s.line) for s in sentences if s.tokens] == [
        ("Dr. Ås bor i\nOslo.", 1),
        ("Han  gikk!", 2),
        ("Etterpå\u00a0?", 5),
    ]
    assert b"".join(text.render(s) for s in sentences).decode() == content


TEXTS = st.text(
    st.one_of(
        st.sampled_from("aå.!? \n\r\t\u00a0\u2028\u0301\ufeff"),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
    )
)


@given(TEXTS, st.sampled_from([SPACES, RUNNING, FormatOptions(), SPACY]))
def test_no_text_is_lost_and_every_word_is_where_it_says(content: str, options: FormatOptions) -> None:
    sentences = read(content, options)
    assert b"".join(text.render(s) for s in sentences) == content.encode()
    for sentence in sentences:
        assert [(sentence.text or "")[a:b] for a, b in sentence.offsets or []] == sentence.tokens
    words = "".join(word for sentence in sentences for word in sentence.tokens)
    shown, given_ = ("".join(c for c in each if not is_invisible(c)) for each in (words, content))
    assert shown == given_


@pytest.mark.parametrize("unit", ["Kari kom.\n", "Kari kom. ", "ø", "a b\n"])
def test_running_text_without_an_empty_line_is_read_in_bounded_pieces(unit: str) -> None:
    content = (unit * (3 * PARAGRAPH_BYTES // len(unit.encode()))).encode()
    sentences = read(content, RUNNING)
    assert b"".join(text.render(s) for s in sentences) == content
    assert max(len((s.text or "").encode()) for s in sentences) <= 2 * PARAGRAPH_BYTES
    if "." in unit:
        assert {s.text for s in sentences} == {"Kari kom."}
        assert sentences[-1].line == (content.count(b"\n") if "\n" in unit else 1)


def test_entities_are_marked_for_the_eye() -> None:
    (sentence,) = read("  Kari  Nordmann bor i Oslo.\n", SPACES)
    sentence.token_spans = [TokenSpan(0, 2, "PER"), TokenSpan(4, 5, "GPE_LOC")]
    assert text.render(sentence) == b"  [PER Kari  Nordmann] bor i [GPE_LOC Oslo.]\n"
    assert text.compose(Sentence(["a", "b"], text="a\nb", token_spans=[])) == b"a b\n"


def test_running_text_cannot_be_split_at_blanks_alone() -> None:
    with pytest.raises(UsageError, match="spaces tell no sentences"):
        FormatOptions(sentences="detect", tokenise="spaces")


def test_without_spacy_the_error_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['spacy'] = None\n"
        "from bilstm_crf.formats.text import sentence_of\n"
        "from bilstm_crf.errors import MissingPackageError\n"
        "try: sentence_of('Hei.', 'spacy')\n"
        "except MissingPackageError as error: print(error, error.hint)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "spacy" in said
    assert 'pip install "bilstm_crf[spacy]"' in said


def test_a_byte_order_mark_inside_running_text_comes_back() -> None:
    """In concatenated files each file begins with one."""
    content = "Kari\n\ufeffMoe sov.\n".encode()
    sentences = list(text.read(BytesIO(content), "a.txt", FormatOptions(sentences="detect")))
    assert b"".join(text.render(sentence) for sentence in sentences) == content
    assert [sentence.tokens for sentence in sentences] == [["Kari"], ["Moe", "sov", "."]]


PIECES = [
    "Kari sov.",
    " Ola",
    "å😀",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\ufeff",
    " \t",
    "\u2028",
    "Av Kari Moe",
    "\n\r\n",
]


@given(st.lists(st.sampled_from(PIECES)), st.integers(1, 40), st.sampled_from(["line", "detect"]))
def test_chunks_have_the_sentences_of_the_whole_text(parts: list[str], size: int, how: Any) -> None:
    content = "".join(parts).encode()
    options = FormatOptions(sentences=how)
    whole = list(text.read(BytesIO(content), "a", options))
    chunks = list(text.chunks(BytesIO(content), size, running=how == "detect"))
    assert b"".join(chunk.content for chunk in chunks) == content
    found = [
        sentence
        for chunk in chunks
        for sentence in text.read(
            BytesIO(chunk.content), "a", replace(options, first_line=chunk.line, first_start=chunk.start)
        )
    ]
    assert [replace(each, raw=None) for each in found if each.tokens] == [
        replace(each, raw=None) for each in whole if each.tokens
    ]


def test_a_text_without_line_ends_is_cut_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_CHUNK_BYTES", 200_000)
    content = "Kari på Ås ".encode() * 50_000
    chunks = list(text.chunks(BytesIO(content), 1_000, running=True))
    assert b"".join(chunk.content for chunk in chunks) == content
    assert len(chunks) > 2
    assert all(chunk.content.endswith(b" ") for chunk in chunks)
    assert [chunk.start for chunk in chunks[:2]] == [0, len(chunks[0].content.decode())]
