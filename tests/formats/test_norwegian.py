"""The tokeniser and sentence splitter: NDT's conventions, headlines, wrapped paragraphs, exact offsets."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats import norwegian

# One sentence of each: the tokens with blanks between
TOKENS = {
    "abbreviations": "Hun kom kl. 12 med bl.a. Kari , jf. St.meld. nr. 5 .",
    "initials": "Forfatteren var J. K. Rowling , ikke I.B. Hansen .",
    "names with abbreviations": "Dr. Ås og St. Olav møtte Mrs. Smith .",
    "ordinals": "Den 17. mai er 2. etasje åpen , men ikke 29.-30. juni .",
    "a date": "Kari er født 17. 5. 1905 og 12.05.1980 .",
    "companies": "Berg A/S eier Moe ANS og A/S-en .",
    "numbers": "Det koster 1 200,50 kroner eller 17.000 eller kr 5000,- her .",
    "percent and paragraph signs": "Det er 50 % etter § 3 og §§ 7 og 8 .",
    "compounds": "Nord-Norge og Høyre-leder , hotell- og 1980-tallet , 11.-plass .",
    "en dashes in words": "NATO–Russland-rådet møttes 2001–2005 .",
    "genitives": "Hellas' EU's på'n O'Connor TV´n .",
    "addresses": "Se https://avisen.example/a?b=c , www.oslo.example og kari.nordmann@oslo.example .",
    "sites": "Dagbladet.no og firda.no-skiltene er her .",
    "handles": "Hei @kari #valg .",
    "ellipses": "Han ... ja ,  [ … ] nei ...",
    "quotes": '« Hei » , sa „ hun ” og " han " .',
    "letters and digits": "CO2-frie TV2 , G-20 og PB.160 .",
    "temperatures": "Det er -6°C og 70° her .",
    "units": "Farten er 90 km/t .",
}


def tokens_of(text: str) -> list[list[str]]:
    return [[text[a:b] for a, b in sentence] for sentence in norwegian.sentences(text)]


@pytest.mark.parametrize("sentence", TOKENS.values(), ids=TOKENS)
def test_tokens_are_those_of_the_treebank(sentence: str) -> None:
    assert tokens_of(sentence) == [sentence.split()]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("(journ.anm.) her", "( journ. anm. ) her"),
        ("kl.12 og 19.plass", "kl. 12 og 19. plass"),
        ("den 22.juli-rapporten", "den 22.juli-rapporten"),
        ("vant 2-1 (1-0)", "vant 2 - 1 ( 1 - 0 )"),
        ("26 juli-10 august", "26 juli - 10 august"),
        ("4-5-årsalderen", "4-5-årsalderen"),
        ("og/eller", "og / eller"),
        ("-Sover du, «Hero» -filmen", "- Sover du , « Hero » -filmen"),
        ("Fr.p.-gruppen og Ap.s leder", "Fr.p.-gruppen og Ap.s leder"),
        ("(se m.v.) ja", "( se m.v. ) ja"),
        ("«Hei!» sa han.", "« Hei ! » sa han ."),
        ("Det var i 1996.", "Det var i 1996 ."),
        ("Alt er stort m.v.", "Alt er stort m.v ."),
        ("Hva?! Nei!!", "Hva ? ! Nei ! !"),
        ("50% av 'Jets'", "50 % av ' Jets '"),
    ],
)
def test_tokens_that_touch_are_taken_apart(text: str, tokens: str) -> None:
    assert [token for sentence in tokens_of(text) for token in sentence] == tokens.split()


@pytest.mark.parametrize(
    "sentences",
    [
        ["Ola er i 2. etasje.", "Han er 3.", "Det er bra."],
        ["Hun møtte J. Moe.", "Det var hos St. Olav, kl. 12, f.eks. Moe, bl.a. Ås osv.", "Ja."],
        ["Han sa:", "«Jeg kommer.»", "Så gikk han."],
        ["«Kommer du?» spurte Ola.", "- Nei!", "- Jo ..."],
        ["Vi bor i U.S.A.", "Det er bra."],
        ["(Det er en test.)", "[Ja.]", "Se Hero (spillet: Tour) der."],
        ["Tre ting: brød, vin og vann."],
        ["jeg kom hjem.", "så spiste jeg."],
        ["Han dro hjem.", "20 personer ble igjen."],
    ],
)
def test_sentences_of_a_line(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[s[0][0] : s[-1][1]] for s in norwegian.sentences(text)] == sentences


def test_a_missing_blank_hides_no_sentence_end() -> None:
    assert tokens_of("Han kom hjem.Hun gikk.") == [["Han", "kom", "hjem", "."], ["Hun", "gikk", "."]]


LINES = {
    "headline and byline": ["Kari Nordmann til Oslo", "Av Ola Nordmann", "Kari Hansen bur i Bergen."],
    "headline that ends with a preposition": [
        "Ordføreren går av",
        "Av Ola Nordmann",
        "Kari Hansen bur i Bergen.",
    ],
    "list": ["Handleliste", "- Brød", "- 2 l melk", "1. Ost", "2. Egg", "a) rød", "• salt"],
    "recipe": ["4 grove lefser", "8 salatblad", "Ein avocado", "Salt og peppar"],
    "an abbreviation before a line end": ["Vi har brød, vin osv.", "Per Hansen"],
    "long headline over paragraphs": [
        "Den nye statsministeren fikk mye ros i Oslo",
        "Av Ola Nordmann",
        "Statsminister Kari Moe kom til Oslo i går sammen med mange andre ministre fra regjeringen i landet.",
    ],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", " \n \n\t"])
def test_a_headline_byline_or_list_item_is_a_sentence(lines: list[str], end: str) -> None:
    text = end.join(lines)
    assert [text[s[0][0] : s[-1][1]] for s in norwegian.sentences(text)] == lines


PARAGRAPH = """\
Den nye statsministeren i landet fikk mye ros da hun besøkte fylkeslaget i
Telemark i går kveld, og der møtte hun både fylkesordføreren og ordføreren,
Ola Nordmann, som sa kl. 12 at han ikke hadde sett så mange mennesker på
lenge. Etterpå dro hun til Skien."""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_wrapped_paragraph_is_no_list_of_sentences(end: str) -> None:
    text = PARAGRAPH.replace("\n", end)
    sentences = [text[s[0][0] : s[-1][1]] for s in norwegian.sentences(text)]
    assert sentences == [text.split(" Etterpå")[0], "Etterpå dro hun til Skien."]


def test_a_line_that_ends_with_a_preposition_goes_on() -> None:
    assert len(tokens_of("Dr. Ås bor i\nOslo, og\nKari flyttet den\n17. mai til Bergen")) == 1


@given(st.text(st.sampled_from("aÅ1.:?-–'’»«()/@& \n\r\u00a0\u200b\u0301,xkl")))
def test_offsets_are_exact_and_hold_every_character(text: str) -> None:
    sentences = norwegian.sentences(text)
    assert all(sentences)
    reached = 0
    for start, end in (span for sentence in sentences for span in sentence):
        assert reached <= start < end
        assert not text[reached:start].replace("\u200b", "").strip()
        assert not any(character.isspace() for character in text[start:end])
        reached = end
    assert not text[reached:].replace("\u200b", "").strip()
    assert norwegian.words(text) == [span for sentence in sentences for span in sentence]


def test_it_imports_neither_spacy_nor_numpy() -> None:
    script = (
        "import sys\n"
        "from bilstm_crf.formats import norwegian\n"
        "norwegian.sentences('Kari sov.')\n"
        "print([name for name in ('spacy', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
