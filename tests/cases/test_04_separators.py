"""Cases 04, 25: blanks around separators, trailing and stray ones; and words with blanks."""

from io import BytesIO

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.columns import read, render
from bilstm_crf.sentence import TokenSpan

READABLE = {
    "blank and tab at the end": "Kari B-PER \nMoe I-PER\t\nsov O\n\n",
    "tabs at the end of blanks": "Kari _ O B-PER\t\t\nMoe _ O I-PER\t\t\nsov _ O O\t\t\n\n",
    "an empty column": "Kari\t\tB-PER\nMoe\t\tI-PER\nsov\t\tO\n\n",
    "a blank before the tab": "Kari \tB-PER\nMoe \tI-PER\nsov \tO\n\n",
    "a blank after the tab": "Kari\t B-PER\nMoe\t I-PER\nsov\t O\n\n",
    "a blank at the end": "Kari\tB-PER \nMoe\tI-PER \nsov\tO \n\n",
    "a tab at the end": "Kari\tB-PER\t\nMoe\tI-PER\t\nsov\tO\t\n\n",
    "a stray tab": "Kari B-PER\nMoe\tI-PER\nsov O\n\n",
    "a stray blank": "Kari\tB-PER\nMoe I-PER\nsov\tO\n\n",
    "tabs as a ruler": "Kari\t\tB-PER\nMoe\tI-PER\nsov\t\tO\n\n",
    "a blank between two and a tab before the third": "Kari N\tB-PER\nMoe N\tI-PER\nsov V\tO\n\n",
    "blanks before the word": "  Kari B-PER\n  Moe I-PER\nsov O\n\n",
    "an empty cell in some rows": "Kari\t\tB-PER\nMoe\tN\tI-PER\nsov\t\tO\n\n",
    "a stray tab at the end of one row": "Kari\tB-PER\nMoe\tI-PER\t\nsov\tO\n\n",
}


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_it_is_labelled_and_only_the_label_changes(content: str, end: str) -> None:
    content = content.replace("\n", end)
    sentences = list(read(BytesIO(content.encode()), "x"))
    found = [pair for s in sentences for pair in zip(s.tokens, s.labels or (), strict=True)]
    assert found == [("Kari", "B-PER"), ("Moe", "I-PER"), ("sov", "O")]
    assert b"".join(map(render, sentences)) == content.encode()
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(1, 3, "LOC")] if sentence.tokens else []
    place = content.rindex("O")
    expected = (
        (content[:place] + "I-LOC" + content[place + 1 :]).replace("I-PER", "B-LOC").replace("B-PER", "O")
    )
    assert b"".join(map(render, sentences)).decode() == expected


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
def test_an_appended_label_stands_behind_the_others(content: str) -> None:
    options = FormatOptions(label_column="append")
    sentences = list(read(BytesIO(content.encode()), "x", options))
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(0, 1, "LOC")] if sentence.tokens else []
    out = b"".join(render(sentence, options) for sentence in sentences)
    again = [s for s in read(BytesIO(out), "x", FormatOptions(label_column="last")) if s.tokens]
    assert [(s.tokens, s.labels) for s in again] == [(["Kari", "Moe", "sov"], ["B-LOC", "O", "O"])]


def test_words_may_hold_blanks_between_tabs() -> None:
    (sentence,) = read(BytesIO("Hồ Chí Minh\tB-PER\nđến\tO\n\u00a0\tO\n".encode()), "x")
    assert sentence.tokens == ["Hồ Chí Minh", "đến", "\u00a0"]


@pytest.mark.parametrize(
    ("content", "line"),
    [("Kari B-PER\n10 000 O\nkr O\n", 2), ("Kari\tB-PER\n \tO\nkr\tO\n", 2), ("Kari B-PER\n O\nkr O\n", 2)],
)
def test_a_row_with_other_columns_than_most_is_an_error(content: str, line: int) -> None:
    with pytest.raises(InputError, match=f"x, line {line}: ") as caught:
        list(read(BytesIO(content.encode()), "x"))
    assert caught.value.found == content.split("\n")[line - 1]
