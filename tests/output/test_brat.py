"""brat's standoff: the offsets are those of the text file, whatever its line ends were."""

import re
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.output import WRITERS
from bilstm_crf.sentence import Sentence, TokenSpan

LINES = FormatOptions(tokenise="spaces")
RUNNING = FormatOptions(sentences="detect")
BRAT = WRITERS["brat"]


def written(sentences: list[Sentence]) -> tuple[str, str]:
    """The annotations and the text."""
    assert BRAT.companion is not None
    text = b"".join(BRAT.companion.compose(sentence) for sentence in sentences)
    return b"".join(BRAT.write(sentences, LINES)).decode(), text.decode()


def names(annotations: str) -> list[tuple[str, list[tuple[int, int]], str]]:
    """The names: type, pairs of offsets, text."""
    rows = [line.split("\t", 2) for line in annotations.splitlines() if line.startswith("T")]
    found = []
    for _, place, text in rows:
        type_, _, offsets = place.partition(" ")
        pairs = [pair.split() for pair in offsets.split(";")]
        found.append((type_, [(int(start), int(end)) for start, end in pairs], text))
    return found


def test_the_files_are_as_brat_has_them() -> None:
    content = "\nKari  Nordmann sov .\n\n Oslo\n"
    sentences = list(FORMATS["text"].read(BytesIO(content.encode()), "a.txt", LINES))
    sentences[1].token_spans, sentences[1].scores = [TokenSpan(0, 2, "PER")], [0.98765]
    sentences[3].token_spans = [TokenSpan(0, 1, "GPE_LOC")]
    annotations, text = written(sentences)
    assert text == content
    assert annotations == (
        "T1\tPER 1 15\tKari  Nordmann\n#1\tAnnotatorNotes T1\tscore 0.9877\nT2\tGPE_LOC 24 28\tOslo\n"
    )


TEXT = st.text(st.sampled_from("aB. \n\r\t\u00a0\u2028\u0301\ufeff😀"), min_size=1)


@settings(max_examples=100)
@given(TEXT, st.sampled_from([LINES, RUNNING]), st.integers(1, 3))
@example("B\r\ufeff\n", LINES, 1)
@example("B\r\ufeff\n", RUNNING, 1)
def test_offsets_give_the_names(content: str, options: FormatOptions, length: int) -> None:
    sentences = list(FORMATS["text"].read(BytesIO(content.encode()), "a.txt", options))
    for sentence in sentences:
        stops = range(length, len(sentence) + 1, length)
        sentence.token_spans = [
            TokenSpan(stop - length, stop, "PER")
            for stop in stops
            if "".join(sentence.tokens[stop - length : stop]).strip()  # not white space alone
        ]
    annotations, text = written(sentences)
    assert text.replace("\ufeff", "") == re.sub("\r\n?", "\n", content).replace("\ufeff", "")
    found = names(annotations)
    assert len(found) == sum(len(sentence.token_spans or ()) for sentence in sentences)
    for _, pairs, name in found:
        assert " ".join(text[start:end] for start, end in pairs) == name
        assert "\n" not in name


def test_a_name_across_a_line_end_has_two_pairs_of_offsets() -> None:
    content = b'{"text": "Her er Kari\\r\\n  Nordmann i dag."}'
    (sentence,) = FORMATS["jsonl"].read(BytesIO(content), "a.jsonl")
    sentence.token_spans = [TokenSpan(2, 4, "PER")]
    assert names(written([sentence])[0]) == [("PER", [(7, 11), (14, 22)], "Kari Nordmann")]


@pytest.mark.parametrize("name", ["conllu", "conll2003", "jsonl"])
def test_sentences_of_other_formats_are_lines_of_the_text(name: str) -> None:
    given_ = Sentence(["Kari", "sov"], token_spans=[TokenSpan(0, 1, "PER")])
    content = FORMATS[name].compose(given_) * 2
    sentences = list(FORMATS[name].read(BytesIO(content), "a", FormatOptions(known_types=frozenset(["PER"]))))
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(0, 1, "PER")] if sentence.tokens else None
    annotations, text = written(sentences)
    assert text == "Kari sov\nKari sov\n"
    assert names(annotations) == [("PER", [(0, 4)], "Kari"), ("PER", [(9, 13)], "Kari")]


def test_without_names_the_annotations_are_empty() -> None:
    assert written([Sentence(["Kari", "sov"])]) == ("", "Kari sov\n")
    assert written([]) == ("", "")
