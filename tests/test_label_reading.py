"""Labels as files have them: which encoding it is, and where none is legal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError
from bilstm_crf.labels import ENCODINGS, read_labels, read_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from test_labels import label_sequences, sentences_of_spans


def labelled(labels: str | list[str], first_line: int = 1) -> Sentence:
    labels = labels.split() if isinstance(labels, str) else labels
    words = [f"w{position}" for position in range(len(labels))]
    lines = list(range(first_line, first_line + len(labels)))
    return Sentence(words, labels, path="a.conllu", line=first_line, lines=lines)


SPANS = [TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "PER"), TokenSpan(3, 6, "ORG"), TokenSpan(6, 8, "LOC")]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("B-PER B-PER O B-ORG I-ORG I-ORG B-LOC I-LOC", "IOB2"),
        ("I-PER B-PER O I-ORG I-ORG I-ORG I-LOC I-LOC", "IOB1"),
        ("S-PER S-PER O B-ORG I-ORG E-ORG B-LOC E-LOC", "IOBES"),
        ("U-PER U-PER O B-ORG I-ORG L-ORG B-LOC L-LOC", "IOBES"),
        ("S-PER S-PER O B-ORG M-ORG E-ORG B-LOC E-LOC", "IOBES"),
        ("S-PER S-PER O B-ORG I-ORG I-ORG B-LOC I-LOC", "IOBS"),
        ("B-PER B-PER O B-ORG I-ORG E-ORG B-LOC E-LOC", "IOBE"),
    ],
    ids=["IOB2", "IOB1", "BIOES", "BILOU", "BMES", "IOBS", "IOBE"],
)
def test_every_encoding_is_found_and_says_the_same_spans(labels: str, found: str) -> None:
    sentence = labelled(labels)
    assert read_spans([sentence]) == found
    assert sentence.token_spans == SPANS


def iob1(spans: list[TokenSpan], length: int) -> list[str]:
    """IOB1 as CoNLL-2003 defines it: `B-` only where the span before, of the same type, touches."""
    labels = ["O"] * length
    touching = {(span.end, span.type) for span in spans}
    for start, end, type_ in spans:
        labels[start:end] = [f"I-{type_}"] * (end - start)
        if (start, type_) in touching:
            labels[start] = f"B-{type_}"
    return labels


@given(st.sampled_from([*ENCODINGS, "iob1"]), st.lists(sentences_of_spans(), max_size=3))
def test_whatever_encoding_a_file_is_in_its_spans_are_found(
    name: str, given_spans: list[tuple[int, list[TokenSpan]]]
) -> None:
    """The encoding can be ambiguous (a file of one-word names in IOBS is one in IOBES); the spans never."""
    encode = iob1 if name == "iob1" else ENCODINGS[name].encode
    sentences = [labelled(encode(spans, length)) for length, spans in given_spans]
    read_spans(sentences)
    assert [sentence.token_spans for sentence in sentences] == [spans for _, spans in given_spans]


def test_one_sentence_decides_the_encoding_of_the_whole_file() -> None:
    """`B-PER` alone is legal in IOB2 and in IOBE, `I-PER` alone in IOB1."""
    one_word = labelled("B-PER O")
    assert read_spans([one_word]) == "IOB2"
    assert read_spans([one_word, labelled("B-ORG E-ORG")]) == "IOBE"
    with pytest.raises(InputError, match=r"line 4: label I-PER .* is not legal IOB2"):
        read_spans([one_word, labelled("I-PER O", first_line=4)])


@pytest.mark.parametrize(
    "label",
    ["B-", "-PER", "", "I PER", "B-A B", "Q-PER", "BI-PER", "B-A|B", "b-", "PER-"],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_what_is_no_label_is_an_error_with_its_place(label: str, lenient: bool) -> None:
    sentence = labelled(["O", label], first_line=17)
    with pytest.raises(InputError) as caught:
        read_spans([sentence], lenient=lenient)
    assert str(caught.value).startswith("a.conllu, line 18: ")
    assert repr(label) in str(caught.value)
    assert "'w1'" in str(caught.value)
    assert ("O cannot be an entity type" if label.upper().endswith("-O") else "B-PER") in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("B-PER O B-ORG I-PER", "line 6: label I-PER of the word 'w3' after B-ORG is not legal IOB2"),
        ("B-PER I-PER O I-PER", "line 6: label I-PER of the word 'w3' after O is not legal IOB2"),
        (
            "S-PER B-ORG I-ORG I-ORG S-PER B-ORG E-ORG",
            "line 8: label B-ORG of the word 'w5' after S-PER is not legal IOBS",
        ),
        ("S-PER B-ORG E-ORG E-ORG", "line 6: label E-ORG of the word 'w3' after E-ORG is not legal IOBES"),
        ("S-PER B-ORG L-ORG B-ORG", "line 6: label B-ORG of the word 'w3' after L-ORG is not legal IOBES"),
        ("E-PER O", "line 3: label E-PER of the word 'w0' after the start of the sentence is not legal IOBE"),
    ],
)
def test_labels_legal_in_no_encoding_are_named_where_the_best_fitting_one_breaks(
    labels: str, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_spans([labelled("O O"), labelled(labels, first_line=3)])
    assert str(caught.value).startswith(f"a.conllu, {expected}")
    assert "--repair" in (caught.value.hint or "")


def test_where_lines_are_not_known_the_sentence_tells_the_place() -> None:
    with pytest.raises(InputError, match="line 9"):
        read_spans([Sentence(["a", "b"], ["O", "E-PER"], path="a.jsonl", line=9)])


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("B-PER O I-ORG", [TokenSpan(0, 1, "PER")]),
        ("B-PER I-ORG", [TokenSpan(0, 1, "PER")]),
        ("S-PER B-ORG E-ORG B-ORG", [TokenSpan(0, 1, "PER"), TokenSpan(1, 3, "ORG")]),
        ("S-PER B-ORG I-ORG I-PER", [TokenSpan(0, 1, "PER"), TokenSpan(1, 3, "ORG")]),
        ("B-PER B-ORG E-ORG I-ORG", [TokenSpan(0, 1, "PER"), TokenSpan(1, 3, "ORG")]),
    ],
    ids=["stray", "other type", "IOBES", "IOBS", "IOBE"],
)
def test_lenient_reading_drops_what_is_illegal(labels: str, spans: list[TokenSpan]) -> None:
    sentence = labelled(labels)
    with pytest.raises(InputError):
        read_spans([labelled(labels)])
    read_spans([sentence], lenient=True)
    assert sentence.token_spans == spans


@pytest.mark.parametrize("stray", ["S-PER", "E-PER", "I-PER", "U-PER"])
def test_one_stray_label_costs_no_other_entity(stray: str) -> None:
    def sentences() -> list[Sentence]:
        return [labelled("B-PER I-PER O B-ORG"), labelled("O O"), labelled("B-LOC O B-PER")]

    whole, broken = sentences(), sentences()
    assert broken[1].labels is not None
    broken[1].labels[1] = stray
    readings = [read_labels(each, lenient=True) for each in (whole, broken)]
    assert [reading.encoding for reading in readings] == ["IOB2", "IOB2"]
    assert [sentence.token_spans for sentence in broken] == [sentence.token_spans for sentence in whole]
    assert [reading.illegal for reading in readings] == [[], [(broken[1], 1)]]


@given(st.lists(label_sequences("BIESLUM"), max_size=3))
def test_lenient_reading_takes_any_labels(labels: list[list[str]]) -> None:
    sentences = [labelled(each) for each in labels]
    read_spans(sentences, lenient=True)
    assert all(sentence.token_spans is not None for sentence in sentences)


@given(st.lists(label_sequences("BIES"), max_size=2))
def test_lenient_reading_changes_nothing_where_strict_reading_is_possible(labels: list[list[str]]) -> None:
    strict, lenient = ([labelled(each) for each in labels] for _ in range(2))
    try:
        found = read_spans(strict)
    except InputError:
        return
    assert read_spans(lenient, lenient=True) == found
    assert [s.token_spans for s in strict] == [s.token_spans for s in lenient]


def test_sentences_without_labels_stay_without_spans() -> None:
    unlabelled = Sentence(["a"])
    assert read_spans([unlabelled, labelled("B-PER")]) == "IOB2"
    assert unlabelled.token_spans is None


def test_nothing_at_all_is_iob2() -> None:
    assert read_spans([]) == "IOB2"
    assert read_spans([labelled("")]) == "IOB2"


def test_a_generator_is_read_once() -> None:
    sentences = [labelled("B-PER"), labelled("I-PER")]
    with pytest.raises(InputError):
        read_spans(sentence for sentence in sentences)
    sentences = [labelled("I-PER"), labelled("I-PER")]
    assert read_spans(sentence for sentence in sentences) == "IOB1"
    assert all(sentence.token_spans == [TokenSpan(0, 1, "PER")] for sentence in sentences)
