"""Columns: whatever parts them, the label alone changes, and no word is cut at a no-break space."""

from io import BytesIO

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bilstm_crf.formats import FormatOptions, columns
from bilstm_crf.formats.column_layout import is_counting
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan

OPTIONS = FormatOptions()
CONLL = (
    "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\n"
    "-DOCSTART- -X- O O\n\nPer NNP I-NP I-PER\n"
)


def read(content: str | bytes, options: FormatOptions = OPTIONS) -> list[Sentence]:
    data = content.encode() if isinstance(content, str) else content
    return list(columns.read(BytesIO(data), "test.conll", options))


def tagged(content: str, *spans: list[TokenSpan], options: FormatOptions = OPTIONS) -> str:
    """The file with the n-th list of spans in the n-th sentence that has words."""
    sentences = read(content, options)
    for sentence, wanted in zip([s for s in sentences if s.tokens], spans, strict=True):
        sentence.token_spans = wanted
    return b"".join(columns.render(sentence, options) for sentence in sentences).decode()


def test_four_columns_with_documents_and_iob1() -> None:
    sentences = [s for s in read(CONLL) if s.tokens]
    assert [(s.tokens, s.labels, s.document, s.lines) for s in sentences] == [
        (["EU", "rejects"], ["I-ORG", "O"], "1", [3, 4]),
        (["Per"], ["I-PER"], "2", [8]),
    ]
    assert read_spans(sentences) == "IOB1"
    expected = CONLL.replace("I-ORG", "B-ORG").replace("I-PER", "B-PER")
    assert tagged(CONLL, [TokenSpan(0, 1, "ORG")], [TokenSpan(0, 1, "PER")]) == expected


PER = [TokenSpan(0, 1, "PER")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Kari\tO\n", "Kari\tB-PER\n"),
        ("Kari O", "Kari B-PER"),
        ("Kari   S-ORG \r\n\r\n", "Kari   B-PER \r\n\r\n"),
        (" Kari NP O\n", " Kari NP B-PER\n"),
        ("Kari Ann\tO\n", "Kari Ann\tB-PER\n"),  # tabs part the columns: a word may hold a blank
        ("Kari\n", "Kari B-PER\n"),
        ("Kari", "Kari B-PER"),
        ("Kari NNP\r\n", "Kari NNP B-PER\r\n"),
        ("Kari\tNNP", "Kari\tNNP\tB-PER"),
        ("\ufeffKari\tO\n", "\ufeffKari\tB-PER\n"),
        ("10\u00a0000 O\n", "10\u00a0000 B-PER\n"),
        ("# id = 1 of 2\nKari O\n", "# id = 1 of 2\nKari B-PER\n"),
        ("\n \n\t\nKari O\n", "\n \n\t\nKari B-PER\n"),
        ("#\tO\n", "#\tB-PER\n"),
    ],
)
def test_the_label_column_is_replaced_or_appended_and_all_else_stays(content: str, expected: str) -> None:
    assert tagged(content, PER) == expected
    assert tagged(expected, PER) == expected


def test_a_column_that_is_not_all_labels_is_what_the_first_sentence_has() -> None:
    unlabelled = "Kari NNP\n\nO O\n"
    assert [s.labels for s in read(unlabelled)] == [None, None]
    assert tagged(unlabelled, PER, []) == "Kari NNP B-PER\n\nO O O\n"
    labelled = "Kari O\n\nKari NNP\n"
    assert [s.labels for s in read(labelled)] == [["O"], ["NNP"]]


def test_a_word_like_a_comment_is_a_word_where_it_has_the_columns() -> None:
    assert [s.tokens for s in read("Nr. O\n# O\n# 1 2\n")] == [["Nr.", "#"]]


@pytest.mark.parametrize(
    ("choice", "labels", "expected"),
    [("last", ["x"], "Kari B-PER\n"), ("append", None, "Kari x B-PER\n"), ("auto", None, "Kari x B-PER\n")],
)
def test_the_label_column_can_be_chosen(choice, labels, expected: str) -> None:
    options = FormatOptions(label_column=choice)
    assert read("Kari x\n", options)[0].labels == labels
    assert tagged("Kari x\n", PER, options=options) == expected


WORDS = st.text(
    st.one_of(
        st.sampled_from("aø#-O\u00a0\u2028\u0085\u001c\ufeff"),
        st.characters(blacklist_categories=["Cs"], blacklist_characters=" \t\r\n\v\f\0"),
    ),
    min_size=1,
    max_size=5,
).filter(lambda word: not word.startswith(("-DOCSTART-", "\ufeff")))
SENTENCES = st.lists(
    st.lists(st.tuples(WORDS, st.sampled_from(["O", "B-PER", "I-ORG"])), min_size=1, max_size=4)
)


@given(SENTENCES, st.sampled_from("\t "), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
@example([[("0", "O"), ("0", "O")], [("0", "O"), ("0", "O")]], "\t", "\n", False, False)
@example([[("7", "O")] * 5, [("8", "B-PER")] * 2], " ", "\n", False, False)
def test_a_random_file_comes_back_with_its_words_and_labels_read(rows, separator, end, bom, cut) -> None:
    assume(not is_counting([[word for word, _ in row] for row in rows]))  # refused: no word at all
    middle = separator + "x" + separator
    text = "".join("".join(f"{w}{middle}{label}{end}" for w, label in row) + end for row in rows)
    data = ("\ufeff" * bom + (text.rstrip("\r\n") if cut else text)).encode()
    sentences = read(data)
    assert b"".join(columns.render(s) for s in sentences) == data
    found = [list(zip(s.tokens, s.labels or [], strict=True)) for s in sentences if s.tokens]
    assert found == [[tuple(pair) for pair in row] for row in rows]


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=3), st.booleans())
def test_composed_words_are_read_again(words, labelled) -> None:
    sentences = [Sentence(row, token_spans=[TokenSpan(0, 1, "PER")] if labelled else None) for row in words]
    again = read(b"".join(columns.compose(sentence) for sentence in sentences))
    assert [s.tokens for s in again] == words
    if labelled:
        read_spans(again)
        assert [s.token_spans for s in again] == [s.token_spans for s in sentences]
