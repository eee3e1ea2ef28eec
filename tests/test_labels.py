"""Encodings: spans to labels and back, beside seqeval's strict reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import IOB2, IOBES, Entities

from bilstm_crf.labels import ENCODINGS, Encoding
from bilstm_crf.sentence import TokenSpan

TYPES = ("PER", "ORG", "GPE_LOC")
encodings = st.sampled_from(list(ENCODINGS.values()))


@st.composite
def sentences_of_spans(draw: st.DrawFn, types: tuple[str, ...] = TYPES) -> tuple[int, list[TokenSpan]]:
    """A sentence's length and spans, neighbours that touch among them."""
    spans, end = [], 0
    for gap, length, type_ in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(types)), max_size=5)
    ):
        spans.append(TokenSpan(end + gap, end + gap + length, type_))
        end += gap + length
    return end + draw(st.integers(0, 2)), spans


def label_sequences(prefixes: str) -> st.SearchStrategy[list[str]]:
    """Any labels of these prefixes, legal or not; two types, so that equal neighbours are common."""
    return st.lists(st.sampled_from(["O", *(f"{p}-{t}" for p in prefixes for t in TYPES[:2])]), max_size=9)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("iob", "B-PER O B-ORG I-ORG B-LOC I-LOC I-LOC"),
        ("iobe", "B-PER O B-ORG E-ORG B-LOC I-LOC E-LOC"),
        ("iobs", "S-PER O B-ORG I-ORG B-LOC I-LOC I-LOC"),
        ("iobes", "S-PER O B-ORG E-ORG B-LOC I-LOC E-LOC"),
    ],
)
def test_each_encoding_writes_what_its_table_says(name: str, labels: str) -> None:
    spans = [TokenSpan(0, 1, "PER"), TokenSpan(2, 4, "ORG"), TokenSpan(4, 7, "LOC")]
    assert ENCODINGS[name].encode(spans, 7) == labels.split()
    assert ENCODINGS[name].decode(labels.split()) == spans


@given(encodings, sentences_of_spans())
def test_decoding_gives_back_the_spans_that_were_encoded(
    encoding: Encoding, given_spans: tuple[int, list[TokenSpan]]
) -> None:
    length, spans = given_spans
    assert encoding.decode(encoding.encode(spans, length)) == spans


@given(encodings, sentences_of_spans())
def test_an_encoding_writes_no_label_but_those_it_lists(
    encoding: Encoding, given_spans: tuple[int, list[TokenSpan]]
) -> None:
    length, spans = given_spans
    listed = encoding.labels(TYPES)
    assert listed[0] == "O"
    assert len(set(listed)) == len(listed)
    assert set(encoding.encode(spans, length)) <= set(listed)


@given(encodings, label_sequences("BIES"))
def test_decoded_spans_are_sorted_apart_and_written_exactly_so(encoding: Encoding, labels: list[str]) -> None:
    spans = encoding.decode(labels)
    ends = [0, *(span.end for span in spans)]
    assert all(end <= span.start < span.end for end, span in zip(ends, spans, strict=False))
    written = encoding.encode(spans, len(labels))
    assert all(label in ("O", given_label) for label, given_label in zip(written, labels, strict=True))


@given(encodings, label_sequences("BIES"))
def test_decoding_misses_no_span_that_the_encoding_would_write(encoding: Encoding, labels: list[str]) -> None:
    """No stretch outside the spans found spells a whole span of its own (one that cannot be longer)."""
    inside = {position for span in encoding.decode(labels) for position in range(span.start, span.end)}
    for start in range(len(labels)):
        for end in range(start + 1, len(labels) + 1):
            whole = [f"{prefix}-{labels[start][2:]}" for prefix in encoding.prefixes(end - start)]
            if labels[start] != "O" and labels[start:end] == whole:
                assert start in inside


def seqeval_spans(labels: list[str], scheme: type) -> list[TokenSpan]:
    """What seqeval takes for its strict scores."""
    (entities,) = Entities([labels], scheme).entities
    return [TokenSpan(entity.start, entity.end, entity.tag) for entity in entities]


@given(label_sequences("BI"))
def test_iob_reads_as_seqeval_strict_does(labels: list[str]) -> None:
    assert ENCODINGS["iob"].decode(labels) == seqeval_spans(labels, IOB2)


@given(label_sequences("BIES"))
def test_iobes_reads_as_seqeval_strict_does(labels: list[str]) -> None:
    assert ENCODINGS["iobes"].decode(labels) == seqeval_spans(labels, IOBES)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=str)
def test_a_stray_inner_label_is_no_span(encoding: Encoding) -> None:
    assert encoding.decode(["O", "I-PER", "I-PER", "O"]) == []
    assert encoding.decode(["E-PER"]) == []


def test_an_inner_label_of_another_type_ends_the_span() -> None:
    labels = ["B-PER", "I-ORG", "I-PER"]
    assert ENCODINGS["iob"].decode(labels) == [TokenSpan(0, 1, "PER")]
    assert ENCODINGS["iobes"].decode(labels) == []


def test_a_type_may_hold_hyphens() -> None:
    spans = [TokenSpan(0, 2, "A-B-C"), TokenSpan(2, 3, "A")]
    for encoding in ENCODINGS.values():
        assert encoding.decode(encoding.encode(spans, 3)) == spans


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=str)
def test_a_sentence_without_tokens_has_no_labels_and_no_spans(encoding: Encoding) -> None:
    assert encoding.encode([], 0) == []
    assert encoding.decode([]) == []
