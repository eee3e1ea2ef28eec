"""Random sentences with gold and predicted spans, for Hypothesis."""

from hypothesis import strategies as st

from bilstm_crf.sentence import TokenSpan

TYPES = ("PER", "ORG", "GPE_LOC")


@st.composite
def span_lists(draw: st.DrawFn, length: int) -> list[TokenSpan]:
    """Spans in a sentence of `length` words, sorted, without overlap."""
    spans, position = [], 0
    while position < length:
        start = position + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 4))
        if end > length:
            break
        spans.append(TokenSpan(start, end, draw(st.sampled_from(TYPES))))
        position = end
    return spans


@st.composite
def scored(draw: st.DrawFn) -> tuple[list[list[TokenSpan]], list[list[TokenSpan]], list[int]]:
    """Gold spans, predicted spans and lengths of a few sentences; many predictions are right."""
    lengths = draw(st.lists(st.integers(1, 10), max_size=5))
    gold = [draw(span_lists(length)) for length in lengths]
    predicted = [
        spans if draw(st.booleans()) else draw(span_lists(length))
        for spans, length in zip(gold, lengths, strict=True)
    ]
    return gold, predicted, lengths
